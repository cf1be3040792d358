//! One snapshot of the project: three list calls and one look at each image, all at once.

use super::{
    Docker, DockerError,
    labels::{Listed, PROJECT, STAND_IN, WORKING_DIRECTORY},
};
use crate::{
    names::{ImageReference, ProjectName},
    plan::observed::{Observed, ObservedImage},
};
use bollard::{
    models::ContainerSummary,
    query_parameters::{ListContainersOptionsBuilder, ListNetworksOptionsBuilder, ListVolumesOptionsBuilder},
};
use futures_util::{TryFutureExt, future::try_join_all};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

/// A host port that a container holds which is not of the project asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignPort {
    /// The port.
    pub port: u16,
    /// The container.
    pub name: String,
    /// Its sandbox or compose project.
    pub project: Option<String>,
}

impl Docker {
    /// What is there of a project, and which of some images.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn observe(&self, project: &ProjectName, images: &[ImageReference]) -> Result<Observed, DockerError> {
        let filters = HashMap::from([("label", vec![format!("{PROJECT}={project}")])]);
        let containers = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let networks = ListNetworksOptionsBuilder::default().filters(&filters).build();
        let volumes = ListVolumesOptionsBuilder::default().filters(&filters).build();
        let failed = |error| DockerError::of("list", format!("what is there of `{project}`"), &error, &self.endpoint);
        let (containers, networks, volumes, images) = futures_util::try_join!(
            self.client.list_containers(Some(containers)).map_err(failed),
            self.client.list_networks(Some(networks)).map_err(failed),
            self.client.list_volumes(Some(volumes)).map_err(failed),
            self.find_images(images),
        )?;
        let mut containers: Vec<_> = containers.into_iter().filter_map(|one| listed(one).into_observed()).collect();
        containers.sort_by(|one, other| (one.role, &one.name).cmp(&(other.role, &other.name)));
        Ok(Observed {
            containers,
            networks: networks.into_iter().filter_map(|network| network.name).collect(),
            volumes: volumes.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect(),
            images,
            ..Observed::default()
        })
    }

    /// Whether anything of a project runs.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn runs_anything(&self, project: &ProjectName) -> Result<bool, DockerError> {
        let filters = HashMap::from([("label", vec![format!("{PROJECT}={project}")])]);
        let options = ListContainersOptionsBuilder::default().filters(&filters).build();
        let listed = self.client.list_containers(Some(options)).await;
        let failed = |error| DockerError::of("list", format!("what runs of `{project}`"), &error, &self.endpoint);
        listed.map(|containers| !containers.is_empty()).map_err(failed)
    }

    /// Names of every project of ours that has a container.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn projects(&self) -> Result<BTreeSet<String>, DockerError> {
        let filters = HashMap::from([("label", vec![PROJECT])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = self.client.list_containers(Some(options)).await;
        let containers = listed.map_err(|error| DockerError::of("list", "projects", &error, &self.endpoint))?;
        Ok(containers.into_iter().filter_map(|one| one.labels?.remove(PROJECT)).collect())
    }

    /// Whether a project of ours, of whatever name, has a container and its sandbox.toml in this folder.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn has_project_in(&self, directory: &Path) -> Result<bool, DockerError> {
        let here = format!("{WORKING_DIRECTORY}={}", directory.display());
        let filters = HashMap::from([("label", vec![PROJECT, &here])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = self.client.list_containers(Some(options)).await;
        let failed = |error| DockerError::of("list", "projects", &error, &self.endpoint);
        listed.map(|containers| !containers.is_empty()).map_err(failed)
    }

    /// Host ports that running containers hold which are not of the project.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn foreign_ports(&self, project: &ProjectName) -> Result<Vec<ForeignPort>, DockerError> {
        let listed_containers = self.client.list_containers(None).await;
        let containers =
            listed_containers.map_err(|error| DockerError::of("list", "containers", &error, &self.endpoint))?;
        let foreign =
            containers.into_iter().map(listed).filter(|one| one.labels.get(PROJECT) != Some(&project.to_string()));
        Ok(foreign
            .flat_map(|one| {
                let (name, project) = (one.name.clone(), one.project());
                let port = move |port| ForeignPort { port, name: name.clone(), project: project.clone() };
                one.ports.into_values().map(port)
            })
            .collect())
    }

    async fn find_images(
        &self,
        images: &[ImageReference],
    ) -> Result<BTreeMap<ImageReference, ObservedImage>, DockerError> {
        let looks = images.iter().map(|image| async move {
            match self.client.inspect_image(image.as_str()).await {
                Ok(found) => {
                    let labels = found.config.and_then(|config| config.labels).unwrap_or_default();
                    // An image that was built on a stand-in inherits its label, and stands in for nothing itself.
                    let is_built = labels.contains_key(PROJECT);
                    let stand_in = labels.get(STAND_IN).filter(|_| !is_built).cloned();
                    Ok(found.id.map(|id| (image.clone(), ObservedImage { id, stand_in })))
                }
                Err(error) => match DockerError::of("inspect image", image, &error, &self.endpoint) {
                    error if error.is_not_found() => Ok(None),
                    error => Err(error),
                },
            }
        });
        Ok(try_join_all(looks).await?.into_iter().flatten().collect())
    }
}

fn listed(one: ContainerSummary) -> Listed {
    let name = one.names.unwrap_or_default().into_iter().next().unwrap_or_default();
    let ports = one.ports.unwrap_or_default().into_iter();
    Listed {
        id: one.id.unwrap_or_default(),
        name: name.trim_start_matches('/').to_owned(),
        image: one.image.unwrap_or_default(),
        image_id: one.image_id.unwrap_or_default(),
        state: one.state.map(|state| state.to_string()).unwrap_or_default(),
        labels: one.labels.unwrap_or_default(),
        ports: ports.filter_map(|port| Some((port.private_port, port.public_port?))).collect(),
        created: one.created.unwrap_or_default(),
    }
}
