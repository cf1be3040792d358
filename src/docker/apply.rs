//! One method per call group on networks, volumes and containers. What is so already is no error: a step may be repeated.

use super::{
    Docker, DockerError,
    convert::container_body,
    labels::{Origin, PROJECT},
};
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
        CreateContainerOptionsBuilder, InspectNetworkOptions, KillContainerOptions, ListNetworksOptionsBuilder,
        RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder, RenameContainerOptionsBuilder,
        StartContainerOptions, StopContainerOptions,
    },
};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// The engine takes an endpoint off its network a moment after the container has gone.
const ENDPOINTS_GO_WITHIN: Duration = Duration::from_secs(2);
const ENDPOINTS_ASKED_EVERY: Duration = Duration::from_millis(50);

impl Docker {
    /// Makes the project's bridge network.
    ///
    /// # Errors
    /// When the engine refuses, or somebody else has one of that name.
    pub async fn create_network(&self, network: &NetworkSpec, origin: &Origin) -> Result<(), DockerError> {
        // dockerd before 25 makes a second network of the same name, and then neither can be used.
        let filters = HashMap::from([("name", vec![network.name.as_str()])]);
        let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
        let listed = self.client.list_networks(Some(options)).await;
        let listed = listed.map_err(|error| self.error("create network", &network.name, &error))?;
        if let Some(there) = listed.into_iter().find(|other| other.name.as_ref() == Some(&network.name)) {
            let is_ours = is_ours(&there.labels.unwrap_or_default(), origin);
            return if is_ours { Ok(()) } else { Err(foreign("create network", "network", &network.name)) };
        }
        let request = NetworkCreateRequest {
            name: network.name.clone(),
            driver: Some("bridge".to_owned()),
            labels: Some(origin.network()),
            ..Default::default()
        };
        let created = self.client.create_network(request).await;
        created.map(drop).map_err(|error| self.error("create network", &network.name, &error))
    }

    /// Makes a volume; one of the project that is there is left as it is.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn create_volume(&self, volume: &VolumeSpec, origin: &Origin) -> Result<(), DockerError> {
        let request = VolumeCreateRequest {
            name: Some(volume.name.clone()),
            labels: Some(origin.volume(&volume.short_name)),
            driver_opts: volume.in_memory.then(in_memory),
            ..Default::default()
        };
        let created = self.client.create_volume(request).await;
        let created = created.map_err(|error| self.error("create volume", &volume.name, &error))?;
        // The engine gives one that is there back as it is, whoever made it.
        if is_ours(&created.labels, origin) { Ok(()) } else { Err(foreign("create volume", "volume", &volume.name)) }
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
    /// not run is stopped. Returns when its processes have ended: the engine takes another tenth of a second to clear up after
    /// them, and whatever is asked of that container meanwhile waits for it there.
    ///
    /// # Errors
    /// When the engine refuses.
    pub async fn stop_container(&self, name: &ContainerName, urgency: Urgency) -> Result<(), DockerError> {
        let stop = async {
            match urgency {
                Urgency::InOrder => self.client.stop_container(name.as_str(), None::<StopContainerOptions>).await,
                Urgency::AtOnce => self.client.kill_container(name.as_str(), None::<KillContainerOptions>).await,
            }
        };
        let stopped = tokio::select! {
            () = self.ending(name) => return Ok(()),
            stopped = stop => stopped,
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

    /// Gives a container another name.
    ///
    /// # Errors
    /// When the engine refuses: among others 409 for a name that is taken.
    pub async fn rename_container(&self, name: &ContainerName, to: &ContainerName) -> Result<(), DockerError> {
        let options = RenameContainerOptionsBuilder::default().name(to.as_str()).build();
        let renamed = self.client.rename_container(name.as_str(), options).await;
        renamed.map_err(|error| self.error("rename", name, &error))
    }

    /// Leaves one network of a name: before dockerd 25, two that are asked for at once are both made, and neither can be used by
    /// that name.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn leave_one_network(&self, name: &str) -> Result<(), DockerError> {
        let ids = self.own_networks(name).await?;
        let mut left = ids.len();
        for id in ids {
            // One that containers are on cannot be removed, and is the one that stays.
            if left > 1 && self.client.remove_network(&id).await.is_ok() {
                left -= 1;
            }
        }
        Ok(())
    }

    /// Removes a network. One that is gone is removed. Whether it has gone: Docker 20.10 now and then counts an endpoint that has
    /// gone, until it is restarted.
    ///
    /// # Errors
    /// When the engine refuses, because somebody else's container is on it for example.
    pub async fn remove_network(&self, name: &str) -> Result<bool, DockerError> {
        let began = Instant::now();
        loop {
            match self.try_to_remove_network(name).await {
                Err(error) if error.has_active_endpoints() && self.is_empty_network(name).await => {
                    if began.elapsed() >= ENDPOINTS_GO_WITHIN {
                        return Ok(false);
                    }
                    tokio::time::sleep(ENDPOINTS_ASKED_EVERY).await;
                }
                result => return result.map(|()| true),
            }
        }
    }

    async fn is_empty_network(&self, name: &str) -> bool {
        let looked = self.client.inspect_network(name, None::<InspectNetworkOptions>).await;
        looked.is_ok_and(|network| network.containers.unwrap_or_default().is_empty())
    }

    async fn try_to_remove_network(&self, name: &str) -> Result<(), DockerError> {
        let removed =
            self.client.remove_network(name).await.map_err(|error| self.error("remove network", name, &error));
        match removed {
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) if error.is_ambiguous() => {
                for id in self.own_networks(name).await? {
                    let removed = self.client.remove_network(&id).await;
                    removed.map_err(|error| self.error("remove network", name, &error))?;
                }
                Ok(())
            }
            result => result,
        }
    }

    /// The engine's ids of the networks of a name that a project of ours has.
    async fn own_networks(&self, name: &str) -> Result<Vec<String>, DockerError> {
        let filters = HashMap::from([("name", vec![name]), ("label", vec![PROJECT])]);
        let options = ListNetworksOptionsBuilder::default().filters(&filters).build();
        let listed = self.client.list_networks(Some(options)).await;
        let listed = listed.map_err(|error| self.error("list", "networks", &error))?;
        let own = listed.into_iter().filter(|network| network.name.as_deref() == Some(name));
        Ok(own.filter_map(|network| network.id).collect())
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

/// What makes a volume one that is there while a container has it, and that every user of every container may write to.
fn in_memory() -> HashMap<String, String> {
    let options = [("type", "tmpfs"), ("device", "tmpfs"), ("o", "mode=1777,size=16m")];
    options.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn is_ours(labels: &HashMap<String, String>, origin: &Origin) -> bool {
    labels.get(PROJECT).is_some_and(|project| project == origin.project.as_str())
}

/// Somebody else's thing under a name of ours: it is left alone.
fn foreign(operation: &'static str, kind: &str, name: &str) -> DockerError {
    let reason = format!(
        "a {kind} of that name is there already and is not this project's; remove it with `docker {kind} rm {name}`, or give the \
         project another name"
    );
    DockerError::Call { operation, target: name.to_owned(), status: Some(409), reason }
}
