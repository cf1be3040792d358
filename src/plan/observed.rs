//! What is there: one snapshot of the engine in our own words. Pure.

use super::active::BrokerMark;
use crate::{
    names::{AppId, ContainerName, ImageReference, ShortName},
    plan::spec::{Role, SpecHash},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// The snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// The project's networks by name.
    pub networks: BTreeSet<String>,
    /// The project's volumes by name.
    pub volumes: BTreeSet<String>,
    /// The project's containers.
    pub containers: Vec<ObservedContainer>,
    /// The images that were asked about and are there, with the engine's id of each.
    pub images: BTreeMap<ImageReference, ObservedImage>,
    /// Folders of ours that are there.
    pub folders: BTreeSet<PathBuf>,
    /// Host ports that somebody holds, and who.
    pub held_ports: BTreeMap<u16, PortHolder>,
    /// Free host ports to choose from.
    pub free_ports: Vec<u16>,
}

/// An image that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObservedImage {
    /// The engine's id.
    pub id: String,
    /// What it really is, when it is no original: the label `dev.sandbox.stand-in`.
    pub stand_in: Option<String>,
}

/// A container with our label.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedContainer {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: ContainerName,
    /// What people call it.
    pub short_name: ShortName,
    /// What it is.
    pub role: Role,
    /// The app it belongs to.
    pub app: Option<AppId>,
    /// Which of several it is.
    pub replica: u32,
    /// The hash of the spec it was made from.
    pub spec_hash: SpecHash,
    /// The folder of the sandbox.toml it was made from.
    pub working_directory: Option<PathBuf>,
    /// The image's name when it was made.
    pub image: String,
    /// The engine's id of its image.
    pub image_id: String,
    /// Whether it runs.
    pub state: ContainerState,
    /// Host port by port in the container, while it runs.
    pub ports: BTreeMap<u16, u16>,
    /// Host ports that were assigned when it was made, by port in the container; those the engine chose are not among them.
    pub assigned_ports: BTreeMap<u16, u16>,
    /// When it was created, in seconds of the Unix epoch.
    pub created: i64,
    /// The broker it was made for: of brokers and sidecars.
    pub broker: Option<BrokerMark>,
}

/// Whether a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerState {
    /// It has never run.
    Created,
    /// It runs.
    Running,
    /// It is paused.
    Paused,
    /// It has ended.
    Exited,
}

/// Who holds a host port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortHolder {
    /// A container of this project.
    Own(ContainerName),
    /// Another container, with the project it belongs to where a label tells.
    Container {
        /// Its name.
        name: String,
        /// The sandbox or compose project.
        project: Option<String>,
    },
    /// A process, where the system tells which.
    Process(Option<String>),
    /// Another command that is about to start something on it.
    Starting,
}

impl Observed {
    /// The container of that name.
    pub fn container(&self, name: &ContainerName) -> Option<&ObservedContainer> {
        self.containers.iter().find(|container| container.name == *name)
    }
}
