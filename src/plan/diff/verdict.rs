//! What becomes of one container that should be there.

use crate::plan::{
    Cause,
    observed::{ContainerState, Observed, ObservedContainer, PortHolder},
    spec::{ContainerSpec, HostPort, Readiness},
};

/// What becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It runs and is right.
    Keep,
    /// It is right and does not run.
    Start,
    /// It is made anew, for this reason.
    Create(Cause),
}

/// Decides it.
pub(super) fn verdict(spec: &ContainerSpec, observed: &Observed) -> Verdict {
    let Some(container) = observed.container(&spec.name) else { return Verdict::Create(Cause::Missing) };
    if container.spec_hash != spec.hash() {
        return Verdict::Create(Cause::SpecChanged);
    }
    if observed.images.get(&spec.image).is_some_and(|image| image.id != container.image_id) {
        return Verdict::Create(Cause::ImageChanged);
    }
    match container.state {
        ContainerState::Running => Verdict::Keep,
        ContainerState::Exited if spec.readiness == Readiness::Exited => Verdict::Start,
        // A paused one does not answer and cannot be started: made anew it is what it should be.
        ContainerState::Paused => Verdict::Create(Cause::NotRunning),
        ContainerState::Created | ContainerState::Exited => match lost_port(spec, container, observed) {
            Some(port) => Verdict::Create(Cause::PortTaken(port)),
            None => Verdict::Start,
        },
    }
}

/// A host port it was made with, could do without, and that somebody else has taken since.
fn lost_port(spec: &ContainerSpec, container: &ObservedContainer, observed: &Observed) -> Option<u16> {
    let is_lost = |port: &u16| {
        let holder = observed.held_ports.get(port);
        holder.is_some_and(|holder| *holder != PortHolder::Own(container.name.clone()))
    };
    let ports = spec.ports.iter().filter(|port| !matches!(port.host, HostPort::Fixed(_)));
    ports.filter_map(|port| container.assigned_ports.get(&port.container).copied()).find(is_lost)
}
