//! What is said of a swap in the end: what the old sidecars have counted, and what the project must know of the target.

use super::groups::{Subscriptions, component_metadata};
use crate::{
    catalog::{
        Catalog,
        features::{self, Subscribed, UsedFeatures},
    },
    dapr::{
        metrics::{SidecarMetrics, TopicMetrics},
        resiliency::retries_messages,
        sidecar::METRICS_PORT,
    },
    engine::{bulk::Bulk, executor::Executor, project::Project, ready::address},
    names::ContainerName,
    plan::spec::{ContainerSpec, SubscriptionIdentity},
    probe::daprd::{self, LoadedSubscription},
};
use futures_util::future::join_all;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Nobody waits for it: a sidecar that is slow to tell is not known.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// The messages of a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Counted {
    /// Publishes that the broker has acknowledged.
    pub acknowledged: u64,
    /// Messages that the apps have taken, repeats too; `None` where they came in bulk: of these daprd 1.18.2 counts the calls
    /// (`ingress_bulk_event_count` is aggregated with `view.Count`).
    pub delivered: Option<u64>,
    /// Attempts after which a message came again; `None` where they came in bulk.
    pub retried: Option<u64>,
}

impl Default for Counted {
    fn default() -> Self {
        Self { acknowledged: 0, delivered: Some(0), retried: Some(0) }
    }
}

/// What one sidecar, which has these subscriptions, has counted of its topics so far; `None` when it does not tell.
pub(super) async fn topics_of(
    executor: &Executor,
    sidecar: &ContainerName,
    subscriptions: &[SubscriptionIdentity],
) -> Option<Vec<TopicMetrics>> {
    let context = &executor.ready;
    let address = address(context, sidecar, METRICS_PORT).await.ok()?;
    let text = daprd::metrics(&context.http, address, ANSWER_LIMIT).await.ok()?;
    Some(SidecarMetrics::read(&text, subscriptions).topics)
}

/// What these sidecars have published and delivered so far, by topic; `None` when one does not tell.
pub(super) async fn counted(
    executor: &Executor,
    project: &Project,
    sidecars: &BTreeSet<ContainerName>,
    subscriptions: &Subscriptions,
    bulk: &Bulk,
) -> Option<BTreeMap<String, Counted>> {
    let ask = async |spec: &ContainerSpec| {
        let own = spec.app.as_ref().and_then(|app| subscriptions.get(app)).into_iter().flatten();
        let own: Vec<_> = own.map(LoadedSubscription::identity).collect();
        topics_of(executor, &spec.name, &own).await
    };
    let sidecars = project.desired.containers.iter().filter(|spec| sidecars.contains(&spec.name));
    let bulk: BTreeSet<_> = bulk.iter().map(|(_, one)| &one.topic).collect();
    let mut all = BTreeMap::<String, Counted>::new();
    for topics in join_all(sidecars.map(ask)).await {
        let of_broker = |topic: &TopicMetrics| project.broker_components().contains(&topic.pubsub);
        for topic in topics?.into_iter().filter(of_broker) {
            let is_bulk = bulk.contains(&topic.topic);
            let sum = all.entry(topic.topic).or_default();
            sum.acknowledged += topic.published;
            sum.delivered = sum.delivered.filter(|_| !is_bulk).map(|sum| sum + topic.delivered);
            sum.retried = sum.retried.filter(|_| !is_bulk).map(|sum| sum + topic.retried);
        }
    }
    Some(all)
}

/// What is otherwise on the target for what the project uses, a sentence each.
pub(super) fn differences(
    from: &str,
    to: &str,
    project: &Project,
    subscriptions: &Subscriptions,
    bulk: &Bulk,
) -> Vec<String> {
    let catalog = Catalog::embedded();
    let Some((from, to)) = catalog.brokers.get(from).zip(catalog.brokers.get(to)) else { return Vec::new() };
    let mut used = UsedFeatures::default();
    for component in project.broker_components() {
        let mut subscribed = Vec::new();
        for (app, loaded) in subscriptions {
            let sidecars = project.config.apps.get(app).map_or(1, |app| app.replicas);
            let is_retried = retries_messages(&project.resources, app.as_str(), component);
            subscribed.extend(loaded.iter().filter(|one| one.pubsub == *component).map(|one| Subscribed {
                topic: one.topic.clone(),
                has_dead_letter_topic: one.dead_letter_topic.is_some(),
                is_bulk: bulk.contains(&(app.clone(), one.identity())),
                metadata: one.metadata.clone(),
                sidecars,
                is_retried,
            }));
        }
        used.add(component, &metadata(project, component), &subscribed);
    }
    features::differences(from, to, &used)
}

/// What the project's own component says, or the one that it gets where it has none.
fn metadata(project: &Project, component: &str) -> BTreeMap<String, String> {
    let own = project.resources.iter().map(|(_, resource)| resource);
    let own = own.into_iter().find(|one| one.kind == "Component" && one.name == component);
    let given = || {
        let mut sidecars = project.desired.sidecars_with(project.broker_components());
        sidecars.next().map(|spec| component_metadata(project, spec, component)).unwrap_or_default()
    };
    own.map_or_else(given, crate::dapr::resource::Resource::metadata_values)
}
