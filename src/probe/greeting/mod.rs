//! One exchange in a peer's own protocol, which only the peer itself can answer.

mod amqp;
mod kafka;
mod postgres;
mod redis;
#[cfg(test)]
mod tests;

use super::{NotYet, wire::within};
use crate::plan::spec::Protocol;
use std::{net::SocketAddr, time::Duration};

/// Greets once, within the deadline.
///
/// # Errors
/// The reason why the peer is not ready, or is not what the protocol says.
pub async fn greet(protocol: Protocol, address: SocketAddr, deadline: Duration) -> Result<(), NotYet> {
    match protocol {
        Protocol::Kafka => within(address, deadline, kafka::greet(address)).await,
        Protocol::Redis => within(address, deadline, redis::greet(address)).await,
        Protocol::Amqp => within(address, deadline, amqp::greet(address)).await,
        Protocol::Postgres => within(address, deadline, postgres::greet(address)).await,
    }
}
