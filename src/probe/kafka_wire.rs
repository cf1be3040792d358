//! A small Kafka client over one connection: a request, its answer, the correlation id checked, the frame's size bounded.
//!
//! The versions asked for are the newest that all of these speak: Apache Kafka 2.4 to 4.1 (4.0 dropped old ones, KIP-896,
//! but none of these) and Redpanda to 25.3, whose handlers stop at Metadata 8 (7 until 23.x), `FindCoordinator` 2 and
//! `DescribeGroups` 4. So nothing has to be negotiated.

use super::{NotYet, wire::Peer};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::{
    ResponseError,
    messages::{
        ApiKey, DescribeGroupsRequest, DescribeGroupsResponse, FindCoordinatorRequest, FindCoordinatorResponse,
        GroupId, MetadataRequest, MetadataResponse, RequestHeader, ResponseHeader,
        describe_groups_response::DescribedGroup,
    },
    protocol::{Decodable, Encodable, HeaderVersion, StrBytes, encode_request_header_into_buffer},
};
use std::net::SocketAddr;

const METADATA_VERSION: i16 = 7;
const FIND_COORDINATOR_VERSION: i16 = 2;
const DESCRIBE_GROUPS_VERSION: i16 = 4;

/// The largest answer that is read: the ones asked for here have a few hundred bytes.
const MAX_FRAME: usize = 1 << 20;

/// Not 0, so that a peer which answers zeros or echoes is not taken for a broker.
const FIRST_CORRELATION_ID: i32 = 0x5342_0001;

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
