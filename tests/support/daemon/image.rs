//! Stands in for the engine's images, for the registry they are pulled from, and for the classic builder, which builds
//! nothing: the image it gives does what the test wants.

use super::{
    Answer, Daemon, Refusal,
    call::Call,
    json_answer, json_lines,
    world::{Image, World, has_labels},
};
use axum::{http::StatusCode, response::IntoResponse};
use futures_util::stream;
use serde_json::{Value, json};

pub(super) fn inspect(world: &World, name: &str) -> Answer {
    match world.image(name) {
        Some(image) => {
            Ok(json_answer(&json!({"Id": image.id, "RepoTags": [name], "Config": {"Labels": image.labels}})))
        }
        None => Err(Refusal(StatusCode::NOT_FOUND, format!("No such image: {name}"))),
    }
}

pub(super) fn list(world: &World, call: &Call) -> Value {
    let wanted = call.filter("label");
    let summary = |(name, image): (&String, &Image)| {
        json!({
            "Id": image.id, "ParentId": "", "RepoTags": [name], "RepoDigests": [], "Created": 0, "Size": 0,
            "SharedSize": -1, "Containers": -1, "Labels": image.labels,
        })
    };
    world.images.iter().filter(|(_, image)| has_labels(&image.labels, &wanted)).map(summary).collect()
}

/// Downloads two layers. Without a tag dockerd pulls every tag there is, which no test wants: it is refused here.
pub(super) fn pull(daemon: &Daemon, call: &Call) -> Answer {
    let name = call.value("fromImage").unwrap_or_default();
    let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains([':', '@']));
    let name = match call.value("tag") {
        Some(tag) => format!("{name}:{tag}"),
        None if has_tag => name.to_owned(),
        None => {
            let message = format!("{name}: without a tag, every tag would be pulled");
            return Err(Refusal(StatusCode::BAD_REQUEST, message));
        }
    };
    let mut world = daemon.world();
    let Some(image) = world.registry.get(&name).cloned() else {
        let message =
            format!("pull access denied for {name}, repository does not exist or may require 'docker login': denied");
        return Err(Refusal(StatusCode::NOT_FOUND, message));
    };
    world.images.insert(name.clone(), image);
    let tag = name.rsplit(':').next().unwrap_or_default();
    let layer = |id: &str, status: &str, current: u64, total: u64| json!({"id": id, "status": status, "progressDetail": {"current": current, "total": total}});
    let megabyte = 1_000_000;
    let lines = vec![
        json!({"status": format!("Pulling from {name}"), "id": tag}),
        layer("aaaaaaaaaaaa", "Pulling fs layer", 0, 0),
        layer("bbbbbbbbbbbb", "Already exists", 0, 0),
        layer("aaaaaaaaaaaa", "Downloading", 6 * megabyte, 10 * megabyte),
        layer("aaaaaaaaaaaa", "Download complete", 0, 0),
        layer("aaaaaaaaaaaa", "Extracting", 10 * megabyte, 10 * megabyte),
        layer("aaaaaaaaaaaa", "Pull complete", 0, 0),
        json!({"status": format!("Status: Downloaded newer image for {name}")}),
    ];
    Ok(json_lines(stream::iter(lines)))
}

pub(super) fn build(daemon: &Daemon, call: &Call) -> Answer {
    let mut world = daemon.world();
    let mut lines = vec![
        json!({"stream": "Step 1/2 : FROM scratch\n"}),
        json!({"stream": "Step 2/2 : RUN make\n"}),
        json!({"stream": "make: *** [all] Error 2\n"}),
    ];
    match &world.build_failure {
        Some(message) => lines.push(json!({"errorDetail": {"message": message}, "error": message})),
        None => {
            let labels = call.value("labels").and_then(|text| serde_json::from_str(text).ok()).unwrap_or(json!({}));
            let image = Image { id: world.next_id("sha256:"), labels, script: world.built.clone() };
            world.images.insert(call.value("t").unwrap_or_default().to_owned(), image);
            lines.truncate(2);
            lines.push(json!({"stream": "Successfully built 1\n"}));
        }
    }
    Ok(json_lines(stream::iter(lines)))
}

pub(super) fn remove(world: &mut World, name: &str) -> Answer {
    let Some(image) = world.images.get(name) else {
        return Err(Refusal(StatusCode::NOT_FOUND, format!("No such image: {name}")));
    };
    let user = world.containers.iter().find(|container| container.image.id == image.id);
    if let Some(user) = user {
        let message = format!(
            "conflict: unable to remove repository reference \"{name}\" (must force) - container {} is using its referenced image",
            user.id
        );
        return Err(Refusal(StatusCode::CONFLICT, message));
    }
    world.images.remove(name);
    Ok(json_answer(&Value::Array(vec![json!({"Untagged": name})])).into_response())
}
