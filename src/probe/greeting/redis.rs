//! Redis is ready when `PING` is answered with `PONG`. While it reads its data it says `LOADING` (Redis 8.0).

use super::super::{
    NotYet,
    redis_wire::{RedisConnection, refusal},
};
use redis::Value;
use std::net::SocketAddr;

pub(super) async fn greet(address: SocketAddr) -> Result<(), NotYet> {
    let mut connection = RedisConnection::connect(address).await?;
    match connection.call(&redis::cmd("PING")).await? {
        Value::SimpleString(answer) if answer == "PONG" => Ok(()),
        // It wants a password, so it is there; whether a component has the right one is the sidecar's to find out.
        Value::ServerError(error) if error.code() == "NOAUTH" => Ok(()),
        Value::ServerError(error) => Err(refusal(&error)),
        other => Err(connection.does_not_answer_so(&other)),
    }
}
