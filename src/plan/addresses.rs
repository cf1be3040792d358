//! Where things are reached from the host. Pure.

use crate::{
    dapr::sidecar::METRICS_PORT,
    event::Address,
    plan::{
        observed::{Observed, PortHolder},
        spec::{ContainerSpec, HostPort, PortSpec, Role},
    },
};
use std::collections::BTreeMap;

/// The addresses of what runs, apps first. `held` says who has a port that somebody would have liked.
pub fn addresses(containers: &[ContainerSpec], observed: &Observed, held: &BTreeMap<u16, PortHolder>) -> Vec<Address> {
    let order = |role: Role| match role {
        Role::App => 0,
        Role::Sidecar => 1,
        Role::Broker => 2,
        Role::State => 3,
        Role::Other => 4,
        Role::Scheduler | Role::Placement | Role::Sentry => 5,
    };
    let mut containers: Vec<_> = containers.iter().filter(|container| order(container.role) < 5).collect();
    containers.sort_by_key(|container| order(container.role));
    let mut addresses = Vec::new();
    for container in containers {
        let Some(running) = observed.container(&container.name) else { continue };
        // `status` shows where a sidecar's metrics are.
        let is_told = |port: &&PortSpec| container.role != Role::Sidecar || port.container != METRICS_PORT;
        for port in container.ports.iter().filter(is_told) {
            let Some(host) = running.ports.get(&port.container) else { continue };
            addresses.push(Address {
                name: crate::names::ShortName::new(container.display_name()),
                role: container.role,
                what: port.what.clone(),
                address: address(port, *host),
                note: note(port, *host, held),
            });
        }
    }
    addresses
}

fn address(port: &PortSpec, host: u16) -> String {
    match &port.scheme {
        Some(scheme) => format!("{scheme}://127.0.0.1:{host}"),
        None => format!("127.0.0.1:{host}"),
    }
}

fn note(port: &PortSpec, host: u16, held: &BTreeMap<u16, PortHolder>) -> Option<String> {
    let HostPort::Preferred(wanted) = port.host else { return None };
    let holder = held.get(&wanted).filter(|_| wanted != host)?;
    Some(format!("{wanted} is taken by {holder}"))
}
