//! Kafka: the group is `Stable`, and its members' assignments cover every topic.
//!
//! daprd's consumer (sarama) uses the classic protocol, whose assignment is public: `ConsumerProtocolAssignment` behind its
//! own version number. An assignment that cannot be read counts as covering everything. A member that was killed stays in
//! the group, which stays `Stable`, until its session times out (10 s) or another one joins: so of a sidecar that has just
//! started a member is wanted that was not there before.

use super::{
    super::{NotYet, kafka_wire::KafkaConnection},
    Earlier,
};
use bytes::{Buf, Bytes};
use kafka_protocol::{
    messages::{ConsumerProtocolAssignment, describe_groups_response::DescribedGroup},
    protocol::Decodable,
};
use std::{collections::BTreeSet, net::SocketAddr};

/// The members of the group now.
pub(super) async fn members(address: SocketAddr, group: &str) -> Result<BTreeSet<String>, NotYet> {
    let mut connection = KafkaConnection::connect(address).await?;
    connection.find_group_coordinator(group).await?;
    let described = connection.describe_group(group).await?;
    Ok(described.members.iter().map(|member| member.member_id.to_string()).collect())
}

pub(super) async fn joined(
    address: SocketAddr,
    group: &str,
    sidecars: usize,
    topics: &[String],
    earlier: &Earlier,
) -> Result<(), NotYet> {
    let mut connection = KafkaConnection::connect(address).await?;
    connection.find_group_coordinator(group).await?;
    judge(&connection.describe_group(group).await?, group, sidecars, topics, earlier)
}

fn judge(
    described: &DescribedGroup,
    group: &str,
    sidecars: usize,
    topics: &[String],
    earlier: &Earlier,
) -> Result<(), NotYet> {
    if described.members.iter().all(|member| earlier.members.contains(member.member_id.as_str())) {
        return Err(NotYet::waiting(format!("no consumer has joined group {group} yet")));
    }
    let members = described.members.len();
    if members < sidecars {
        return Err(NotYet::waiting(format!("{members} of {sidecars} consumers have joined group {group}")));
    }
    if described.group_state.as_str() != "Stable" {
        return Err(NotYet::waiting(format!("consumers are joining group {group} ({})", described.group_state)));
    }
    let mut covered = BTreeSet::new();
    for member in &described.members {
        match assigned_topics(&member.member_assignment) {
            Some(assigned) => covered.extend(assigned),
            None => return Ok(()),
        }
    }
    match topics.iter().find(|topic| !covered.contains(*topic)) {
        Some(topic) => Err(NotYet::waiting(format!("no consumer of group {group} has topic {topic} yet"))),
        None => Ok(()),
    }
}

fn assigned_topics(assignment: &Bytes) -> Option<Vec<String>> {
    let mut assignment = assignment.clone();
    if assignment.is_empty() {
        return Some(Vec::new());
    }
    let version = assignment.try_get_i16().ok()?;
    let assignment = ConsumerProtocolAssignment::decode(&mut assignment, version).ok()?;
    let with_partitions = assignment.assigned_partitions.into_iter().filter(|topic| !topic.partitions.is_empty());
    Some(with_partitions.map(|topic| topic.topic.to_string()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::{BufMut, BytesMut};
    use kafka_protocol::{
        messages::{
            TopicName, consumer_protocol_assignment::TopicPartition, describe_groups_response::DescribedGroupMember,
        },
        protocol::{Encodable, StrBytes},
    };

    fn member(topics: &[&'static str]) -> DescribedGroupMember {
        let assigned = topics.iter().map(|topic| {
            let topic = TopicName(StrBytes::from_static_str(topic));
            TopicPartition::default().with_topic(topic).with_partitions(vec![0])
        });
        let mut assignment = BytesMut::new();
        assignment.put_i16(0);
        let topics = ConsumerProtocolAssignment::default().with_assigned_partitions(assigned.collect());
        topics.encode(&mut assignment, 0).expect("version 0 has these fields");
        DescribedGroupMember::default().with_member_assignment(assignment.freeze())
    }

    fn described(state: &'static str, members: Vec<DescribedGroupMember>) -> DescribedGroup {
        DescribedGroup::default().with_group_state(StrBytes::from_static_str(state)).with_members(members)
    }

    fn outcome(state: &'static str, members: Vec<DescribedGroupMember>) -> Result<(), String> {
        let topics = ["orders".to_owned(), "bills".to_owned()];
        judge(&described(state, members), "app", 1, &topics, &Earlier::default()).map_err(|not_yet| not_yet.reason)
    }

    #[test]
    fn members_that_were_there_before_do_not_count_as_joined() {
        let earlier = Earlier { members: ["old".to_owned()].into(), as_of: None };
        let named = |id| member(&["orders"]).with_member_id(StrBytes::from_static_str(id));
        let joined = |members| judge(&described("Stable", members), "app", 1, &["orders".to_owned()], &earlier).is_ok();
        assert!(!joined(vec![named("old")]));
        assert!(joined(vec![named("new")]));
        assert!(joined(vec![named("old"), named("new")]));
    }

    #[test]
    fn a_group_has_joined_when_it_is_stable_and_has_every_topic() {
        assert_eq!(outcome("Stable", vec![member(&["orders", "bills"])]), Ok(()));
        assert_eq!(outcome("Stable", vec![member(&["orders"]), member(&["bills"]), member(&[])]), Ok(()));
        assert_eq!(
            outcome("Stable", vec![member(&["orders"])]),
            Err("no consumer of group app has topic bills yet".to_owned())
        );
        assert_eq!(outcome("Dead", vec![]), Err("no consumer has joined group app yet".to_owned()));
        assert_eq!(outcome("Empty", vec![]), Err("no consumer has joined group app yet".to_owned()));
        assert_eq!(
            outcome("PreparingRebalance", vec![member(&[])]),
            Err("consumers are joining group app (PreparingRebalance)".to_owned())
        );
    }

    #[test]
    fn every_sidecar_of_the_app_has_a_member() {
        let judged =
            |members| judge(&described("Stable", members), "app", 2, &["orders".to_owned()], &Earlier::default());
        let one_of_two = judged(vec![member(&["orders"])]).map_err(|not_yet| not_yet.reason);
        assert_eq!(one_of_two, Err("1 of 2 consumers have joined group app".to_owned()));
        assert!(judged(vec![member(&["orders"]), member(&[])]).is_ok());
    }

    #[test]
    fn an_assignment_in_another_format_is_not_held_against_it() {
        let other = DescribedGroupMember::default().with_member_assignment(Bytes::from_static(b"\x7f\x00whatever"));
        assert_eq!(outcome("Stable", vec![other]), Ok(()));
    }
}
