//! What a folder of `templates/brokers` or `templates/stores` says: a description, closed in its words. Pure.

use super::features::Feature;
use crate::plan::spec::{Inquiry, Protocol};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A broker or a store that the sandbox can start: `catalog.toml` with the component's template beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogEntry {
    /// What `catalog.toml` says.
    pub description: Description,
    /// The Dapr component, a template.
    pub component_template: String,
}

/// `catalog.toml`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Its name: the folder's, what `kind = …` says and the container's alias.
    pub name: String,
    /// The image with a pinned tag; without one there is no container.
    pub image: Option<String>,
    /// The command, each word a template.
    pub command: Option<Vec<String>>,
    /// Environment, each value a template.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The memory limit, in MiB, unless sandbox.toml says another.
    pub memory_mb: Option<u64>,
    /// How long a stop waits before it kills.
    #[serde(default = "default_stop_grace")]
    pub stop_grace_seconds: u64,
    /// A fixed host name in the container.
    pub hostname: Option<String>,
    /// Its ports.
    #[serde(default)]
    pub ports: Vec<PortDescription>,
    /// Its volumes.
    #[serde(default)]
    pub volumes: Vec<VolumeDescription>,
    /// When it is ready.
    pub ready: Option<ReadyDescription>,
    /// How it shows its consumers; brokers only.
    pub consumers: Option<ConsumersDescription>,
    /// What an app sees of it, to be compared with another one; brokers only, and all of it.
    #[serde(default)]
    pub features: BTreeMap<Feature, String>,
    /// The Dapr component in front of it.
    pub component: ComponentDescription,
}

fn default_stop_grace() -> u64 {
    10
}

/// A port that is published.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PortDescription {
    /// The port in the container.
    pub container: u16,
    /// What is reached there, for the list of addresses.
    pub what: String,
    /// `http` where a browser can open it.
    pub scheme: Option<String>,
    /// The one that `port = …` in sandbox.toml means.
    #[serde(default)]
    pub main: bool,
    /// Whether the container tells its clients this port, so that it must be known before the container is created.
    #[serde(default)]
    pub advertised: bool,
}

/// A volume that keeps data over `down` and `up`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeDescription {
    /// Its name within the container's.
    pub name: String,
    /// Where it is mounted.
    pub path: String,
}

/// The protocol whose greeting says that it is ready.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadyDescription {
    /// The protocol.
    pub protocol: Protocol,
    /// The port in the container.
    pub port: u16,
}

/// How the broker is asked about its consumers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsumersDescription {
    /// The question.
    pub inquiry: Inquiry,
    /// The port in the container.
    pub port: u16,
    /// The port in the container of its management API, where that tells what is left for consumers.
    pub management_port: Option<u16>,
    /// The environment variable that holds the user's name, where one is needed.
    pub user: Option<String>,
    /// The environment variable that holds the password.
    pub password: Option<String>,
}

/// The Dapr component in front of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComponentDescription {
    /// `spec.type`.
    #[serde(rename = "type")]
    pub component_type: String,
    /// `spec.version`.
    #[serde(default = "default_version")]
    pub version: String,
    /// Metadata of the project's own component that holds here too. What the template itself says wins.
    pub keep: Vec<String>,
    /// The same, where the project's own component is of this very type: another type means something else by the name.
    #[serde(default)]
    pub keep_of_same_type: Vec<String>,
    /// Metadata that only a sidecar gets which drains the broker.
    #[serde(default)]
    pub drain: BTreeMap<String, String>,
}

fn default_version() -> String {
    "v1".to_owned()
}

impl Description {
    /// The port that `port = …` in sandbox.toml means.
    pub fn main_port(&self) -> Option<&PortDescription> {
        self.ports.iter().find(|port| port.main)
    }
}
