//! Stands in for the making of a container: what dockerd refuses, it refuses.

use super::{
    Answer, Refusal,
    call::Call,
    container::{Container, mounts},
    events, json_answer,
    world::World,
};
use axum::{body::Bytes, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};
use std::path::Path;

pub(super) fn create(world: &mut World, call: &Call, body: &Bytes) -> Answer {
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal(StatusCode::BAD_REQUEST, format!("invalid JSON: {error}")))?;
    let name = call.value("name").unwrap_or_default().to_owned();
    let image = body["Image"].as_str().unwrap_or_default().to_owned();
    let Some(found) = world.image(&image).cloned() else {
        return Err(Refusal(StatusCode::NOT_FOUND, format!("No such image: {image}")));
    };
    if let Some(other) = world.container(&name) {
        let message = format!(
            "Conflict. The container name \"/{name}\" is already in use by container \"{}\". You have to remove (or rename) that container to be able to reuse that name.",
            other.id
        );
        return Err(Refusal(StatusCode::CONFLICT, message));
    }
    if let Some(path) = missing_bind(&body) {
        let message = format!("invalid mount config for type \"bind\": bind source path does not exist: {path}");
        return Err(Refusal(StatusCode::BAD_REQUEST, message));
    }
    let id = world.next_id("");
    let container = Container::new(id.clone(), name, body, found);
    events::note(&mut world.events, &container, "create");
    world.containers.push(container);
    Ok((StatusCode::CREATED, json_answer(&json!({"Id": id, "Warnings": []}))).into_response())
}

fn missing_bind(body: &Value) -> Option<String> {
    let mut sources = mounts(body).filter(|mount| mount["Type"] == "bind").filter_map(|mount| mount["Source"].as_str());
    sources.find(|path| !Path::new(path).exists()).map(str::to_owned)
}
