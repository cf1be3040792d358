//! Sidecars that `up` finds changed while all around them is as it was: they are handed over, and nobody misses them.

use super::{
    PlanError, UpOptions, hand_over, images,
    up::up,
    verdict::{Verdict, verdicts},
};
use crate::{
    names::ContainerName,
    plan::{
        Cause, Plan, StepId,
        desired::Desired,
        observed::{ContainerState, Observed, ObservedContainer},
        spec::{ContainerSpec, Role},
    },
};
use std::{collections::BTreeSet, path::Path};

/// What `up` does: its own steps, and then the sidecars that are handed over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UpPlan {
    /// Everything else, the images and folders of those sidecars too.
    pub first: Plan,
    /// Those sidecars.
    pub handed_over: BTreeSet<ContainerName>,
}

/// The steps of [`up`] with as little harm as can be: a sidecar that runs, whose app and whose broker and store stay, is not among
/// what is made anew.
///
/// # Errors
/// As [`up`].
pub fn up_gently(
    desired: &Desired,
    observed: &Observed,
    options: UpOptions,
    directory: &Path,
) -> Result<UpPlan, PlanError> {
    let handed_over = changed_alone(&desired.containers, observed);
    if handed_over.is_empty() {
        return Ok(UpPlan { first: up(desired.clone(), observed, options, directory)?, handed_over });
    }
    let (mut others, mut sidecars) = (desired.clone(), desired.clone());
    others.containers.retain(|spec| !handed_over.contains(&spec.name));
    let mut rest = observed.clone();
    // What an earlier hand-over left of them, too, which is called after them.
    let is_of = |container: &ObservedContainer, name: &ContainerName| {
        let rest = container.name.as_str().strip_prefix(name.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let is_other = |container: &ObservedContainer| !handed_over.iter().any(|name| is_of(container, name));
    rest.containers.retain(is_other);
    let mut first = up(others, &rest, options, directory)?;
    let is_of_others = |spec: &ContainerSpec| {
        let others = desired.containers.iter().filter(|other| !handed_over.contains(&other.name));
        others.into_iter().any(|other| other.image == spec.image)
    };
    sidecars.containers.retain(|spec| handed_over.contains(&spec.name) && !is_of_others(spec));
    sidecars.builds.clear();
    images::add(&mut first, &sidecars, observed, options)?;
    Ok(UpPlan { first, handed_over })
}

/// Everything in one, for the eye.
///
/// # Errors
/// As [`hand_over()`].
pub fn shown(plan: UpPlan, desired: &Desired, observed: &Observed) -> Result<Plan, PlanError> {
    let mut all = plan.first;
    if !plan.handed_over.is_empty() {
        // What the first part has made is there by then.
        let mut then = observed.clone();
        then.folders.extend(desired.folders.iter().map(|folder| folder.path.clone()));
        let of_any =
            desired.containers.iter().map(|spec| (spec.image.clone(), crate::plan::observed::ObservedImage::default()));
        then.images.extend(of_any);
        let made = hand_over(desired, &then, &plan.handed_over)?;
        append(&mut all, made.prepare);
        append(&mut all, made.complete);
    }
    Ok(all)
}

/// Adds a plan that comes when all of the one before is done.
fn append(plan: &mut Plan, next: Plan) {
    let offset = plan.steps.len();
    let waited_for: BTreeSet<_> = plan.steps.iter().flat_map(|step| step.after.iter().copied()).collect();
    let last: Vec<_> = (0..offset).map(StepId).filter(|id| !waited_for.contains(id)).collect();
    for mut step in next.steps {
        step.after.iter_mut().for_each(|id| id.0 += offset);
        if step.after.is_empty() {
            step.after.clone_from(&last);
        }
        plan.steps.push(step);
    }
}

fn changed_alone(containers: &[ContainerSpec], observed: &Observed) -> BTreeSet<ContainerName> {
    let verdicts = verdicts(containers, observed);
    let stays = |name: &ContainerName| verdicts.get(name) == Some(&Verdict::Keep);
    // A sidecar goes on without them for a while: it comes back to them by itself. But one with mTLS is of no use to one without.
    let is_control_plane = |name: &ContainerName| {
        let is_of_it = |role| match role {
            Role::Sentry => observed.container(name).is_some(),
            _ => matches!(role, Role::Scheduler | Role::Placement),
        };
        containers.iter().any(|spec| spec.name == *name && is_of_it(spec.role))
    };
    let is_alone = |spec: &&ContainerSpec| {
        let runs = observed.container(&spec.name).is_some_and(|one| one.state == ContainerState::Running);
        let is_changed = matches!(verdicts[&spec.name], Verdict::Create(Cause::SpecChanged | Cause::ImageChanged));
        let is_its_app =
            |other: &&ContainerSpec| other.role == Role::App && other.app == spec.app && other.replica == spec.replica;
        let apps_stay = containers.iter().filter(is_its_app).all(|app| stays(&app.name));
        let ground_stays = spec
            .start_after
            .iter()
            .all(|condition| stays(condition.container()) || is_control_plane(condition.container()));
        spec.role == Role::Sidecar && runs && is_changed && apps_stay && ground_stays
    };
    containers.iter().filter(is_alone).map(|spec| spec.name.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::tests::*, *};

    fn changed(short_names: &[&str]) -> Desired {
        let mut desired = shop();
        for spec in desired.containers.iter_mut().filter(|spec| short_names.contains(&spec.short_name.as_str())) {
            spec.environment.insert("NEW".to_owned(), "1".to_owned());
        }
        desired
    }

    fn plan(desired: &Desired, observed: &Observed) -> UpPlan {
        up_gently(desired, observed, UpOptions::default(), Path::new("/shop")).expect("a plan")
    }

    #[test]
    fn a_sidecar_that_changes_alone_is_handed_over() {
        let observed = running(&shop());
        let desired = changed(&["orders-dapr"]);
        let plan = plan(&desired, &observed);
        assert!(plan.first.only_looks(), "{}", plan.first);
        assert_eq!(plan.handed_over.len(), 1);
        insta::assert_snapshot!(shown(plan, &desired, &observed).expect("possible"), @"
        [] -> #1 await shop-redis-1, running
        [1] -> #2 await shop-orders-1, running
        [2] -> #3 create shop-orders-dapr-1.next, hand-over
        [3] -> #4 start shop-orders-dapr-1.next, hand-over
        [4] -> #5 await shop-orders-dapr-1.next, hand-over
        [5] -> #6 stop shop-orders-dapr-1, hand-over
        [6] -> #7 remove shop-orders-dapr-1, hand-over
        [7] -> #8 rename shop-orders-dapr-1.next, hand-over
        ");
    }

    #[test]
    fn with_its_app_or_its_broker_it_is_made_anew_as_they_are() {
        for short_names in [["orders-dapr", "orders"], ["orders-dapr", "redis"]] {
            let plan = plan(&changed(&short_names), &running(&shop()));
            assert!(plan.handed_over.is_empty() && !plan.first.only_looks(), "{short_names:?}");
        }
        assert!(plan(&shop(), &running(&shop())).handed_over.is_empty(), "nothing is to be done");
    }

    #[test]
    fn another_scheduler_beside_it_is_no_reason() {
        let with_scheduler = |image: &str| {
            let mut desired = changed(&[]);
            let mut scheduler = desired.containers[0].clone();
            (scheduler.name, scheduler.role) = (ContainerName::new("shop-scheduler-1"), Role::Scheduler);
            scheduler.image = crate::names::ImageReference::new(image);
            let after = crate::plan::spec::StartCondition::Ready(scheduler.name.clone());
            desired.containers.insert(0, scheduler);
            for spec in desired.containers.iter_mut().filter(|spec| spec.role == Role::Sidecar) {
                spec.start_after.push(after.clone());
                spec.environment.insert("IMAGE".to_owned(), image.to_owned());
            }
            desired
        };
        let plan = plan(&with_scheduler("scheduler:2"), &running(&with_scheduler("scheduler:1")));
        assert_eq!(plan.handed_over.len(), 1);
        assert!(plan.first.to_string().contains("create shop-scheduler-1, changed"), "{}", plan.first);
    }

    #[test]
    fn one_that_does_not_run_is_made_anew() {
        let mut observed = running(&shop());
        for one in observed.containers.iter_mut().filter(|one| one.role == Role::Sidecar) {
            one.state = ContainerState::Exited;
        }
        assert!(plan(&changed(&["orders-dapr"]), &observed).handed_over.is_empty());
    }

    #[test]
    fn the_tenth_replica_is_another_one_than_the_first() {
        let observed = running(&shop());
        let mut desired = changed(&["orders-dapr"]);
        let first = desired.containers.iter().find(|spec| spec.role == Role::Sidecar).expect("there").clone();
        let tenth = ContainerSpec { name: ContainerName::new(format!("{}0", first.name)), replica: 10, ..first };
        let mut there = observed_container(&tenth, ContainerState::Exited);
        there.name = tenth.name.clone();
        let observed = Observed { containers: observed.containers.into_iter().chain([there]).collect(), ..observed };
        desired.containers.push(tenth);
        let plan = plan(&desired, &observed);
        assert_eq!(plan.handed_over.len(), 1);
        assert!(!plan.first.to_string().contains("create shop-orders-dapr-10"), "it is there: {}", plan.first);
    }

    #[test]
    fn its_image_is_got_before() {
        let observed = running(&shop());
        let mut desired = shop();
        for spec in desired.containers.iter_mut().filter(|spec| spec.role == Role::Sidecar) {
            spec.image = crate::names::ImageReference::new("orders-dapr:2");
        }
        let plan = plan(&desired, &observed);
        assert!(plan.first.to_string().contains("pull orders-dapr:2, missing"), "{}", plan.first);
        let never = UpOptions { pull: super::super::PullPolicy::Never, ..UpOptions::default() };
        let refused = up_gently(&desired, &observed, never, Path::new("/shop"));
        assert!(matches!(refused, Err(PlanError::ImagesMissing(_))), "{refused:?}");
    }
}
