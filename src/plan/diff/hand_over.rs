//! The steps that put another sidecar in the place of a running one, which serves until the new one is ready.
//!
//! The new one is made under a temporary name. Where the old one holds host ports that must stay the same, it only bridges: when
//! the old one has gone, the lasting one is made with those ports, and the bridge goes in its turn. Otherwise it takes the name.

use super::{PlanError, UpOptions, images, up::remove};
use crate::{
    dapr::sidecar::RESOURCES_PATH,
    names::ContainerName,
    plan::{
        Action, Cause, Plan, Step, StepId, Target, Urgency,
        active::BrokerMark,
        desired::Desired,
        observed::{ContainerState, Observed, ObservedContainer},
        ports,
        spec::{ContainerSpec, FolderSpec, HostPort, Inquiry, MountSource, MountSpec, Readiness},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// What a temporary sidecar's name ends with.
const TEMPORARY: &str = ".next";

/// A hand-over in two walks, so that the first can be given up with nothing changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HandOver {
    /// Makes the new sidecars and waits for them.
    pub prepare: Plan,
    /// Lets the old ones go, and the new ones stay.
    pub complete: Plan,
    /// Takes back what `prepare` has made.
    pub give_up: Plan,
}

/// How sidecars are handed over, where it is not in the usual way.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manner {
    /// What a sidecar of this name has mounted while it only bridges: it publishes, and does not consume.
    pub publish_only: BTreeMap<ContainerName, FolderSpec>,
    /// Whether an earlier hand-over to the same may have been cut short: a bridge that serves alone goes on until the lasting one
    /// is there.
    pub resumes: bool,
}

/// Hands over the sidecars of these names; one that does not run is made anew.
///
/// # Errors
/// When it cannot be done: ports that are taken, images that may not be pulled.
pub fn hand_over(
    desired: &Desired,
    observed: &Observed,
    which: &BTreeSet<ContainerName>,
) -> Result<HandOver, PlanError> {
    hand_over_in(&Manner::default(), desired, observed, which)
}

/// The same, in a manner of its own.
///
/// # Errors
/// When it cannot be done: ports that are taken, images that may not be pulled.
pub fn hand_over_in(
    manner: &Manner,
    desired: &Desired,
    observed: &Observed,
    which: &BTreeSet<ContainerName>,
) -> Result<HandOver, PlanError> {
    let mut lasting = desired.clone();
    lasting.containers.retain(|spec| which.contains(&spec.name));
    lasting.builds.clear();
    ports::assign(&mut lasting.containers, which, which, observed).map_err(PlanError::PortsTaken)?;
    let mut made = HandOver::default();
    let bridged = lasting.containers.iter().filter(|spec| manner.is_bridged(spec, observed));
    let serving: BTreeSet<_> = bridged.map(temporary_name).collect();
    let joined = lasting.containers.iter().filter(|spec| manner.has_joined(spec, observed));
    let joined: BTreeSet<_> = joined.map(temporary_name).collect();
    let stays = |name: &ContainerName| serving.contains(name) || joined.contains(name);
    let left_over: Vec<_> = observed
        .containers
        .iter()
        .filter(|container| is_temporary(&container.name) && !stays(&container.name))
        .map(|container| remove(&mut made.prepare, container, &Cause::Orphan))
        .collect();
    let images = images::add(&mut made.prepare, &lasting, observed, UpOptions::default())?;
    let folders = write_folders(&mut made.prepare, &lasting, observed);
    for spec in lasting.containers.iter().filter(|spec| !serving.contains(&temporary_name(spec))) {
        let mut after = left_over.clone();
        after.extend(images.get(&spec.image));
        after.extend(host_folders(spec).filter_map(|path| folders.get(path)));
        let old = observed.container(&spec.name);
        if old.is_some_and(|old| old.state == ContainerState::Running) {
            let temporary = manner.bridge(spec);
            if joined.contains(&temporary.name) {
                let ready = Action::AwaitReady(Target::of(&temporary), temporary.readiness.clone());
                made.prepare.push(ready, Cause::Recheck, vec![]);
            } else {
                let folder = manner.folder(spec).cloned().map(Action::WriteFolder);
                after.extend(folder.map(|write| made.prepare.push(write, Cause::HandOver, vec![])));
                start(&mut made.prepare, &temporary, &Cause::HandOver, after);
            }
            take_back(&mut made.give_up, Target::of(&temporary), &Cause::Requested);
        }
    }
    for spec in &lasting.containers {
        if serving.contains(&temporary_name(spec)) {
            settle(&mut made.complete, spec, observed.container(&spec.name));
        } else {
            complete(&mut made.complete, spec, observed.container(&spec.name));
        }
    }
    Ok(made)
}

impl HandOver {
    /// Kills the old ones of these sidecars when their time has come: no grace is given them to acknowledge anything.
    pub fn kill_old(&mut self, which: &BTreeSet<ContainerName>) {
        self.kill(|name| which.contains(name));
    }

    /// Kills the bridges of these sidecars in the same way.
    pub fn kill_bridges(&mut self, which: &BTreeSet<ContainerName>) {
        self.kill(|name| which.iter().any(|lasting| *name == temporary_of(lasting)));
    }

    fn kill(&mut self, is_meant: impl Fn(&ContainerName) -> bool) {
        for step in &mut self.complete.steps {
            if let Action::Stop(target, urgency) = &mut step.action
                && is_meant(&target.name)
            {
                *urgency = Urgency::AtOnce;
            }
        }
    }

    /// The sidecars of before that its completion ends. A bridge ends too, but only when another has taken its place.
    pub fn ending<'a>(&'a self, observed: &'a Observed) -> impl Iterator<Item = &'a ObservedContainer> {
        let ends = |name: &ContainerName| {
            let is_it = |step: &Step| matches!(&step.action, Action::Remove(target) if target.name == *name);
            self.complete.steps.iter().any(is_it)
        };
        observed.containers.iter().filter(move |one| !is_temporary(&one.name) && ends(&one.name))
    }
}

impl Manner {
    /// What a sidecar has mounted while it bridges, where that is not what it has in the end.
    fn folder(&self, spec: &ContainerSpec) -> Option<&FolderSpec> {
        self.publish_only.get(&spec.name).filter(|_| keeps_ports(spec))
    }

    /// The one that comes beside the old one.
    fn bridge(&self, spec: &ContainerSpec) -> ContainerSpec {
        let mut bridge = temporary(spec);
        if let Some(folder) = self.folder(spec) {
            only_publish(&mut bridge, folder);
        }
        bridge
    }

    /// Whether an earlier hand-over has left the bridge beside the old one. It stays: that one may have been asked to end.
    fn has_joined(&self, spec: &ContainerSpec, observed: &Observed) -> bool {
        let bridge = self.bridge(spec);
        let there = observed.container(&bridge.name).filter(|there| there.state == ContainerState::Running);
        self.resumes && there.is_some_and(|there| is_right(&bridge, there))
    }

    /// Whether an earlier hand-over of this sidecar to the same broker has come so far that its bridge is needed.
    fn is_bridged(&self, spec: &ContainerSpec, observed: &Observed) -> bool {
        let kind = |container: &ObservedContainer| container.broker.as_ref().map(|mark| mark.active.clone());
        let wanted = spec.broker.as_ref().map(|mark| mark.active.clone());
        let is_on_it =
            |container: &&ObservedContainer| container.state == ContainerState::Running && kind(container) == wanted;
        let bridges = observed.container(&temporary_name(spec)).filter(is_on_it).is_some();
        let old = observed.container(&spec.name).filter(|old| old.state == ContainerState::Running);
        self.resumes && bridges && old.is_none_or(|old| is_right(spec, old))
    }
}

/// Whether a container is made as this says, and for the same broker.
pub(super) fn is_right(spec: &ContainerSpec, container: &ObservedContainer) -> bool {
    let kind = |mark: &BrokerMark| mark.active.clone();
    container.spec_hash == spec.hash() && container.broker.as_ref().map(kind) == spec.broker.as_ref().map(kind)
}

/// A bridge serves: the lasting one comes, or is waited for, and then the bridge goes.
fn settle(plan: &mut Plan, spec: &ContainerSpec, lasting: Option<&ObservedContainer>) {
    let readiness = without_kafka(&spec.readiness);
    let ready = match lasting.filter(|lasting| lasting.state == ContainerState::Running) {
        Some(_) => plan.push(Action::AwaitReady(Target::of(spec), readiness), Cause::Recheck, vec![]),
        None => {
            let gone: Vec<_> = lasting.into_iter().map(|old| remove(plan, old, &Cause::HandOver)).collect();
            start(plan, &ContainerSpec { readiness, ..spec.clone() }, &Cause::HandOver, gone)
        }
    };
    bridge_goes(plan, spec, ready);
}

fn bridge_goes(plan: &mut Plan, spec: &ContainerSpec, ready: StepId) {
    let bridge = Target::of(&temporary(spec));
    let stopped = plan.push(Action::Stop(bridge.clone(), Urgency::InOrder), Cause::HandOver, vec![ready]);
    plan.push(Action::Remove(bridge), Cause::HandOver, vec![stopped]);
}

/// Lets a bridge publish and not consume.
fn only_publish(bridge: &mut ContainerSpec, folder: &FolderSpec) {
    for mount in bridge.mounts.iter_mut().filter(|mount| mount.target == RESOURCES_PATH) {
        mount.source = MountSource::Host(folder.path.clone());
    }
    if let Readiness::Sidecar(sidecar) = &mut bridge.readiness {
        sidecar.consumers.clear();
        sidecar.subscriptions.clear();
        sidecar.app = None;
    }
}

/// Whether only the one container may have its host ports, so that another one must bridge.
fn keeps_ports(spec: &ContainerSpec) -> bool {
    spec.ports.iter().any(|port| !matches!(port.host, HostPort::Any))
}

/// Whether a container is there only until another one takes over.
pub fn is_temporary(name: &ContainerName) -> bool {
    name.as_str().ends_with(TEMPORARY)
}

/// Writes what will be mounted and is not there; the step of each.
fn write_folders(plan: &mut Plan, desired: &Desired, observed: &Observed) -> BTreeMap<PathBuf, StepId> {
    let wanted: BTreeSet<_> = desired.containers.iter().flat_map(host_folders).collect();
    let missing = desired.folders.iter().filter(|folder| wanted.contains(folder.path.as_path()));
    let missing = missing.filter(|folder| !observed.folders.contains(&folder.path));
    let write = |folder: &FolderSpec| {
        (folder.path.clone(), plan.push(Action::WriteFolder(folder.clone()), Cause::Missing, vec![]))
    };
    missing.map(write).collect()
}

fn host_folders(spec: &ContainerSpec) -> impl Iterator<Item = &Path> {
    spec.mounts.iter().filter_map(MountSpec::host_path)
}

/// Kills and removes what was made to be tried.
pub(super) fn take_back(plan: &mut Plan, target: Target, cause: &Cause) {
    let stopped = plan.push(Action::Stop(target.clone(), Urgency::AtOnce), cause.clone(), vec![]);
    plan.push(Action::Remove(target), cause.clone(), vec![stopped]);
}

/// The same sidecar with whatever host ports are free. A consumer that joins a Kafka group waits for the others' heartbeats; the
/// old one goes on consuming meanwhile, and leaves at once when it goes, so that nobody need wait for the new one's turn.
fn temporary(spec: &ContainerSpec) -> ContainerSpec {
    let mut temporary = spec.clone();
    temporary.name = temporary_name(spec);
    for port in &mut temporary.ports {
        port.assigned = Some(0);
    }
    temporary.readiness = without_kafka(&spec.readiness);
    temporary
}

/// What a sidecar is called until it takes the name.
pub(super) fn temporary_name(spec: &ContainerSpec) -> ContainerName {
    temporary_of(&spec.name)
}

fn temporary_of(lasting: &ContainerName) -> ContainerName {
    ContainerName::new(format!("{lasting}{TEMPORARY}"))
}

fn without_kafka(readiness: &Readiness) -> Readiness {
    match readiness {
        Readiness::Sidecar(sidecar) => {
            let mut sidecar = sidecar.clone();
            sidecar.consumers.retain(|check| check.inquiry != Inquiry::KafkaGroup);
            Readiness::Sidecar(sidecar)
        }
        other => other.clone(),
    }
}

/// Creates, starts and awaits; the step after which it is ready.
pub(super) fn start(plan: &mut Plan, spec: &ContainerSpec, cause: &Cause, after: Vec<StepId>) -> StepId {
    let target = Target::of(spec);
    let created = plan.push(Action::Create(Box::new(spec.clone())), cause.clone(), after);
    let started = plan.push(Action::Start(target.clone()), cause.clone(), vec![created]);
    plan.push(Action::AwaitReady(target, spec.readiness.clone()), cause.clone(), vec![started])
}

fn complete(plan: &mut Plan, spec: &ContainerSpec, old: Option<&ObservedContainer>) {
    let has_bridge = old.is_some_and(|old| old.state == ContainerState::Running);
    let gone: Vec<_> = old.into_iter().map(|old| remove(plan, old, &Cause::HandOver)).collect();
    if has_bridge && !keeps_ports(spec) {
        plan.push(Action::Rename(Target::of(&temporary(spec)), spec.name.clone()), Cause::HandOver, gone);
        return;
    }
    let lasting = ContainerSpec { readiness: without_kafka(&spec.readiness), ..spec.clone() };
    let ready = start(plan, &lasting, &Cause::HandOver, gone);
    if has_bridge {
        bridge_goes(plan, spec, ready);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::*, *};

    #[test]
    fn a_bridge_serves_until_the_old_ports_are_free_again() {
        let desired = shop();
        let observed = running(&desired);
        let sidecar = desired.containers.iter().find(|spec| spec.short_name.as_str() == "orders-dapr").expect("there");
        let which = BTreeSet::from([sidecar.name.clone()]);
        let mut with_port = desired.clone();
        for spec in &mut with_port.containers {
            if which.contains(&spec.name) {
                spec.ports.push(crate::plan::spec::PortSpec::new(3500, HostPort::Preferred(3500), "Dapr HTTP", None));
            }
        }
        let made = hand_over(&with_port, &observed, &which).expect("possible");
        insta::assert_snapshot!(made.prepare, @r"
        [] -> #1 create shop-orders-dapr-1.next, hand-over
        [1] -> #2 start shop-orders-dapr-1.next, hand-over
        [2] -> #3 await shop-orders-dapr-1.next, hand-over
        ");
        insta::assert_snapshot!(made.complete, @r"
        [] -> #1 stop shop-orders-dapr-1, hand-over
        [1] -> #2 remove shop-orders-dapr-1, hand-over
        [2] -> #3 create shop-orders-dapr-1, hand-over
        [3] -> #4 start shop-orders-dapr-1, hand-over
        [4] -> #5 await shop-orders-dapr-1, hand-over
        [5] -> #6 stop shop-orders-dapr-1.next, hand-over
        [6] -> #7 remove shop-orders-dapr-1.next, hand-over
        ");
        insta::assert_snapshot!(made.give_up, @r"
        [] -> #1 stop shop-orders-dapr-1.next, asked for
        [1] -> #2 remove shop-orders-dapr-1.next, asked for
        ");
        let made = hand_over(&desired, &observed, &which).expect("possible");
        insta::assert_snapshot!(made.complete, @r"
        [] -> #1 stop shop-orders-dapr-1, hand-over
        [1] -> #2 remove shop-orders-dapr-1, hand-over
        [2] -> #3 rename shop-orders-dapr-1.next, hand-over
        ");
    }

    #[test]
    fn who_must_acknowledge_nothing_any_more_is_killed() {
        let mut desired = shop();
        let sidecar =
            desired.containers.iter_mut().find(|spec| spec.short_name.as_str() == "orders-dapr").expect("there");
        sidecar.ports.push(crate::plan::spec::PortSpec::new(3500, HostPort::Preferred(3500), "Dapr HTTP", None));
        let which = BTreeSet::from([sidecar.name.clone()]);
        let made = hand_over(&desired, &running(&desired), &which).expect("possible");
        let urgencies = |made: &HandOver| {
            let urgency = |action: &Action| match action {
                Action::Stop(_, urgency) => Some(*urgency),
                _ => None,
            };
            made.complete.steps.iter().filter_map(|step| urgency(&step.action)).collect::<Vec<_>>()
        };
        assert_eq!(urgencies(&made), [Urgency::InOrder, Urgency::InOrder]);
        let (mut old, mut bridge) = (made.clone(), made);
        old.kill_old(&which);
        assert_eq!(urgencies(&old), [Urgency::AtOnce, Urgency::InOrder]);
        bridge.kill_bridges(&which);
        assert_eq!(urgencies(&bridge), [Urgency::InOrder, Urgency::AtOnce]);
    }

    #[test]
    fn what_an_earlier_one_left_over_goes_and_a_dead_sidecar_is_made_anew() {
        let desired = shop();
        let mut observed = running(&desired);
        let old = observed.containers.iter_mut().find(|one| one.short_name.as_str() == "orders-dapr").expect("there");
        old.state = ContainerState::Exited;
        let which = BTreeSet::from([old.name.clone()]);
        let mut left = old.clone();
        left.name = ContainerName::new(format!("{}{TEMPORARY}", old.name));
        left.state = ContainerState::Running;
        observed.containers.push(left);
        let made = hand_over(&desired, &observed, &which).expect("possible");
        insta::assert_snapshot!(made.prepare, @r"
        [] -> #1 stop shop-orders-dapr-1.next, not in sandbox.toml
        [1] -> #2 remove shop-orders-dapr-1.next, not in sandbox.toml
        ");
        insta::assert_snapshot!(made.complete, @r"
        [] -> #1 remove shop-orders-dapr-1, hand-over
        [1] -> #2 create shop-orders-dapr-1, hand-over
        [2] -> #3 start shop-orders-dapr-1, hand-over
        [3] -> #4 await shop-orders-dapr-1, hand-over
        ");
        assert!(made.give_up.steps.is_empty());
    }
}
