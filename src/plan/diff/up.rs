//! The steps of `up`.

use super::{
    PlanError, UpOptions, images,
    swap::is_drain,
    verdict::{Verdict, verdicts},
};
use crate::{
    names::{AppId, ContainerName, ImageReference},
    plan::{
        Action, Cause, Plan, StepId, Target, Urgency,
        active::left_behind,
        desired::Desired,
        observed::{ContainerState, Observed, ObservedContainer},
        ports,
        spec::{ContainerSpec, MountSource, Readiness, Role, SidecarReadiness, StartCondition},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// What has to be done so that everything desired is there and ready. `directory` is the folder of sandbox.toml.
///
/// # Errors
/// When it cannot be done: ports that are taken, images that may not be pulled, a project of that name in another folder.
pub fn up(mut desired: Desired, observed: &Observed, options: UpOptions, directory: &Path) -> Result<Plan, PlanError> {
    refuse_other_folder(&desired, observed, directory)?;
    let verdicts = verdicts(&desired.containers, observed);
    let created: BTreeSet<_> = verdicts
        .iter()
        .filter(|(_, verdict)| matches!(verdict, Verdict::Create(_)))
        .map(|(name, _)| name.clone())
        .collect();
    let orphans: Vec<_> = if options.keep_others {
        Vec::new()
    } else {
        let kept: Vec<_> = old_brokers(&desired, observed).map(|old| &old.name).collect();
        let is_orphan = |one: &&ObservedContainer| !verdicts.contains_key(&one.name) && !kept.contains(&&one.name);
        observed.containers.iter().filter(is_orphan).collect()
    };
    let going: BTreeSet<_> =
        created.iter().cloned().chain(orphans.iter().map(|container| container.name.clone())).collect();
    ports::assign(&mut desired.containers, &created, &going, observed).map_err(PlanError::PortsTaken)?;

    let mut plan = Plan::default();
    let images = images::add(&mut plan, &desired, observed, options)?;
    let gone: Vec<_> = orphans.iter().map(|orphan| (*orphan, remove(&mut plan, orphan, &Cause::Orphan))).collect();
    let ground = add_ground(&mut plan, &desired, observed);
    let replaced = observed.containers.iter().filter_map(|old| match verdicts.get(&old.name)? {
        Verdict::Create(cause) => Some((old, remove(&mut plan, old, cause))),
        Verdict::Keep | Verdict::Start => None,
    });
    let replaced: Vec<_> = replaced.collect();
    let mut leaving: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (old, removed) in gone.iter().chain(&replaced).filter(|(old, _)| old.role == Role::App) {
        leaving.entry(old.app.clone()).or_default().push(*removed);
    }
    let mut builder = UpBuilder {
        plan,
        images,
        gone: gone.into_iter().map(|(_, removed)| removed).collect(),
        replaced: replaced.into_iter().map(|(old, removed)| (old.name.clone(), removed)).collect(),
        leaving,
        ground,
        awaited: BTreeMap::new(),
        started: BTreeMap::new(),
        sentries: desired
            .containers
            .iter()
            .filter(|spec| spec.role == Role::Sentry)
            .map(|spec| spec.name.clone())
            .collect(),
        sidecars: vec![],
    };
    let targets: BTreeMap<_, _> = desired.containers.iter().map(|spec| (&spec.name, Target::of(spec))).collect();
    for spec in in_start_order(&desired.containers) {
        builder.add(spec, &verdicts[&spec.name], &targets);
    }
    builder.add_sidecar_awaits(&targets);
    Ok(builder.plan)
}

/// Brokers from before a swap, with whatever still lies in them.
pub fn old_brokers<'a>(desired: &'a Desired, observed: &'a Observed) -> impl Iterator<Item = &'a ObservedContainer> {
    let mark = desired.containers.iter().find_map(|spec| spec.broker.as_ref());
    mark.into_iter().flat_map(|mark| left_behind(observed, &mark.active))
}

fn refuse_other_folder(desired: &Desired, observed: &Observed, directory: &Path) -> Result<(), PlanError> {
    let other = observed.containers.iter().find_map(|container| {
        container.working_directory.as_deref().filter(|folder| *folder != directory).map(Path::to_owned)
    });
    match other {
        Some(directory) => Err(PlanError::OtherFolder { project: desired.project.to_string(), directory }),
        None => Ok(()),
    }
}

pub(super) fn remove(plan: &mut Plan, container: &ObservedContainer, cause: &Cause) -> StepId {
    let target = Target::observed(container);
    let mut after = Vec::new();
    if matches!(container.state, ContainerState::Running | ContainerState::Paused) {
        // A drain that was left over acknowledges nothing any more that the app has not taken.
        let urgency = if is_drain(&container.name) { Urgency::AtOnce } else { Urgency::InOrder };
        after.push(plan.push(Action::Stop(target.clone(), urgency), cause.clone(), vec![]));
    }
    plan.push(Action::Remove(target), cause.clone(), after)
}

/// What containers stand on: network, volumes and folders that are not there yet.
#[derive(Default)]
struct Ground {
    network: Option<StepId>,
    volumes: BTreeMap<String, StepId>,
    folders: BTreeMap<PathBuf, StepId>,
}

fn add_ground(plan: &mut Plan, desired: &Desired, observed: &Observed) -> Ground {
    let mut ground = Ground::default();
    if !observed.networks.contains(&desired.network.name) {
        ground.network = Some(plan.push(Action::CreateNetwork(desired.network.clone()), Cause::Missing, vec![]));
    }
    for volume in desired.volumes.iter().filter(|volume| !observed.volumes.contains(&volume.name)) {
        let step = plan.push(Action::CreateVolume(volume.clone()), Cause::Missing, vec![]);
        ground.volumes.insert(volume.name.clone(), step);
    }
    for folder in desired.folders.iter().filter(|folder| !observed.folders.contains(&folder.path)) {
        let step = plan.push(Action::WriteFolder(folder.clone()), Cause::Missing, vec![]);
        ground.folders.insert(folder.path.clone(), step);
    }
    ground
}

struct UpBuilder {
    plan: Plan,
    images: BTreeMap<ImageReference, StepId>,
    gone: Vec<StepId>,
    /// The removal of what was there under the name of one that is made anew.
    replaced: BTreeMap<ContainerName, StepId>,
    /// The removal of containers of an app, by app id.
    leaving: BTreeMap<Option<AppId>, Vec<StepId>>,
    ground: Ground,
    awaited: BTreeMap<StartCondition, StepId>,
    started: BTreeMap<ContainerName, StepId>,
    /// Whose trust anchors others may have to wait for.
    sentries: BTreeSet<ContainerName>,
    /// Sidecars with the cause and the steps of waiting for them: they are ready only when their apps run, so that comes last.
    sidecars: Vec<(ContainerName, Box<SidecarReadiness>, Cause, Vec<StepId>)>,
}

impl UpBuilder {
    fn add(&mut self, spec: &ContainerSpec, verdict: &Verdict, targets: &BTreeMap<&ContainerName, Target>) {
        let target = targets[&spec.name].clone();
        let mut conditions: Vec<_> =
            spec.start_after.iter().filter_map(|condition| self.condition(condition, targets)).collect();
        if spec.role == Role::Sidecar && *verdict != Verdict::Keep {
            // daprd asks for subscriptions once: not of an app that is on its way out.
            conditions.extend(self.leaving.get(&spec.app).into_iter().flatten());
        }
        let (started, cause) = match verdict {
            Verdict::Keep => (None, Cause::Recheck),
            Verdict::Start => {
                let after = conditions.clone();
                (Some(self.plan.push(Action::Start(target.clone()), Cause::NotRunning, after)), Cause::Started)
            }
            Verdict::Create(cause) => {
                let mut after = vec![self.create(spec, cause)];
                after.extend(conditions.iter().copied());
                (Some(self.plan.push(Action::Start(target.clone()), cause.clone(), after)), Cause::Started)
            }
        };
        let after = match started {
            Some(started) => vec![started],
            None => conditions,
        };
        if let Readiness::Sidecar(readiness) = &spec.readiness {
            self.sidecars.push((spec.name.clone(), readiness.clone(), cause, after));
        } else {
            let ready = self.plan.push(Action::AwaitReady(target, spec.readiness.clone()), cause, after);
            self.awaited.insert(StartCondition::Ready(spec.name.clone()), ready);
        }
        if let Some(started) = started {
            self.started.insert(spec.name.clone(), started);
            // Until somebody waits for it to take calls, this is what that waiting comes after.
            self.awaited.entry(StartCondition::Callable(spec.name.clone())).or_insert(started);
        }
    }

    fn add_sidecar_awaits(&mut self, targets: &BTreeMap<&ContainerName, Target>) {
        for (name, readiness, cause, mut after) in std::mem::take(&mut self.sidecars) {
            after.extend(readiness.app.as_ref().and_then(|(app, _)| self.started.get(app)));
            let action = Action::AwaitReady(targets[&name].clone(), Readiness::Sidecar(readiness));
            self.plan.push(action, cause, after);
        }
    }

    /// The step after which a condition holds; `None` when nobody of this plan brings it about.
    fn condition(&mut self, condition: &StartCondition, targets: &BTreeMap<&ContainerName, Target>) -> Option<StepId> {
        let step = self.awaited.get(condition).copied();
        let StartCondition::Callable(container) = condition else { return step };
        let target = targets.get(container)?.clone();
        let after = step.into_iter().collect();
        let step = self.plan.push(Action::AwaitCallable(target), Cause::Requested, after);
        Some(step)
    }

    fn create(&mut self, spec: &ContainerSpec, cause: &Cause) -> StepId {
        let mut after: Vec<StepId> = self.images.get(&spec.image).copied().into_iter().collect();
        after.extend(self.ground.network);
        if spec.lacks_trust_anchors() {
            let sentry = spec.start_after.iter().filter(|condition| self.sentries.contains(condition.container()));
            after.extend(sentry.filter_map(|condition| self.awaited.get(condition)));
        }
        for mount in &spec.mounts {
            after.extend(match &mount.source {
                MountSource::Volume(name) => self.ground.volumes.get(name),
                MountSource::Host(path) => self.ground.folders.get(path),
            });
        }
        after.extend(self.replaced.get(&spec.name));
        if spec.ports.iter().any(|port| port.assigned.is_some_and(|port| port > 0)) {
            // Somebody who leaves may hold the port.
            after.extend(self.gone.iter().copied());
        }
        self.plan.push(Action::Create(Box::new(spec.clone())), cause.clone(), after)
    }
}

/// Sidecars that somebody waits for come before the one that waits; the order is else the given one.
fn in_start_order(containers: &[ContainerSpec]) -> Vec<&ContainerSpec> {
    let mut ordered: Vec<&ContainerSpec> = Vec::new();
    let mut waiting: Vec<&ContainerSpec> = containers.iter().collect();
    while !waiting.is_empty() {
        let is_done = |condition: &StartCondition| {
            let container = condition.container();
            !waiting.iter().any(|other| other.name == *container)
        };
        // sandbox.toml was checked for cycles; were there one, its members would come in the given order.
        let next = waiting.iter().position(|spec| spec.start_after.iter().all(is_done)).unwrap_or(0);
        ordered.push(waiting.remove(next));
    }
    ordered
}

impl Target {
    /// The target that a spec describes.
    pub fn of(spec: &ContainerSpec) -> Self {
        Self { name: spec.name.clone(), short_name: spec.short_name.clone(), role: spec.role }
    }

    /// The target that a container is.
    pub fn observed(container: &ObservedContainer) -> Self {
        Self { name: container.name.clone(), short_name: container.short_name.clone(), role: container.role }
    }
}
