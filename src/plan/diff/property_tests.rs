//! For any desired and any observed state: carrying out the plan on a model of the engine gives what was desired, planning
//! again gives nothing to do, steps come after what they wait for, and nothing foreign is touched.

use super::{UpOptions, down, hand_over, tests::observed_container, up, up_gently};
use crate::{
    names::{ContainerName, ImageReference, ProjectName, ShortName},
    plan::{
        Action, Plan,
        desired::Desired,
        observed::{ContainerState, Observed, ObservedContainer, ObservedImage},
        spec::{
            ContainerSpec, FolderSpec, HostPort, MountSource, MountSpec, NetworkSpec, PortSpec, Readiness, Role,
            StartCondition, VolumeSpec,
        },
    },
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    time::Duration,
};

const HERE: &str = "/here";

/// One of a few names, so that desired and observed meet.
fn spec(index: usize) -> impl Strategy<Value = ContainerSpec> {
    let role = prop_oneof![Just(Role::Broker), Just(Role::App), Just(Role::Sidecar), Just(Role::Other)];
    let port = prop_oneof![Just(HostPort::Any), Just(HostPort::Advertised), (1_u16..5).prop_map(HostPort::Preferred)];
    (role, 0_u8..3, prop::option::of(port), any::<bool>(), any::<bool>(), prop::collection::vec(0..index.max(1), 0..3))
        .prop_map(move |(role, flavour, port, has_volume, has_folder, after)| {
            let name = |index: usize| ContainerName::new(format!("p-c{index}-1"));
            let mut mounts = Vec::new();
            let mut mount = |source| mounts.push(MountSpec { source, target: "/x".to_owned(), read_only: false });
            if has_volume {
                mount(MountSource::Volume(format!("v{flavour}")));
            }
            if has_folder {
                mount(MountSource::Host(PathBuf::from(format!("/f{flavour}"))));
            }
            let after = after.into_iter().filter(|after| *after < index);
            let condition = |after: usize| match after % 2 {
                0 => StartCondition::Ready(name(after)),
                _ => StartCondition::Callable(name(after)),
            };
            ContainerSpec {
                name: name(index),
                short_name: ShortName::new(format!("c{index}")),
                role,
                app: None,
                replica: 1,
                image: ImageReference::new(format!("image:{flavour}")),
                command: Some(vec![flavour.to_string()]),
                environment: BTreeMap::new(),
                ports: port.map(|host| PortSpec::new(80, host, "x", None)).into_iter().collect(),
                mounts,
                aliases: vec![],
                hostname: None,
                memory: None,
                stop_grace: Duration::ZERO,
                readiness: Readiness::Running,
                start_after: after.map(condition).collect(),
                broker: None,
            }
        })
}

fn specs() -> impl Strategy<Value = Vec<ContainerSpec>> {
    (spec(0), spec(1), spec(2), spec(3), spec(4), prop::bits::u8::between(0, 5)).prop_map(|(a, b, c, d, e, chosen)| {
        let all = [a, b, c, d, e].into_iter().enumerate();
        all.filter(|(index, _)| chosen & (1 << index) != 0).map(|(_, spec)| spec).collect()
    })
}

fn desired() -> impl Strategy<Value = Desired> {
    specs().prop_map(|mut containers| {
        let names: Vec<_> = containers.iter().map(|spec| spec.name.clone()).collect();
        for spec in &mut containers {
            spec.start_after.retain(|condition| names.contains(condition.container()));
        }
        let volume = |name: &str| VolumeSpec { name: name.to_owned(), short_name: name.to_owned(), in_memory: false };
        let folder = |path: &str| FolderSpec { path: PathBuf::from(path), files: BTreeMap::new() };
        Desired {
            project: ProjectName::new("p"),
            network: NetworkSpec { name: "p".to_owned() },
            volumes: ["v0", "v1", "v2"].map(volume).to_vec(),
            folders: ["/f0", "/f1", "/f2"].map(folder).to_vec(),
            builds: vec![],
            containers,
            differences: vec![],
        }
    })
}

fn observed() -> impl Strategy<Value = Observed> {
    let state = prop_oneof![
        Just(ContainerState::Created),
        Just(ContainerState::Running),
        Just(ContainerState::Paused),
        Just(ContainerState::Exited)
    ];
    let states = prop::collection::vec(state, 5);
    (specs(), states, any::<bool>(), prop::bits::u8::between(0, 3), any::<bool>()).prop_map(
        |(specs, states, has_network, images, has_volumes)| {
            let mut observed = Observed {
                containers: specs.iter().zip(states).map(|(spec, state)| there(spec, state)).collect(),
                free_ports: (40_000..40_020).collect(),
                ..Observed::default()
            };
            if has_network {
                observed.networks.insert("p".to_owned());
            }
            if has_volumes {
                observed.volumes.insert("v1".to_owned());
            }
            for flavour in (0..3).filter(|flavour| images & (1 << flavour) != 0) {
                pull(&mut observed, &ImageReference::new(format!("image:{flavour}")));
            }
            observed
        },
    )
}

fn there(spec: &ContainerSpec, state: ContainerState) -> ObservedContainer {
    let mut container = observed_container(spec, state);
    container.working_directory = Some(PathBuf::from(HERE));
    container
}

fn pull(world: &mut Observed, image: &ImageReference) {
    world.images.insert(image.clone(), ObservedImage { id: format!("id of {image}"), stand_in: None });
}

/// What the engine would make of the plan. Panics where it would refuse.
fn carry_out(plan: &Plan, mut world: Observed) -> Observed {
    let position = |world: &Observed, name: &ContainerName| {
        world.containers.iter().position(|container| container.name == *name).expect("no such container")
    };
    for step in &plan.steps {
        match &step.action {
            Action::CreateNetwork(network) => assert!(world.networks.insert(network.name.clone()), "network twice"),
            Action::CreateVolume(volume) => assert!(world.volumes.insert(volume.name.clone()), "volume twice"),
            Action::WriteFolder(folder) => assert!(world.folders.insert(folder.path.clone()), "folder twice"),
            Action::Pull(image) => pull(&mut world, image),
            Action::Build(_) => unreachable!("nothing is built here"),
            Action::Create(spec) => {
                assert!(world.container(&spec.name).is_none(), "409: the name is taken");
                assert!(world.images.contains_key(&spec.image), "404: no such image");
                assert!(world.networks.contains("p"), "404: no such network");
                world.containers.push(there(spec, ContainerState::Created));
            }
            Action::Start(target) => {
                let at = position(&world, &target.name);
                world.containers[at].state = ContainerState::Running;
            }
            Action::AwaitReady(target, _) | Action::AwaitCallable(target) => {
                let at = position(&world, &target.name);
                assert_eq!(world.containers[at].state, ContainerState::Running, "nobody is there to wait for");
            }
            Action::Stop(target, _) => {
                let at = position(&world, &target.name);
                world.containers[at].state = ContainerState::Exited;
            }
            Action::Rename(target, name) => {
                assert!(world.container(name).is_none(), "409: the name is taken");
                let at = position(&world, &target.name);
                world.containers[at].name = name.clone();
            }
            Action::Remove(target) => {
                let at = position(&world, &target.name);
                assert!(world.containers[at].state != ContainerState::Running, "409: it runs");
                world.containers.remove(at);
            }
            Action::RemoveNetwork(name) => {
                assert!(world.containers.is_empty(), "403: containers are on it");
                world.networks.remove(name);
            }
            Action::RemoveVolume(name) => drop(world.volumes.remove(name)),
        }
    }
    world
}

proptest! {
    #[test]
    fn the_plan_leads_there_and_a_second_one_finds_nothing_to_do(desired in desired(), observed in observed()) {
        let plan = up(desired.clone(), &observed, UpOptions::default(), Path::new(HERE)).expect("a plan");
        for (index, step) in plan.steps.iter().enumerate() {
            prop_assert!(step.after.iter().all(|after| after.0 < index), "{plan}");
        }
        let after = carry_out(&plan, observed);
        prop_assert_eq!(after.containers.len(), desired.containers.len());
        for spec in &desired.containers {
            let container = after.container(&spec.name).expect("it is there");
            prop_assert_eq!(container.state, ContainerState::Running);
            prop_assert_eq!(&container.spec_hash, &spec.hash());
        }
        let again = up(desired, &after, UpOptions::default(), Path::new(HERE)).expect("a plan");
        prop_assert!(again.only_looks(), "{again}");
    }

    #[test]
    fn nobody_starts_before_what_it_waits_for(desired in desired(), observed in observed()) {
        let plan = up(desired.clone(), &observed, UpOptions::default(), Path::new(HERE)).expect("a plan");
        let place = |wanted: &dyn Fn(&Action) -> bool| plan.steps.iter().position(|step| wanted(&step.action));
        for spec in &desired.containers {
            let Some(start) = place(&|action| matches!(action, Action::Start(target) if target.name == spec.name)) else { continue };
            for condition in &spec.start_after {
                let StartCondition::Ready(other) = condition else { continue };
                let ready = place(&|action| matches!(action, Action::AwaitReady(target, _) if target.name == *other));
                prop_assert!(ready.is_some_and(|ready| ready < start && reaches(&plan, start, ready)), "{plan}");
            }
        }
    }

    #[test]
    fn down_leaves_nothing_but_volumes(observed in observed(), with_volumes in any::<bool>()) {
        let volumes = observed.volumes.clone();
        let after = carry_out(&down(&observed, with_volumes), observed);
        prop_assert!(after.containers.is_empty() && after.networks.is_empty());
        prop_assert_eq!(after.volumes, if with_volumes { Default::default() } else { volumes });
    }
}

/// A plan's steps one after the other, each a plan of its own.
fn one_by_one(plan: &Plan) -> impl Iterator<Item = Plan> {
    plan.steps.iter().map(|step| Plan { steps: vec![step.clone()] })
}

proptest! {
    #[test]
    fn a_hand_over_never_leaves_a_moment_without_and_can_be_given_up(
        desired in desired(),
        observed in observed(),
        chosen in prop::bits::u8::between(0, 5),
    ) {
        let plan = up(desired.clone(), &observed, UpOptions::default(), Path::new(HERE)).expect("a plan");
        let before = carry_out(&plan, observed);
        let mut changed = desired;
        let mut which = BTreeSet::new();
        for (index, spec) in changed.containers.iter_mut().enumerate().filter(|(index, _)| chosen & (1 << index) != 0) {
            spec.environment.insert("NEW".to_owned(), index.to_string());
            which.insert(spec.name.clone());
        }
        let made = hand_over(&changed, &before, &which).expect("possible");
        let runs = |world: &Observed, name: &ContainerName| {
            let is_it = |one: &&ObservedContainer| one.name.as_str().starts_with(name.as_str());
            world.containers.iter().filter(is_it).any(|one| one.state == ContainerState::Running)
        };
        let prepared = carry_out(&made.prepare, before.clone());
        let given_up = carry_out(&made.give_up, prepared.clone());
        prop_assert_eq!(&given_up.containers, &before.containers);
        let mut world = prepared;
        for step in one_by_one(&made.complete) {
            world = carry_out(&step, world);
            prop_assert!(which.iter().all(|name| runs(&world, name)), "{}", made.complete);
        }
        prop_assert_eq!(world.containers.len(), changed.containers.len());
        let again = up(changed, &world, UpOptions::default(), Path::new(HERE)).expect("a plan");
        prop_assert!(again.only_looks(), "{again}");
    }
}

proptest! {
    #[test]
    fn up_and_the_hand_over_after_it_leave_nothing_to_do(
        desired in desired(),
        observed in observed(),
        chosen in prop::bits::u8::between(0, 5),
    ) {
        let plan = up(desired.clone(), &observed, UpOptions::default(), Path::new(HERE)).expect("a plan");
        let before = carry_out(&plan, observed);
        let mut changed = desired;
        for (index, spec) in changed.containers.iter_mut().enumerate().filter(|(index, _)| chosen & (1 << index) != 0) {
            spec.environment.insert("NEW".to_owned(), index.to_string());
        }
        let plan = up_gently(&changed, &before, UpOptions::default(), Path::new(HERE)).expect("a plan");
        let world = carry_out(&plan.first, before.clone());
        for name in &plan.handed_over {
            prop_assert_eq!(world.container(name), before.container(name), "it serves until it is handed over");
        }
        let made = hand_over(&changed, &world, &plan.handed_over).expect("possible");
        let world = carry_out(&made.complete, carry_out(&made.prepare, world));
        prop_assert_eq!(world.containers.len(), changed.containers.len());
        let again = up_gently(&changed, &world, UpOptions::default(), Path::new(HERE)).expect("a plan");
        prop_assert!(again.first.only_looks() && again.handed_over.is_empty(), "{}", again.first);
    }
}

/// Whether a step waits for another one, directly or not.
fn reaches(plan: &Plan, from: usize, to: usize) -> bool {
    plan.steps[from].after.iter().any(|after| after.0 == to || reaches(plan, after.0, to))
}
