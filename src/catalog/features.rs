//! What an app must know when its broker becomes another one: the `[features]` of two catalog entries, compared where the
//! project uses them. Pure.

use super::entry::CatalogEntry;
use crate::dapr::resource::Resource;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// What brokers differ in: the closed vocabulary of `[features]` in a catalog entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// How long messages wait, and for whom.
    Keeping,
    /// In which order messages come.
    Order,
    /// What several sidecars of one app do.
    Sharing,
    /// What becomes of a message that the app fails, without Resiliency and dead letter topic.
    Failures,
    /// `deadLetterTopic` of a subscription.
    DeadLetterTopics,
    /// `enableDeadLetter` of the component.
    BrokersDeadLetters,
    /// `bulkSubscribe` of a subscription.
    Bulk,
    /// `ttlInSeconds` of the component.
    Ttl,
    /// `maxLen`, `maxLenApprox`, `streamTTL` and the like.
    Limits,
    /// Topics with `*`.
    Wildcards,
    /// `exchangeKind` and `routingKey`.
    Routing,
    /// `maxPriority` of a subscription.
    Priorities,
    /// `queueName`, `queueType`, `singleActiveConsumer` of a subscription.
    Queues,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Keeping,
        Self::Order,
        Self::Sharing,
        Self::Failures,
        Self::DeadLetterTopics,
        Self::BrokersDeadLetters,
        Self::Bulk,
        Self::Ttl,
        Self::Limits,
        Self::Wildcards,
        Self::Routing,
        Self::Priorities,
        Self::Queues,
    ];
}

impl fmt::Display for Feature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Keeping => "messages that wait",
            Self::Order => "order",
            Self::Sharing => "several sidecars of an app",
            Self::Failures => "messages that the app fails, without Resiliency and dead letter topic",
            Self::DeadLetterTopics => "dead letter topics",
            Self::BrokersDeadLetters => "`enableDeadLetter`",
            Self::Bulk => "bulk subscriptions",
            Self::Ttl => "`ttlInSeconds`",
            Self::Limits => "limits",
            Self::Wildcards => "topics with `*`",
            Self::Routing => "routing keys",
            Self::Priorities => "priorities",
            Self::Queues => "settings of a queue",
        })
    }
}

/// A subscription, as far as brokers differ in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscribed {
    /// The topic.
    pub topic: String,
    /// Whether it has a `deadLetterTopic`.
    pub has_dead_letter_topic: bool,
    /// Whether it is a bulk subscription.
    pub is_bulk: bool,
    /// Its metadata.
    pub metadata: BTreeMap<String, String>,
    /// How many sidecars of the app have it.
    pub sidecars: u32,
    /// Whether a Resiliency of the app tries its messages again.
    pub is_retried: bool,
}

impl Subscribed {
    /// The pub/sub component and the subscription when the resource is one, of one sidecar and not retried.
    pub fn of(resource: &Resource) -> Option<(String, Self)> {
        let (pubsub, topic) = resource.subscription()?;
        let fields = resource.fields();
        let subscribed = Self {
            topic,
            has_dead_letter_topic: fields.get("deadLetterTopic").is_some_and(|topic| !topic.is_empty()),
            is_bulk: fields.get("bulkSubscribe.enabled").is_some_and(|enabled| enabled == "true"),
            metadata: resource.subscription_metadata(),
            sidecars: 1,
            is_retried: false,
        };
        Some((pubsub, subscribed))
    }
}

/// What a project uses of its broker, each with where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsedFeatures {
    used: BTreeMap<Feature, BTreeSet<String>>,
}

impl UsedFeatures {
    /// Notes what a component and the subscriptions to it use. `metadata`: what the project's own component says, or the
    /// rendered one where it has none.
    pub fn add(&mut self, component: &str, metadata: &BTreeMap<String, String>, subscriptions: &[Subscribed]) {
        self.note(Feature::Keeping, component);
        let has = |names: &[&str]| metadata.keys().any(|own| names.iter().any(|name| own.eq_ignore_ascii_case(name)));
        let of_component: [(Feature, &[&str]); 4] = [
            (Feature::BrokersDeadLetters, &["enableDeadLetter"]),
            (Feature::Ttl, &["ttlInSeconds"]),
            (Feature::Limits, &["maxLen", "maxLenBytes", "maxLenApprox", "streamTTL"]),
            (Feature::Routing, &["exchangeKind"]),
        ];
        for (feature, names) in of_component {
            if has(names) {
                self.note(feature, component);
            }
        }
        for subscription in subscriptions {
            self.add_subscription(subscription);
        }
    }

    fn add_subscription(&mut self, subscription: &Subscribed) {
        let has = |names: &[&str]| names.iter().any(|name| subscription.metadata.contains_key(*name));
        let Subscribed { topic, has_dead_letter_topic, is_bulk, sidecars, is_retried, .. } = subscription;
        let uses = [
            (Feature::Order, true),
            (Feature::Sharing, *sidecars > 1),
            (Feature::Failures, !is_retried && !has_dead_letter_topic),
            (Feature::DeadLetterTopics, *has_dead_letter_topic),
            (Feature::Bulk, *is_bulk),
            (Feature::Limits, has(&["maxLen", "maxLenBytes"])),
            (Feature::Wildcards, topic.contains('*')),
            (Feature::Routing, has(&["routingKey"])),
            (Feature::Priorities, has(&["maxPriority"])),
            (Feature::Queues, has(&["queueName", "queueType", "singleActiveConsumer"])),
        ];
        for (feature, _) in uses.into_iter().filter(|(_, is_used)| *is_used) {
            self.note(feature, topic);
        }
    }

    fn note(&mut self, feature: Feature, place: &str) {
        self.used.entry(feature).or_default().insert(place.to_owned());
    }
}

/// What is otherwise on another broker, a sentence for each feature that is used: in the order in which they weigh.
pub fn differences(from: &CatalogEntry, to: &CatalogEntry, used: &UsedFeatures) -> Vec<String> {
    let difference = |(feature, places): (&Feature, &BTreeSet<String>)| {
        let (before, after) = (from.description.features.get(feature)?, to.description.features.get(feature)?);
        let places: Vec<_> = places.iter().map(|place| format!("`{place}`")).collect();
        let (old, new) = (&from.description.name, &to.description.name);
        (before != after).then(|| format!("{feature} ({}): on {new} {after}; on {old} {before}", places.join(", ")))
    };
    used.used.iter().filter_map(difference).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::Catalog, *};
    use proptest::prelude::*;

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn subscribed(yaml: &str) -> Subscribed {
        let text = format!("apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata: {{name: s}}\nspec:\n{yaml}");
        let resource = &Resource::parse_all(&text).expect("YAML")[0];
        let (pubsub, subscribed) = Subscribed::of(resource).expect("a subscription");
        assert_eq!(pubsub, "pubsub");
        subscribed
    }

    fn features(metadata: &[(&str, &str)], subscriptions: &[Subscribed]) -> Vec<Feature> {
        let mut used = UsedFeatures::default();
        used.add("pubsub", &pairs(metadata), subscriptions);
        used.used.into_keys().collect()
    }

    #[test]
    fn every_broker_says_something_of_every_feature() {
        for (name, entry) in Catalog::embedded().brokers {
            for feature in Feature::ALL {
                assert!(entry.description.features.contains_key(&feature), "{name} says nothing of {feature:?}");
            }
        }
    }

    #[test]
    fn what_is_used_is_found() {
        use Feature::{BrokersDeadLetters, Bulk, DeadLetterTopics, Failures, Keeping, Limits, Order, Queues, Sharing};
        assert_eq!(features(&[], &[]), [Keeping]);
        let plain = subscribed("  pubsubname: pubsub\n  topic: orders\n");
        assert_eq!(features(&[], std::slice::from_ref(&plain)), [Keeping, Order, Failures]);
        let retried = Subscribed { is_retried: true, sidecars: 2, ..plain };
        assert_eq!(features(&[], &[retried]), [Keeping, Order, Sharing]);
        let all = subscribed(
            "  pubsubname: pubsub\n  topic: orders\n  deadLetterTopic: failed\n  bulkSubscribe: {enabled: true}\n  metadata: {queueType: quorum}\n",
        );
        let component = [("ENABLEDEADLETTER", "true"), ("maxLen", "5")];
        let wanted = [Keeping, Order, DeadLetterTopics, BrokersDeadLetters, Bulk, Limits, Queues];
        assert_eq!(features(&component, &[all]), wanted);
    }

    #[test]
    fn only_what_is_used_and_otherwise_is_named() {
        let catalog = Catalog::embedded();
        let between =
            |from: &str, to: &str, used: &UsedFeatures| differences(&catalog.brokers[from], &catalog.brokers[to], used);
        let mut used = UsedFeatures::default();
        let plain = Subscribed { topic: "orders".to_owned(), sidecars: 1, is_retried: true, ..Subscribed::default() };
        used.add("pubsub", &BTreeMap::new(), &[plain]);
        let to_redis = between("redpanda", "redis", &used);
        assert_eq!(to_redis.len(), 1, "{to_redis:?}");
        assert!(to_redis[0].starts_with("order (`orders`): on redis ten at a time, in no order"), "{to_redis:?}");
        let to_memory = between("redis", "in-memory", &used);
        assert!(to_memory[0].starts_with("messages that wait (`pubsub`): on in-memory "), "{to_memory:?}");
        assert_eq!(between("redpanda", "kafka", &used), Vec::<String>::new());
    }

    proptest! {
        /// Nothing differs from itself, and what differs there differs back.
        #[test]
        fn differences_go_both_ways(from in 0usize..5, to in 0usize..5, names in proptest::collection::btree_set("maxLen|ttlInSeconds|exchangeKind|enableDeadLetter|other", 0..4)) {
            let brokers: Vec<_> = Catalog::embedded().brokers.into_values().collect();
            let mut used = UsedFeatures::default();
            let metadata = names.into_iter().map(|name| (name, String::new())).collect();
            used.add("pubsub", &metadata, &[Subscribed { topic: "a*".to_owned(), ..Subscribed::default() }]);
            prop_assert!(differences(&brokers[from], &brokers[from], &used).is_empty());
            let (there, back) = (differences(&brokers[from], &brokers[to], &used), differences(&brokers[to], &brokers[from], &used));
            prop_assert_eq!(there.len(), back.len());
        }
    }
}
