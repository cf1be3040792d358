//! Brokers that give canned answers, odd ones among them.

use super::*;
use crate::probe::{
    Kind, http,
    test_peer::{Behaviour, nobody, peer},
};
use axum::{Router, extract::Query, http::StatusCode, routing::get};
use bytes::BufMut;
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

const LATE: Duration = Duration::from_secs(10);

fn broker(inquiry: Inquiry, address: SocketAddr) -> BrokerAt {
    BrokerAt { inquiry, address, management: Some(address), credentials: None, http: http::client(), deadline: LATE }
}

/// What is left for group `app` of `orders`: waiting and in flight.
async fn left(broker: &BrokerAt) -> Result<(u64, u64), NotYet> {
    let group = Group::new("app", "orders");
    let found = broker.left(std::slice::from_ref(&group)).await?;
    let [Left { group: of, waiting, in_flight }] = &found[..] else { panic!("one answer: {found:?}") };
    assert_eq!(*of, group);
    Ok((*waiting, *in_flight))
}

async fn of_redis(answers: &[&str]) -> Result<(u64, u64), Kind> {
    let answers = answers.iter().map(|answer| answer.as_bytes().to_vec()).collect();
    let address = peer(Behaviour::Answers(answers)).await;
    left(&broker(Inquiry::RedisGroup, address)).await.map_err(|not_yet| not_yet.kind)
}

/// `XINFO GROUPS` of Redis 8 with another group before ours.
fn groups(lag: &str) -> String {
    let group = |name: &str, pending: u32, lag: &str| {
        format!(
            "*12\r\n$4\r\nname\r\n${}\r\n{name}\r\n$9\r\nconsumers\r\n:1\r\n$7\r\npending\r\n:{pending}\r\n$17\r\nlast-delivered-id\r\n$3\r\n7-0\r\n\
             $12\r\nentries-read\r\n:2\r\n$3\r\nlag\r\n{lag}\r\n",
            name.len()
        )
    };
    format!("*2\r\n{}{}", group("apple", 90, ":900"), group("app", 3, lag))
}

#[tokio::test]
async fn redis_tells_pending_and_lag_of_our_group() {
    assert_eq!(of_redis(&[&groups(":5")]).await, Ok((5, 3)));
    assert_eq!(of_redis(&["-ERR no such key\r\n"]).await, Ok((0, 0)), "no stream");
    assert_eq!(of_redis(&["*0\r\n", ":42\r\n"]).await, Ok((42, 0)), "a stream without our group: all of it");
}

#[tokio::test]
async fn a_lag_that_redis_does_not_know_is_counted() {
    let nil = groups("$-1");
    assert_eq!(of_redis(&[&nil, "*2\r\n:2\r\n$3\r\n9-0\r\n"]).await, Ok((2, 3)));
    let full = "*2\r\n:1000\r\n$3\r\n8-0\r\n";
    assert_eq!(of_redis(&[&nil, full, full, "*2\r\n:7\r\n$3\r\n9-0\r\n"]).await, Ok((2007, 3)));
    assert_eq!(of_redis(&[&nil, "-NOPERM no script\r\n"]).await, Err(Kind::Unexpected), "no guess");
}

#[tokio::test]
async fn what_redis_does_not_say_is_not_taken_for_nothing() {
    assert_eq!(of_redis(&["+OK\r\n"]).await, Err(Kind::Unexpected));
    assert_eq!(of_redis(&["-NOAUTH Authentication required.\r\n"]).await, Err(Kind::Unexpected));
    assert_eq!(of_redis(&["-LOADING Redis is loading the dataset in memory\r\n"]).await, Err(Kind::Waiting));
    assert_eq!(of_redis(&["*1\r\n*2\r\n$4\r\nname\r\n$3\r\napp\r\n"]).await, Err(Kind::Unexpected));
    let nobody = broker(Inquiry::RedisGroup, nobody().await);
    assert_eq!(left(&nobody).await.map_err(|not_yet| not_yet.kind), Err(Kind::NotListening));
}

fn declaration() -> Declaration {
    let group = Group::new("app", "orders");
    Declaration { group, component: BTreeMap::new(), subscription: BTreeMap::new() }
}

#[tokio::test]
async fn a_group_that_redis_has_already_is_good() {
    let declare = async |answer: &str| {
        let address = peer(Behaviour::answer(answer)).await;
        broker(Inquiry::RedisGroup, address).declare(&[declaration()]).await.map_err(|not_yet| not_yet.reason)
    };
    assert_eq!(declare("+OK\r\n").await, Ok(()));
    assert_eq!(declare("-BUSYGROUP Consumer Group name already exists\r\n").await, Ok(()));
    let wrong = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";
    assert!(declare(wrong).await.is_err_and(|reason| reason.contains("wrong kind of value")));
}

#[tokio::test]
async fn what_a_redis_consumer_that_has_gone_had_is_up_for_the_next_one() {
    let release = async |answers: &[&str]| {
        let answers = answers.iter().map(|answer| answer.as_bytes().to_vec()).collect();
        let address = peer(Behaviour::Answers(answers)).await;
        let group = Group::new("app", "orders");
        broker(Inquiry::RedisGroup, address).release(&[group]).await.map_err(|not_yet| not_yet.kind)
    };
    assert_eq!(release(&["*2\r\n:3\r\n$3\r\n7-0\r\n"]).await, Ok(()));
    assert_eq!(release(&["-NOGROUP No such key 'orders'\r\n"]).await, Ok(()), "nobody has anything");
    let full = "*2\r\n:1000\r\n$3\r\n8-0\r\n";
    assert_eq!(release(&[full, full, "-NOPERM no script\r\n"]).await, Err(Kind::Unexpected), "it goes on to the end");
}

type Asked = Arc<Mutex<Vec<(String, String)>>>;

/// A management API whose statistics are old, save when the queue itself is asked.
async fn management(queue_type: &'static str, status: StatusCode) -> (SocketAddr, Asked) {
    let asked = Asked::default();
    let heard = Arc::clone(&asked);
    let answer = async move |uri: axum::http::Uri,
                             headers: axum::http::HeaderMap,
                             Query(query): Query<BTreeMap<String, String>>| {
        let user = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        heard.lock().expect("nobody panics").push((uri.path().to_owned(), user));
        let is_true = |name: &str| query.get(name).is_some_and(|value| value == "true");
        let fresh = is_true("disable_stats") && is_true("enable_queue_totals");
        let (ready, unacknowledged) = if fresh { (5, 3) } else { (0, 0) };
        let body = format!(
            r#"{{"name":"app-orders","type":"{queue_type}","messages_ready":{ready},"messages_unacknowledged":{unacknowledged}}}"#
        );
        (status, body)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let router = Router::new().route("/{*path}", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (address, asked)
}

#[tokio::test]
async fn rabbitmqs_queue_is_asked_itself() {
    let (address, asked) = management("classic", StatusCode::OK).await;
    let credentials = Some(("sandbox".to_owned(), "pass".to_owned()));
    let broker = BrokerAt { credentials, ..broker(Inquiry::RabbitmqQueue, address) };
    assert_eq!(left(&broker).await, Ok((5, 3)));
    let named = Group { queue: Some("a queue/%".to_owned()), ..Group::new("app", "orders") };
    assert_eq!(broker.left(&[named]).await.map(|left| left[0].total()), Ok(8));
    let user = "Basic c2FuZGJveDpwYXNz".to_owned();
    let expected = ["/api/queues/%2F/app-orders", "/api/queues/%2F/a%20queue%2F%25"];
    let expected = expected.map(|path| (path.to_owned(), user.clone()));
    assert_eq!(*asked.lock().expect("nobody panics"), expected);
}

#[tokio::test]
async fn a_rabbitmq_that_does_not_tell_is_not_empty() {
    let of = async |status| {
        let (address, _) = management("classic", status).await;
        left(&broker(Inquiry::RabbitmqQueue, address)).await.map_err(|not_yet| not_yet.reason)
    };
    assert_eq!(of(StatusCode::NOT_FOUND).await, Ok((0, 0)), "no queue holds nothing");
    let refused = "GET /api/queues/%2F/app-orders is answered with 401 Unauthorized";
    assert!(of(StatusCode::UNAUTHORIZED).await.is_err_and(|reason| reason.starts_with(refused)));
    let unpublished = BrokerAt { management: None, ..broker(Inquiry::RabbitmqQueue, nobody().await) };
    assert!(left(&unpublished).await.is_err());
    let other = peer(Behaviour::answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]")).await;
    let other = left(&broker(Inquiry::RabbitmqQueue, other)).await.map_err(|not_yet| not_yet.kind);
    assert_eq!(other, Err(Kind::Unexpected));
}

/// Answers every method of AMQP that a declaration needs, and keeps what was asked; `refuses`: the method it refuses.
async fn amqp_broker(refuses: Option<(u8, u8)>) -> (SocketAddr, Arc<Mutex<Vec<Vec<u8>>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    let asked = Arc::<Mutex<Vec<Vec<u8>>>>::default();
    let heard = Arc::clone(&asked);
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.read_exact(&mut [0; 8]).await?;
        stream.write_all(&method(0, [10, 10], b"\0\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US")).await?;
        loop {
            let mut head = [0; 7];
            stream.read_exact(&mut head).await?;
            let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
            let mut payload = vec![0; length + 1];
            stream.read_exact(&mut payload).await?;
            payload.pop();
            let asked = (payload[1], payload[3]);
            let answer = match asked {
                (10, 11) => method(0, [10, 30], &[7, 255, 0, 2, 0, 0, 0, 60]),
                (10, 31) => continue,
                (10, 40) => method(0, [10, 41], b"\0"),
                (20, 10) => method(1, [20, 11], b"\0\0\0\0"),
                (10, 50) => method(0, [10, 51], b""),
                asked if refuses == Some(asked) => method(1, [20, 40], b"\x01\x96\x13PRECONDITION_FAILED\0\x32\0\x0a"),
                (class, number) => {
                    heard.lock().expect("nobody panics").push(payload);
                    method(1, [class, number + 1], b"\x01q\0\0\0\0\0\0\0\0")
                }
            };
            stream.write_all(&answer).await?;
        }
        #[expect(unreachable_code, reason = "it names the type of the errors above")]
        std::io::Result::Ok(())
    });
    (address, asked)
}

fn method(channel: u16, [class, number]: [u8; 2], arguments: &[u8]) -> Vec<u8> {
    let mut frame = vec![1];
    frame.put_u16(channel);
    frame.put_u32(u32::try_from(arguments.len() + 4).expect("short"));
    frame.put_slice(&[0, class, 0, number]);
    frame.put_slice(arguments);
    frame.put_u8(0xCE);
    frame
}

#[tokio::test]
async fn rabbitmq_gets_exchange_queue_and_binding_before_the_first_message() {
    let (address, asked) = amqp_broker(None).await;
    let component = BTreeMap::from([("deletedWhenUnused".to_owned(), "false".to_owned())]);
    let declarations = [Declaration { component, ..declaration() }];
    broker(Inquiry::RabbitmqQueue, address).declare(&declarations).await.expect("declared");
    let asked = asked.lock().expect("nobody panics").clone();
    // Class, method, reserved; names; bits (2: durable); the table of arguments.
    let table = b"\x0cx-queue-typeS\0\0\0\x07classic";
    let expected: [&[u8]; 3] = [
        b"\0\x28\0\x0a\0\0\x06orders\x06fanout\x02\0\0\0\0",
        &[b"\0\x32\0\x0a\0\0\x0aapp-orders\x02\0\0\0\x19" as &[u8], table].concat(),
        b"\0\x32\0\x14\0\0\x0aapp-orders\x06orders\0\0\0\0\0\0",
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn a_queue_of_another_kind_is_told() {
    let (address, _) = amqp_broker(Some((50, 10))).await;
    let refused = broker(Inquiry::RabbitmqQueue, address).declare(&[declaration()]).await;
    let expected = NotYet::unexpected("the broker refuses: PRECONDITION_FAILED (406)");
    assert_eq!(refused, Err(expected));
}

/// One answer of Kafka a question, each with its correlation id.
async fn kafka(bodies: &[Vec<u8>]) -> SocketAddr {
    let frame = |(id, body): (i32, &Vec<u8>)| {
        let mut frame = Vec::new();
        frame.put_u32(u32::try_from(body.len() + 4).expect("short"));
        frame.put_i32(0x5342_0001 + id);
        frame.put_slice(body);
        frame
    };
    peer(Behaviour::Answers((0..).zip(bodies).map(frame).collect())).await
}

/// `MetadataResponse` v7 of topic `orders` with so many partitions.
fn metadata(error_code: i16, partitions: i32) -> Vec<u8> {
    let mut body = b"\0\0\0\0\0\0\0\0\xff\xff\0\0\0\x01\0\0\0\x01".to_vec();
    body.put_i16(error_code);
    body.put_slice(b"\0\x06orders\0");
    body.put_i32(partitions);
    for index in 0..partitions {
        body.put_i16(0);
        body.put_i32(index);
        body.put_slice(&[0; 20]);
    }
    body
}

fn coordinator() -> Vec<u8> {
    b"\0\0\0\0\0\0\xff\xff\0\0\0\x01\0\x09127.0.0.1\0\0\x4a\x94".to_vec()
}

/// `OffsetFetchResponse` v2.
fn committed(offsets: &[i64], error_code: i16) -> Vec<u8> {
    let mut body = of_topic(offsets, |body, offset| {
        body.put_i64(offset);
        body.put_slice(b"\xff\xff");
        body.put_i16(0);
    });
    body.put_i16(error_code);
    body
}

/// `ListOffsetsResponse` v1.
fn offsets(offsets: &[i64], error_code: i16) -> Vec<u8> {
    of_topic(offsets, |body, offset| {
        body.put_i16(error_code);
        body.put_i64(-1);
        body.put_i64(offset);
    })
}

fn of_topic(offsets: &[i64], put: impl Fn(&mut Vec<u8>, i64)) -> Vec<u8> {
    let mut body = b"\0\0\0\x01\0\x06orders".to_vec();
    body.put_u32(u32::try_from(offsets.len()).expect("short"));
    for (index, offset) in (0..).zip(offsets) {
        body.put_i32(index);
        put(&mut body, *offset);
    }
    body
}

async fn of_kafka(bodies: &[Vec<u8>]) -> Result<(u64, u64), Kind> {
    let address = kafka(bodies).await;
    left(&broker(Inquiry::KafkaGroup, address)).await.map_err(|not_yet| not_yet.kind)
}

#[tokio::test]
async fn kafka_tells_what_a_group_has_not_committed_over_all_partitions() {
    let (known, coordinator) = (metadata(0, 2), coordinator());
    let answers = |commits: &[i64]| {
        let (oldest, newest) = (offsets(&[1, 0], 0), offsets(&[10, 7], 0));
        [known.clone(), coordinator.clone(), committed(commits, 0), oldest, newest]
    };
    assert_eq!(of_kafka(&answers(&[8, 7])).await, Ok((2, 0)));
    assert_eq!(of_kafka(&answers(&[-1, -1])).await, Ok((16, 0)), "a new group begins at the oldest");
    assert_eq!(of_kafka(&[metadata(3, 0)]).await, Ok((0, 0)), "no topic");
}

#[tokio::test]
async fn a_kafka_that_does_not_tell_is_not_empty() {
    let (known, coordinator) = (metadata(0, 2), coordinator());
    let late = [known.clone(), coordinator.clone(), committed(&[1, 1], 14)];
    assert_eq!(of_kafka(&late).await, Err(Kind::Waiting), "it loads the group");
    let half = [known.clone(), coordinator.clone(), committed(&[1], 0)];
    assert_eq!(of_kafka(&half).await, Err(Kind::Unexpected), "of two partitions it tells one");
    let moved = [known, coordinator, committed(&[1, 1], 0), offsets(&[0, 0], 6)];
    assert_eq!(of_kafka(&moved).await, Err(Kind::Waiting), "not the leader");
    assert_eq!(of_kafka(&[metadata(5, 1)]).await, Err(Kind::Waiting), "no leader");
    assert_eq!(of_kafka(&[metadata(29, 0)]).await, Err(Kind::Unexpected), "not allowed");
}

#[tokio::test]
async fn a_topic_is_waited_for_until_kafka_has_made_it() {
    let declare = async |body| {
        let address = kafka(&[body]).await;
        broker(Inquiry::KafkaGroup, address).declare(&[declaration()]).await.map_err(|not_yet| not_yet.kind)
    };
    assert_eq!(declare(metadata(0, 1)).await, Ok(()));
    assert_eq!(declare(metadata(3, 0)).await, Err(Kind::Waiting));
    assert_eq!(declare(metadata(17, 0)).await, Err(Kind::Unexpected), "a bad name");
}

/// `DescribeGroupsResponse` v4 of group `app` with these members.
fn described(members: &[&str]) -> Vec<u8> {
    let mut body = b"\0\0\0\0\0\0\0\x01\0\0\0\x03app\0\x06Stable\0\x08consumer\0\x05range".to_vec();
    body.put_u32(u32::try_from(members.len()).expect("short"));
    for member in members {
        body.put_u16(u16::try_from(member.len()).expect("short"));
        body.put_slice(member.as_bytes());
        // No instance id, no client id, no host, no metadata, no assignment.
        body.put_slice(b"\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0");
    }
    body.put_i32(i32::MIN);
    body
}

/// `LeaveGroupResponse` v1.
fn left_the_group(error_code: i16) -> Vec<u8> {
    let mut body = b"\0\0\0\0".to_vec();
    body.put_i16(error_code);
    body
}

#[tokio::test]
async fn members_that_vanished_leave_their_kafka_group() {
    let release = async |bodies: &[Vec<u8>]| {
        let address = kafka(bodies).await;
        let groups = ["bills", "orders"].map(|topic| Group::new("app", topic));
        broker(Inquiry::KafkaGroup, address).release(&groups).await.map_err(|not_yet| not_yet.reason)
    };
    let (good, gone, busy) = (left_the_group(0), left_the_group(25), left_the_group(15));
    let two = [coordinator(), described(&["a", "b"])];
    assert_eq!(release(&[&two[..], &[good.clone(), gone]].concat()).await, Ok(()), "one group of two topics");
    assert_eq!(release(&[coordinator(), described(&[])]).await, Ok(()));
    let late = release(&[&two[..], &[good, busy]].concat()).await;
    assert!(
        late.as_ref().is_err_and(|reason| reason.starts_with("a member of group app cannot leave it yet")),
        "{late:?}"
    );
}
