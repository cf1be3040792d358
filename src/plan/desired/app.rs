//! Apps with their sidecars.

use super::{
    Builder, Desired, DesiredError,
    backend::{Backend, is_infrastructure},
    control_plane::ControlPlane,
    folders,
};
use crate::{
    config::model::{API_TOKEN, APP_TOKEN, AppProtocol, AppSettings},
    dapr::{
        access, configuration,
        overlay::Rendered,
        sidecar::{
            self, Arguments, CONFIGURATION_FILE, CONFIGURATION_PATH, GRPC_PORT, HTTP_PORT, METRICS_PORT, REGISTER_PATH,
            RESOURCES_PATH, TRUST_ANCHORS_VARIABLE,
        },
    },
    names::{AppId, ImageReference},
    plan::spec::{
        AppCallback, Asking, ContainerSpec, FolderSpec, HostPort, MountSource, MountSpec, PortSpec, Readiness, Role,
        SidecarReadiness, StartCondition, TRUST_ANCHORS, VolumeSpec,
    },
    secrets::{SECRETS_FILE, SECRETS_PATH},
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
        desired.differences.extend(self.localised().map(|localised| localised.difference));
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

    pub(super) fn configuration(&self) -> Result<Option<String>, DesiredError> {
        let localised = self.localised().map(|localised| localised.text);
        let rendered = configuration::render(localised.as_deref().or(self.inputs.configuration), self.version);
        rendered.map(Some).map_err(|reason| DesiredError::Configuration {
            file: self.inputs.config.dapr.config.clone().unwrap_or_default(),
            reason,
        })
    }

    /// Access-control lists count only where callers can prove who they are.
    fn localised(&self) -> Option<access::Localised> {
        self.inputs.configuration.filter(|_| self.inputs.config.dapr.mtls).and_then(access::localised)
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
        // Who may call the sidecar, and who calls the app, is for the app to know.
        let tokens = [API_TOKEN, APP_TOKEN].into_iter();
        let tokens = tokens.filter_map(|name| Some((name.to_owned(), app.sidecar.environment.get(name)?.clone())));
        container.environment.extend(tokens);
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
            sentry: control_plane.sentry,
        }));
        if control_plane.sentry.is_some() {
            let own = [(TRUST_ANCHORS_VARIABLE, TRUST_ANCHORS), ("NAMESPACE", access::NAMESPACE)];
            container.environment.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        container.environment.extend(app.sidecar.environment.clone());
        let host = |port| if *is_first_app { HostPort::Preferred(port) } else { HostPort::Any };
        container.ports = vec![
            PortSpec::new(HTTP_PORT, host(HTTP_PORT), "Dapr HTTP", Some("http")),
            PortSpec::new(GRPC_PORT, host(GRPC_PORT), "Dapr gRPC", None),
            // What it has counted cannot be had otherwise: its image has no shell, and on a Mac its address is not ours.
            PortSpec::new(METRICS_PORT, HostPort::Any, "metrics", Some("http")),
        ];
        let label = format!("{app_id}-{replica}");
        container.mounts.push(self.folder("resources", &label, rendered.files.clone(), RESOURCES_PATH, desired));
        if let Some(text) = configuration {
            let files = BTreeMap::from([(CONFIGURATION_FILE.to_owned(), text.to_owned())]);
            container.mounts.push(self.folder("configuration", &label, files, CONFIGURATION_PATH, desired));
        }
        if rendered.has_secrets {
            container.mounts.push(self.secrets(&label, desired));
        }
        if configuration.is_some_and(|text| text.contains(REGISTER_PATH)) {
            let register = VolumeSpec { in_memory: true, ..self.volume("register") };
            let source = MountSource::Volume(register.name.clone());
            desired.volumes.push(register);
            container.mounts.push(MountSpec { source, target: REGISTER_PATH.to_owned(), read_only: false });
        }
        if app.replicas > 1 {
            container.aliases.push(pair.sidecar_alias());
        }
        Self::limit_memory(&mut container);
        container.stop_grace = Duration::from_secs(10);
        container
    }

    /// A folder under `.sandbox/`, and its mount.
    pub(super) fn folder(
        &self,
        kind: &str,
        owner: &str,
        files: BTreeMap<String, String>,
        target: &str,
        desired: &mut Desired,
    ) -> MountSpec {
        let path = folders::path(&self.inputs.state_directory.join(kind).join(owner), &files, self.inputs.rendered);
        desired.folders.push(FolderSpec { path: path.clone(), files });
        MountSpec { source: MountSource::Host(path), target: target.to_owned(), read_only: true }
    }

    /// The folder of the project's secrets for one sidecar, and its mount.
    fn secrets(&self, owner: &str, desired: &mut Desired) -> MountSpec {
        let files = BTreeMap::from([(SECRETS_FILE.to_owned(), self.inputs.secrets.to_json())]);
        let owner = self.inputs.state_directory.join("secrets").join(owner);
        let path = folders::secret_path(&owner, &files, self.inputs.rendered, self.inputs.secrets_key);
        desired.folders.push(FolderSpec { path: path.clone(), files });
        MountSpec { source: MountSource::Host(path), target: SECRETS_PATH.to_owned(), read_only: true }
    }

    fn sidecar_readiness(&self, pair: &Pair<'_>, rendered: &Rendered, backends: &[Backend<'_>]) -> SidecarReadiness {
        let callback = match pair.app.protocol {
            AppProtocol::Http => Some(AppCallback::Http),
            AppProtocol::Grpc => Some(AppCallback::Grpc),
            AppProtocol::Https | AppProtocol::H2c | AppProtocol::Grpcs => None,
        };
        let app_container = self.container_name(pair.app_id.as_str(), pair.replica);
        SidecarReadiness {
            http_port: HTTP_PORT,
            components: rendered.components.clone(),
            may_be_missing: rendered.may_be_missing.clone(),
            subscriptions: rendered.subscriptions.clone(),
            app: pair.app.port.filter(|_| callback.is_some()).map(|port| (app_container, port)),
            asking: Asking {
                api_token: pair.app.sidecar.api_token(),
                app_token: pair.app.sidecar.app_token(),
                app: callback.unwrap_or_default(),
            },
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
