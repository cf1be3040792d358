//! One container looked at closely: where it is reached, how it is, how it ended.

use super::{Docker, DockerError};
use crate::names::ContainerName;
use bollard::{
    errors::Error as ClientError,
    models::{ContainerInspectResponse, HealthStatusEnum},
    query_parameters::{InspectContainerOptions, WaitContainerOptions},
};
use futures_util::StreamExt;
use std::{collections::BTreeMap, path::PathBuf};

/// What a closer look shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inspection {
    /// The engine's id.
    pub id: Option<String>,
    /// Host port by port in the container.
    pub ports: BTreeMap<u16, u16>,
    /// Whether it runs.
    pub running: bool,
    /// What its own health check says; `None`: it has none.
    pub healthy: Option<bool>,
    /// How it ended, when it has.
    pub ending: Option<Ending>,
    /// When it was started last, RFC 3339.
    pub started_at: Option<String>,
    /// Folders of the host by where they are mounted.
    pub mounts: BTreeMap<String, PathBuf>,
    /// How often the engine restarted it.
    pub restarts: i64,
    /// The most memory it may have, in bytes; `None`: all there is.
    pub memory_limit: Option<u64>,
}

/// How a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its exit code.
    pub exit_code: i64,
    /// Whether the kernel killed it for want of memory.
    pub out_of_memory: bool,
}

impl Docker {
    /// Looks at a container.
    ///
    /// # Errors
    /// When it is not there or the engine does not answer.
    pub async fn inspect(&self, name: &ContainerName) -> Result<Inspection, DockerError> {
        let looked = self.client.inspect_container(name.as_str(), None::<InspectContainerOptions>).await;
        looked.map(inspection).map_err(|error| self.error("inspect", name, &error))
    }

    /// Waits until a container does not run. Returns at once for one that has ended.
    ///
    /// # Errors
    /// When it is not there or the engine does not answer.
    pub async fn wait_until_ended(&self, name: &ContainerName) -> Result<(), DockerError> {
        let mut waiting = self.client.wait_container(name.as_str(), None::<WaitContainerOptions>);
        match waiting.next().await {
            // bollard makes an error of every exit code but 0.
            None | Some(Ok(_) | Err(ClientError::DockerContainerWaitError { .. })) => Ok(()),
            Some(Err(error)) => Err(self.error("wait for", name, &error)),
        }
    }
}

fn inspection(looked: ContainerInspectResponse) -> Inspection {
    let state = looked.state.unwrap_or_default();
    let ports = looked.network_settings.and_then(|settings| settings.ports).unwrap_or_default();
    let ports = ports.into_iter().filter_map(|(container, bindings)| {
        let container = container.strip_suffix("/tcp")?.parse().ok()?;
        let host = bindings?.into_iter().find_map(|binding| binding.host_port?.parse().ok())?;
        Some((container, host))
    });
    let memory_limit = looked.host_config.and_then(|config| config.memory);
    let mounts = looked.mounts.unwrap_or_default().into_iter();
    let mounts = mounts.filter_map(|mount| Some((mount.destination?, PathBuf::from(mount.source?))));
    let running = state.running.unwrap_or(false);
    let status = state.health.and_then(|health| health.status);
    let has_run = state.finished_at.as_deref().is_some_and(|time| !time.starts_with("0001"));
    let ending =
        Ending { exit_code: state.exit_code.unwrap_or_default(), out_of_memory: state.oom_killed.unwrap_or(false) };
    Inspection {
        id: looked.id,
        ports: ports.collect(),
        running,
        healthy: match status {
            None | Some(HealthStatusEnum::EMPTY | HealthStatusEnum::NONE) => None,
            Some(status) => Some(status == HealthStatusEnum::HEALTHY),
        },
        ending: (!running && has_run).then_some(ending),
        started_at: state.started_at.filter(|time| !time.starts_with("0001")),
        mounts: mounts.collect(),
        restarts: looked.restart_count.unwrap_or_default(),
        memory_limit: memory_limit.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes > 0),
    }
}
