//! From joining its group until it fetches, a Kafka consumer of daprd needs a little longer, and no broker tells when.

use crate::plan::spec::Inquiry;
use std::time::{Duration, Instant};

/// Sarama, daprd's Kafka client, gathers the partitions of a session for 100 ms before it asks for the first message
/// (`partitionConsumersBatchTimeout`, v1.45); with what comes before and after it, the first one was seen to arrive 137 ms after
/// its group was stable.
const BEGINS_WITHIN: Duration = Duration::from_millis(200);

/// When the consumers of one sidecar were seen to have joined.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fetching {
    saw_them_missing: bool,
    joined: Option<Instant>,
}

impl Fetching {
    /// They are not all there: what was seen before does not count any more.
    pub(super) fn missing(&mut self) {
        *self = Self { saw_them_missing: true, joined: None };
    }

    /// All are there. Whether they fetch too: at once for those that were there at the first look.
    pub(super) fn joined<'a>(&mut self, mut inquiries: impl Iterator<Item = &'a Inquiry>, now: Instant) -> bool {
        let joined = *self.joined.get_or_insert(now);
        let is_slow = inquiries.any(|inquiry| matches!(inquiry, Inquiry::KafkaGroup));
        !(is_slow && self.saw_them_missing) || now.duration_since(joined) >= BEGINS_WITHIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_seen_joining_a_kafka_group_is_given_time_and_who_was_there_is_not() {
        let (kafka, redis) = ([Inquiry::RedisGroup, Inquiry::KafkaGroup], [Inquiry::RedisGroup]);
        let now = Instant::now();
        assert!(Fetching::default().joined(kafka.iter(), now), "there at the first look");
        let mut fetching = Fetching::default();
        fetching.missing();
        assert!(!fetching.joined(kafka.iter(), now));
        assert!(!fetching.joined(kafka.iter(), now + BEGINS_WITHIN / 2));
        fetching.missing();
        assert!(!fetching.joined(kafka.iter(), now + BEGINS_WITHIN), "a rebalance begins it anew");
        assert!(fetching.joined(kafka.iter(), now + BEGINS_WITHIN * 2));
        fetching.missing();
        assert!(fetching.joined(redis.iter(), now), "only Kafka's consumers are slow");
    }
}
