//! When a container counts as ready, and what a sidecar must show for it: plain data that `engine/ready.rs` waits for. Pure.

use crate::names::{ContainerName, Token};
use serde::Serialize;
use std::collections::BTreeSet;

/// When a container counts as ready.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Readiness {
    /// It runs.
    #[default]
    Running,
    /// It has ended with exit code 0.
    Exited,
    /// Its own health check says healthy; without one, it runs.
    Engine,
    /// An HTTP GET is answered with 2xx.
    Http {
        /// The port in the container.
        port: u16,
        /// The path.
        path: String,
    },
    /// One of its log lines contains the text.
    Log(String),
    /// Something listens on the port in the container.
    Listening {
        /// The port in the container.
        port: u16,
    },
    /// The protocol's greeting is answered.
    Greeting {
        /// Which protocol.
        protocol: Protocol,
        /// The port in the container.
        port: u16,
    },
    /// daprd is healthy and has loaded what it should.
    Sidecar(Box<SidecarReadiness>),
}

/// Protocols whose greeting is known: the closed vocabulary of `ready.probe` in a catalog entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Kafka: a metadata request.
    Kafka,
    /// Redis: `PING`.
    Redis,
    /// AMQP 0-9-1: the header, answered by `Connection.Start`.
    Amqp,
    /// Postgres: a startup message, answered and not with `57P03` (starting up).
    Postgres,
}

/// What a sidecar must show before it counts as ready.
#[derive(Clone, Debug, PartialEq)]
pub struct SidecarReadiness {
    /// daprd's HTTP port in the container.
    pub http_port: u16,
    /// Components that must be in its metadata.
    pub components: Vec<ComponentIdentity>,
    /// The names of those that daprd does without when they fail (`ignoreErrors`).
    pub may_be_missing: BTreeSet<String>,
    /// Subscriptions that the project's files declare for this app.
    pub subscriptions: Vec<SubscriptionIdentity>,
    /// The app to ask for its own subscriptions: container and port. `None`: no app port, or TLS or h2c.
    pub app: Option<(ContainerName, u16)>,
    /// How daprd and the app are asked.
    pub asking: Asking,
    /// Where the broker shows that consumers have joined; one a component that has a broker behind it.
    pub consumers: Vec<ConsumerCheck>,
}

/// How daprd and its app are asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asking {
    /// What daprd wants to be told (`DAPR_API_TOKEN`).
    pub api_token: Option<Token>,
    /// What daprd tells its app, and so do we (`APP_API_TOKEN`): not with a question after its health, and not with
    /// `ListTopicSubscriptions` (1.18.2).
    pub app_token: Option<Token>,
    /// How the app tells what it subscribes to.
    pub app: AppCallback,
}

/// How an app tells what it subscribes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppCallback {
    /// `GET /dapr/subscribe`.
    #[default]
    Http,
    /// `AppCallback.ListTopicSubscriptions`.
    Grpc,
}

/// A component as daprd names it in its metadata.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ComponentIdentity {
    /// `metadata.name`.
    pub name: String,
    /// `spec.type`, for example `pubsub.kafka`.
    #[serde(rename = "type")]
    pub component_type: String,
    /// `spec.version`, `v1` when the file has none.
    pub version: String,
}

/// A subscription: what is subscribed to, not how it is routed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SubscriptionIdentity {
    /// The pub/sub component.
    pub pubsub: String,
    /// The topic.
    pub topic: String,
}

/// How to see at the broker that the subscribers of one component have joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerCheck {
    /// The pub/sub component.
    pub component: String,
    /// The broker's container.
    pub broker: ContainerName,
    /// How the broker is asked.
    pub inquiry: Inquiry,
    /// The port in the broker's container.
    pub port: u16,
    /// The port of the broker's management API, where that tells what is left for consumers.
    pub management_port: Option<u16>,
    /// The consumer group, or the first part of the queue's name.
    pub group: String,
    /// User and password, where the broker asks for them.
    pub credentials: Option<(String, String)>,
    /// How many sidecars of the app subscribe, each with a consumer of its own.
    pub sidecars: u32,
}

/// How a broker is asked about its consumers: the closed vocabulary of `consumers.inquiry` in a catalog entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Inquiry {
    /// Kafka's consumer group: stable, with a member.
    KafkaGroup,
    /// The stream's group: `XINFO CONSUMERS topic group` names one.
    RedisGroup,
    /// A passive declare over AMQP: queue `GROUP-topic` has a consumer. The management API shows one seconds late.
    RabbitmqQueue,
}
