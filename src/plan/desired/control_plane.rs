//! Sentry, scheduler and placement.

use super::{Builder, Desired};
use crate::{
    config::model::Switch,
    dapr::{
        access,
        overlay::Rendered,
        sidecar::{CONFIGURATION_FILE, CONFIGURATION_PATH, TRUST_ANCHORS_VARIABLE, TRUST_DOMAIN},
        versions::Feature,
    },
    names::{AppId, ImageReference},
    plan::spec::{
        ContainerSpec, HostPort, MountSource, MountSpec, PortSpec, Readiness, Role, StartCondition, TRUST_ANCHORS,
    },
};
use std::{collections::BTreeMap, time::Duration};

/// Where sidecars find the control plane.
pub(super) struct ControlPlane {
    pub(super) scheduler: Option<&'static str>,
    pub(super) placement: Option<&'static str>,
    pub(super) sentry: Option<&'static str>,
}

const HEALTH_PORT: u16 = 8080;
const SENTRY_ADDRESS: &str = "sentry:50001";
/// Where scheduler and placement have sentry's volume.
const TRUST_PATH: &str = "/dapr/trust";

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
        if dapr.mtls {
            self.add_sentry(desired);
        }
        if has_scheduler {
            self.add_scheduler(desired);
        }
        if has_placement {
            self.add_placement(desired);
        }
        ControlPlane {
            scheduler: has_scheduler.then_some("scheduler:50006"),
            placement: has_placement.then_some("placement:50005"),
            sentry: dapr.mtls.then_some(SENTRY_ADDRESS),
        }
    }

    /// The certificate authority. It makes its own credentials when it starts first, and keeps them on a volume.
    fn add_sentry(&self, desired: &mut Desired) {
        let image = ImageReference::new(format!("daprio/sentry:{}", self.inputs.config.dapr.version));
        let mut container = self.blank("sentry", 1, Role::Sentry, image);
        // Of the image's folders anyone can write to /var/lock, and a new volume there is as the folder was.
        let configuration = format!("{CONFIGURATION_PATH}/{CONFIGURATION_FILE}");
        let command = [
            "/sentry",
            "--config",
            &configuration,
            "--issuer-credentials",
            "/var/lock",
            "--trust-domain",
            TRUST_DOMAIN,
        ];
        container.command = Some(command.map(str::to_owned).to_vec());
        container.mounts.push(self.sentry_volume("/var/lock", false, desired));
        let text = access::for_sentry(self.inputs.configuration);
        let files = BTreeMap::from([(CONFIGURATION_FILE.to_owned(), text)]);
        container.mounts.push(self.folder("configuration", "sentry-1", files, CONFIGURATION_PATH, desired));
        self.finish_control_plane(container, desired);
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
        self.add_trust(&mut container, desired);
        self.finish_control_plane(container, desired);
    }

    fn add_placement(&self, desired: &mut Desired) {
        let image = ImageReference::new(format!("daprio/placement:{}", self.inputs.config.dapr.version));
        let mut container = self.blank("placement", 1, Role::Placement, image);
        container.command = Some(vec!["/placement".to_owned()]);
        self.add_trust(&mut container, desired);
        self.finish_control_plane(container, desired);
    }

    /// Makes scheduler or placement speak to those only whom sentry has certified, where there is one. They read the trust
    /// anchors from the file; the variable makes them other containers when sentry has others.
    fn add_trust(&self, container: &mut ContainerSpec, desired: &mut Desired) {
        if !self.inputs.config.dapr.mtls {
            return;
        }
        let anchors = format!("--trust-anchors-file={TRUST_PATH}/ca.crt");
        let (domain, sentry) = (format!("--trust-domain={TRUST_DOMAIN}"), format!("--sentry-address={SENTRY_ADDRESS}"));
        container.command.get_or_insert_default().extend(["--tls-enabled".to_owned(), domain, anchors, sentry]);
        container.environment.insert(TRUST_ANCHORS_VARIABLE.to_owned(), TRUST_ANCHORS.to_owned());
        container.mounts.push(self.sentry_volume(TRUST_PATH, true, desired));
        container.start_after.push(StartCondition::Ready(self.container_name("sentry", 1)));
    }

    fn sentry_volume(&self, target: &str, read_only: bool, desired: &mut Desired) -> MountSpec {
        let volume = self.volume("sentry-data");
        let source = MountSource::Volume(volume.name.clone());
        desired.volumes.push(volume);
        MountSpec { source, target: target.to_owned(), read_only }
    }

    fn finish_control_plane(&self, mut container: ContainerSpec, desired: &mut Desired) {
        container.ports.push(PortSpec::new(HEALTH_PORT, HostPort::Any, "health", Some("http")));
        container.readiness = Readiness::Http { port: HEALTH_PORT, path: "/healthz".to_owned() };
        Self::limit_memory(&mut container);
        container.stop_grace = Duration::from_secs(5);
        desired.containers.push(container);
    }
}
