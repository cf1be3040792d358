//! What lies in a broker for its consumer groups, and what they need there before the first message comes: the questions and
//! the doing of a swap. One attempt each, bounded in time, over the connections of [`crate::probe`]; the caller asks again.
//!
//! | where | what |
//! |---|---|
//! | `kafka` | end offset minus committed offset; topics; members that have gone |
//! | `redis` | pending entries and lag of a stream's group; groups; whose entries have waited for long |
//! | `rabbitmq` | ready and unacknowledged messages of a queue; exchanges, queues and bindings |
//! | `topology` | which of these daprd declares for a subscription. Pure |
//!
//! A broker is asked in the protocol that its `catalog.toml` names as `[consumers] inquiry`: nothing here names a broker.

mod kafka;
mod rabbitmq;
mod redis;
#[cfg(test)]
mod tests;
mod topology;

use crate::{
    plan::spec::Inquiry,
    probe::{NotYet, wire::within},
};
use std::{collections::BTreeMap, net::SocketAddr, time::Duration};

/// How one broker is reached from the host.
#[derive(Clone, Debug)]
pub struct BrokerAt {
    /// In which protocol it is asked.
    pub inquiry: Inquiry,
    /// The published port of that protocol.
    pub address: SocketAddr,
    /// The published port of its management API, where it has one (RabbitMQ): `management_port` in its catalog entry.
    pub management: Option<SocketAddr>,
    /// User and password, where the broker asks for them.
    pub credentials: Option<(String, String)>,
    /// For the management API.
    pub http: reqwest::Client,
    /// For the whole of one question.
    pub deadline: Duration,
}

/// What consumers of one app have in common: who they are together, and what they read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// The consumer group: `consumerGroup` or `consumerID` of the component.
    pub consumer_group: String,
    /// The topic.
    pub topic: String,
    /// The queue, where the subscription's metadata names one (`queueName`, RabbitMQ only).
    pub queue: Option<String>,
}

/// What is left for one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// For whom.
    pub group: Group,
    /// Messages that no consumer has yet. Kafka does not know what its consumers have: there it is everything that is not
    /// committed, and what was handled is committed up to a second later.
    pub waiting: u64,
    /// Messages that a consumer has, or had, and has not acknowledged.
    pub in_flight: u64,
}

/// A subscription as a broker must have it before its first message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// Who subscribes, to what.
    pub group: Group,
    /// The metadata of the rendered component. Names do not depend on case.
    pub component: BTreeMap<String, String>,
    /// The metadata of the subscription.
    pub subscription: BTreeMap<String, String>,
}

impl Group {
    /// A group whose queue has the usual name.
    pub fn new(consumer_group: impl Into<String>, topic: impl Into<String>) -> Self {
        Self { consumer_group: consumer_group.into(), topic: topic.into(), queue: None }
    }

    /// daprd's queue on RabbitMQ.
    pub fn queue_name(&self) -> String {
        self.queue.clone().unwrap_or_else(|| format!("{}-{}", self.consumer_group, self.topic))
    }
}

impl Left {
    /// Everything that is left.
    pub fn total(&self) -> u64 {
        self.waiting.saturating_add(self.in_flight)
    }
}

impl BrokerAt {
    /// What is left for each group, in their order. A topic, stream or queue that is not there has nothing; a group that is
    /// not there has everything that its topic holds, which is what daprd would give it.
    ///
    /// Never less than what is left while nobody publishes to this broker any more. On a RabbitMQ quorum queue that still has
    /// consumers, `in_flight` is up to 5 s old.
    ///
    /// # Errors
    /// The reason why the broker does not tell.
    pub async fn left(&self, groups: &[Group]) -> Result<Vec<Left>, NotYet> {
        match self.inquiry {
            Inquiry::KafkaGroup => within(self.address, self.deadline, kafka::left(self.address, groups)).await,
            Inquiry::RedisGroup => {
                within(self.address, self.deadline, redis::left(self.address, self.credentials(), groups)).await
            }
            Inquiry::RabbitmqQueue => within(self.address, self.deadline, rabbitmq::left(self, groups)).await,
        }
    }

    /// Makes what the subscriptions need, exactly as daprd would, so that nothing that is published from now on can miss
    /// them. What is there already stays.
    ///
    /// # Errors
    /// The reason why it is not there yet; waiting helps unless it is [`crate::probe::Kind::Unexpected`].
    pub async fn declare(&self, declarations: &[Declaration]) -> Result<(), NotYet> {
        match self.inquiry {
            Inquiry::KafkaGroup => {
                within(self.address, self.deadline, kafka::declare(self.address, declarations)).await
            }
            Inquiry::RedisGroup => {
                within(self.address, self.deadline, redis::declare(self.address, self.credentials(), declarations))
                    .await
            }
            Inquiry::RabbitmqQueue => within(self.address, self.deadline, rabbitmq::declare(self, declarations)).await,
        }
    }

    /// Whether it learns only some time later what a consumer has handled, unless that one ends.
    pub fn learns_late(&self) -> bool {
        matches!(self.inquiry, Inquiry::KafkaGroup)
    }

    /// Takes from consumers that have ended what they still have: the next ones get it at once, and not when the broker gives it
    /// up for lost. For groups that nobody is in any more. RabbitMQ sees by itself that a consumer has gone.
    ///
    /// # Errors
    /// The reason why it was not done; the broker does it later then.
    pub async fn release(&self, groups: &[Group]) -> Result<(), NotYet> {
        match self.inquiry {
            Inquiry::KafkaGroup => within(self.address, self.deadline, kafka::release(self.address, groups)).await,
            Inquiry::RedisGroup => {
                within(self.address, self.deadline, redis::release(self.address, self.credentials(), groups)).await
            }
            Inquiry::RabbitmqQueue => Ok(()),
        }
    }

    fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }
}
