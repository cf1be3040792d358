//! RabbitMQ: daprd's queue for a topic is `GROUP-TOPIC` in the vhost `/`, and it has a consumer. Asked over AMQP: see
//! [`crate::probe::amqp_wire`] for why not through the management API. A consumer is gone as soon as its connection is.

use super::super::{NotYet, amqp_wire::AmqpConnection};
use std::net::SocketAddr;

/// The credentials of RabbitMQ's default user.
const DEFAULT_CREDENTIALS: (&str, &str) = ("guest", "guest");

pub(super) async fn joined(
    address: SocketAddr,
    credentials: Option<(&str, &str)>,
    group: &str,
    sidecars: usize,
    topics: &[String],
) -> Result<(), NotYet> {
    let (user, password) = credentials.unwrap_or(DEFAULT_CREDENTIALS);
    let mut connection = AmqpConnection::start(address).await?;
    connection.log_in(user, password).await?;
    let outcome = look(&mut connection, group, sidecars, topics).await;
    connection.log_out().await?;
    outcome
}

async fn look(connection: &mut AmqpConnection, group: &str, sidecars: usize, topics: &[String]) -> Result<(), NotYet> {
    for topic in topics {
        let name = format!("{group}-{topic}");
        match connection.queue(&name).await? {
            None => return Err(NotYet::waiting(format!("there is no queue {name} yet"))),
            Some(queue) if queue.consumers == 0 => {
                return Err(NotYet::waiting(format!("queue {name} has no consumer yet")));
            }
            Some(queue) if (queue.consumers as usize) < sidecars => {
                let reason = format!("queue {name} has {} of {sidecars} consumers", queue.consumers);
                return Err(NotYet::waiting(reason));
            }
            Some(_) => {}
        }
    }
    Ok(())
}
