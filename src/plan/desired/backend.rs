//! Broker and store.

use super::{Builder, Desired, DesiredError};
use crate::{
    catalog::{
        entry::CatalogEntry,
        template::{WordValues, fill_word},
    },
    config::model::BackendSettings,
    dapr::{
        overlay::{self, Local, LocalSecrets, Rendered},
        versions::{DaprVersion, Feature},
    },
    names::{AppId, ImageReference},
    plan::spec::{ConsumerCheck, ContainerSpec, HostPort, MountSource, MountSpec, PortSpec, Readiness, Role},
};
use std::{collections::BTreeMap, time::Duration};

const MEBIBYTE: u64 = 1024 * 1024;

/// A broker or a store with what sandbox.toml says of it.
pub(super) struct Backend<'a> {
    pub(super) role: Role,
    pub(super) alias: String,
    settings: &'a BackendSettings,
    entry: &'a CatalogEntry,
    dapr: DaprVersion,
    /// The container's memory limit in bytes.
    memory: Option<u64>,
    environment: BTreeMap<String, String>,
}

impl Backend<'_> {
    /// As the overlay sees it.
    pub(super) fn for_overlay(&self) -> overlay::Backend<'_> {
        let own = &self.entry.description.component;
        // What the catalog would give is not in every Dapr.
        let is_there = |feature| self.dapr.has(feature);
        let has_own = Feature::of_component(&own.component_type, &own.version).is_none_or(is_there);
        let version = if has_own { own.version.as_str() } else { "v1" };
        overlay::Backend {
            entry: self.entry,
            alias: self.alias.clone(),
            components: &self.settings.components,
            version: self.settings.version.as_deref().unwrap_or(version),
            environment: self.environment.clone(),
        }
    }

    /// What the templates of its command and its environment may name.
    fn word_values(&self) -> WordValues<'_> {
        WordValues { name: &self.alias, memory_mb: self.memory.map(|bytes| bytes / MEBIBYTE) }
    }

    /// Whether it has a container.
    pub(super) fn has_container(&self) -> bool {
        self.entry.description.image.is_some()
    }
}

impl<'a> Builder<'a> {
    pub(super) fn backends(&self) -> Result<Vec<Backend<'a>>, DesiredError> {
        let (config, catalog) = (self.inputs.config, self.inputs.catalog);
        let broker = config.broker.as_ref().and_then(|settings| Some((settings, catalog.brokers.get(&settings.kind)?)));
        let store = config.state.as_ref().and_then(|settings| Some((settings, catalog.stores.get(&settings.kind)?)));
        let mut backends = Vec::new();
        if let Some((settings, entry)) = broker {
            // The store keeps its name, and with it its data, whatever broker comes.
            let is_taken = config.state.as_ref().is_some_and(|state| state.kind == settings.kind);
            let alias = if is_taken { format!("{}-broker", settings.kind) } else { settings.kind.clone() };
            backends.push(self.backend(Role::Broker, alias, settings, entry)?);
        }
        if let Some((settings, entry)) = store {
            backends.push(self.backend(Role::State, settings.kind.clone(), settings, entry)?);
        }
        Ok(backends)
    }

    fn backend(
        &self,
        role: Role,
        alias: String,
        settings: &'a BackendSettings,
        entry: &'a CatalogEntry,
    ) -> Result<Backend<'a>, DesiredError> {
        let memory = settings.memory.or(entry.description.memory_mb.map(|mebibytes| mebibytes * MEBIBYTE));
        let mut backend =
            Backend { role, alias, settings, entry, dapr: self.version, memory, environment: BTreeMap::new() };
        let mut environment = BTreeMap::new();
        for (name, value) in &entry.description.environment {
            environment.insert(name.clone(), fill_word(&entry.description.name, value, &backend.word_values())?);
        }
        environment.extend(settings.environment.clone());
        backend.environment = environment;
        Ok(backend)
    }

    pub(super) fn add_backend(&self, backend: &Backend<'_>, desired: &mut Desired) -> Result<(), DesiredError> {
        let description = &backend.entry.description;
        let Some(image) = backend.settings.image.as_ref().or(description.image.as_ref()) else { return Ok(()) };
        let mut container = self.blank(&backend.alias, 1, backend.role, ImageReference::new(image));
        container.environment = backend.environment.clone();
        if let Some(words) = &description.command {
            let words = words.iter().map(|word| fill_word(&description.name, word, &backend.word_values()));
            container.command = Some(words.collect::<Result<_, _>>()?);
        }
        container.ports = ports(backend);
        for volume in &description.volumes {
            let spec = self.volume(&format!("{}-{}", backend.alias, volume.name));
            let source = MountSource::Volume(spec.name.clone());
            container.mounts.push(MountSpec { source, target: volume.path.clone(), read_only: false });
            desired.volumes.push(spec);
        }
        container.hostname.clone_from(&description.hostname);
        container.memory = backend.memory;
        container.stop_grace = Duration::from_secs(description.stop_grace_seconds);
        if let Some(ready) = &description.ready {
            container.readiness = Readiness::Greeting { protocol: ready.protocol, port: ready.port };
        }
        desired.containers.push(container);
        Ok(())
    }

    /// What each app's sidecar gets.
    pub(super) fn rendered_sidecars(
        &self,
        backends: &[Backend<'_>],
    ) -> Result<BTreeMap<AppId, Rendered>, DesiredError> {
        let (config, resources) = (self.inputs.config, self.inputs.resources);
        let backends: Vec<_> = backends.iter().map(Backend::for_overlay).collect();
        let secrets = config.secrets.as_ref().map(|settings| LocalSecrets {
            component: &settings.component,
            variables: self.inputs.secrets.variables().collect(),
        });
        let mut sidecars = BTreeMap::new();
        for (app_id, app) in &config.apps {
            let local = Local {
                skip: &config.components.skip,
                backends: &backends,
                secrets: secrets.as_ref(),
                overrides: &config.components.overrides,
                environment: &app.sidecar.environment,
            };
            let rendered = overlay::render(app_id, resources, &local)?;
            sidecars.insert(app_id.clone(), rendered);
        }
        Ok(sidecars)
    }

    /// How the broker shows that the subscribers of one app's components have joined.
    pub(super) fn consumer_checks(
        &self,
        backends: &[Backend<'_>],
        rendered: &Rendered,
        sidecars: u32,
    ) -> Vec<ConsumerCheck> {
        let brokers = backends.iter().filter(|backend| backend.has_container());
        let described = brokers.filter_map(|backend| Some((backend, backend.entry.description.consumers.as_ref()?)));
        let mut checks = Vec::new();
        for (backend, consumers) in described {
            let variable = |name: &Option<String>| backend.environment.get(name.as_ref()?).cloned();
            for component in &backend.settings.components {
                let Some(group) = rendered.groups.get(component) else { continue };
                checks.push(ConsumerCheck {
                    component: component.clone(),
                    broker: self.container_name(&backend.alias, 1),
                    inquiry: consumers.inquiry.clone(),
                    port: consumers.port,
                    management_port: consumers.management_port,
                    group: group.clone(),
                    credentials: variable(&consumers.user).zip(variable(&consumers.password)),
                    sidecars,
                });
            }
        }
        checks
    }
}

fn ports(backend: &Backend<'_>) -> Vec<PortSpec> {
    let described = &backend.entry.description.ports;
    let port = |port: &crate::catalog::entry::PortDescription| {
        let host = match backend.settings.port.filter(|_| port.main) {
            Some(number) => HostPort::Fixed(number),
            None if port.advertised => HostPort::Advertised,
            None => HostPort::Any,
        };
        PortSpec::new(port.container, host, &port.what, port.scheme.as_deref())
    };
    described.iter().map(port).collect()
}

/// Whether sidecars need it: daprd dials all of it while it starts, and dies where it cannot.
pub(super) fn is_infrastructure(container: &ContainerSpec) -> bool {
    matches!(container.role, Role::Broker | Role::State | Role::Scheduler | Role::Placement | Role::Sentry)
}
