//! One method per call group on networks, volumes and containers. What is so already is no error: a step may be repeated.

use super::{Docker, DockerError, convert::container_body, labels::Origin};
use crate::{
    names::ContainerName,
    plan::{
        Urgency,
        spec::{ContainerSpec, NetworkSpec, VolumeSpec},
    },
};
use bollard::{
    models::{NetworkCreateRequest, VolumeCreateRequest},
    query_parameters::{
        CreateContainerOptionsBuilder, KillContainerOptions, RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
        StartContainerOptions, StopContainerOptions,
    },
};

impl Docker {
    /// Makes the project's bridge network.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn create_network(&self, network: &NetworkSpec, origin: &Origin) -> Result<(), DockerError> {
        let request = NetworkCreateRequest {
            name: network.name.clone(),
            driver: Some("bridge".to_owned()),
            labels: Some(origin.network()),
            ..Default::default()
        };
        let created = self.client.create_network(request).await;
        created.map(drop).map_err(|error| self.error("create network", &network.name, &error))
    }

    /// Makes a volume; one that is there is left as it is.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn create_volume(&self, volume: &VolumeSpec, origin: &Origin) -> Result<(), DockerError> {
        let request = VolumeCreateRequest {
            name: Some(volume.name.clone()),
            labels: Some(origin.volume(&volume.short_name)),
            ..Default::default()
        };
        let created = self.client.create_volume(request).await;
        created.map(drop).map_err(|error| self.error("create volume", &volume.name, &error))
    }

    /// Creates a container on the project's network.
    ///
    /// # Errors
    /// When the engine refuses: among others 404 for a missing image, 409 for a name that is taken.
    pub async fn create_container(
        &self,
        spec: &ContainerSpec,
        network: &str,
        origin: &Origin,
    ) -> Result<(), DockerError> {
        let options = CreateContainerOptionsBuilder::default().name(spec.name.as_str()).build();
        let created = self.client.create_container(Some(options), container_body(spec, network, origin)).await;
        created.map(drop).map_err(|error| self.error("create", &spec.name, &error))
    }

    /// Starts a container.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn start_container(&self, name: &ContainerName) -> Result<(), DockerError> {
        let started = self.client.start_container(name.as_str(), None::<StartContainerOptions>).await;
        started.map_err(|error| self.error("start", name, &error))
    }

    /// Stops a container: asks it to end and kills it when its own grace is over, or kills it at once. One that is gone or does
    /// not run is stopped.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn stop_container(&self, name: &ContainerName, urgency: Urgency) -> Result<(), DockerError> {
        let stopped = match urgency {
            Urgency::InOrder => self.client.stop_container(name.as_str(), None::<StopContainerOptions>).await,
            Urgency::AtOnce => self.client.kill_container(name.as_str(), None::<KillContainerOptions>).await,
        };
        match stopped.map_err(|error| self.error("stop", name, &error)) {
            Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
            result => result,
        }
    }

    /// Removes a container with its anonymous volumes. One that is gone is removed.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn remove_container(&self, name: &ContainerName) -> Result<(), DockerError> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        let removed = self.client.remove_container(name.as_str(), Some(options)).await;
        match removed.map_err(|error| self.error("remove", name, &error)) {
            // 409: its removal is under way, by us or by somebody else.
            Err(error) if error.is_not_found() || error.is_conflict() => Ok(()),
            result => result,
        }
    }

    /// Removes a network. One that is gone is removed.
    ///
    /// # Errors
    /// When the engine refuses, because somebody else's container is on it for example.
    pub async fn remove_network(&self, name: &str) -> Result<(), DockerError> {
        match self.client.remove_network(name).await.map_err(|error| self.error("remove network", name, &error)) {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    /// Removes a volume and what is in it. One that is gone is removed.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn remove_volume(&self, name: &str) -> Result<(), DockerError> {
        let options = RemoveVolumeOptionsBuilder::default().build();
        let removed = self.client.remove_volume(name, Some(options)).await;
        match removed.map_err(|error| self.error("remove volume", name, &error)) {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    pub(super) fn error(
        &self,
        operation: &'static str,
        target: impl ToString,
        error: &bollard::errors::Error,
    ) -> DockerError {
        DockerError::of(operation, target, error, &self.endpoint)
    }
}
