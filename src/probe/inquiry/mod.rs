//! What a broker says about the consumers of a group: daprd lists a subscription before its consumer has joined, and a
//! message published in between would wait, or be lost where nothing is kept for it.

mod kafka;
mod rabbitmq;
mod redis;
#[cfg(test)]
mod tests;

use super::{NotYet, wire::within};
use crate::plan::spec::Inquiry;
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    time::{Duration, Instant},
};

/// How one group's consumers are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// In which protocol.
    pub inquiry: &'a Inquiry,
    /// Where: the port of the broker's own protocol.
    pub address: SocketAddr,
    /// User and password, for Redis and RabbitMQ; RabbitMQ's default user without them.
    pub credentials: Option<(&'a str, &'a str)>,
    /// The consumer group, or the first part of the queue's name.
    pub group: &'a str,
    /// How many sidecars bring a consumer. Redis cannot tell: theirs have all one name.
    pub sidecars: usize,
    /// For the whole exchange.
    pub deadline: Duration,
}

/// What a broker shows before a sidecar serves, so that its own consumers can be told from those of one that has just been
/// killed, of its predecessor, or of another replica. The default is nothing: any consumer counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier {
    members: BTreeSet<String>,
    as_of: Option<Instant>,
}

impl Question<'_> {
    /// What the broker shows now, asked before the sidecar's consumers can have joined.
    ///
    /// # Errors
    /// The reason why the broker does not tell.
    pub async fn earlier(&self) -> Result<Earlier, NotYet> {
        let as_of = Some(Instant::now());
        let members = match self.inquiry {
            Inquiry::KafkaGroup => {
                within(self.address, self.deadline, kafka::members(self.address, self.group)).await?
            }
            Inquiry::RedisGroup | Inquiry::RabbitmqQueue => BTreeSet::new(),
        };
        Ok(Earlier { members, as_of })
    }

    /// Asks once whether consumers of the group have joined for every topic, later than `earlier`.
    ///
    /// # Errors
    /// The reason when the broker does not show them, or does not answer.
    pub async fn consumers_joined(&self, topics: &[String], earlier: &Earlier) -> Result<(), NotYet> {
        let Self { address, credentials, group, sidecars, deadline, .. } = *self;
        match self.inquiry {
            Inquiry::KafkaGroup => {
                within(address, deadline, kafka::joined(address, group, sidecars, topics, earlier)).await
            }
            Inquiry::RedisGroup => {
                within(address, deadline, redis::joined(address, credentials, group, topics, earlier)).await
            }
            Inquiry::RabbitmqQueue => {
                within(address, deadline, rabbitmq::joined(address, credentials, group, sidecars, topics)).await
            }
        }
    }
}
