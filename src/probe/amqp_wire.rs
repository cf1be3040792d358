//! A small AMQP 0-9-1 client over one connection: log in, look at queues, declare what a subscriber will use, log out.
//! Written by hand because few questions are asked; a client library is a runtime of its own.
//!
//! It exists because RabbitMQ's management API does not know in time: it shows a consumer up to 5 s after it has come, and
//! as long after it has gone (`collect_statistics_interval`; seen with 4.0), and without statistics it shows no consumers.
//! A passive `Queue.Declare` is answered by the queue itself.

use super::{NotYet, wire::Peer};
use bytes::{Buf, BufMut, Bytes};
use std::net::SocketAddr;

const PROTOCOL: &str = "AMQP 0-9-1";
const PROTOCOL_HEADER: &[u8] = b"AMQP\0\0\x09\x01";
const METHOD_FRAME: u8 = 1;
const FRAME_END: u8 = 0xCE;

/// `Connection.Start` of RabbitMQ 4.0, the longest method that is read, has about 500 bytes.
const MAX_PAYLOAD: usize = 1 << 16;

const CONNECTION_START: Method = (10, 10);
const CONNECTION_START_OK: Method = (10, 11);
const CONNECTION_TUNE: Method = (10, 30);
const CONNECTION_TUNE_OK: Method = (10, 31);
const CONNECTION_OPEN: Method = (10, 40);
const CONNECTION_OPEN_OK: Method = (10, 41);
const CONNECTION_CLOSE: Method = (10, 50);
const CONNECTION_CLOSE_OK: Method = (10, 51);
const CHANNEL_OPEN: Method = (20, 10);
const CHANNEL_OPEN_OK: Method = (20, 11);
const CHANNEL_CLOSE: Method = (20, 40);
const CHANNEL_CLOSE_OK: Method = (20, 41);
const EXCHANGE_DECLARE: Method = (40, 10);
const EXCHANGE_DECLARE_OK: Method = (40, 11);
const QUEUE_DECLARE: Method = (50, 10);
const QUEUE_DECLARE_OK: Method = (50, 11);
const QUEUE_BIND: Method = (50, 20);
const QUEUE_BIND_OK: Method = (50, 21);

const NOT_FOUND: u16 = 404;
const PASSIVE: u8 = 1;
const DURABLE: u8 = 1 << 1;
const EXCHANGE_AUTO_DELETE: u8 = 1 << 2;
const QUEUE_AUTO_DELETE: u8 = 1 << 3;

/// Class and method.
type Method = (u16, u16);

/// A connection to one broker.
#[derive(Debug)]
pub struct AmqpConnection {
    peer: Peer,
}

/// What a queue says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueState {
    /// Messages that wait for a consumer; those that a consumer has not acknowledged yet are not in it.
    pub messages_ready: u32,
    /// Consumers, those of connections that the broker has not noticed to be gone included.
    pub consumers: u32,
}

/// An exchange as it is declared; one that is there already must be the same in all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// `fanout`, `topic`, `direct` or `headers`.
    pub kind: String,
    /// Whether it survives a restart of the broker.
    pub durable: bool,
    /// Whether it goes with its last binding.
    pub auto_delete: bool,
}

/// A queue as it is declared; one that is there already must be the same in all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// Whether it survives a restart of the broker.
    pub durable: bool,
    /// Whether it goes with its last consumer.
    pub auto_delete: bool,
    /// `x-…` arguments.
    pub arguments: Vec<(&'static str, Argument)>,
}

/// The value of an `x-…` argument. RabbitMQ compares numbers by value, whatever their width on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// A switch.
    Switch(bool),
}

/// Which messages of an exchange go into a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The queue.
    pub queue: String,
    /// The exchange.
    pub exchange: String,
    /// The routing key; a fanout exchange does not look at it.
    pub routing_key: String,
}

impl AmqpConnection {
    /// Connects, sends the protocol header and reads `Connection.Start`.
    ///
    /// # Errors
    /// When there is no answer, or another one.
    pub async fn start(address: SocketAddr) -> Result<Self, NotYet> {
        let mut connection = Self { peer: Peer::connect(address).await? };
        connection.peer.send(PROTOCOL_HEADER).await?;
        connection.expect(CONNECTION_START).await?;
        Ok(connection)
    }

    /// Logs in to the vhost `/` and opens a channel.
    ///
    /// # Errors
    /// When there is no answer, or the broker refuses.
    pub async fn log_in(&mut self, user: &str, password: &str) -> Result<(), NotYet> {
        let response = format!("\0{user}\0{password}");
        let mut arguments = Vec::new();
        arguments.put_u32(0);
        put_short_string(&mut arguments, "PLAIN");
        arguments.put_u32(u32::try_from(response.len()).unwrap_or(u32::MAX));
        arguments.put_slice(response.as_bytes());
        put_short_string(&mut arguments, "en_US");
        self.send(0, CONNECTION_START_OK, &arguments).await?;
        let mut tune = self.expect(CONNECTION_TUNE).await?;
        if tune.len() < 8 {
            return Err(self.peer.does_not_speak(PROTOCOL, &tune));
        }
        // As many channels and as large frames as the broker proposes, and no heartbeats.
        tune.truncate(6);
        self.send(0, CONNECTION_TUNE_OK, &[&tune[..], &[0, 0]].concat()).await?;
        self.send(0, CONNECTION_OPEN, b"\x01/\0\0").await?;
        self.expect(CONNECTION_OPEN_OK).await?;
        self.send(1, CHANNEL_OPEN, b"\0").await?;
        self.expect(CHANNEL_OPEN_OK).await.map(drop)
    }

    /// Looks at a queue without creating it; `None` when it is not there, after which the channel is closed.
    ///
    /// # Errors
    /// When there is no answer, or the broker refuses.
    pub async fn queue(&mut self, name: &str) -> Result<Option<QueueState>, NotYet> {
        let mut arguments = Vec::new();
        arguments.put_u16(0);
        put_short_string(&mut arguments, name);
        arguments.put_u8(PASSIVE);
        arguments.put_u32(0);
        self.send(1, QUEUE_DECLARE, &arguments).await?;
        let (method, mut answer) = self.receive().await?;
        if method == CHANNEL_CLOSE {
            let (code, text) = take_reason(&mut answer);
            self.send(1, CHANNEL_CLOSE_OK, &[]).await?;
            return if code == NOT_FOUND { Ok(None) } else { Err(refused(code, &text)) };
        }
        let name_length = answer.try_get_u8().unwrap_or_default();
        if method != QUEUE_DECLARE_OK || answer.len() != usize::from(name_length) + 8 {
            return Err(self.peer.does_not_speak(PROTOCOL, &answer));
        }
        answer.advance(usize::from(name_length));
        Ok(Some(QueueState { messages_ready: answer.get_u32(), consumers: answer.get_u32() }))
    }

    /// Declares an exchange.
    ///
    /// # Errors
    /// When there is no answer, or the broker refuses: it has another one of that name.
    pub async fn declare_exchange(&mut self, exchange: &Exchange) -> Result<(), NotYet> {
        let mut arguments = vec![0, 0];
        put_short_string(&mut arguments, &exchange.name);
        put_short_string(&mut arguments, &exchange.kind);
        let auto_delete = if exchange.auto_delete { EXCHANGE_AUTO_DELETE } else { 0 };
        arguments.put_u8(auto_delete | if exchange.durable { DURABLE } else { 0 });
        put_table(&mut arguments, &[]);
        self.send(1, EXCHANGE_DECLARE, &arguments).await?;
        self.expect(EXCHANGE_DECLARE_OK).await.map(drop)
    }

    /// Declares a queue.
    ///
    /// # Errors
    /// When there is no answer, or the broker refuses: it has another one of that name.
    pub async fn declare_queue(&mut self, queue: &Queue) -> Result<(), NotYet> {
        let mut arguments = vec![0, 0];
        put_short_string(&mut arguments, &queue.name);
        let auto_delete = if queue.auto_delete { QUEUE_AUTO_DELETE } else { 0 };
        arguments.put_u8(auto_delete | if queue.durable { DURABLE } else { 0 });
        put_table(&mut arguments, &queue.arguments);
        self.send(1, QUEUE_DECLARE, &arguments).await?;
        self.expect(QUEUE_DECLARE_OK).await.map(drop)
    }

    /// Binds a queue to an exchange.
    ///
    /// # Errors
    /// When there is no answer, or the broker refuses: one of the two is not there.
    pub async fn bind(&mut self, binding: &Binding) -> Result<(), NotYet> {
        let mut arguments = vec![0, 0];
        for name in [&binding.queue, &binding.exchange, &binding.routing_key] {
            put_short_string(&mut arguments, name);
        }
        arguments.put_u8(0);
        put_table(&mut arguments, &[]);
        self.send(1, QUEUE_BIND, &arguments).await?;
        self.expect(QUEUE_BIND_OK).await.map(drop)
    }

    /// Logs out, so that the broker has no broken connection to log.
    ///
    /// # Errors
    /// When the broker does not confirm.
    pub async fn log_out(mut self) -> Result<(), NotYet> {
        let mut arguments = Vec::new();
        arguments.put_u16(200);
        put_short_string(&mut arguments, "bye");
        arguments.put_u32(0);
        self.send(0, CONNECTION_CLOSE, &arguments).await?;
        self.expect(CONNECTION_CLOSE_OK).await.map(drop)
    }

    async fn send(&mut self, channel: u16, method: Method, arguments: &[u8]) -> Result<(), NotYet> {
        let mut frame = Vec::with_capacity(arguments.len() + 12);
        frame.put_u8(METHOD_FRAME);
        frame.put_u16(channel);
        frame.put_u32(u32::try_from(arguments.len() + 4).unwrap_or(u32::MAX));
        frame.put_u16(method.0);
        frame.put_u16(method.1);
        frame.put_slice(arguments);
        frame.put_u8(FRAME_END);
        self.peer.send(&frame).await
    }

    async fn expect(&mut self, expected: Method) -> Result<Bytes, NotYet> {
        let (method, mut arguments) = self.receive().await?;
        match method {
            method if method == expected => Ok(arguments),
            CONNECTION_CLOSE | CHANNEL_CLOSE => {
                let (code, text) = take_reason(&mut arguments);
                Err(refused(code, &text))
            }
            _ => Err(self.peer.does_not_speak(PROTOCOL, &arguments)),
        }
    }

    async fn receive(&mut self) -> Result<(Method, Bytes), NotYet> {
        let mut head = [0; 7];
        self.peer.fill(&mut head).await?;
        let [frame_type, _, _, length @ ..] = head;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if frame_type != METHOD_FRAME || !(4..=MAX_PAYLOAD).contains(&length) {
            return Err(self.peer.does_not_speak(PROTOCOL, &head));
        }
        let mut payload = vec![0; length + 1];
        self.peer.fill(&mut payload).await?;
        if payload.pop() != Some(FRAME_END) {
            return Err(self.peer.does_not_speak(PROTOCOL, &payload));
        }
        let mut payload = Bytes::from(payload);
        Ok(((payload.get_u16(), payload.get_u16()), payload))
    }
}

fn refused(code: u16, text: &str) -> NotYet {
    NotYet::unexpected(format!("the broker refuses: {text} ({code})"))
}

/// The beginning of `Connection.Close` and `Channel.Close`.
fn take_reason(arguments: &mut Bytes) -> (u16, String) {
    let code = arguments.try_get_u16().unwrap_or_default();
    let length = usize::from(arguments.try_get_u8().unwrap_or_default()).min(arguments.len());
    (code, String::from_utf8_lossy(&arguments.split_to(length)).into_owned())
}

/// A short string has at most 255 bytes, as have the names of queues.
fn put_short_string(buffer: &mut Vec<u8>, text: &str) {
    let bytes = &text.as_bytes()[..text.len().min(255)];
    buffer.put_u8(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    buffer.put_slice(bytes);
}

fn put_table(buffer: &mut Vec<u8>, fields: &[(&str, Argument)]) {
    let mut table = Vec::new();
    for (name, value) in fields {
        put_short_string(&mut table, name);
        match value {
            Argument::Text(text) => {
                table.put_u8(b'S');
                table.put_u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
                table.put_slice(text.as_bytes());
            }
            Argument::Number(number) => {
                table.put_u8(b'l');
                table.put_i64(*number);
            }
            Argument::Switch(is_on) => {
                table.put_u8(b't');
                table.put_u8(u8::from(*is_on));
            }
        }
    }
    buffer.put_u32(u32::try_from(table.len()).unwrap_or(u32::MAX));
    buffer.put_slice(&table);
}
