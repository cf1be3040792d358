//! The steps of `restart` for containers that are no sidecars: those are handed over.

use super::verdict::misses;
use crate::{
    names::ContainerName,
    plan::{
        Action, Cause, Plan, Target, Urgency,
        desired::Desired,
        observed::{ContainerState, Observed},
        spec::{ContainerSpec, Readiness, Role},
    },
};
use std::collections::BTreeSet;

/// Stops, starts and awaits each of these containers; one that is not there is left out. The sidecars of apps are awaited again.
pub fn restart(desired: &Desired, observed: &Observed, which: &BTreeSet<ContainerName>) -> Plan {
    let mut plan = Plan::default();
    for spec in desired.containers.iter().filter(|spec| which.contains(&spec.name) && spec.role != Role::Sidecar) {
        let Some(container) = observed.container(&spec.name) else { continue };
        let target = Target::of(spec);
        let mut after = Vec::new();
        if matches!(container.state, ContainerState::Running | ContainerState::Paused) {
            after.push(plan.push(Action::Stop(target.clone(), Urgency::InOrder), Cause::Requested, vec![]));
        }
        let started = plan.push(Action::Start(target.clone()), Cause::Requested, after);
        let readiness = match &spec.readiness {
            // It has just been started: that it runs is known.
            Readiness::Exited => Readiness::Running,
            readiness => readiness.clone(),
        };
        let ready = plan.push(Action::AwaitReady(target, readiness), Cause::Requested, vec![started]);
        let is_its_own = |other: &&ContainerSpec| match &other.readiness {
            Readiness::Sidecar(readiness) => readiness.app.as_ref().is_some_and(|(app, _)| *app == spec.name),
            _ => false,
        };
        let runs = |name| observed.container(name).is_some_and(|one| one.state == ContainerState::Running);
        for sidecar in desired.containers.iter().filter(is_its_own).filter(|sidecar| runs(&sidecar.name)) {
            if !misses(sidecar, spec) {
                let again = Action::AwaitReady(Target::of(sidecar), sidecar.readiness.clone());
                plan.push(again, Cause::Recheck, vec![ready]);
            }
        }
    }
    plan
}

/// The sidecars that must be handed over after these containers were restarted.
pub fn left_behind(desired: &Desired, restarted: &BTreeSet<ContainerName>) -> BTreeSet<ContainerName> {
    let apps: Vec<_> = desired.containers.iter().filter(|spec| restarted.contains(&spec.name)).collect();
    let left = desired.containers.iter().filter(|spec| apps.iter().any(|app| misses(spec, app)));
    left.map(|spec| spec.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::tests::*, *};

    #[test]
    fn an_app_is_stopped_started_and_awaited_and_nothing_else_is_touched() {
        let desired = shop();
        let all: BTreeSet<_> = desired.containers.iter().map(|spec| spec.name.clone()).collect();
        let app = BTreeSet::from([ContainerName::new("shop-orders-1")]);
        insta::assert_snapshot!(restart(&desired, &running(&desired), &app), @r"
        [] -> #1 stop shop-orders-1, asked for
        [1] -> #2 start shop-orders-1, asked for
        [2] -> #3 await shop-orders-1, asked for
        [3] -> #4 await shop-orders-dapr-1, running
        ");
        let text = restart(&desired, &running(&desired), &all).to_string();
        assert!(text.contains("stop shop-redis-1") && !text.contains("stop shop-orders-dapr"), "{text}");
        assert!(restart(&desired, &Observed::default(), &all).steps.is_empty());
    }

    #[test]
    fn on_redis_a_restarted_app_leaves_its_sidecar_behind() {
        let (app, sidecar) = (ContainerName::new("shop-orders-1"), ContainerName::new("shop-orders-dapr-1"));
        assert_eq!(left_behind(&shop_on_redis(), &BTreeSet::from([app.clone()])), BTreeSet::from([sidecar]));
        assert!(left_behind(&shop(), &BTreeSet::from([app])).is_empty());
    }
}
