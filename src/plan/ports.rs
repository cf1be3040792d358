//! Host ports: who may have which. Pure, over a given set of ports that are held.

use crate::{
    names::{ContainerName, ShortName},
    plan::{
        observed::{Observed, PortHolder},
        spec::{ContainerSpec, HostPort, PortSpec},
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// A host port that a container must have and cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortClash {
    /// Who wants it.
    pub short_name: ShortName,
    /// The port.
    pub port: u16,
    /// Who has it.
    pub holder: PortHolder,
}

/// Gives every container that will be created its host ports. `going` are containers of ours that will be removed first, so
/// that their ports count as free.
///
/// # Errors
/// Every fixed port that somebody else holds.
pub fn assign(
    containers: &mut [ContainerSpec],
    created: &BTreeSet<ContainerName>,
    going: &BTreeSet<ContainerName>,
    observed: &Observed,
) -> Result<(), Vec<PortClash>> {
    let held: BTreeMap<u16, &PortHolder> = observed
        .held_ports
        .iter()
        .filter(|(_, holder)| !matches!(holder, PortHolder::Own(name) if going.contains(name)))
        .map(|(port, holder)| (*port, holder))
        .collect();
    let mut claimed: BTreeMap<u16, ContainerName> = BTreeMap::new();
    let mut clashes = Vec::new();
    for_each_port(containers, created, |name, short_name, port| {
        let HostPort::Fixed(number) = port.host else { return };
        let other = claimed.get(&number).map(|name| PortHolder::Own(name.clone()));
        if let Some(holder) = held.get(&number).map(|holder| (*holder).clone()).or(other) {
            clashes.push(PortClash { short_name: short_name.clone(), port: number, holder });
        }
        claimed.insert(number, name.clone());
        port.assigned = Some(number);
    });
    let mut free = observed.free_ports.iter().copied();
    for_each_port(containers, created, |name, _, port| {
        let is_free = |number: &u16| !held.contains_key(number) && !claimed.contains_key(number);
        port.assigned = match port.host {
            HostPort::Fixed(_) => return,
            HostPort::Any => Some(0),
            HostPort::Preferred(number) => Some(if is_free(&number) { number } else { 0 }),
            HostPort::Advertised => free.find(is_free),
        };
        if let Some(number) = port.assigned.filter(|number| *number > 0) {
            claimed.insert(number, name.clone());
        }
    });
    if clashes.is_empty() { Ok(()) } else { Err(clashes) }
}

fn for_each_port(
    containers: &mut [ContainerSpec],
    created: &BTreeSet<ContainerName>,
    mut visit: impl FnMut(&ContainerName, &ShortName, &mut PortSpec),
) {
    for container in containers.iter_mut().filter(|container| created.contains(&container.name)) {
        let ContainerSpec { name, short_name, ports, .. } = container;
        for port in ports {
            visit(name, short_name, port);
        }
    }
}
