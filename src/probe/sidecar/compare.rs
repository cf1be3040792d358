//! What should be in a sidecar's metadata, and is not. Pure.

use super::super::daprd::{AppSubscription, Metadata};
use crate::plan::spec::{ComponentIdentity, SubscriptionIdentity};
use std::{collections::BTreeSet, fmt};

/// What is not as it should be. What a sidecar has besides is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Missing {
    /// Components that are not there, or are there as something else.
    pub components: Vec<MissingComponent>,
    /// Subscriptions that are not there.
    pub subscriptions: Vec<SubscriptionIdentity>,
    /// Pub/subs of these that the sidecar neither has nor should have.
    pub unknown: BTreeSet<String>,
}

/// A component that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingComponent {
    /// As it should be.
    pub expected: ComponentIdentity,
    /// What has its name instead.
    pub found: Option<ComponentIdentity>,
}

/// Compares what a sidecar has with what it should have.
pub fn compare(metadata: &Metadata, expected: &[ComponentIdentity], subscriptions: &[SubscriptionIdentity]) -> Missing {
    let missing = expected.iter().filter(|expected| !metadata.components.contains(expected));
    let components = missing.map(|expected| MissingComponent {
        expected: expected.clone(),
        found: metadata.components.iter().find(|loaded| loaded.name == expected.name).cloned(),
    });
    let loaded: BTreeSet<_> = metadata.subscriptions.iter().map(|loaded| loaded.identity()).collect();
    let subscriptions: BTreeSet<_> = subscriptions.iter().filter(|expected| !loaded.contains(expected)).collect();
    let is_known = |name: &str| metadata.components.iter().chain(expected).any(|one| one.name == name);
    let pubsubs = subscriptions.iter().map(|subscription| &subscription.pubsub);
    let unknown = pubsubs.filter(|name| !is_known(name)).cloned().collect();
    let subscriptions = subscriptions.into_iter().cloned().collect();
    Missing { components: components.collect(), subscriptions, unknown }
}

/// How what the app asks for differs from what this sidecar had of it; daprd asks once in its life. `None` where it is the same,
/// and where nothing is known to be the app's.
pub fn outdated(metadata: &Metadata, wanted: &[AppSubscription]) -> Option<String> {
    let has: Vec<_> = metadata.subscriptions.iter().filter(|loaded| loaded.is_from_app).collect();
    if has.is_empty() {
        return None;
    }
    // daprd passes over one without a path.
    let wanted = wanted.iter().filter(|one| one.paths.as_ref().is_none_or(|paths| !paths.is_empty()));
    let all: BTreeSet<_> = metadata.subscriptions.iter().map(|loaded| loaded.identity()).collect();
    if let Some(new) = wanted.clone().find(|one| !all.contains(&one.identity)) {
        return Some(format!("its app subscribes to {} now", new.identity.topic));
    }
    has.iter().find_map(|loaded| {
        let identity = loaded.identity();
        let mut same = wanted.clone().filter(|one| one.identity == identity).peekable();
        if same.peek().is_none() {
            return Some(format!("its app subscribes to {} no more", loaded.topic));
        }
        let is_there = same.any(|one| one.paths.as_ref().is_none_or(|paths| *paths == loaded.paths));
        (!is_there).then(|| format!("its app takes {} at another path now", loaded.topic))
    })
}

impl Missing {
    /// Takes out the components that may be missing, and gives their names. A healthy daprd has tried all of its components, so
    /// that these do not come any more.
    pub fn forgive(&mut self, may_be_missing: &BTreeSet<String>) -> Vec<String> {
        let is_forgiven =
            |missing: &mut MissingComponent| missing.found.is_none() && may_be_missing.contains(&missing.expected.name);
        self.components.extract_if(.., is_forgiven).map(|missing| missing.expected.name).collect()
    }

    /// Whether nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.components.is_empty() && self.subscriptions.is_empty()
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let components = self.components.iter().map(MissingComponent::to_string);
        let subscriptions = self.subscriptions.iter().map(|SubscriptionIdentity { pubsub, topic }| {
            if self.unknown.contains(pubsub) {
                return format!(
                    "the app subscribes to {topic} through `{pubsub}`, a component that its sidecar has not: does it have another \
                     name, or `scopes` without this app?"
                );
            }
            format!("the sidecar has no subscription to {topic} through {pubsub}")
        });
        formatter.write_str(&components.chain(subscriptions).collect::<Vec<_>>().join("; "))
    }
}

impl fmt::Display for MissingComponent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ComponentIdentity { name, component_type, version } = &self.expected;
        match &self.found {
            None => write!(formatter, "component {name} ({component_type}/{version}) is not loaded"),
            Some(found) => write!(
                formatter,
                "component {name} is loaded as {}/{}, not as {component_type}/{version}",
                found.component_type, found.version
            ),
        }
    }
}
