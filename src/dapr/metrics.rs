//! What a sidecar has counted, out of its Prometheus text. Pure.
//!
//! The names are those of daprd 1.14.4, 1.16.0 and 1.18.2 (`pkg/diagnostics/component_monitoring.go`, and their own answers
//! in `metrics/`). Counts begin anew with the sidecar: whoever compares takes them from both sides of a hand-over.
//!
//! Two things that daprd has wrong are made good here. Deliveries in bulk carry the word `pubsubName` instead of the
//! component's name: they go to the one that has a subscription to the topic. And before 1.18 latencies are whole
//! milliseconds, of which zeros are not in the histogram: calls that it lacks count as the fastest.

use super::exposition::{Sample, samples};
use crate::plan::spec::SubscriptionIdentity;
use serde::Serialize;
use std::collections::BTreeMap;

/// What every name here begins with.
const PREFIX: &str = "dapr_component_";
/// What daprd calls every pub/sub component in the counts of bulks.
const BULK_COMPONENT: &str = "pubsubName";

/// What one sidecar has done since it started.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SidecarMetrics {
    /// Messages, by pub/sub component and topic.
    pub topics: Vec<TopicMetrics>,
    /// Calls of state stores, by store and operation.
    pub state: Vec<StateMetrics>,
    /// Jobs that came due.
    pub jobs: JobMetrics,
}

/// The messages of one topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TopicMetrics {
    /// The pub/sub component.
    pub pubsub: String,
    /// The topic.
    pub topic: String,
    /// Published and acknowledged by the broker.
    pub published: u64,
    /// Calls to publish that failed; one of a bulk counts once.
    pub publish_failed: u64,
    /// Given to the app, which took them.
    pub delivered: u64,
    /// Attempts after which the message comes again: the app failed, was not there, or answered RETRY.
    pub retried: u64,
    /// Dropped: the app said so, no route wanted it, it had expired, or it went to the dead letter topic.
    pub dropped: u64,
}

/// The calls of one operation on one state store.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StateMetrics {
    /// The component.
    pub store: String,
    /// `get`, `set`, `delete`, `transaction`, …
    pub operation: String,
    /// All of them.
    pub calls: u64,
    /// Those that failed, an etag that did not match among them.
    pub failed: u64,
    /// Half of the calls took no longer, in milliseconds; `None` where daprd has no histogram.
    pub p50_ms: Option<f64>,
    /// 95 of 100 took no longer.
    pub p95_ms: Option<f64>,
}

/// Jobs that the scheduler has sent to the app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JobMetrics {
    /// Callbacks that the app answered with 2xx.
    pub succeeded: u64,
    /// Callbacks that it did not; one answered with 404 does not come again.
    pub failed: u64,
}

impl SidecarMetrics {
    /// Reads what `:9090/` answers. `subscriptions` are the sidecar's own. What was never counted is not there, or zero.
    pub fn read(text: &str, subscriptions: &[SubscriptionIdentity]) -> Self {
        let mut topics = BTreeMap::new();
        let mut stores: BTreeMap<(String, String), Calls> = BTreeMap::new();
        let mut jobs = JobMetrics::default();
        for sample in samples(text, PREFIX) {
            let Some(name) = sample.name.strip_prefix(PREFIX) else { continue };
            if let Some(name) = name.strip_prefix("pubsub_") {
                count_message(&mut topics, name, &sample, subscriptions);
            } else if let Some(name) = name.strip_prefix("state_") {
                let key = (sample.label("component").to_owned(), sample.label("operation").to_owned());
                stores.entry(key).or_default().take(name, &sample);
            } else {
                match name {
                    "job_success_count" => jobs.succeeded += sample.count(),
                    "job_failure_count" => jobs.failed += sample.count(),
                    _ => {}
                }
            }
        }
        let topics = topics.into_iter();
        let topics = topics.map(|((pubsub, topic), metrics)| TopicMetrics { pubsub, topic, ..metrics });
        let state = stores.into_iter().map(|((store, operation), calls)| calls.metrics(store, operation));
        Self { topics: topics.collect(), state: state.collect(), jobs }
    }

    /// The counts of one topic; zeros where nothing was counted.
    pub fn topic(&self, pubsub: &str, topic: &str) -> TopicMetrics {
        let found = self.topics.iter().find(|one| one.pubsub == pubsub && one.topic == topic).cloned();
        found.unwrap_or_else(|| TopicMetrics {
            pubsub: pubsub.to_owned(),
            topic: topic.to_owned(),
            ..TopicMetrics::default()
        })
    }
}

type Topics = BTreeMap<(String, String), TopicMetrics>;

/// `name` is what follows `dapr_component_pubsub_`.
fn count_message(topics: &mut Topics, name: &str, sample: &Sample<'_>, subscriptions: &[SubscriptionIdentity]) {
    let succeeded = sample.label("success") == "true";
    let field: fn(&mut TopicMetrics) -> &mut u64 = match name {
        "egress_count" | "egress_bulk_event_count" if succeeded => |topic| &mut topic.published,
        "egress_count" | "egress_bulk_count" if !succeeded => |topic| &mut topic.publish_failed,
        // In capitals for bulks.
        "ingress_count" | "ingress_bulk_event_count" => {
            match sample.label("process_status").to_ascii_lowercase().as_str() {
                "success" => |topic| &mut topic.delivered,
                "retry" => |topic| &mut topic.retried,
                "drop" => |topic| &mut topic.dropped,
                _ => return,
            }
        }
        _ => return,
    };
    let (mut pubsub, topic) = (sample.label("component"), sample.label("topic"));
    if pubsub == BULK_COMPONENT {
        let mut subscribed = subscriptions.iter().filter(|subscription| subscription.topic == topic);
        if let (Some(only), None) = (subscribed.next(), subscribed.next()) {
            pubsub = &only.pubsub;
        }
    }
    *field(topics.entry((pubsub.to_owned(), topic.to_owned())).or_default()) += sample.count();
}

/// The calls of one operation, successes and failures together.
#[derive(Debug, Default)]
struct Calls {
    all: u64,
    failed: u64,
    /// How many took no longer, by upper bound in milliseconds as daprd writes it, with its value.
    buckets: BTreeMap<String, (f64, u64)>,
}

impl Calls {
    /// `name` is what follows `dapr_component_state_`.
    fn take(&mut self, name: &str, sample: &Sample<'_>) {
        match name {
            "count" => {
                self.all += sample.count();
                self.failed += if sample.label("success") == "true" { 0 } else { sample.count() };
            }
            "latencies_bucket" => {
                let bound = sample.label("le");
                if let Ok(milliseconds) = bound.parse() {
                    self.buckets.entry(bound.to_owned()).or_insert((milliseconds, 0)).1 += sample.count();
                }
            }
            _ => {}
        }
    }

    fn metrics(self, store: String, operation: String) -> StateMetrics {
        let mut buckets: Vec<_> = self.buckets.into_values().collect();
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let in_buckets = buckets.last().map_or(0, |(_, count)| *count);
        let fastest = self.all.saturating_sub(in_buckets);
        buckets.iter_mut().for_each(|(_, count)| *count += fastest);
        let milliseconds = |share| quantile(&buckets, share).map(|time| (time * 100.0).round() / 100.0);
        let (p50_ms, p95_ms) = (milliseconds(0.5), milliseconds(0.95));
        StateMetrics { store, operation, calls: self.all, failed: self.failed, p50_ms, p95_ms }
    }
}

/// What Prometheus' `histogram_quantile` says: the bucket in which it lies, and in there in proportion. `buckets` are
/// cumulative, by upper bound; one without an end stands for the bound before it.
fn quantile(buckets: &[(f64, u64)], share: f64) -> Option<f64> {
    let all = buckets.last().map(|(_, count)| *count).filter(|count| *count > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "a rank among calls")]
    let float = |count: u64| count as f64;
    let rank = share * float(all);
    let mut lower = (0.0, 0);
    for &(bound, count) in buckets {
        if float(count) >= rank {
            let (start, before) = lower;
            if bound.is_infinite() {
                return Some(start);
            }
            return Some(start + (bound - start) * (rank - float(before)) / float(count - before).max(1.0));
        }
        lower = (bound, count);
    }
    None
}

#[cfg(test)]
mod tests;
