//! A small Kafka client over one connection: a request, its answer, the correlation id checked, the frame's size bounded.
//!
//! The versions asked for are the newest that all of these speak: Apache Kafka 2.4 to 4.1 (4.0 dropped old ones, KIP-896,
//! but none of these) and Redpanda to 25.3, whose handlers stop at Metadata 8 (7 until 23.x), `FindCoordinator` 2 and
//! `DescribeGroups` 4; of `ListOffsets`, `OffsetFetch` and `LeaveGroup` old ones are asked for that all of them have. So nothing
//! has to be negotiated.

use super::{NotYet, wire::Peer};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, BrokerId, DescribeGroupsRequest, DescribeGroupsResponse, FindCoordinatorRequest,
        FindCoordinatorResponse, GroupId, LeaveGroupRequest, LeaveGroupResponse, ListOffsetsRequest,
        ListOffsetsResponse, MetadataRequest, MetadataResponse, OffsetFetchRequest, OffsetFetchResponse, RequestHeader,
        ResponseHeader, TopicName,
        describe_groups_response::DescribedGroup,
        list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic},
        metadata_request::MetadataRequestTopic,
        offset_fetch_request::OffsetFetchRequestTopic,
    },
    protocol::{Decodable, Encodable, HeaderVersion, StrBytes, encode_request_header_into_buffer},
};
use std::{collections::BTreeMap, net::SocketAddr};

const METADATA_VERSION: i16 = 7;
const FIND_COORDINATOR_VERSION: i16 = 2;
const DESCRIBE_GROUPS_VERSION: i16 = 4;
const LIST_OFFSETS_VERSION: i16 = 1;
const OFFSET_FETCH_VERSION: i16 = 2;
const LEAVE_GROUP_VERSION: i16 = 1;

/// The largest answer that is read: a topic of a thousand partitions has some 40 kB.
const MAX_FRAME: usize = 1 << 20;

/// Not 0, so that a peer which answers zeros or echoes is not taken for a broker.
const FIRST_CORRELATION_ID: i32 = 0x5342_0001;

/// Numbers by partition.
pub type ByPartition = BTreeMap<i32, i64>;

/// An end of a partition, as `ListOffsets` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The first offset that is still there.
    Oldest,
    /// One more than the last that consumers may read.
    Newest,
}

/// A connection to one broker.
#[derive(Debug)]
pub struct KafkaConnection {
    peer: Peer,
    next_correlation_id: i32,
}

impl KafkaConnection {
    /// Connects. Nothing has been asked yet, so this proves nothing about the broker.
    ///
    /// # Errors
    /// When the connection cannot be made.
    pub async fn connect(address: SocketAddr) -> Result<Self, NotYet> {
        Ok(Self { peer: Peer::connect(address).await?, next_correlation_id: FIRST_CORRELATION_ID })
    }

    /// Where it is connected to.
    pub fn address(&self) -> SocketAddr {
        self.peer.address()
    }

    /// The cluster's brokers and its controller, without topics.
    ///
    /// # Errors
    /// When there is no answer, or none that is Kafka's.
    pub async fn metadata(&mut self) -> Result<MetadataResponse, NotYet> {
        let request = MetadataRequest::default().with_topics(Some(Vec::new())).with_allow_auto_topic_creation(false);
        self.call(ApiKey::Metadata, METADATA_VERSION, &request).await
    }

    /// Asks which broker looks after a consumer group, and makes the broker create `__consumer_offsets` when it is not
    /// there yet.
    ///
    /// # Errors
    /// When there is no answer, or the broker has no coordinator yet.
    pub async fn find_group_coordinator(&mut self, group: &str) -> Result<FindCoordinatorResponse, NotYet> {
        let request = FindCoordinatorRequest::default().with_key(string(group));
        let answer: FindCoordinatorResponse =
            self.call(ApiKey::FindCoordinator, FIND_COORDINATOR_VERSION, &request).await?;
        match ResponseError::try_from_code(answer.error_code) {
            None => Ok(answer),
            Some(error) => {
                Err(NotYet::waiting(format!("the broker has no coordinator for group {group} yet ({error})")))
            }
        }
    }

    /// The state and the members of a consumer group. A group that is not there has the state `Dead`.
    ///
    /// # Errors
    /// When there is no answer, or the broker cannot describe the group now.
    pub async fn describe_group(&mut self, group: &str) -> Result<DescribedGroup, NotYet> {
        let request = DescribeGroupsRequest::default().with_groups(vec![GroupId(string(group))]);
        let answer: DescribeGroupsResponse =
            self.call(ApiKey::DescribeGroups, DESCRIBE_GROUPS_VERSION, &request).await?;
        let Some(described) = answer.groups.into_iter().next() else {
            return Err(NotYet::unexpected(format!("the broker described no group when asked for {group}")));
        };
        match ResponseError::try_from_code(described.error_code) {
            None => Ok(described),
            Some(error) => Err(NotYet::waiting(format!("the broker cannot describe group {group} yet ({error})"))),
        }
    }

    /// Takes a member out of a consumer group, as itself it would leave: whoever joins then need not wait until its session has
    /// ended. One that is not there (any more) is no error, and one that lives joins again.
    ///
    /// # Errors
    /// When there is no answer, or the broker does not do it now.
    pub async fn leave_group(&mut self, group: &str, member: &str) -> Result<(), NotYet> {
        let request = LeaveGroupRequest::default().with_group_id(GroupId(string(group))).with_member_id(string(member));
        let answer: LeaveGroupResponse = self.call(ApiKey::LeaveGroup, LEAVE_GROUP_VERSION, &request).await?;
        match ResponseError::try_from_code(answer.error_code) {
            None | Some(ResponseError::UnknownMemberId) => Ok(()),
            Some(error) => Err(NotYet::waiting(format!("a member of group {group} cannot leave it yet ({error})"))),
        }
    }

    /// The partitions of a topic; none when it is not there. `create`: the broker makes one, as it does for a client that
    /// publishes, if it makes topics by itself at all.
    ///
    /// # Errors
    /// When there is no answer, the topic is just being made, or its name is refused.
    pub async fn partitions(&mut self, topic: &str, create: bool) -> Result<Vec<i32>, NotYet> {
        let asked = MetadataRequestTopic::default().with_name(Some(TopicName(string(topic))));
        let request = MetadataRequest::default().with_topics(Some(vec![asked])).with_allow_auto_topic_creation(create);
        let answer: MetadataResponse = self.call(ApiKey::Metadata, METADATA_VERSION, &request).await?;
        let Some(described) = answer.topics.into_iter().next() else {
            return Err(NotYet::unexpected(format!("the broker described no topic when asked for {topic}")));
        };
        let errors = std::iter::once(described.error_code).chain(described.partitions.iter().map(|one| one.error_code));
        match errors.filter_map(ResponseError::try_from_code).next() {
            None => Ok(described.partitions.iter().map(|partition| partition.partition_index).collect()),
            Some(ResponseError::UnknownTopicOrPartition) if !create => Ok(Vec::new()),
            Some(ResponseError::UnknownTopicOrPartition) => {
                Err(NotYet::waiting(format!("topic {topic} is not there, and the broker has not made it yet")))
            }
            Some(error) if error.is_retriable() => {
                Err(NotYet::waiting(format!("topic {topic} is not ready yet ({error})")))
            }
            Some(error) => Err(NotYet::unexpected(format!("the broker refuses topic {topic} ({error})"))),
        }
    }

    /// Where each of a topic's partitions begins or ends.
    ///
    /// # Errors
    /// When there is no answer, or a partition has none for now.
    pub async fn offsets(&mut self, topic: &str, partitions: &[i32], end: End) -> Result<ByPartition, NotYet> {
        let timestamp = match end {
            End::Newest => -1,
            End::Oldest => -2,
        };
        let partition =
            |index: &i32| ListOffsetsPartition::default().with_partition_index(*index).with_timestamp(timestamp);
        let asked = ListOffsetsTopic::default()
            .with_name(TopicName(string(topic)))
            .with_partitions(partitions.iter().map(partition).collect());
        let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![asked]);
        let answer: ListOffsetsResponse = self.call(ApiKey::ListOffsets, LIST_OFFSETS_VERSION, &request).await?;
        let answered = answer.topics.into_iter().flat_map(|topic| topic.partitions);
        let answered = answered.map(|one| (one.partition_index, one.offset, one.error_code));
        by_partition(answered, topic, partitions)
    }

    /// What a group has committed for each of a topic's partitions: the next offset that it wants. −1: nothing.
    ///
    /// # Errors
    /// When there is no answer, or none for the group or a partition for now.
    pub async fn committed(&mut self, group: &str, topic: &str, partitions: &[i32]) -> Result<ByPartition, NotYet> {
        let asked = OffsetFetchRequestTopic::default()
            .with_name(TopicName(string(topic)))
            .with_partition_indexes(partitions.to_vec());
        let request =
            OffsetFetchRequest::default().with_group_id(GroupId(string(group))).with_topics(Some(vec![asked]));
        let answer: OffsetFetchResponse = self.call(ApiKey::OffsetFetch, OFFSET_FETCH_VERSION, &request).await?;
        if let Some(error) = ResponseError::try_from_code(answer.error_code) {
            return Err(NotYet::waiting(format!("the broker has no offsets of group {group} for now ({error})")));
        }
        let answered = answer.topics.into_iter().flat_map(|topic| topic.partitions);
        let answered = answered.map(|one| (one.partition_index, one.committed_offset, one.error_code));
        by_partition(answered, topic, partitions)
    }

    async fn call<Request, Response>(
        &mut self,
        api: ApiKey,
        version: i16,
        request: &Request,
    ) -> Result<Response, NotYet>
    where
        Request: Encodable,
        Response: Decodable + HeaderVersion,
    {
        let correlation_id = self.next_correlation_id;
        self.next_correlation_id = correlation_id.wrapping_add(1);
        self.peer.send(&encode(api, version, correlation_id, request)).await?;
        let mut answer = self.receive().await?;
        let beginning = answer.clone();
        let header = ResponseHeader::decode(&mut answer, Response::header_version(version));
        if !header.is_ok_and(|header| header.correlation_id == correlation_id) {
            return Err(self.peer.does_not_speak("Kafka", &beginning));
        }
        Response::decode(&mut answer, version).map_err(|_| self.peer.does_not_speak("Kafka", &beginning))
    }

    async fn receive(&mut self) -> Result<Bytes, NotYet> {
        let mut length = [0; 4];
        self.peer.fill(&mut length).await?;
        let frame = usize::try_from(i32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if !(4..=MAX_FRAME).contains(&frame) {
            return Err(self.peer.does_not_speak("Kafka", &length));
        }
        let mut answer = vec![0; frame];
        self.peer.fill(&mut answer).await?;
        Ok(answer.into())
    }
}

/// One answer for each partition that was asked for.
fn by_partition(
    answered: impl Iterator<Item = (i32, i64, i16)>,
    topic: &str,
    partitions: &[i32],
) -> Result<ByPartition, NotYet> {
    let mut found = BTreeMap::new();
    for (index, offset, error_code) in answered {
        if let Some(error) = ResponseError::try_from_code(error_code) {
            let reason = format!("the broker has no offset of partition {index} of topic {topic} for now ({error})");
            return Err(NotYet::waiting(reason));
        }
        found.insert(index, offset);
    }
    match partitions.iter().find(|index| !found.contains_key(index)) {
        None => Ok(found),
        Some(index) => {
            Err(NotYet::unexpected(format!("the broker says nothing of partition {index} of topic {topic}")))
        }
    }
}

fn encode(api: ApiKey, version: i16, correlation_id: i32, request: &impl Encodable) -> Bytes {
    let header = RequestHeader::default()
        .with_request_api_key(api as i16)
        .with_request_api_version(version)
        .with_correlation_id(correlation_id)
        .with_client_id(Some(StrBytes::from_static_str("sandbox")));
    let mut body = BytesMut::new();
    encode_request_header_into_buffer(&mut body, &header).expect("the header's fields exist in every version");
    request.encode(&mut body, version).expect("only fields of this version are set");
    let mut frame = BytesMut::with_capacity(4 + body.remaining());
    frame.put_u32(u32::try_from(body.len()).expect("a request has a few hundred bytes"));
    frame.put(body);
    frame.freeze()
}

fn string(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}
