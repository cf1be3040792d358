//! Decides what has to be done: pure functions over plain data. A [`Plan`] is a graph of steps, each one call group on the
//! engine with the reason for it; `engine/executor.rs` walks it and decides nothing.

pub mod active;
pub mod addresses;
pub mod desired;
pub mod diff;
pub mod observed;
pub mod ports;
pub mod readiness;
pub mod spec;

use crate::{
    event::{PlannedStep, StepLine},
    names::{ContainerName, ImageReference, ShortName},
};
use spec::{BuildSpec, ContainerSpec, FolderSpec, NetworkSpec, Readiness, Role, VolumeSpec};
use std::fmt;

/// A graph of steps; a step comes only after those it waits for, so the order of the list is one that can be carried out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// The steps.
    pub steps: Vec<Step>,
}

/// The place of a step in [`Plan::steps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(pub usize);

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What.
    pub action: Action,
    /// The steps that must be done before.
    pub after: Vec<StepId>,
    /// Why.
    pub cause: Cause,
}

/// A container as steps name it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// Its name on the engine.
    pub name: ContainerName,
    /// What people call it.
    pub short_name: ShortName,
    /// What it is.
    pub role: Role,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Makes the project's network.
    CreateNetwork(NetworkSpec),
    /// Makes a volume.
    CreateVolume(VolumeSpec),
    /// Writes a folder that will be mounted.
    WriteFolder(FolderSpec),
    /// Pulls an image.
    Pull(ImageReference),
    /// Builds an image.
    Build(BuildSpec),
    /// Creates a container.
    Create(Box<ContainerSpec>),
    /// Starts it.
    Start(Target),
    /// Waits until it is ready.
    AwaitReady(Target, Readiness),
    /// Waits until a sidecar takes calls.
    AwaitCallable(Target),
    /// Stops it.
    Stop(Target, Urgency),
    /// Gives it another name.
    Rename(Target, ContainerName),
    /// Removes it.
    Remove(Target),
    /// Removes the network.
    RemoveNetwork(String),
    /// Removes a volume and what is in it.
    RemoveVolume(String),
}

/// How a container is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// It is asked to end, and killed when its own grace is over.
    InOrder,
    /// It is killed.
    AtOnce,
}

/// Why a step is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It is not there.
    Missing,
    /// It is not what it should be any more.
    SpecChanged,
    /// Its image is another one now.
    ImageChanged,
    /// A host port it had is taken by somebody else now.
    PortTaken(u16),
    /// It is there and does not run.
    NotRunning,
    /// It watched over its app's health while that did not run.
    AppWasDown,
    /// It runs; whether it is well is looked at again.
    Recheck,
    /// It was started.
    Started,
    /// sandbox.toml has it no more.
    Orphan,
    /// The command asks for it.
    Requested,
    /// Another one takes its place.
    HandOver,
    /// It only tries new components.
    Trial,
    /// It delivers what is left in a broker.
    Drain,
    /// Nothing is left in it.
    Drained,
}

impl fmt::Display for Cause {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => formatter.pad("missing"),
            Self::SpecChanged => formatter.pad("changed"),
            Self::ImageChanged => formatter.pad("image changed"),
            Self::PortTaken(port) => write!(formatter, "port {port} taken"),
            Self::NotRunning => formatter.pad("not running"),
            Self::AppWasDown => formatter.pad("its app was down"),
            Self::Recheck => formatter.pad("running"),
            Self::Started => formatter.pad("started"),
            Self::Orphan => formatter.pad("not in sandbox.toml"),
            Self::Requested => formatter.pad("asked for"),
            Self::HandOver => formatter.pad("hand-over"),
            Self::Trial => formatter.pad("trial"),
            Self::Drain => formatter.pad("drain"),
            Self::Drained => formatter.pad("drained"),
        }
    }
}

impl Action {
    /// The verb, as `plan` and events name it.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::CreateNetwork(_) | Self::CreateVolume(_) | Self::Create(_) => "create",
            Self::WriteFolder(_) => "write",
            Self::Pull(_) => "pull",
            Self::Build(_) => "build",
            Self::Start(_) => "start",
            Self::AwaitReady(..) => "await",
            Self::AwaitCallable(_) => "await-callable",
            Self::Stop(..) => "stop",
            Self::Rename(..) => "rename",
            Self::Remove(_) | Self::RemoveNetwork(_) | Self::RemoveVolume(_) => "remove",
        }
    }

    /// What it is done to.
    pub fn target(&self) -> String {
        match self {
            Self::CreateNetwork(network) => format!("network {}", network.name),
            Self::RemoveNetwork(name) => format!("network {name}"),
            Self::CreateVolume(volume) => format!("volume {}", volume.name),
            Self::RemoveVolume(name) => format!("volume {name}"),
            Self::WriteFolder(folder) => {
                let parts: Vec<_> = folder.path.iter().rev().take(3).map(|part| part.to_string_lossy()).collect();
                parts.into_iter().rev().collect::<Vec<_>>().join("/")
            }
            Self::Pull(image) => image.to_string(),
            Self::Build(build) => build.image.to_string(),
            Self::Create(spec) => spec.name.to_string(),
            Self::Start(target)
            | Self::AwaitReady(target, _)
            | Self::AwaitCallable(target)
            | Self::Stop(target, _)
            | Self::Rename(target, _)
            | Self::Remove(target) => target.name.to_string(),
        }
    }

    /// The container it is for, where it is for one.
    pub fn short_name(&self) -> Option<&ShortName> {
        match self {
            Self::Build(build) => Some(&build.short_name),
            Self::Create(spec) => Some(&spec.short_name),
            Self::Start(target)
            | Self::AwaitReady(target, _)
            | Self::AwaitCallable(target)
            | Self::Stop(target, _)
            | Self::Rename(target, _)
            | Self::Remove(target) => Some(&target.short_name),
            Self::CreateNetwork(_)
            | Self::CreateVolume(_)
            | Self::WriteFolder(_)
            | Self::Pull(_)
            | Self::RemoveNetwork(_)
            | Self::RemoveVolume(_) => None,
        }
    }

    /// Whether it only looks and changes nothing.
    pub fn only_looks(&self) -> bool {
        matches!(self, Self::AwaitReady(..) | Self::AwaitCallable(_))
    }
}

impl Plan {
    /// Adds a step.
    pub fn push(&mut self, action: Action, cause: Cause, after: Vec<StepId>) -> StepId {
        self.steps.push(Step { action, after, cause });
        StepId(self.steps.len() - 1)
    }

    /// Whether it changes nothing.
    pub fn only_looks(&self) -> bool {
        self.steps.iter().all(|step| step.action.only_looks())
    }

    /// Cuts it where containers are started: what only makes them ready for that, and the rest.
    pub fn until_starts(&self) -> [Self; 2] {
        let mut halves = [Self::default(), Self::default()];
        let mut places: Vec<(usize, StepId)> = Vec::new();
        for Step { action, after, cause } in &self.steps {
            let is_late = matches!(action, Action::Start(_)) || action.only_looks();
            let half = usize::from(is_late || after.iter().any(|id| places[id.0].0 == 1));
            let after = after.iter().map(|id| places[id.0]).filter(|(of, _)| *of == half).map(|(_, id)| id).collect();
            places.push((half, halves[half].push(action.clone(), cause.clone(), after)));
        }
        halves
    }

    /// The steps as `plan` and `--dry-run` show them.
    pub fn lines(&self) -> Vec<PlannedStep> {
        let line = |(index, step): (usize, &Step)| PlannedStep {
            line: step.line(StepId(index)),
            after: step.after.iter().map(|id| id.0 + 1).collect(),
        };
        self.steps.iter().enumerate().map(line).collect()
    }
}

impl Step {
    /// The step as events name it; numbers count from 1.
    pub fn line(&self, id: StepId) -> StepLine {
        StepLine {
            step: id.0 + 1,
            action: self.action.verb(),
            target: self.action.target(),
            name: self.action.short_name().cloned(),
            cause: self.cause.to_string(),
        }
    }
}

/// The text that snapshots compare: `[1, 2] -> #3 start shop-redis-1, missing`.
impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for PlannedStep { line, after } in self.lines() {
            let after: Vec<_> = after.iter().map(usize::to_string).collect();
            writeln!(
                formatter,
                "[{}] -> #{} {} {}, {}",
                after.join(", "),
                line.step,
                line.action,
                line.target,
                line.cause
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_cut_where_containers_are_started() {
        let target = |name: &str| Target {
            name: ContainerName::new(name),
            short_name: ShortName::new(name),
            role: Role::Sidecar,
        };
        let mut plan = Plan::default();
        let mut push = |action, after: &[StepId]| plan.push(action, Cause::HandOver, after.to_vec());
        let gone = push(Action::Remove(target("old")), &[]);
        let joined = push(Action::AwaitReady(target("joined"), Readiness::Running), &[]);
        let pulled = push(Action::Pull(ImageReference::new("a:1")), &[]);
        let volume = push(Action::RemoveVolume("data".to_owned()), &[gone, pulled]);
        let started = push(Action::Start(target("new")), &[pulled, volume]);
        push(Action::Remove(target("other")), &[gone, started, joined]);
        let [make, start] = plan.until_starts();
        insta::assert_snapshot!(make, @r"
        [] -> #1 remove old, hand-over
        [] -> #2 pull a:1, hand-over
        [1, 2] -> #3 remove volume data, hand-over
        ");
        insta::assert_snapshot!(start, @r"
        [] -> #1 await joined, hand-over
        [] -> #2 start new, hand-over
        [2, 1] -> #3 remove other, hand-over
        ");
    }
}
