//! The steps of `down`, and of the stop that Ctrl-C asks for.

use crate::plan::{
    Action, Cause, Plan, StepId, Target, Urgency,
    observed::{ContainerState, Observed, ObservedContainer},
    spec::Role,
};

/// Stops and removes everything of the project but its volumes, and those too where asked: then what only they would miss is
/// killed, since nothing is left to save.
pub fn down(observed: &Observed, with_volumes: bool) -> Plan {
    let mut plan = Plan::default();
    let stopped = add_stops(&mut plan, observed, with_volumes);
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

/// Stops everything and removes nothing.
pub fn stop(observed: &Observed) -> Plan {
    let mut plan = Plan::default();
    add_stops(&mut plan, observed, false);
    plan
}

/// Apps first, so that what they have in hand can still reach its sidecar; then sidecars; then what those hang on.
fn add_stops(plan: &mut Plan, observed: &Observed, at_once: bool) -> Vec<Option<StepId>> {
    let mut stops = vec![None; observed.containers.len()];
    let mut before = Vec::new();
    for stage in 0..=2 {
        let mut this = Vec::new();
        for (container, stop) in observed.containers.iter().zip(&mut stops) {
            if stop_stage(container.role) != stage || !is_up(container) {
                continue;
            }
            let urgency = if at_once && stage == 2 { Urgency::AtOnce } else { Urgency::InOrder };
            let step = plan.push(Action::Stop(Target::observed(container), urgency), Cause::Requested, before.clone());
            *stop = Some(step);
            this.push(step);
        }
        before.extend(this);
    }
    stops
}

fn is_up(container: &ObservedContainer) -> bool {
    matches!(container.state, ContainerState::Running | ContainerState::Paused)
}

fn stop_stage(role: Role) -> u8 {
    match role {
        Role::App => 0,
        Role::Sidecar => 1,
        Role::Broker | Role::State | Role::Scheduler | Role::Placement | Role::Other => 2,
    }
}
