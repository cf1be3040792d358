//! The steps that swap a project's broker beside the hand-over: the target comes, what is left in the old one is drained, it goes.

use super::{
    PlanError, UpOptions,
    hand_over::{is_right, take_back, temporary_name},
    up::{remove, up},
    verdict::reads_from_kafka,
};
use crate::{
    dapr::{drain, sidecar::RESOURCES_PATH},
    names::{ContainerName, ShortName},
    plan::{
        Action, Cause, Plan, Target as PlanTarget, Urgency,
        desired::Desired,
        observed::{ContainerState, Observed, ObservedContainer},
        spec::{ContainerSpec, FolderSpec, HostPort, MountSource, MountSpec, Readiness, Role, SpecHash},
    },
    secrets::SECRETS_PATH,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// What the name of a sidecar that drains ends with; it is a temporary one.
const DRAIN: &str = ".drain.next";

/// The broker to swap to, in two walks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// Makes it, where it has a container, and waits for it.
    pub start: Plan,
    /// Takes back what `start` has made.
    pub take_back: Plan,
}

/// Brings a broker there and nothing else of what is desired: the one to swap to, or an old one that was stopped with messages in
/// it. `directory` is the folder of sandbox.toml.
///
/// # Errors
/// When it cannot be done: ports that are taken, a project of that name in another folder.
pub fn target(desired: &Desired, observed: &Observed, directory: &Path) -> Result<Target, PlanError> {
    let mut only = desired.clone();
    only.containers.retain(|spec| spec.role == Role::Broker);
    let mounted =
        |path: &MountSource| only.containers.iter().flat_map(|spec| &spec.mounts).any(|one| one.source == *path);
    let volumes = only.volumes.iter().filter(|volume| mounted(&MountSource::Volume(volume.name.clone())));
    only.volumes = volumes.cloned().collect();
    only.folders.clear();
    only.builds.clear();
    let mut take = Plan::default();
    for spec in &only.containers {
        let there = observed.container(&spec.name).map(|one| one.state);
        match there {
            Some(ContainerState::Running) => {}
            Some(_) => {
                take.push(Action::Stop(PlanTarget::of(spec), Urgency::InOrder), Cause::Requested, vec![]);
            }
            None => {
                take_back(&mut take, PlanTarget::of(spec), &Cause::Requested);
                let removed = take.steps.len() - 1;
                for volume in only.volumes.iter().filter(|volume| !observed.volumes.contains(&volume.name)) {
                    let action = Action::RemoveVolume(volume.name.clone());
                    take.push(action, Cause::Requested, vec![crate::plan::StepId(removed)]);
                }
            }
        }
    }
    let options = UpOptions { keep_others: true, ..UpOptions::default() };
    Ok(Target { start: up(only, observed, options, directory)?, take_back: take })
}

/// What is needed to drain for one sidecar: it as it was on the old broker, and its resources.
#[derive(Clone, Debug, PartialEq)]
pub struct DrainSidecar<'a> {
    /// The sidecar.
    pub spec: &'a ContainerSpec,
    /// What the drain gets.
    pub files: BTreeMap<String, String>,
}

/// Short-lived sidecars, which are started where they are needed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drains {
    /// Makes them.
    pub create: Plan,
    /// Takes them away again, started or not.
    pub clear: Plan,
    /// Who drains, by the sidecar that it drains for.
    pub sidecars: BTreeMap<ContainerName, PlanTarget>,
    /// The folders that they mount.
    pub folders: Vec<PathBuf>,
}

/// A drain for each of these sidecars; `folder` is where what they mount is written.
pub fn drains(wanted: &[DrainSidecar<'_>], folder: &Path) -> Drains {
    let mut drains = Drains::default();
    for DrainSidecar { spec, files } in wanted {
        let path = folder.join(spec.name.as_str()).join(SpecHash::of_files(files).as_str());
        let sidecar = drain(spec, &path);
        let write = Action::WriteFolder(FolderSpec { path: path.clone(), files: files.clone() });
        let written = drains.create.push(write, Cause::Drain, vec![]);
        drains.create.push(Action::Create(Box::new(sidecar.clone())), Cause::Drain, vec![written]);
        // A member that just vanishes holds its Kafka group up, even when the broker comes back for another swap. Elsewhere who
        // is killed cannot take a message for handled that the app has not seen.
        let urgency = if reads_from_kafka(spec) { Urgency::InOrder } else { Urgency::AtOnce };
        let stop = Action::Stop(PlanTarget::of(&sidecar), urgency);
        let stopped = drains.clear.push(stop, Cause::Drain, vec![]);
        drains.clear.push(Action::Remove(PlanTarget::of(&sidecar)), Cause::Drain, vec![stopped]);
        drains.sidecars.insert(spec.name.clone(), PlanTarget::of(&sidecar));
        drains.folders.push(path);
    }
    drains
}

impl Drains {
    /// Starts those for these sidecars.
    pub fn start(&self, of: &BTreeSet<ContainerName>) -> Plan {
        let mut plan = Plan::default();
        for (_, sidecar) in self.sidecars.iter().filter(|(name, _)| of.contains(name)) {
            let started = plan.push(Action::Start(sidecar.clone()), Cause::Drain, vec![]);
            let ready = Action::AwaitReady(sidecar.clone(), Readiness::Running);
            plan.push(ready, Cause::Drain, vec![started]);
        }
        plan
    }

    /// Ends those for these sidecars, which can be started again.
    pub fn stop(&self, of: &BTreeSet<ContainerName>) -> Plan {
        let meant: Vec<_> = self.sidecars.iter().filter(|(name, _)| of.contains(name)).map(|(_, one)| one).collect();
        let mut steps = self.clear.steps.clone();
        steps.retain(|step| matches!(&step.action, Action::Stop(target, _) if meant.contains(&target)));
        Plan { steps }
    }
}

/// Whether a container only delivers what is left in a broker.
pub fn is_drain(name: &ContainerName) -> bool {
    name.as_str().ends_with(DRAIN)
}

/// A sidecar of nobody's that delivers to the same app: it has no alias of the app's. Whether it does its work is seen at the broker.
fn drain(spec: &ContainerSpec, folder: &Path) -> ContainerSpec {
    let app = spec.app.as_ref().map_or(spec.short_name.as_str(), |app| app.as_str());
    let mut ports = spec.ports.clone();
    for port in &mut ports {
        port.host = HostPort::Any;
        port.assigned = Some(0);
    }
    let source = MountSource::Host(folder.to_owned());
    let mut mounts = vec![MountSpec { source, target: RESOURCES_PATH.to_owned(), read_only: true }];
    // What it delivers from may take secrets from there.
    mounts.extend(spec.mounts.iter().filter(|mount| mount.target == SECRETS_PATH).cloned());
    let name = spec.display_name();
    let name = name.strip_suffix("-dapr").unwrap_or(name);
    ContainerSpec {
        name: ContainerName::new(format!("{}{DRAIN}", spec.name)),
        short_name: ShortName::new(format!("{name}-drain")),
        app: None,
        command: spec.command.as_ref().map(|words| drain::command(words, app)),
        ports,
        mounts,
        aliases: Vec::new(),
        readiness: Readiness::Running,
        start_after: Vec::new(),
        ..spec.clone()
    }
}

/// Removes containers as they are: an old broker, or drains that an earlier command has left.
pub fn removal<'a>(containers: impl IntoIterator<Item = &'a ObservedContainer>, cause: &Cause) -> Plan {
    let mut plan = Plan::default();
    for container in containers {
        remove(&mut plan, container, cause);
    }
    plan
}

/// The sidecars to hand over: those that are not made for the target yet, or that an earlier command has left in the middle.
pub fn pending(desired: &Desired, components: &[String], observed: &Observed) -> BTreeSet<ContainerName> {
    let is_there =
        |spec: &&ContainerSpec| observed.containers.iter().any(|one| one.name == spec.name || takes_over(spec, one));
    let is_done = |spec: &ContainerSpec| {
        let there = observed.container(&spec.name).is_some_and(|one| is_right(spec, one));
        there && !observed.containers.iter().any(|one| takes_over(spec, one))
    };
    let sidecars = desired.sidecars_with(components).filter(is_there).filter(|spec| !is_done(spec));
    sidecars.map(|spec| spec.name.clone()).collect()
}

/// Whether a container is there only until this one is in its place.
fn takes_over(spec: &ContainerSpec, other: &ObservedContainer) -> bool {
    temporary_name(spec) == other.name
}

#[cfg(test)]
mod tests {
    use super::{super::tests::*, *};
    use crate::plan::{
        active::BrokerMark,
        diff::{Manner, hand_over_in, is_temporary, is_throw_away},
        spec::{ComponentIdentity, HostPort, Inquiry, PortSpec},
    };

    /// The shop, whose sidecar has a component of the broker and ports of its own.
    fn shop_on(kind: &str) -> Desired {
        let mut desired = shop();
        for spec in &mut desired.containers {
            spec.command = Some(vec![kind.to_owned()]);
            if let Readiness::Sidecar(readiness) = &mut spec.readiness {
                readiness.components = vec![ComponentIdentity {
                    name: "pubsub".to_owned(),
                    component_type: format!("pubsub.{kind}"),
                    version: "v1".to_owned(),
                }];
                spec.ports.push(PortSpec::new(3500, HostPort::Preferred(3500), "Dapr HTTP", None));
            }
            if spec.role == Role::Broker {
                spec.name = ContainerName::new(format!("shop-{kind}-1"));
                spec.short_name = ShortName::new(kind);
            }
        }
        let mark = BrokerMark { active: kind.to_owned(), in_file: "redis".to_owned() };
        desired.mark(&mark);
        desired
    }

    fn components() -> Vec<String> {
        vec!["pubsub".to_owned()]
    }

    fn sidecar(desired: &Desired) -> ContainerSpec {
        desired.containers.iter().find(|spec| spec.role == Role::Sidecar).expect("there").clone()
    }

    #[test]
    fn the_target_comes_alone_and_is_taken_back_with_its_volume() {
        let (desired, mut observed) = (shop_on("kafka"), running(&shop_on("redis")));
        observed.volumes.clear();
        let made = target(&desired, &observed, Path::new("/shop")).expect("possible");
        insta::assert_snapshot!(made.start, @r"
        [] -> #1 create volume shop_data, missing
        [1] -> #2 create shop-kafka-1, missing
        [2] -> #3 start shop-kafka-1, missing
        [3] -> #4 await shop-kafka-1, started
        ");
        insta::assert_snapshot!(made.take_back, @r"
        [] -> #1 stop shop-kafka-1, asked for
        [1] -> #2 remove shop-kafka-1, asked for
        [2] -> #3 remove volume shop_data, asked for
        ");
        let there = running(&desired);
        let made = target(&desired, &there, Path::new("/shop")).expect("possible");
        assert!(made.start.only_looks() && made.take_back.steps.is_empty(), "{made:?}");
    }

    #[test]
    fn a_drain_is_nobodys_sidecar_and_delivers_to_the_same_app() {
        let desired = shop_on("redis");
        let spec = sidecar(&desired);
        let files = BTreeMap::from([("component-pubsub.yaml".to_owned(), "x".to_owned())]);
        let made = drains(&[DrainSidecar { spec: &spec, files }], Path::new("/state/trial"));
        insta::assert_snapshot!(made.create, @r"
        [] -> #1 write trial/shop-orders-dapr-1/ac1411dc98fc7550, drain
        [1] -> #2 create shop-orders-dapr-1.drain.next, drain
        ");
        assert!(made.start(&BTreeSet::new()).steps.is_empty(), "nothing is left for it");
        insta::assert_snapshot!(made.start(&BTreeSet::from([spec.name.clone()])), @r"
        [] -> #1 start shop-orders-dapr-1.drain.next, drain
        [1] -> #2 await shop-orders-dapr-1.drain.next, drain
        ");
        assert!(made.stop(&BTreeSet::new()).steps.is_empty());
        let stop = made.stop(&BTreeSet::from([spec.name.clone()]));
        assert_eq!(stop.to_string(), "[] -> #1 stop shop-orders-dapr-1.drain.next, drain\n");
        insta::assert_snapshot!(made.clear, @r"
        [] -> #1 stop shop-orders-dapr-1.drain.next, drain
        [1] -> #2 remove shop-orders-dapr-1.drain.next, drain
        ");
        let created = made.create.steps.iter().find_map(|step| match &step.action {
            Action::Create(spec) => Some(spec),
            _ => None,
        });
        let created = created.expect("it is created");
        assert!(is_drain(&created.name) && is_throw_away(&created.name) && !is_throw_away(&spec.name));
        assert_eq!((created.short_name.as_str(), created.aliases.len(), &created.app), ("orders-drain", 0, &None));
        assert!(created.ports.iter().all(|port| port.host == HostPort::Any), "{:?}", created.ports);
    }

    #[test]
    fn a_drain_leaves_its_kafka_group_and_acknowledges_nothing_in_the_end_elsewhere() {
        let mut spec = sidecar(&shop_on("redis"));
        let mut urgency = |inquiry: Inquiry| {
            if let Readiness::Sidecar(readiness) = &mut spec.readiness {
                readiness.consumers = vec![consumer(inquiry)];
            }
            let made = drains(&[DrainSidecar { spec: &spec, files: BTreeMap::new() }], Path::new("/state/trial"));
            made.clear.steps.iter().find_map(|step| match step.action {
                Action::Stop(_, urgency) => Some(urgency),
                _ => None,
            })
        };
        assert_eq!(urgency(Inquiry::KafkaGroup), Some(Urgency::InOrder));
        assert_eq!(urgency(Inquiry::RedisGroup), Some(Urgency::AtOnce));
        assert_eq!(urgency(Inquiry::RabbitmqQueue), Some(Urgency::AtOnce));
        // One that a command which was killed has left: nobody knows what of.
        let mut left = observed_container(&spec, ContainerState::Running);
        left.name = ContainerName::new(format!("{}{DRAIN}", spec.name));
        let steps = removal([&left], &Cause::Drain).steps;
        assert!(matches!(steps[0].action, Action::Stop(_, Urgency::AtOnce)), "{steps:?}");
    }

    #[test]
    fn a_swap_that_was_cut_short_goes_on_from_where_it_was() {
        let (desired, mut observed) = (shop_on("kafka"), running(&shop_on("redis")));
        let spec = sidecar(&desired);
        let which = pending(&desired, &components(), &observed);
        assert_eq!(which, BTreeSet::from([spec.name.clone()]));
        let manner = Manner { resumes: true, ..Manner::default() };
        let plan = |observed: &Observed| {
            let which = pending(&desired, &components(), observed);
            let made = hand_over_in(&manner, &desired, observed, &which).expect("possible");
            let ending: Vec<_> = made.ending(observed).map(|one| one.name.to_string()).collect();
            (format!("{}--\n{}", made.prepare, made.complete), ending)
        };
        // The new one has been made beside the old one.
        let mut bridge = observed_container(&spec, ContainerState::Running);
        bridge.name = ContainerName::new(format!("{}.next", spec.name));
        observed.containers.push(bridge);
        let (steps, ending) = plan(&observed);
        assert_eq!(ending, [spec.name.to_string()]);
        insta::assert_snapshot!(steps, @r"
        [] -> #1 await shop-orders-dapr-1.next, running
        --
        [] -> #1 stop shop-orders-dapr-1, hand-over
        [1] -> #2 remove shop-orders-dapr-1, hand-over
        [2] -> #3 create shop-orders-dapr-1, hand-over
        [3] -> #4 start shop-orders-dapr-1, hand-over
        [4] -> #5 await shop-orders-dapr-1, hand-over
        [5] -> #6 stop shop-orders-dapr-1.next, hand-over
        [6] -> #7 remove shop-orders-dapr-1.next, hand-over
        ");
        // It is not as it should be.
        let mut other = observed.clone();
        for one in other.containers.iter_mut().filter(|one| is_temporary(&one.name)) {
            one.spec_hash = SpecHash::from_label("another");
        }
        insta::assert_snapshot!(plan(&other).0.lines().take(5).collect::<Vec<_>>().join("\n"), @r"
        [] -> #1 stop shop-orders-dapr-1.next, not in sandbox.toml
        [1] -> #2 remove shop-orders-dapr-1.next, not in sandbox.toml
        [2] -> #3 create shop-orders-dapr-1.next, hand-over
        [3] -> #4 start shop-orders-dapr-1.next, hand-over
        [4] -> #5 await shop-orders-dapr-1.next, hand-over
        ");
        // The old one has gone.
        observed.containers.retain(|one| one.name != spec.name);
        let (steps, ending) = plan(&observed);
        assert!(ending.is_empty(), "{ending:?}");
        insta::assert_snapshot!(steps, @r"
        --
        [] -> #1 create shop-orders-dapr-1, hand-over
        [1] -> #2 start shop-orders-dapr-1, hand-over
        [2] -> #3 await shop-orders-dapr-1, hand-over
        [3] -> #4 stop shop-orders-dapr-1.next, hand-over
        [4] -> #5 remove shop-orders-dapr-1.next, hand-over
        ");
        // The lasting one has come.
        observed.containers.push(observed_container(&spec, ContainerState::Running));
        let (steps, ending) = plan(&observed);
        assert!(ending.is_empty(), "nobody waits for the end of who stays: {ending:?}");
        insta::assert_snapshot!(steps, @r"
        --
        [] -> #1 await shop-orders-dapr-1, running
        [1] -> #2 stop shop-orders-dapr-1.next, hand-over
        [2] -> #3 remove shop-orders-dapr-1.next, hand-over
        ");
        observed.containers.retain(|one| !one.name.as_str().ends_with(".next"));
        assert!(pending(&desired, &components(), &observed).is_empty());
    }

    #[test]
    fn a_bridge_that_only_publishes_has_resources_of_its_own() {
        let (desired, observed) = (shop_on("kafka"), running(&shop_on("redis")));
        let spec = sidecar(&desired);
        let folder = FolderSpec { path: PathBuf::from("/state/trial/orders"), files: BTreeMap::new() };
        let manner = Manner { publish_only: BTreeMap::from([(spec.name.clone(), folder)]), ..Manner::default() };
        let which = BTreeSet::from([spec.name.clone()]);
        let made = hand_over_in(&manner, &desired, &observed, &which).expect("possible");
        insta::assert_snapshot!(made.prepare, @r"
        [] -> #1 write state/trial/orders, hand-over
        [1] -> #2 create shop-orders-dapr-1.next, hand-over
        [2] -> #3 start shop-orders-dapr-1.next, hand-over
        [3] -> #4 await shop-orders-dapr-1.next, hand-over
        ");
    }
}
