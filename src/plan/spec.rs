//! What one object on the engine should be: plain data that a plan carries and `docker/` carries out. Pure.

use super::active::BrokerMark;
pub use super::readiness::{
    AppCallback, Asking, ComponentIdentity, ConsumerCheck, Inquiry, Protocol, Readiness, SidecarReadiness,
    SubscriptionIdentity,
};
use crate::names::{AppId, ContainerName, ImageReference, ShortName, Token};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

/// What a container is in the project: the label `dev.sandbox.role`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The message broker.
    Broker,
    /// The state store.
    State,
    /// Dapr's scheduler.
    Scheduler,
    /// Dapr's placement.
    Placement,
    /// Dapr's sentry, the certificate authority.
    Sentry,
    /// An app.
    App,
    /// A daprd.
    Sidecar,
    /// One of `[containers.*]`.
    Other,
}

impl Role {
    /// Every role, in the order in which people read a project.
    pub const ALL: [Self; 8] = [
        Self::Broker,
        Self::State,
        Self::Scheduler,
        Self::Placement,
        Self::Sentry,
        Self::Other,
        Self::App,
        Self::Sidecar,
    ];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broker => "broker",
            Self::State => "state",
            Self::Scheduler => "scheduler",
            Self::Placement => "placement",
            Self::Sentry => "sentry",
            Self::App => "app",
            Self::Sidecar => "sidecar",
            Self::Other => "other",
        }
    }

    /// Reads a label's value; an unknown one is `Other`, so that a newer binary's containers can still be shown.
    pub fn from_label(value: &str) -> Self {
        Self::ALL.into_iter().find(|role| role.as_str() == value).unwrap_or(Self::Other)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A container as it should be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ContainerSpec {
    /// Its name on the engine. Not part of the hash: a sidecar that takes over is the same under another name.
    #[serde(skip)]
    pub name: ContainerName,
    /// What people call it; also its first alias on the network.
    pub short_name: ShortName,
    /// What it is in the project.
    pub role: Role,
    /// The app it belongs to, for an app and its sidecar.
    pub app: Option<AppId>,
    /// Which of several it is, from 1.
    pub replica: u32,
    /// The image.
    pub image: ImageReference,
    /// Replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Environment. Values may hold [`host_port_token`]s, as may the command.
    pub environment: BTreeMap<String, String>,
    /// Ports published on 127.0.0.1.
    pub ports: Vec<PortSpec>,
    /// Mounts.
    pub mounts: Vec<MountSpec>,
    /// Further aliases on the project's network.
    pub aliases: Vec<String>,
    /// The container's host name; `None`: the engine's choice.
    pub hostname: Option<String>,
    /// Memory limit in bytes.
    pub memory: Option<u64>,
    /// How long a stop waits before it kills. Not part of the hash.
    #[serde(skip)]
    pub stop_grace: Duration,
    /// When it counts as ready. Not part of the hash.
    #[serde(skip)]
    pub readiness: Readiness,
    /// What must be so before it starts. Not part of the hash.
    #[serde(skip)]
    pub start_after: Vec<StartCondition>,
    /// The broker it is made for: of brokers and sidecars. Not part of the hash: what is on a broker is so however it got there.
    #[serde(skip)]
    pub broker: Option<BrokerMark>,
}

/// What must be so before a container starts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StartCondition {
    /// The other container is ready.
    Ready(ContainerName),
    /// The other container is a sidecar that takes calls, whether or not its app is there yet.
    Callable(ContainerName),
}

impl StartCondition {
    /// The container it is about.
    pub fn container(&self) -> &ContainerName {
        match self {
            Self::Ready(container) | Self::Callable(container) => container,
        }
    }
}

impl ContainerSpec {
    /// What people call it where several replicas must be told apart: `orders-2`, `orders-2-dapr`.
    pub fn display_name(&self) -> &str {
        self.aliases.first().map_or(self.short_name.as_str(), String::as_str)
    }

    /// What its daprd wants to be told, where it is a sidecar that wants to.
    pub fn api_token(&self) -> Option<&Token> {
        match &self.readiness {
            Readiness::Sidecar(readiness) => readiness.asking.api_token.as_ref(),
            _ => None,
        }
    }

    /// Whether it can be made only when sentry has made its trust anchors.
    pub fn lacks_trust_anchors(&self) -> bool {
        self.environment.values().any(|value| value == TRUST_ANCHORS)
    }

    /// Puts the trust anchors where their token stands. They are part of the hash: with others it is another container.
    pub fn trust(&mut self, anchors: &str) {
        for value in self.environment.values_mut().filter(|value| *value == TRUST_ANCHORS) {
            anchors.clone_into(value);
        }
    }

    /// What decides whether a running container is still the right one: everything but what only orders or times its start,
    /// and but the host ports that were chosen, which are read back from the container.
    pub fn hash(&self) -> SpecHash {
        let json = serde_json::to_vec(self).expect("a spec has only string keys");
        SpecHash::of(&[&json])
    }
}

/// Sixteen hex digits of a SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct SpecHash(String);

impl SpecHash {
    /// The hash of some byte strings, each with its length before it so that no two lists collide.
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        Self(digest.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    /// The hash of files, with their names.
    pub fn of_files(files: &BTreeMap<String, String>) -> Self {
        let parts: Vec<&[u8]> = files.iter().flat_map(|(name, text)| [name.as_bytes(), text.as_bytes()]).collect();
        Self::of(&parts)
    }

    /// Takes a label's value.
    pub fn from_label(value: &str) -> Self {
        Self(value.to_owned())
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A published port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PortSpec {
    /// The port in the container.
    pub container: u16,
    /// What is asked of the host.
    pub host: HostPort,
    /// What is reached there, for people: `Dapr HTTP`, `kafka`. Not part of the hash.
    #[serde(skip)]
    pub what: String,
    /// `http` where an address is a URL. Not part of the hash.
    #[serde(skip)]
    pub scheme: Option<String>,
    /// The port chosen for this start; part of no hash. `None` until ports are assigned, `Some(0)`: the engine chooses.
    #[serde(skip)]
    pub assigned: Option<u16>,
}

impl PortSpec {
    /// Gives it the port it would like best, without a look at who has which: it can still leave it.
    pub fn assign_wanted(&mut self, free: impl FnOnce() -> Option<u16>) {
        self.assigned = match self.host {
            HostPort::Fixed(number) | HostPort::Preferred(number) => Some(number),
            HostPort::Any => Some(0),
            HostPort::Advertised => free(),
        };
    }

    /// Leaves a port that somebody has taken meanwhile, where it may be another one: `free` is asked for the number of one
    /// that must be known beforehand, else the engine chooses. Whether it left.
    pub fn leave(&mut self, free: impl FnOnce() -> Option<u16>) -> bool {
        let other = match self.host {
            HostPort::Fixed(_) | HostPort::Any => None,
            HostPort::Preferred(_) => Some(0),
            HostPort::Advertised => free(),
        };
        let leaves = other.is_some() && other != self.assigned;
        self.assigned = other.or(self.assigned);
        leaves
    }

    /// A port that is not assigned yet.
    pub fn new(container: u16, host: HostPort, what: &str, scheme: Option<&str>) -> Self {
        Self { container, host, what: what.to_owned(), scheme: scheme.map(str::to_owned), assigned: None }
    }
}

/// Which host port a container may have. Always on 127.0.0.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum HostPort {
    /// This one or an error.
    Fixed(u16),
    /// This one when it is free, else any.
    Preferred(u16),
    /// Any, chosen by the engine.
    Any,
    /// Any, but known before the container is created: the broker must advertise it.
    Advertised,
}

/// Stands in the environment for sentry's trust anchors, while there are none yet: sentry makes them when it starts first.
pub const TRUST_ANCHORS: &str = "@trust-anchors@";

/// Stands in a command or in the environment for the host port assigned to a container's port.
pub fn host_port_token(container_port: u16) -> String {
    format!("@host-port-{container_port}@")
}

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MountSpec {
    /// What is mounted.
    pub source: MountSource,
    /// Where in the container.
    pub target: String,
    /// Whether the container may write to it.
    pub read_only: bool,
}

impl MountSpec {
    /// The path of the host, where one is mounted.
    pub fn host_path(&self) -> Option<&Path> {
        match &self.source {
            MountSource::Host(path) => Some(path),
            MountSource::Volume(_) => None,
        }
    }
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MountSource {
    /// A path of the host.
    Host(PathBuf),
    /// A volume by its full name on the engine.
    Volume(String),
}

/// The project's bridge network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NetworkSpec {
    /// Its name on the engine.
    pub name: String,
}

/// A named volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VolumeSpec {
    /// Its full name on the engine, `PROJECT_NAME`.
    pub name: String,
    /// Its name within the project.
    pub short_name: String,
    /// Whether what is in it is needed only while a container has it; then everybody in every container may write to it.
    pub in_memory: bool,
}

/// A folder that is written whole. Once it is mounted only daprd's own reload changes it (`diff/in_place.rs`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FolderSpec {
    /// The folder; its last part is a hash of what lay in it when it was written.
    pub path: PathBuf,
    /// File names and what they hold.
    pub files: BTreeMap<String, String>,
}

/// An image to build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuildSpec {
    /// The tag it gets: `PROJECT-NAME:HASH`, so that a changed context is another image.
    pub image: ImageReference,
    /// Whose image it is.
    pub short_name: ShortName,
    /// The context's folder.
    pub context: PathBuf,
    /// The Dockerfile, relative to it.
    pub dockerfile: String,
    /// The stage.
    pub target: Option<String>,
    /// Build arguments.
    pub arguments: BTreeMap<String, String>,
}
