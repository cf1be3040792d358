//! What is different for one sidecar between the folders that it has mounted and those that it should have.

use crate::{
    dapr::{
        changes::{ResourceChange, What, changes},
        sidecar::{CONFIGURATION_PATH, RESOURCES_PATH},
    },
    docker::Docker,
    engine::{
        folders::{Files, files},
        project::Project,
    },
    names::ContainerName,
    plan::spec::{ContainerSpec, MountSpec},
    secrets::{self, SECRETS_PATH},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// It.
#[derive(Clone, Debug)]
pub(super) struct SidecarChange {
    /// The sidecar as it should be.
    pub spec: ContainerSpec,
    /// The folder of resources that it has mounted.
    pub folder: PathBuf,
    /// Host port by port in the container.
    pub ports: BTreeMap<u16, u16>,
    /// The resources in that folder.
    pub before: Files,
    /// Those it should have.
    pub after: Files,
    /// What is different, its Configuration too.
    pub changes: Vec<ResourceChange>,
}

/// Looks at the sidecars of these names; one that is not there is left out.
pub(super) async fn of(docker: &Docker, project: &Project, which: &BTreeSet<ContainerName>) -> Vec<SidecarChange> {
    let mut all = Vec::new();
    for spec in project.desired.containers.iter().filter(|spec| which.contains(&spec.name)) {
        let Ok(looked) = docker.inspect(&spec.name).await else { continue };
        let before = |target: &str| looked.mounts.get(target).map(|path| files(path)).unwrap_or_default();
        let (resources, wanted) = (before(RESOURCES_PATH), project.files_of(spec, RESOURCES_PATH));
        let mut different = changes(&resources, &wanted);
        different.extend(secrets::changes::changes(&before(SECRETS_PATH), &project.files_of(spec, SECRETS_PATH)));
        different.extend(changes(&before(CONFIGURATION_PATH), &project.files_of(spec, CONFIGURATION_PATH)));
        all.push(SidecarChange {
            spec: spec.clone(),
            folder: looked.mounts.get(RESOURCES_PATH).cloned().unwrap_or_default(),
            ports: looked.ports.clone(),
            before: resources,
            after: wanted,
            changes: different,
        });
    }
    all
}

/// What is different for any of them, each once.
pub(super) fn all(sidecars: &[SidecarChange]) -> Vec<ResourceChange> {
    let mut all: Vec<ResourceChange> = Vec::new();
    for change in sidecars.iter().flat_map(|sidecar| &sidecar.changes) {
        if !all.contains(change) {
            all.push(change.clone());
        }
    }
    all
}

impl SidecarChange {
    /// The components that are new.
    pub fn added(&self) -> BTreeSet<String> {
        self.components(&What::Added)
    }

    /// The components that go.
    pub fn removed(&self) -> BTreeSet<String> {
        self.components(&What::Removed)
    }

    /// What its folder holds when what is new has come and what is old has gone. What stays is not written again: daprd would
    /// take another layout for another component, and close the one it has.
    pub fn changed_in_place(&self) -> Files {
        let kept = |(name, text): (&String, &String)| (name.clone(), self.before.get(name).unwrap_or(text).clone());
        self.after.iter().map(kept).collect()
    }

    /// The folder of resources that it should have.
    pub fn wanted_folder(&self) -> Option<&Path> {
        mounted(&self.spec, RESOURCES_PATH)
    }

    fn components(&self, what: &What) -> BTreeSet<String> {
        let components = self.changes.iter().filter(|change| change.kind == "Component" && change.what == *what);
        components.map(|change| change.name.clone()).collect()
    }
}

fn mounted<'a>(spec: &'a ContainerSpec, target: &str) -> Option<&'a Path> {
    spec.mounts.iter().find(|mount| mount.target == target).and_then(MountSpec::host_path)
}
