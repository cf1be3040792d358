//! RabbitMQ: what a queue holds, and exchanges, queues and bindings as daprd declares them.
//!
//! What is unacknowledged only the management API tells, and its numbers are up to 5 s old, save with `disable_stats` and
//! `enable_queue_totals`: then the queue itself is asked (seen with 4.0, right 1 ms after a publish, a delivery and an
//! acknowledgement). A quorum queue is not asked so; its ready messages and consumers are exact over AMQP.

use super::{BrokerAt, Declaration, Group, Left, topology};
use crate::probe::{NotYet, amqp_wire::AmqpConnection, http};
use reqwest::StatusCode;
use serde::Deserialize;

/// The credentials of RabbitMQ's default user.
const DEFAULT_CREDENTIALS: (&str, &str) = ("guest", "guest");

/// What the management API says of a queue.
#[derive(Debug, Deserialize)]
struct Totals {
    #[serde(rename = "type")]
    queue_type: String,
    messages_ready: u64,
    messages_unacknowledged: u64,
}

pub(super) async fn left(broker: &BrokerAt, groups: &[Group]) -> Result<Vec<Left>, NotYet> {
    let mut found = Vec::new();
    for group in groups {
        let (waiting, in_flight) = of_queue(broker, &group.queue_name()).await?;
        found.push(Left { group: group.clone(), waiting, in_flight });
    }
    Ok(found)
}

async fn of_queue(broker: &BrokerAt, name: &str) -> Result<(u64, u64), NotYet> {
    let Some(totals) = totals(broker, name).await? else { return Ok((0, 0)) };
    if totals.queue_type == "classic" {
        return Ok((totals.messages_ready, totals.messages_unacknowledged));
    }
    let mut connection = connect(broker).await?;
    let queue = connection.queue(name).await?;
    connection.log_out().await?;
    Ok(match queue {
        None => (0, 0),
        // Without consumers nothing is in flight.
        Some(queue) if queue.consumers == 0 => (queue.messages_ready.into(), 0),
        Some(queue) => (queue.messages_ready.into(), totals.messages_unacknowledged),
    })
}

async fn totals(broker: &BrokerAt, name: &str) -> Result<Option<Totals>, NotYet> {
    let Some(management) = broker.management else {
        return Err(NotYet::unexpected(
            "RabbitMQ's management API is not published, and nothing else tells what is left",
        ));
    };
    let mut url = http::url(management, "/?disable_stats=true&enable_queue_totals=true")?;
    if let Ok(mut path) = url.path_segments_mut() {
        path.clear().extend(["api", "queues", "/", name]);
    }
    let credentials = broker.credentials().unwrap_or(DEFAULT_CREDENTIALS);
    let answer = http::get(&broker.http, url.clone(), Some(credentials), broker.deadline).await?;
    match answer.status {
        StatusCode::NOT_FOUND => Ok(None),
        StatusCode::OK => serde_json::from_slice(&answer.body).map(Some).map_err(|error| {
            NotYet::unexpected(format!("GET {} is answered with something else: {error}", url.path()))
        }),
        _ => Err(answer.refused(url.path())),
    }
}

pub(super) async fn declare(broker: &BrokerAt, declarations: &[Declaration]) -> Result<(), NotYet> {
    let mut connection = connect(broker).await?;
    for declaration in declarations {
        let topology = topology::of(declaration).map_err(NotYet::unexpected)?;
        for exchange in &topology.exchanges {
            connection.declare_exchange(exchange).await?;
        }
        for queue in &topology.queues {
            connection.declare_queue(queue).await?;
        }
        for binding in &topology.bindings {
            connection.bind(binding).await?;
        }
    }
    connection.log_out().await
}

async fn connect(broker: &BrokerAt) -> Result<AmqpConnection, NotYet> {
    let (user, password) = broker.credentials().unwrap_or(DEFAULT_CREDENTIALS);
    let mut connection = AmqpConnection::start(broker.address).await?;
    connection.log_in(user, password).await?;
    Ok(connection)
}
