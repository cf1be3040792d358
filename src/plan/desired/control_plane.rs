//! Scheduler and placement.

use super::{Builder, Desired};
use crate::{
    config::model::Switch,
    dapr::{overlay::Rendered, versions::Feature},
    names::{AppId, ImageReference},
    plan::spec::{HostPort, MountSource, MountSpec, PortSpec, Readiness, Role},
};
use std::{collections::BTreeMap, time::Duration};

/// Where sidecars find the control plane.
pub(super) struct ControlPlane {
    pub(super) scheduler: Option<&'static str>,
    pub(super) placement: Option<&'static str>,
}

const HEALTH_PORT: u16 = 8080;
const MEBIBYTE: u64 = 1024 * 1024;

impl Builder<'_> {
    pub(super) fn add_control_plane(
        &self,
        sidecars: &BTreeMap<AppId, Rendered>,
        desired: &mut Desired,
    ) -> ControlPlane {
        let dapr = &self.inputs.config.dapr;
        let has_scheduler = match dapr.scheduler {
            Switch::Auto => self.version.has(Feature::Scheduler),
            Switch::On => true,
            Switch::Off => false,
        };
        let has_placement = match dapr.placement {
            Switch::Auto => sidecars.values().any(|sidecar| sidecar.has_actor_store),
            Switch::On => true,
            Switch::Off => false,
        };
        if has_scheduler {
            self.add_scheduler(desired);
        }
        if has_placement {
            self.add_placement(desired);
        }
        ControlPlane {
            scheduler: has_scheduler.then_some("scheduler:50006"),
            placement: has_placement.then_some("placement:50005"),
        }
    }

    fn add_scheduler(&self, desired: &mut Desired) {
        let image = ImageReference::new(format!("daprio/scheduler:{}", self.inputs.config.dapr.version));
        let mut container = self.blank("scheduler", 1, Role::Scheduler, image);
        // The image's own default, ./data, cannot be created by its user; /var/lock can be written by anyone.
        let mut command = vec!["/scheduler".to_owned(), "--etcd-data-dir=/var/lock/dapr/scheduler".to_owned()];
        if self.version.has(Feature::SchedulerBroadcast) {
            command.push("--override-broadcast-host-port=scheduler:50006".to_owned());
        }
        container.command = Some(command);
        let volume = self.volume("scheduler-data");
        let source = MountSource::Volume(volume.name.clone());
        container.mounts.push(MountSpec { source, target: "/var/lock".to_owned(), read_only: false });
        desired.volumes.push(volume);
        self.finish_control_plane(container, desired);
    }

    fn add_placement(&self, desired: &mut Desired) {
        let image = ImageReference::new(format!("daprio/placement:{}", self.inputs.config.dapr.version));
        let mut container = self.blank("placement", 1, Role::Placement, image);
        container.command = Some(vec!["/placement".to_owned()]);
        self.finish_control_plane(container, desired);
    }

    fn finish_control_plane(&self, mut container: crate::plan::spec::ContainerSpec, desired: &mut Desired) {
        container.ports.push(PortSpec::new(HEALTH_PORT, HostPort::Any, "health", Some("http")));
        container.readiness = Readiness::Http { port: HEALTH_PORT, path: "/healthz".to_owned() };
        container.memory = Some(256 * MEBIBYTE);
        container.stop_grace = Duration::from_secs(5);
        desired.containers.push(container);
    }
}
