//! What becomes of one container that should be there.

use crate::{
    dapr::sidecar,
    names::ContainerName,
    plan::{
        Cause,
        observed::{ContainerState, Observed, ObservedContainer, PortHolder},
        spec::{ContainerSpec, HostPort, Inquiry, Readiness, Role},
    },
};
use std::collections::BTreeMap;

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

/// Decides it for each.
pub(super) fn verdicts(containers: &[ContainerSpec], observed: &Observed) -> BTreeMap<ContainerName, Verdict> {
    let mut verdicts: BTreeMap<_, _> =
        containers.iter().map(|spec| (spec.name.clone(), verdict(spec, observed))).collect();
    let is_made_anew = |spec: &&ContainerSpec| matches!(verdicts[&spec.name], Verdict::Create(_));
    let apps: Vec<_> = containers.iter().filter(|spec| spec.role == Role::App).filter(is_made_anew).collect();
    for spec in containers {
        if apps.iter().any(|app| misses(spec, app)) && verdicts[&spec.name] == Verdict::Keep {
            verdicts.insert(spec.name.clone(), Verdict::Create(Cause::AppWasDown));
        }
    }
    verdicts
}

/// Whether a sidecar that goes on while its app is away would keep the app's first message for a minute: see
/// [`has_missed_its_app`].
pub(super) fn misses(sidecar: &ContainerSpec, app: &ContainerSpec) -> bool {
    let is_its_app = app.role == Role::App && app.app == sidecar.app && app.replica == sidecar.replica;
    is_its_app && reads_from_redis(sidecar) && checks_health(sidecar)
}

fn verdict(spec: &ContainerSpec, observed: &Observed) -> Verdict {
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
    let is_its_app = |container: &&ObservedContainer| {
        container.role == Role::App && container.app == spec.app && container.replica == spec.replica
    };
    let app = observed.containers.iter().find(is_its_app);
    spec.role == Role::Sidecar && checks_health(spec) && app.is_none_or(|app| app.state != ContainerState::Running)
}

fn checks_health(spec: &ContainerSpec) -> bool {
    spec.command.iter().flatten().any(|word| word == sidecar::HEALTH_CHECK)
}

/// Whether what it has in hand when it ends comes again after a minute only.
pub fn reads_from_redis(spec: &ContainerSpec) -> bool {
    consumes(spec, &Inquiry::RedisGroup)
}

/// Whether others of its group wait for it to leave.
pub(super) fn reads_from_kafka(spec: &ContainerSpec) -> bool {
    consumes(spec, &Inquiry::KafkaGroup)
}

fn consumes(spec: &ContainerSpec, inquiry: &Inquiry) -> bool {
    let Readiness::Sidecar(readiness) = &spec.readiness else { return false };
    readiness.consumers.iter().any(|check| check.inquiry == *inquiry)
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
