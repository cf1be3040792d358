//! A broker of AMQP 0-9-1 is ready when it answers the protocol header with `Connection.Start`. RabbitMQ 4.0 listens as the
//! last step of its start, when its vhosts and plugins are there.
//!
//! Nobody logs in, as that would need a user, so RabbitMQ logs the end as a warning, «client unexpectedly closed TCP
//! connection»: before a login there is no other end that it would not call an error.

use super::super::{NotYet, amqp_wire::AmqpConnection};
use std::net::SocketAddr;

pub(super) async fn greet(address: SocketAddr) -> Result<(), NotYet> {
    AmqpConnection::start(address).await.map(drop)
}
