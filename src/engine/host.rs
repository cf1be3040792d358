//! The host's ports: which of those that are wanted somebody holds, who that is, and which are free.

use crate::{
    docker::ForeignPort,
    engine::reservations::Reservations,
    plan::{
        desired::Desired,
        observed::{Observed, PortHolder},
        spec::HostPort,
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{Ipv4Addr, TcpListener},
};

/// The numbers that somebody asks for, or had when it was made.
pub fn wanted_ports(desired: &Desired, observed: &Observed) -> BTreeSet<u16> {
    let asked = ports_of(desired, |host| matches!(host, HostPort::Fixed(_) | HostPort::Preferred(_)));
    let asked = asked.into_iter().filter_map(|host| match host {
        HostPort::Fixed(port) | HostPort::Preferred(port) => Some(port),
        HostPort::Any | HostPort::Advertised => None,
    });
    asked.chain(observed.containers.iter().flat_map(|container| container.assigned_ports.values().copied())).collect()
}

/// How many ports must be known before they are given.
pub fn advertised_ports(desired: &Desired) -> usize {
    ports_of(desired, |host| matches!(host, HostPort::Advertised)).len()
}

fn ports_of(desired: &Desired, wanted: impl Fn(&HostPort) -> bool) -> Vec<HostPort> {
    let ports = desired.containers.iter().flat_map(|container| &container.ports);
    ports.map(|port| port.host).filter(|host| wanted(host)).collect()
}

/// Fills in what the snapshot of the engine cannot know of ports. What is wanted and nobody's is reserved.
pub fn observe_ports(
    observed: &mut Observed,
    wanted: &BTreeSet<u16>,
    foreign: Vec<ForeignPort>,
    free: usize,
    reservations: &Reservations,
) {
    let mut held: BTreeMap<u16, PortHolder> = BTreeMap::new();
    for container in &observed.containers {
        held.extend(container.ports.values().map(|port| (*port, PortHolder::Own(container.name.clone()))));
    }
    for ForeignPort { port, name, project } in foreign {
        held.entry(port).or_insert(PortHolder::Container { name, project });
    }
    let mut processes = None;
    for port in wanted {
        if held.contains_key(port) {
            continue;
        }
        if !reservations.take(*port) {
            held.insert(*port, PortHolder::Starting);
        } else if is_taken(*port) {
            reservations.leave(*port);
            let processes = processes.get_or_insert_with(listening_processes);
            held.insert(*port, PortHolder::Process(processes.get(port).cloned()));
        }
    }
    observed.held_ports = held;
    observed.free_ports = free_ports(free);
}

/// Both addresses matter: somebody on 0.0.0.0 keeps the engine from 127.0.0.1 as well.
fn is_taken(port: u16) -> bool {
    let taken = |address| {
        let bound = TcpListener::bind((address, port));
        bound.is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
    };
    taken(Ipv4Addr::LOCALHOST) || taken(Ipv4Addr::UNSPECIFIED)
}

fn listening_processes() -> BTreeMap<u16, String> {
    let listeners = listeners::get_all().unwrap_or_default();
    let named = listeners.into_iter().map(|listener| {
        let process = format!("{} (pid {})", listener.process.name, listener.process.pid);
        (listener.socket.port(), process)
    });
    named.collect()
}

/// A port that nobody holds now.
pub fn free_port() -> Option<u16> {
    free_ports(1).pop()
}

/// Ports that nobody holds now. All are held at once while they are looked for, so that none is given twice.
fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> = (0..count).filter_map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()).collect();
    listeners.iter().filter_map(|listener| Some(listener.local_addr().ok()?.port())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_a_process_holds_is_named_with_it() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let mut observed = Observed::default();
        let folder = tempfile::tempdir().expect("a folder");
        let [ours, others] = [(); 2].map(|()| Reservations::new(folder.path().to_owned()));
        observe_ports(&mut observed, &BTreeSet::from([port]), vec![], 2, &ours);
        let Some(PortHolder::Process(Some(process))) = observed.held_ports.get(&port) else {
            panic!("not found: {:?}", observed.held_ports)
        };
        assert!(process.contains(&std::process::id().to_string()), "{process}");
        assert_eq!(observed.free_ports.iter().collect::<BTreeSet<_>>().len(), 2);
        drop(listener);
        observe_ports(&mut observed, &BTreeSet::from([port]), vec![], 0, &ours);
        assert_eq!(observed.held_ports, BTreeMap::new());
        observe_ports(&mut observed, &BTreeSet::from([port]), vec![], 0, &others);
        assert_eq!(observed.held_ports, BTreeMap::from([(port, PortHolder::Starting)]));
    }
}
