//! Inquiries against canned brokers.

use super::*;
use crate::probe::{
    Kind,
    test_peer::{Behaviour, peer},
};
use bytes::{Buf, BufMut};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const LATE: Duration = Duration::from_secs(10);

async fn joined(inquiry: Inquiry, address: SocketAddr, earlier: &Earlier) -> Result<(), NotYet> {
    let question =
        Question { inquiry: &inquiry, address, credentials: None, group: "app", sidecars: 1, deadline: LATE };
    question.consumers_joined(&["orders".to_owned()], earlier).await
}

fn xinfo_consumers(idle: u64) -> String {
    format!(
        "*1\r\n*8\r\n$4\r\nname\r\n$3\r\napp\r\n$7\r\npending\r\n:0\r\n$4\r\nidle\r\n:{idle}\r\n$8\r\ninactive\r\n:-1\r\n"
    )
}

#[tokio::test]
async fn redis_shows_a_consumer_that_has_read() {
    let ask = async |answer: String, earlier: &Earlier| {
        let address = peer(Behaviour::answer(answer)).await;
        joined(Inquiry::RedisGroup, address, earlier).await.map_err(|not_yet| not_yet.kind)
    };
    let any = Earlier::default();
    assert_eq!(ask(xinfo_consumers(90_000), &any).await, Ok(()));
    assert_eq!(ask("*0\r\n".to_owned(), &any).await, Err(Kind::Waiting));
    assert_eq!(ask("-ERR no such key\r\n".to_owned(), &any).await, Err(Kind::Waiting));
    assert_eq!(
        ask("-NOGROUP No such consumer group 'app' for key name 'orders'\r\n".to_owned(), &any).await,
        Err(Kind::Waiting)
    );
    assert_eq!(ask("-NOAUTH Authentication required.\r\n".to_owned(), &any).await, Err(Kind::Unexpected));
    assert_eq!(ask("+OK\r\n".to_owned(), &any).await, Err(Kind::Unexpected));

    let minute_ago = Instant::now().checked_sub(Duration::from_secs(60)).expect("the machine runs for a minute");
    let earlier = Earlier { as_of: Some(minute_ago), ..Earlier::default() };
    assert_eq!(ask(xinfo_consumers(90_000), &earlier).await, Err(Kind::Waiting), "it read before the sidecar served");
    assert_eq!(ask(xinfo_consumers(1_000), &earlier).await, Ok(()));
}

/// A broker that speaks just enough AMQP 0-9-1. `queue`: how many consumers it has, when it is there.
async fn amqp_broker(queue: Option<u32>, lets_in: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        stream.read_exact(&mut [0; 8]).await?;
        reply(&mut stream, 0, (10, 10), b"\0\x09\0\0\0\0\0\0\0\x05PLAIN\0\0\0\x05en_US").await?;
        loop {
            let mut head = [0; 7];
            stream.read_exact(&mut head).await?;
            let mut payload =
                vec![0; usize::try_from(u32::from_be_bytes([head[3], head[4], head[5], head[6]])).expect("small") + 1];
            stream.read_exact(&mut payload).await?;
            let mut payload = &payload[..];
            match (payload.get_u16(), payload.get_u16()) {
                (10, 11) if lets_in => reply(&mut stream, 0, (10, 30), &[7, 255, 0, 2, 0, 0, 0, 60]).await?,
                (10, 11) => reply(&mut stream, 0, (10, 50), b"\x01\x93\x0eACCESS_REFUSED\0\x0a\0\x0b").await?,
                (10, 40) => reply(&mut stream, 0, (10, 41), b"\0").await?,
                (20, 10) => reply(&mut stream, 1, (20, 11), b"\0\0\0\0").await?,
                (50, 10) => match queue {
                    Some(consumers) => {
                        let mut arguments = b"\x0aapp-orders\0\0\0\x05".to_vec();
                        arguments.put_u32(consumers);
                        reply(&mut stream, 1, (50, 11), &arguments).await?;
                    }
                    None => reply(&mut stream, 1, (20, 40), b"\x01\x94\x09NOT_FOUND\0\x32\0\x0a").await?,
                },
                (10, 50) => reply(&mut stream, 0, (10, 51), b"").await?,
                _ => {}
            }
        }
        #[expect(unreachable_code, reason = "it names the type of the errors above")]
        std::io::Result::Ok(())
    });
    address
}

async fn reply(stream: &mut TcpStream, channel: u16, method: (u16, u16), arguments: &[u8]) -> std::io::Result<()> {
    let mut frame = vec![1];
    frame.put_u16(channel);
    frame.put_u32(u32::try_from(arguments.len() + 4).expect("short"));
    frame.put_u16(method.0);
    frame.put_u16(method.1);
    frame.put_slice(arguments);
    frame.put_u8(0xCE);
    stream.write_all(&frame).await
}

#[tokio::test]
async fn rabbitmq_shows_a_queue_with_a_consumer() {
    let ask = async |queue, lets_in| {
        let address = amqp_broker(queue, lets_in).await;
        joined(Inquiry::RabbitmqQueue, address, &Earlier::default()).await.map_err(|not_yet| not_yet.reason)
    };
    assert_eq!(ask(Some(1), true).await, Ok(()));
    assert_eq!(ask(Some(0), true).await, Err("queue app-orders has no consumer yet".to_owned()));
    assert_eq!(ask(None, true).await, Err("there is no queue app-orders yet".to_owned()));
    assert_eq!(ask(Some(1), false).await, Err("the broker refuses: ACCESS_REFUSED (403)".to_owned()));
}

fn kafka_frame(correlation_id: i32, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.put_u32(u32::try_from(body.len() + 4).expect("short"));
    frame.put_i32(correlation_id);
    frame.put_slice(body);
    frame
}

/// `FindCoordinatorResponse` v2 with an error code.
fn coordinator(error_code: u8) -> Vec<u8> {
    kafka_frame(
        0x5342_0001,
        b"\0\0\0\0\0E\xff\xff\0\0\0\x01\0\x09127.0.0.1\0\0\x4a\x94"
            .map(|byte| if byte == b'E' { error_code } else { byte })
            .as_slice(),
    )
}

/// `DescribeGroupsResponse` v4 with a stable group of one member whose assignment is empty bytes.
fn stable_group(member_id: &str) -> Vec<u8> {
    let mut body = b"\0\0\0\0\0\0\0\x01\0\0\0\x03app\0\x06Stable\0\x08consumer\0\x05range\0\0\0\x01".to_vec();
    body.put_u16(u16::try_from(member_id.len()).expect("short"));
    body.put_slice(member_id.as_bytes());
    body.put_slice(b"\xff\xff\0\x06sarama\0\x0b/172.20.0.4\0\0\0\0");
    let assignment = b"\0\0\0\0\0\x01\0\x06orders\0\0\0\x01\0\0\0\0\xff\xff\xff\xff";
    body.put_u32(u32::try_from(assignment.len()).expect("short"));
    body.put_slice(assignment);
    body.put_i32(i32::MIN);
    kafka_frame(0x5342_0002, &body)
}

#[tokio::test]
async fn kafka_shows_a_stable_group_that_has_the_topic() {
    let ask = async |answers: Vec<Vec<u8>>, earlier: &Earlier| {
        let address = peer(Behaviour::Answers(answers)).await;
        joined(Inquiry::KafkaGroup, address, earlier).await.map_err(|not_yet| not_yet.reason)
    };
    let any = Earlier::default();
    assert_eq!(ask(vec![coordinator(0), stable_group("sarama-1")], &any).await, Ok(()));
    assert_eq!(
        ask(vec![coordinator(15)], &any).await,
        Err("the broker has no coordinator for group app yet (CoordinatorNotAvailable)".to_owned())
    );

    let address = peer(Behaviour::Answers(vec![coordinator(0), stable_group("sarama-1")])).await;
    let inquiry = Inquiry::KafkaGroup;
    let question =
        Question { inquiry: &inquiry, address, credentials: None, group: "app", sidecars: 1, deadline: LATE };
    let earlier = question.earlier().await.expect("the broker tells");
    assert_eq!(
        ask(vec![coordinator(0), stable_group("sarama-1")], &earlier).await,
        Err("no consumer has joined group app yet".to_owned())
    );
    assert_eq!(ask(vec![coordinator(0), stable_group("sarama-2")], &earlier).await, Ok(()));
}
