//! Each protocol against listeners that misbehave, and against the answers that count.

use super::*;
use crate::probe::{
    Kind,
    test_peer::{Behaviour, TestPeer, nobody, peer},
    until,
};
use bytes::BufMut;

const ALL: [Protocol; 4] = [Protocol::Kafka, Protocol::Redis, Protocol::Amqp, Protocol::Postgres];
const SOON: Duration = Duration::from_millis(30);
const LATE: Duration = Duration::from_secs(10);
const STARTING: &[u8] = b"E\0\0\0\x43SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0Fp.c\0\0";
const WANTS_PASSWORD: &[u8] = b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0";

fn kafka_frame(correlation_id: i32, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.put_i32(i32::try_from(body.len() + 4).expect("short"));
    frame.put_i32(correlation_id);
    frame.put_slice(body);
    frame
}

/// `MetadataResponse` v7 with one broker, and `FindCoordinatorResponse` v2 that has none yet.
fn kafka_answers(host: &str, port: u16) -> Vec<Vec<u8>> {
    let mut metadata = Vec::new();
    metadata.put_i32(0);
    metadata.put_i32(1);
    metadata.put_i32(1);
    metadata.put_i16(i16::try_from(host.len()).expect("short"));
    metadata.put_slice(host.as_bytes());
    metadata.put_i32(port.into());
    metadata.put_i16(-1);
    metadata.put_i16(-1);
    metadata.put_i32(1);
    metadata.put_i32(0);
    let coordinator = [&[0; 4][..], &[0, 15], &[0xff; 2], &[0xff; 4], &[0; 2], &[0xff; 4]].concat();
    vec![kafka_frame(0x5342_0001, &metadata), kafka_frame(0x5342_0002, &coordinator)]
}

fn amqp_start() -> Vec<u8> {
    let arguments = b"\0\x0a\0\x0a\0\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US";
    let length = u32::try_from(arguments.len()).expect("short").to_be_bytes();
    [&[1, 0, 0][..], &length, arguments, &[0xCE]].concat()
}

/// What a ready peer says to the first question.
fn good(protocol: Protocol, address: SocketAddr) -> Vec<u8> {
    match protocol {
        Protocol::Kafka => kafka_answers("127.0.0.1", address.port()).swap_remove(0),
        Protocol::Redis => b"+PONG\r\n".to_vec(),
        Protocol::Amqp => amqp_start(),
        Protocol::Postgres => WANTS_PASSWORD.to_vec(),
    }
}

async fn kind(protocol: Protocol, behaviour: Behaviour, deadline: Duration) -> Result<(), Kind> {
    greet(protocol, peer(behaviour).await, deadline).await.map_err(|not_yet| not_yet.kind)
}

#[tokio::test]
async fn a_good_answer_is_ready() {
    for protocol in ALL {
        let listener = TestPeer::bind().await;
        let answers = match protocol {
            Protocol::Kafka => kafka_answers("localhost", listener.address.port()),
            Protocol::Redis | Protocol::Amqp | Protocol::Postgres => vec![good(protocol, listener.address)],
        };
        let address = listener.behave(vec![Behaviour::Answers(answers)]);
        assert_eq!(greet(protocol, address, LATE).await, Ok(()), "{protocol:?}");
    }
}

#[tokio::test]
async fn an_accepted_connection_is_not_ready() {
    for protocol in ALL {
        assert_eq!(kind(protocol, Behaviour::Silent, SOON).await, Err(Kind::Waiting), "{protocol:?}");
        assert_eq!(kind(protocol, Behaviour::Close, LATE).await, Err(Kind::NotListening), "{protocol:?}");
        let refused = greet(protocol, nobody().await, LATE).await.map_err(|not_yet| not_yet.kind);
        assert_eq!(refused, Err(Kind::NotListening), "{protocol:?}");
    }
}

#[tokio::test]
async fn another_protocol_is_named() {
    for protocol in ALL {
        let http = Behaviour::answer(*b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        let not_yet = greet(protocol, peer(http).await, LATE).await.expect_err("HTTP is none of them");
        assert_eq!(not_yet.kind, Kind::Unexpected, "{protocol:?}");
        assert!(not_yet.reason.contains("does not speak"), "{not_yet}");
        assert!(not_yet.reason.contains("HTTP"), "{not_yet}");
        assert_eq!(kind(protocol, Behaviour::Echo, LATE).await, Err(Kind::Unexpected), "{protocol:?}");
    }
}

#[tokio::test]
async fn half_an_answer_is_none() {
    for protocol in ALL {
        let mut half = good(protocol, nobody().await);
        half.truncate(half.len() / 2);
        let then_closed = kind(protocol, Behaviour::answer(half.clone()), LATE).await;
        assert_eq!(then_closed, Err(Kind::Waiting), "{protocol:?}");
        assert_eq!(kind(protocol, Behaviour::AnswerThenSilent(half), SOON).await, Err(Kind::Waiting), "{protocol:?}");
    }
}

#[tokio::test]
async fn a_length_that_cannot_be_is_not_believed() {
    let huge: [(Protocol, &[u8]); 4] = [
        (Protocol::Kafka, b"\x7f\xff\xff\xff"),
        (Protocol::Kafka, b"\xff\xff\xff\xff"),
        (Protocol::Amqp, b"\x01\0\0\xff\xff\xff\xff"),
        (Protocol::Postgres, b"R\xff\xff\xff\xff"),
    ];
    for (protocol, answer) in huge {
        let outcome = kind(protocol, Behaviour::AnswerThenSilent(answer.to_vec()), LATE).await;
        assert_eq!(outcome, Err(Kind::Unexpected), "{protocol:?}");
    }
    let outcome = kind(Protocol::Redis, Behaviour::Endless(b"$1000000000\r\n".to_vec()), LATE).await;
    assert_eq!(outcome, Err(Kind::Unexpected), "Redis");
}

#[tokio::test]
async fn slow_is_ready_within_the_deadline_and_not_beyond_it() {
    for protocol in [Protocol::Redis, Protocol::Amqp, Protocol::Postgres] {
        let answer = good(protocol, nobody().await);
        let slow = Behaviour::Slowly(answer.clone(), Duration::from_millis(1));
        assert_eq!(kind(protocol, slow, LATE).await, Ok(()), "{protocol:?}");
        let slower = Behaviour::Slowly(answer, SOON);
        assert_eq!(kind(protocol, slower, 3 * SOON).await, Err(Kind::Waiting), "{protocol:?}");
    }
}

#[tokio::test]
async fn postgres_is_waited_for_while_it_starts() {
    let starting = Behaviour::answer(STARTING);
    let address = TestPeer::bind().await.behave(vec![starting.clone(), starting, Behaviour::answer(WANTS_PASSWORD)]);
    let mut heard = Vec::new();
    let attempt = || greet(Protocol::Postgres, address, LATE);
    until(Duration::from_millis(1), attempt, |not_yet| heard.push(not_yet.to_string())).await;
    assert_eq!(heard, ["the database system is starting up (57P03)"]);
}

#[tokio::test]
async fn redis_is_waited_for_while_it_loads_and_is_ready_when_it_wants_a_password() {
    let answer = |text: &'static str| Behaviour::answer(text);
    let loading = answer("-LOADING Redis is loading the dataset in memory\r\n");
    assert_eq!(kind(Protocol::Redis, loading, LATE).await, Err(Kind::Waiting));
    let wants_password = answer("-NOAUTH Authentication required.\r\n");
    assert_eq!(kind(Protocol::Redis, wants_password, LATE).await, Ok(()));
    let denied = answer("-DENIED Redis is running in protected mode\r\n");
    assert_eq!(kind(Protocol::Redis, denied, LATE).await, Err(Kind::Unexpected));
    assert_eq!(kind(Protocol::Redis, answer(":1\r\n"), LATE).await, Err(Kind::Unexpected));
}
