//! Stands in for the start of a container: its ports are bound for real, its program is a script.

use super::{
    Answer, Daemon, Refusal,
    container::{Container, State, find, unknown},
    events,
    logs::Piece,
    network, peer,
    world::World,
};
use axum::{http::StatusCode, response::IntoResponse};
use jiff::Timestamp;
use std::net::{Ipv4Addr, TcpListener};

pub(super) fn start(daemon: &Daemon, name: &str) -> Answer {
    let mut world = daemon.world();
    let container = find(&world, name)?;
    if container.is_running() {
        return Ok(StatusCode::NOT_MODIFIED.into_response());
    }
    if let Some(name) = container.network() {
        network::check(&world, name)?;
    }
    let listeners = publish(&world, container)?;
    let World { containers, events, .. } = &mut *world;
    let container = containers.iter_mut().find(|container| container.is(name)).ok_or_else(|| unknown(name))?;
    let script = container.image.script.clone();
    let resources = container.mounted_at("/dapr/resources");
    container.ports = listeners.iter().map(|(inner, host, _)| (*inner, *host)).collect();
    for (_, _, listener) in listeners {
        container.listeners.spawn(peer::serve(listener, script.peer, resources.clone()));
    }
    (container.state, container.started) = (State::Running, Some(Timestamp::now()));
    container.log.extend(script.says.into_iter().map(Piece::now));
    events::note(events, container, "start");
    if let Some(code) = script.ends {
        container.end(code);
        events::note(events, container, "die");
    }
    drop(world);
    daemon.tell();
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Listeners for every port: port in the container, port of the host, listener.
fn publish(world: &World, container: &Container) -> Result<Vec<(u16, u16, TcpListener)>, Refusal> {
    let Container { name, id, .. } = container;
    let refused = |reason: String| {
        let message = format!("driver failed programming external connectivity on endpoint {name} ({id}): {reason}");
        Refusal(StatusCode::INTERNAL_SERVER_ERROR, message)
    };
    let is_held = |host: u16| world.containers.iter().any(|other| other.ports.values().any(|held| *held == host));
    let mut listeners = Vec::new();
    for (inner, host) in container.bindings() {
        if host != 0 && is_held(host) {
            return Err(refused(format!("Bind for 127.0.0.1:{host} failed: port is already allocated")));
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, host));
        let in_use = |error| format!("Error starting userland proxy: listen tcp4 127.0.0.1:{host}: bind: {error}");
        let listener = listener.map_err(|error| refused(in_use(error)))?;
        let bound = listener.local_addr().map_err(|error| refused(in_use(error)))?.port();
        listeners.push((inner, bound, listener));
    }
    Ok(listeners)
}
