//! Stands in for the engine's volumes; nothing is in them.

use super::{
    Answer, Refusal,
    call::Call,
    json_answer,
    world::{World, has_labels},
};
use axum::{body::Bytes, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};

pub(super) fn list(world: &World, call: &Call) -> Value {
    let wanted = call.filter("label");
    let volumes = world.volumes.iter().filter(|(_, labels)| has_labels(labels, &wanted));
    json!({"Volumes": volumes.map(|(name, labels)| shown(name, labels)).collect::<Vec<_>>(), "Warnings": null})
}

/// One that is there is given back as it is.
pub(super) fn create(world: &mut World, body: &Bytes) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let name = body["Name"].as_str().unwrap_or_default().to_owned();
    let labels = world.volumes.entry(name.clone()).or_insert_with(|| body["Labels"].clone());
    Ok((StatusCode::CREATED, json_answer(&shown(&name, labels))).into_response())
}

pub(super) fn remove(world: &mut World, name: &str) -> Answer {
    if !world.volumes.contains_key(name) {
        return Err(Refusal(StatusCode::NOT_FOUND, format!("get {name}: no such volume")));
    }
    let user = world.containers.iter().find(|container| container.uses_volume(name));
    if let Some(user) = user {
        return Err(Refusal(StatusCode::CONFLICT, format!("remove {name}: volume is in use - [{}]", user.id)));
    }
    world.volumes.remove(name);
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn shown(name: &str, labels: &Value) -> Value {
    let mountpoint = format!("/var/lib/docker/volumes/{name}/_data");
    json!({"Name": name, "Driver": "local", "Mountpoint": mountpoint, "Labels": labels, "Scope": "local", "Options": null})
}
