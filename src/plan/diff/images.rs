//! Which images must be pulled or built.

use super::{PlanError, PullPolicy, UpOptions};
use crate::{
    names::ImageReference,
    plan::{Action, Cause, Plan, StepId, desired::Desired, observed::Observed},
};
use std::collections::BTreeMap;

/// Adds the steps that make images be there; returns the step of each image that has one.
pub(super) fn add(
    plan: &mut Plan,
    desired: &Desired,
    observed: &Observed,
    options: UpOptions,
) -> Result<BTreeMap<ImageReference, StepId>, PlanError> {
    let mut steps = BTreeMap::new();
    for build in &desired.builds {
        let cause = match observed.images.get(&build.image) {
            None => Cause::Missing,
            Some(_) if options.build => Cause::Requested,
            Some(_) => continue,
        };
        steps.insert(build.image.clone(), plan.push(Action::Build(build.clone()), cause, vec![]));
    }
    let mut missing = Vec::new();
    for container in &desired.containers {
        let image = &container.image;
        if steps.contains_key(image) || observed.images.contains_key(image) {
            continue;
        }
        if options.pull == PullPolicy::Never {
            missing.push((container.short_name.clone(), image.clone()));
            continue;
        }
        steps.insert(image.clone(), plan.push(Action::Pull(image.clone()), Cause::Missing, vec![]));
    }
    if missing.is_empty() { Ok(steps) } else { Err(PlanError::ImagesMissing(missing)) }
}

/// Every image that is not built here, pulled whether or not it is there: what `--pull always` does before it plans.
pub fn pull_all(desired: &Desired) -> Plan {
    let mut plan = Plan::default();
    let is_built = |image: &ImageReference| desired.builds.iter().any(|build| build.image == *image);
    let mut images: Vec<_> = desired.containers.iter().map(|container| &container.image).collect();
    images.sort();
    images.dedup();
    for image in images.into_iter().filter(|image| !is_built(image)) {
        plan.push(Action::Pull(image.clone()), Cause::Requested, vec![]);
    }
    plan
}
