//! What `status` tells: plain data, and with `--json` the contract itself.

pub use crate::dapr::metrics::{JobMetrics, SidecarMetrics, StateMetrics, TopicMetrics};
use crate::plan::spec::Role;
use jiff::Timestamp;
use serde::Serialize;

/// A project as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Status {
    /// Always [`crate::event::SCHEMA`].
    pub schema: u32,
    /// The project.
    pub project: String,
    /// All in one word.
    pub state: ProjectState,
    /// Whether a sentry runs, so that sidecars and control plane authenticate each other.
    pub mtls: bool,
    /// The active broker, where the project has one.
    pub broker: Option<BrokerStatus>,
    /// Its containers.
    pub containers: Vec<ContainerStatus>,
    /// Its apps.
    pub apps: Vec<AppStatus>,
}

/// A project in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ProjectState {
    /// Everything is ready.
    Ready,
    /// Something is not ready yet.
    Starting,
    /// Something has ended, or is not as it should be.
    Degraded,
    /// The containers exist and none runs.
    Stopped,
    /// Nothing of it exists.
    Absent,
}

impl ProjectState {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Degraded => "degraded",
            Self::Stopped => "stopped",
            Self::Absent => "absent",
        }
    }
}

/// The active broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BrokerStatus {
    /// `redpanda`, `redis`, …
    pub kind: String,
    /// The pub/sub component that uses it.
    pub component: String,
}

/// One container.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContainerStatus {
    /// What people call it.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The app it belongs to.
    pub app: Option<String>,
    /// Its name on the engine.
    pub container: String,
    /// Its image.
    pub image: String,
    /// Whether that image was built here in place of the original.
    pub stand_in: bool,
    /// The engine's word: `running`, `exited`, `created`, …
    pub state: String,
    /// Whether it does what it is for.
    pub ready: bool,
    /// Why it is not ready.
    pub reason: Option<String>,
    /// Its exit code, when it has ended.
    pub exit_code: Option<i64>,
    /// Its published ports.
    pub ports: Vec<PortStatus>,
    /// When it was started.
    pub started_at: Option<Timestamp>,
    /// How often the engine has restarted it.
    pub restarts: u64,
    /// Whether it is there only during a hand-over or a swap.
    pub temporary: bool,
    /// What it uses, where that was asked for and it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageStatus>,
}

/// What a container uses.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct UsageStatus {
    /// Of one processor, in percent, over half a second just now; of two that are busy, 200.
    pub cpu_percent: Option<f64>,
    /// Its memory.
    pub memory_bytes: u64,
    /// The most it may have.
    pub memory_limit_bytes: Option<u64>,
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortStatus {
    /// The port of this machine.
    pub host: u16,
    /// The port in the container.
    pub container: u16,
    /// Where it is reached: `127.0.0.1:19092`.
    pub address: String,
}

/// One app.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AppStatus {
    /// Its Dapr app id.
    pub id: String,
    /// How many of it there are.
    pub replicas: u32,
    /// `http://127.0.0.1:8000`, where it has a port.
    pub url: Option<String>,
    /// `http://127.0.0.1:3500`, of the first replica's sidecar.
    pub dapr_http: Option<String>,
    /// `127.0.0.1:50001`.
    pub dapr_grpc: Option<String>,
    /// The components of its files and those its sidecar has loaded.
    pub components: Vec<ComponentStatus>,
    /// Its sidecars, one a replica.
    pub sidecars: Vec<SidecarStatus>,
    /// What its sidecar has subscribed to.
    pub subscriptions: Vec<SubscriptionStatus>,
}

/// One component of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComponentStatus {
    /// `metadata.name`.
    pub name: String,
    /// `pubsub.kafka`.
    #[serde(rename = "type")]
    pub component_type: String,
    /// `v1`.
    pub version: String,
    /// Whether the sidecar has it.
    pub loaded: bool,
    /// The file it comes from, or what else made it.
    pub source: Option<String>,
    /// Why it was not taken.
    pub refused: Option<Refusal>,
}

/// Why a component was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The file.
    pub file: String,
    /// The line in it, where it is known.
    pub line: Option<usize>,
    /// Why, as a fragment.
    pub reason: String,
}

/// One sidecar of an app.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SidecarStatus {
    /// Which replica, from 1.
    pub replica: u32,
    /// Its container's name on the engine.
    pub container: String,
    /// `http://127.0.0.1:3500`.
    pub dapr_http: Option<String>,
    /// What it has counted since it started, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<SidecarMetrics>,
    /// Why there is none of that although it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_missing: Option<String>,
}

/// One subscription of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SubscriptionStatus {
    /// The pub/sub component.
    pub pubsub: String,
    /// The topic.
    pub topic: String,
    /// The path that gets the messages.
    pub route: Option<String>,
}
