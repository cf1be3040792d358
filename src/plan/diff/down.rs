//! The steps of `down`, and of the stop that Ctrl-C asks for.

use crate::plan::{
    Action, Cause, Plan, StepId, Target, Urgency,
    observed::{ContainerState, Observed, ObservedContainer},
    spec::Role,
};

/// Stops and removes everything of the project but its volumes, and those too where asked: then what only they would miss is
/// killed, since nothing is left to save. Apps and their sidecars are asked to end together, as the containers of a deleted pod
/// are. What sidecars hang on ends after those, so that consumers can leave their groups; other containers after apps too, which
/// may call them directly.
pub fn down(observed: &Observed, with_volumes: bool) -> Plan {
    let mut plan = Plan::default();
    let urgency = if with_volumes { Urgency::AtOnce } else { Urgency::InOrder };
    let stopped = add_stops(&mut plan, observed, urgency, |stage| match stage {
        StopStage::Apps | StopStage::Sidecars => &[],
        StopStage::Backends => &[StopStage::Sidecars],
        StopStage::Others => &[StopStage::Apps, StopStage::Sidecars],
    });
    let mut removed = Vec::new();
    for (container, stop) in observed.containers.iter().zip(stopped) {
        let target = Target::observed(container);
        removed.push(plan.push(Action::Remove(target), Cause::Requested, stop.into_iter().collect()));
    }
    for network in &observed.networks {
        plan.push(Action::RemoveNetwork(network.clone()), Cause::Requested, removed.clone());
    }
    for volume in observed.volumes.iter().filter(|_| with_volumes) {
        plan.push(Action::RemoveVolume(volume.clone()), Cause::Requested, removed.clone());
    }
    plan
}

/// Stops everything and removes nothing. Apps first, so that what they have in hand can still reach its sidecar; then sidecars;
/// then what those hang on.
pub fn stop(observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    add_stops(&mut plan, observed, Urgency::InOrder, |stage| match stage {
        StopStage::Apps => &[],
        StopStage::Sidecars => &[StopStage::Apps],
        StopStage::Backends | StopStage::Others => &[StopStage::Apps, StopStage::Sidecars],
    });
    plan
}

/// What stops together, in the order in which steps are named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopStage {
    Apps,
    Sidecars,
    Backends,
    Others,
}

const STAGES: [StopStage; 4] = [StopStage::Apps, StopStage::Sidecars, StopStage::Backends, StopStage::Others];

/// The steps that stop what is up, each stage after those that `after` names; `last` is how backends and others end. A
/// container's step, by its place among the observed.
fn add_stops(
    plan: &mut Plan,
    observed: &Observed,
    last: Urgency,
    after: impl Fn(StopStage) -> &'static [StopStage],
) -> Vec<Option<StepId>> {
    let mut stops: Vec<Option<StepId>> = vec![None; observed.containers.len()];
    for stage in STAGES {
        let earlier = observed.containers.iter().zip(&stops);
        let earlier = earlier.filter(|(container, _)| after(stage).contains(&stop_stage(container.role)));
        let earlier: Vec<_> = earlier.filter_map(|(_, stop)| *stop).collect();
        for (container, stop) in observed.containers.iter().zip(&mut stops) {
            if stop_stage(container.role) != stage || !is_up(container) {
                continue;
            }
            let urgency = if matches!(stage, StopStage::Apps | StopStage::Sidecars) { Urgency::InOrder } else { last };
            let action = Action::Stop(Target::observed(container), urgency);
            *stop = Some(plan.push(action, Cause::Requested, earlier.clone()));
        }
    }
    stops
}

fn is_up(container: &ObservedContainer) -> bool {
    matches!(container.state, ContainerState::Running | ContainerState::Paused)
}

fn stop_stage(role: Role) -> StopStage {
    match role {
        Role::App => StopStage::Apps,
        Role::Sidecar => StopStage::Sidecars,
        Role::Broker | Role::State | Role::Scheduler | Role::Placement | Role::Sentry => StopStage::Backends,
        Role::Other => StopStage::Others,
    }
}
