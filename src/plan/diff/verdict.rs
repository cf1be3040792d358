//! What becomes of one container that should be there.

use crate::{
    dapr::sidecar,
    plan::{
        Cause,
        observed::{ContainerState, Observed, ObservedContainer, PortHolder},
        spec::{ContainerSpec, HostPort, Readiness, Role},
    },
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
        ContainerState::Running if has_missed_its_app(spec, observed) => Verdict::Create(Cause::AppWasDown),
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

/// Whether it is a sidecar whose health checks may have failed: daprd unsubscribes then, and subscribes again when the app is
/// back. On Redis the reader of before is still there and takes the next message, which comes again after 75 s only (1.18.2).
fn has_missed_its_app(spec: &ContainerSpec, observed: &Observed) -> bool {
    let checks = spec.command.iter().flatten().any(|word| word == sidecar::HEALTH_CHECK);
    let is_its_app = |container: &&ObservedContainer| {
        container.role == Role::App && container.app == spec.app && container.replica == spec.replica
    };
    let app = observed.containers.iter().find(is_its_app);
    spec.role == Role::Sidecar && checks && app.is_none_or(|app| app.state != ContainerState::Running)
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
