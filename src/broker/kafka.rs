//! Kafka: what a group has not committed yet, over all partitions; and topics.
//!
//! Asked of one broker, which has everything: those of the catalog are alone.

use super::{Declaration, Group, Left};
use crate::probe::{
    NotYet,
    kafka_wire::{ByPartition, End, KafkaConnection},
};
use std::{collections::BTreeSet, net::SocketAddr};

pub(super) async fn left(address: SocketAddr, groups: &[Group]) -> Result<Vec<Left>, NotYet> {
    let mut connection = KafkaConnection::connect(address).await?;
    let mut found = Vec::new();
    for group in groups {
        let waiting = waiting(&mut connection, group).await?;
        found.push(Left { group: group.clone(), waiting, in_flight: 0 });
    }
    Ok(found)
}

async fn waiting(connection: &mut KafkaConnection, group: &Group) -> Result<u64, NotYet> {
    let topic = &group.topic;
    let partitions = connection.partitions(topic, false).await?;
    if partitions.is_empty() {
        return Ok(0);
    }
    connection.find_group_coordinator(&group.consumer_group).await?;
    // Before the ends: what moves in between makes it more, never less.
    let committed = connection.committed(&group.consumer_group, topic, &partitions).await?;
    let oldest = connection.offsets(topic, &partitions, End::Oldest).await?;
    let newest = connection.offsets(topic, &partitions, End::Newest).await?;
    Ok(uncommitted(&committed, &oldest, &newest))
}

/// What a group with `initialOffset: oldest` will read yet. Without a committed offset, or with one that the partition does
/// not have (any more), it begins at the oldest.
fn uncommitted(committed: &ByPartition, oldest: &ByPartition, newest: &ByPartition) -> u64 {
    let of_partition = |(partition, end): (&i32, &i64)| {
        let begin = oldest.get(partition).copied().unwrap_or_default();
        let next = committed.get(partition).copied().filter(|next| (begin..=*end).contains(next)).unwrap_or(begin);
        u64::try_from(end - next).unwrap_or_default()
    };
    newest.iter().map(of_partition).sum()
}

pub(super) async fn declare(address: SocketAddr, declarations: &[Declaration]) -> Result<(), NotYet> {
    let mut connection = KafkaConnection::connect(address).await?;
    for declaration in declarations {
        connection.partitions(&declaration.group.topic, true).await?;
    }
    Ok(())
}

/// A member that vanished stays in its group until its session has ended, and who joins meanwhile waits for it.
pub(super) async fn release(address: SocketAddr, groups: &[Group]) -> Result<(), NotYet> {
    let mut connection = KafkaConnection::connect(address).await?;
    let names: BTreeSet<_> = groups.iter().map(|group| group.consumer_group.as_str()).collect();
    for name in names {
        connection.find_group_coordinator(name).await?;
        for member in connection.describe_group(name).await?.members {
            connection.leave_group(name, &member.member_id).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(number: i64) -> ByPartition {
        ByPartition::from([(0, number)])
    }

    #[test]
    fn what_is_left_is_what_the_group_will_read_yet() {
        assert_eq!(uncommitted(&one(7), &one(0), &one(10)), 3);
        assert_eq!(uncommitted(&one(10), &one(0), &one(10)), 0);
        assert_eq!(uncommitted(&one(-1), &one(4), &one(10)), 6, "a new group begins at the oldest");
        assert_eq!(uncommitted(&one(2), &one(4), &one(10)), 6, "what is gone cannot be read");
        assert_eq!(uncommitted(&one(12), &one(4), &one(10)), 6, "an offset of another life of the topic");
        assert_eq!(uncommitted(&one(-1), &one(0), &one(0)), 0);
    }

    #[test]
    fn every_partition_counts() {
        let committed = ByPartition::from([(0, 3), (1, -1), (2, 5)]);
        let oldest = ByPartition::from([(0, 0), (1, 0), (2, 0)]);
        let newest = ByPartition::from([(0, 5), (1, 4), (2, 5)]);
        assert_eq!(uncommitted(&committed, &oldest, &newest), 6);
    }
}
