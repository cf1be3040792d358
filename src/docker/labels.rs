//! Identity is labels, never a file: what ours are called, and Compose's own, so that its tools see the project. Pure.
//!
//! Compose lists a project only when `config-hash` is there too (seen with docker compose 2.26.1).

use crate::{
    names::{AppId, ContainerName, ProjectName, ShortName},
    plan::{
        active::BrokerMark,
        observed::{ContainerState, ObservedContainer},
        spec::{ContainerSpec, Role, SpecHash},
    },
};
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

/// The project a thing belongs to.
pub const PROJECT: &str = "dev.sandbox.project";
/// What an image of ours really is when it stands in for one that could not be pulled.
pub const STAND_IN: &str = "dev.sandbox.stand-in";
const ROLE: &str = "dev.sandbox.role";
const NAME: &str = "dev.sandbox.name";
const APP: &str = "dev.sandbox.app";
const REPLICA: &str = "dev.sandbox.replica";
const SPEC_HASH: &str = "dev.sandbox.spec-hash";
const VERSION: &str = "dev.sandbox.version";
const PORTS: &str = "dev.sandbox.ports";
const BROKER: &str = "dev.sandbox.broker";
const BROKER_IN_FILE: &str = "dev.sandbox.broker-in-file";
pub(super) const WORKING_DIRECTORY: &str = "com.docker.compose.project.working_dir";

/// Where a project comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Its name.
    pub project: ProjectName,
    /// sandbox.toml.
    pub file: PathBuf,
    /// Its folder.
    pub directory: PathBuf,
}

impl Origin {
    /// The labels of a container.
    pub fn container(&self, spec: &ContainerSpec) -> HashMap<String, String> {
        let hash = spec.hash();
        let assigned =
            spec.ports.iter().filter_map(|port| Some((port.container, port.assigned.filter(|port| *port > 0)?)));
        let assigned: Vec<_> = assigned.map(|(container, host)| format!("{container}={host}")).collect();
        let mut labels = self.common();
        let mut add = |name: &str, value: &str| labels.insert(name.to_owned(), value.to_owned());
        add(ROLE, spec.role.as_str());
        add(NAME, spec.short_name.as_str());
        add(REPLICA, &spec.replica.to_string());
        add(SPEC_HASH, hash.as_str());
        add(PORTS, &assigned.join(","));
        if let Some(app) = &spec.app {
            add(APP, app.as_str());
        }
        if let Some(mark) = &spec.broker {
            add(BROKER, &mark.active);
            add(BROKER_IN_FILE, &mark.in_file);
        }
        add("com.docker.compose.service", spec.short_name.as_str());
        add("com.docker.compose.container-number", &spec.replica.to_string());
        add("com.docker.compose.oneoff", "False");
        add("com.docker.compose.config-hash", hash.as_str());
        labels
    }

    /// The labels of the network.
    pub fn network(&self) -> HashMap<String, String> {
        let mut labels = self.common();
        labels.insert("com.docker.compose.network".to_owned(), "default".to_owned());
        labels
    }

    /// The labels of a volume.
    pub fn volume(&self, short_name: &str) -> HashMap<String, String> {
        let mut labels = self.common();
        labels.insert("com.docker.compose.volume".to_owned(), short_name.to_owned());
        labels
    }

    /// The labels of an image that was built for the project.
    pub fn image(&self, short_name: &ShortName) -> HashMap<String, String> {
        HashMap::from([(PROJECT.to_owned(), self.project.to_string()), (NAME.to_owned(), short_name.to_string())])
    }

    fn common(&self) -> HashMap<String, String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        HashMap::from([
            (PROJECT.to_owned(), self.project.to_string()),
            (VERSION.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("com.docker.compose.project".to_owned(), self.project.to_string()),
            (WORKING_DIRECTORY.to_owned(), text(&self.directory)),
            ("com.docker.compose.project.config_files".to_owned(), text(&self.file)),
        ])
    }
}

/// What the engine's list says of a container, in plain words.
#[derive(Clone, Debug, Default)]
pub(super) struct Listed {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) image: String,
    pub(super) image_id: String,
    pub(super) state: String,
    pub(super) labels: HashMap<String, String>,
    pub(super) ports: BTreeMap<u16, u16>,
    pub(super) created: i64,
}

impl Listed {
    /// As ours; `None` when our labels are not all there, so that nothing foreign is ever touched.
    pub(super) fn into_observed(self) -> Option<ObservedContainer> {
        let label = |name: &str| self.labels.get(name).cloned();
        let assigned = label(PORTS).unwrap_or_default();
        let assigned = assigned.split(',').filter_map(|pair| {
            let (container, host) = pair.split_once('=')?;
            Some((container.parse().ok()?, host.parse().ok()?))
        });
        Some(ObservedContainer {
            name: ContainerName::new(&self.name),
            short_name: ShortName::new(label(NAME)?),
            role: Role::from_label(&label(ROLE)?),
            app: label(APP).map(AppId::new),
            replica: label(REPLICA)?.parse().ok()?,
            spec_hash: SpecHash::from_label(&label(SPEC_HASH)?),
            working_directory: label(WORKING_DIRECTORY).map(PathBuf::from),
            state: match self.state.as_str() {
                "running" | "restarting" => ContainerState::Running,
                "paused" => ContainerState::Paused,
                "created" => ContainerState::Created,
                _ => ContainerState::Exited,
            },
            assigned_ports: assigned.collect(),
            broker: label(BROKER).zip(label(BROKER_IN_FILE)).map(|(active, in_file)| BrokerMark { active, in_file }),
            ports: self.ports,
            id: self.id,
            image: self.image,
            image_id: self.image_id,
            created: self.created,
        })
    }

    /// The sandbox or compose project it belongs to.
    pub(super) fn project(&self) -> Option<String> {
        let labels = [PROJECT, "com.docker.compose.project"];
        labels.into_iter().find_map(|label| self.labels.get(label)).cloned()
    }
}
