//! Redis over one connection: a command, its answer, bounded. The redis crate encodes and decodes; its client is not used,
//! because it speaks before it is asked (`CLIENT SETINFO`), spawns a task, and bounds neither sizes nor the connect.

use super::{NotYet, wire::Peer};
use redis::{Cmd, Value};
use std::net::SocketAddr;

/// The largest answer that is read. `XINFO GROUPS` has about 150 bytes a group.
const MAX_ANSWER: usize = 1 << 18;

/// A connection to one Redis.
#[derive(Debug)]
pub struct RedisConnection {
    peer: Peer,
}

impl RedisConnection {
    /// Connects. Nothing has been asked yet, so this proves nothing about the server.
    ///
    /// # Errors
    /// When the connection cannot be made.
    pub async fn connect(address: SocketAddr) -> Result<Self, NotYet> {
        Ok(Self { peer: Peer::connect(address).await? })
    }

    /// Says who asks.
    ///
    /// # Errors
    /// When there is no answer, or user and password are refused.
    pub async fn authenticate(&mut self, user: &str, password: &str) -> Result<(), NotYet> {
        match self.call(redis::cmd("AUTH").arg(user).arg(password)).await? {
            Value::ServerError(error) => Err(refusal(&error)),
            _ => Ok(()),
        }
    }

    /// Sends a command and reads its answer; an error that Redis reports is a [`Value::ServerError`].
    ///
    /// # Errors
    /// When there is no answer, or none that is Redis'.
    pub async fn call(&mut self, command: &Cmd) -> Result<Value, NotYet> {
        self.peer.send(&command.get_packed_command()).await?;
        let mut answer = Vec::new();
        let mut chunk = [0; 4096];
        while answer.len() < MAX_ANSWER {
            let count = self.peer.read(&mut chunk).await?;
            answer.extend_from_slice(&chunk[..count]);
            match redis::parse_redis_value(&answer) {
                Ok(value) => return Ok(value),
                Err(error) if error.is_io_error() => {}
                Err(_) => break,
            }
        }
        Err(self.peer.does_not_speak("Redis", &answer))
    }

    /// An answer that this command does not have.
    pub(crate) fn does_not_answer_so(&self, value: &Value) -> NotYet {
        self.peer.does_not_speak("Redis", format!("{value:?}").as_bytes())
    }
}

/// The reason when Redis reports an error: its code and its words.
pub(crate) fn refusal(error: &redis::ServerError) -> NotYet {
    let code = error.code();
    let text = error.details().map_or_else(|| code.to_owned(), |details| format!("{details} ({code})"));
    match code {
        "LOADING" | "MASTERDOWN" | "BUSY" | "TRYAGAIN" | "CLUSTERDOWN" => NotYet::waiting(text),
        _ => NotYet::unexpected(text),
    }
}
