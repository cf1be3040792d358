//! Apps with their sidecars.

use super::{
    Builder, Desired, DesiredError,
    backend::{Backend, is_infrastructure},
    control_plane::ControlPlane,
};
use crate::{
    config::model::{AppProtocol, AppSettings},
    dapr::{
        configuration,
        overlay::Rendered,
        sidecar::{self, Arguments, CONFIGURATION_FILE, CONFIGURATION_PATH, GRPC_PORT, HTTP_PORT, RESOURCES_PATH},
    },
    names::{AppId, ImageReference},
    plan::spec::{
        ContainerSpec, FolderSpec, HostPort, MountSource, MountSpec, PortSpec, Readiness, Role, SidecarReadiness,
        SpecHash, StartCondition,
    },
};
use std::{collections::BTreeMap, time::Duration};

/// One of the pairs of an app.
struct Pair<'a> {
    app_id: &'a AppId,
    app: &'a AppSettings,
    replica: u32,
    is_first_app: bool,
}

impl Pair<'_> {
    /// The alias that means this one app container.
    fn app_alias(&self) -> String {
        if self.app.replicas > 1 { format!("{}-{}", self.app_id, self.replica) } else { self.app_id.to_string() }
    }

    /// The alias that means this one sidecar.
    fn sidecar_alias(&self) -> String {
        format!("{}-dapr", self.app_alias())
    }

    fn sidecar_short_name(&self) -> String {
        format!("{}-dapr", self.app_id)
    }
}

impl Builder<'_> {
    pub(super) fn add_apps(
        &self,
        backends: &[Backend<'_>],
        sidecars: &BTreeMap<AppId, Rendered>,
        control_plane: &ControlPlane,
        desired: &mut Desired,
    ) -> Result<(), DesiredError> {
        let configuration = self.configuration()?;
        let infrastructure: Vec<_> = desired
            .containers
            .iter()
            .filter(|container| is_infrastructure(container))
            .map(|container| StartCondition::Ready(container.name.clone()))
            .collect();
        for (index, (app_id, app)) in self.inputs.config.apps.iter().enumerate() {
            let rendered = &sidecars[app_id];
            desired.differences.extend(rendered.differences.iter().cloned());
            let image = self.image(app_id.as_str(), &app.source, desired);
            for replica in 1..=app.replicas {
                let pair = Pair { app_id, app, replica, is_first_app: index == 0 && replica == 1 };
                let mut sidecar = self.sidecar(&pair, rendered, configuration.as_deref(), control_plane, desired);
                sidecar.readiness = Readiness::Sidecar(Box::new(self.sidecar_readiness(&pair, rendered, backends)));
                sidecar.start_after.clone_from(&infrastructure);
                let mut container = self.app(&pair, image.clone(), desired);
                container.start_after.clone_from(&infrastructure);
                if app.wait_for_sidecar {
                    container.start_after.push(StartCondition::Callable(sidecar.name.clone()));
                }
                desired.containers.extend([container, sidecar]);
            }
        }
        Ok(())
    }

    fn configuration(&self) -> Result<Option<String>, DesiredError> {
        configuration::render(self.inputs.configuration, self.version).map_err(|reason| DesiredError::Configuration {
            file: self.inputs.config.dapr.config.clone().unwrap_or_default(),
            reason,
        })
    }

    fn app(&self, pair: &Pair<'_>, image: ImageReference, desired: &mut Desired) -> ContainerSpec {
        let Pair { app_id, app, replica, .. } = pair;
        let mut container = self.blank(app_id.as_str(), *replica, Role::App, image);
        container.app = Some((*app_id).clone());
        container.command.clone_from(&app.command);
        let sidecar = pair.sidecar_alias();
        let own = [
            ("APP_ID", app_id.to_string()),
            ("DAPR_HTTP_ENDPOINT", format!("http://{sidecar}:{HTTP_PORT}")),
            ("DAPR_GRPC_ENDPOINT", format!("{sidecar}:{GRPC_PORT}")),
            ("DAPR_HTTP_PORT", HTTP_PORT.to_string()),
            ("DAPR_GRPC_PORT", GRPC_PORT.to_string()),
        ];
        container.environment.extend(own.map(|(name, value)| (name.to_owned(), value)));
        if let Some(port) = app.port {
            container.environment.insert("APP_PORT".to_owned(), port.to_string());
            let scheme = matches!(app.protocol, AppProtocol::Http).then_some("http");
            container.ports.push(PortSpec::new(port, app_host_port(pair, port), "app", scheme));
        }
        container.environment.extend(app.environment.clone());
        container.mounts = self.mounts(&app.volumes, desired);
        if app.replicas > 1 {
            container.aliases.push(pair.app_alias());
        }
        container.readiness = match (app.port, &app.health, app.protocol) {
            (Some(port), Some(path), AppProtocol::Http) => Readiness::Http { port, path: path.clone() },
            (Some(port), _, _) => Readiness::Listening { port },
            (None, _, _) => Readiness::Running,
        };
        container
    }

    fn sidecar(
        &self,
        pair: &Pair<'_>,
        rendered: &Rendered,
        configuration: Option<&str>,
        control_plane: &ControlPlane,
        desired: &mut Desired,
    ) -> ContainerSpec {
        let Pair { app_id, app, replica, is_first_app } = pair;
        let dapr = &self.inputs.config.dapr;
        let image = dapr.image.clone().unwrap_or_else(|| format!("daprio/daprd:{}", dapr.version));
        let name = pair.sidecar_short_name();
        let mut container = self.blank(&name, *replica, Role::Sidecar, ImageReference::new(image));
        container.app = Some((*app_id).clone());
        container.command = Some(sidecar::command(&Arguments {
            app_id: app_id.as_str(),
            app,
            app_address: &pair.app_alias(),
            has_configuration: configuration.is_some(),
            scheduler: control_plane.scheduler,
            placement: control_plane.placement,
        }));
        container.environment.clone_from(&app.sidecar.environment);
        let host = |port| if *is_first_app { HostPort::Preferred(port) } else { HostPort::Any };
        container.ports = vec![
            PortSpec::new(HTTP_PORT, host(HTTP_PORT), "Dapr HTTP", Some("http")),
            PortSpec::new(GRPC_PORT, host(GRPC_PORT), "Dapr gRPC", None),
        ];
        let label = format!("{app_id}-{replica}");
        container.mounts.push(self.folder("resources", &label, rendered.files.clone(), RESOURCES_PATH, desired));
        if let Some(text) = configuration {
            let files = BTreeMap::from([(CONFIGURATION_FILE.to_owned(), text.to_owned())]);
            container.mounts.push(self.folder("configuration", &label, files, CONFIGURATION_PATH, desired));
        }
        if app.replicas > 1 {
            container.aliases.push(pair.sidecar_alias());
        }
        container.memory = Some(256 * 1024 * 1024);
        container.stop_grace = Duration::from_secs(10);
        container
    }

    /// A folder under `.sandbox/` that is named after what lies in it, and its mount.
    fn folder(
        &self,
        kind: &str,
        owner: &str,
        files: BTreeMap<String, String>,
        target: &str,
        desired: &mut Desired,
    ) -> MountSpec {
        let parts: Vec<&[u8]> = files.iter().flat_map(|(name, text)| [name.as_bytes(), text.as_bytes()]).collect();
        let generation = SpecHash::of(&parts);
        let path = self.inputs.state_directory.join(kind).join(owner).join(generation.as_str());
        desired.folders.push(FolderSpec { path: path.clone(), files });
        MountSpec { source: MountSource::Host(path), target: target.to_owned(), read_only: true }
    }

    fn sidecar_readiness(&self, pair: &Pair<'_>, rendered: &Rendered, backends: &[Backend<'_>]) -> SidecarReadiness {
        let is_http = matches!(pair.app.protocol, AppProtocol::Http);
        let app_container = self.container_name(pair.app_id.as_str(), pair.replica);
        SidecarReadiness {
            http_port: HTTP_PORT,
            components: rendered.components.clone(),
            subscriptions: rendered.subscriptions.clone(),
            app: pair.app.port.filter(|_| is_http).map(|port| (app_container, port)),
            consumers: self.consumer_checks(backends, rendered, pair.app.replicas),
        }
    }
}

fn app_host_port(pair: &Pair<'_>, port: u16) -> HostPort {
    match pair.app.host_port {
        _ if pair.replica > 1 => HostPort::Any,
        None => HostPort::Preferred(port),
        Some(0) => HostPort::Any,
        Some(number) => HostPort::Fixed(number),
    }
}
