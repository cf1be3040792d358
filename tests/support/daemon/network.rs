//! Stands in for the engine's networks. Before API 1.44 a second one of a name is made too, and then neither can be used by
//! that name (seen with dockerd 20.10).

use super::{
    Answer, Refusal,
    call::Call,
    json_answer,
    world::{World, has_labels},
};
use axum::{body::Bytes, http::StatusCode, response::IntoResponse};
use serde_json::{Value, json};

/// A network.
#[derive(Clone, Debug)]
pub struct Network {
    /// Its name.
    pub name: String,
    /// Its labels.
    pub labels: Value,
}

pub(super) fn list(world: &World, call: &Call) -> Value {
    let (labels, names) = (call.filter("label"), call.filter("name"));
    // The engine finds every name that contains one of the wanted ones.
    let is_named = |name: &str| names.is_empty() || names.iter().any(|wanted| name.contains(wanted.as_str()));
    let wanted = world.networks.iter().filter(|one| has_labels(&one.labels, &labels) && is_named(&one.name));
    wanted.map(|one| json!({"Name": one.name, "Id": one.name, "Driver": "bridge", "Labels": one.labels})).collect()
}

pub(super) fn create(world: &mut World, body: &Bytes) -> Answer {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let name = body["Name"].as_str().unwrap_or_default().to_owned();
    if world.has_network(&name) && world.api_version.as_str() >= "1.44" {
        return Err(Refusal(StatusCode::CONFLICT, format!("network with name {name} already exists")));
    }
    world.networks.push(Network { name: name.clone(), labels: body["Labels"].clone() });
    Ok((StatusCode::CREATED, json_answer(&json!({"Id": name, "Warning": ""}))).into_response())
}

/// The one network of that name.
pub(super) fn check(world: &World, name: &str) -> Result<(), Refusal> {
    match world.networks.iter().filter(|network| network.name == name).count() {
        0 => Err(Refusal(StatusCode::NOT_FOUND, format!("network {name} not found"))),
        1 => Ok(()),
        many => {
            let message = format!("{many} matches found based on name: network {name} is ambiguous");
            Err(Refusal(StatusCode::BAD_REQUEST, message))
        }
    }
}

pub(super) fn inspect(world: &World, name: &str) -> Answer {
    check(world, name)?;
    let on_it = world.containers.iter().filter(|one| one.is_running() && one.network() == Some(name));
    let containers: serde_json::Map<_, _> = on_it.map(|one| (one.id.clone(), json!({"Name": one.name}))).collect();
    Ok(json_answer(&json!({"Name": name, "Id": name, "Containers": containers})))
}

pub(super) fn remove(world: &mut World, name: &str) -> Answer {
    check(world, name)?;
    if world.containers.iter().any(|container| container.is_running() && container.network() == Some(name)) {
        let message = format!("error while removing network: network {name} id {name} has active endpoints");
        return Err(Refusal(StatusCode::FORBIDDEN, message));
    }
    world.networks.retain(|network| network.name != name);
    Ok(StatusCode::NO_CONTENT.into_response())
}
