//! What a components folder means besides its text: the project's apps, its daprd, its broker and store. Pure.

use super::needs::{Need, of_settings};
use crate::{
    catalog::Catalog,
    config::{
        self,
        model::{AppSettings, BackendSettings, Config, DEFAULT_DAPR_VERSION},
    },
    dapr::{folder::SourceFile, versions::DaprVersion},
    names::AppId,
    secrets::Secrets,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::PathBuf,
};

/// Everything that the checks may know.
#[derive(Clone, Debug, PartialEq)]
pub struct Surroundings {
    /// The app ids of sandbox.toml. None: there is no sandbox.toml, and any may be meant.
    pub apps: Vec<String>,
    /// How many sidecars an app has, where it is more than one.
    pub replicas: BTreeMap<String, u32>,
    /// The daprd that reads the files.
    pub dapr: DaprVersion,
    /// Whether `[dapr] image` names another daprd than the published one: it may have other components.
    pub own_image: bool,
    /// The components that the broker or the store stands behind, with the type that they get.
    pub replaced: BTreeMap<String, String>,
    /// `[components] skip`.
    pub skip: Vec<String>,
    /// `[dapr] mtls`.
    pub mtls: bool,
    /// What `[dapr] config` names.
    pub configuration: Option<PathBuf>,
    /// sandbox.toml.
    pub settings: SourceFile,
    /// Where `[dapr] version` stands in it.
    pub version_at: Option<Range<usize>>,
    /// What the project takes beyond its YAML: sandbox.toml and the apps' code.
    pub needs: Vec<Need>,
    /// What `[secrets]` is called, where it is there.
    pub store: Option<String>,
    /// The secrets of its files.
    pub secrets: Secrets,
    /// The metadata that `[components.override.NAME]` puts in place of a component's own, and the line of it.
    pub overrides: BTreeMap<String, (usize, BTreeSet<String>)>,
    /// The variables that each app's sidecar has.
    pub variables: BTreeMap<String, BTreeSet<String>>,
}

impl Surroundings {
    /// Those of a project, whose sandbox.toml messages name `shown`.
    pub fn of(config: &Config, catalog: &Catalog, secrets: &Secrets, shown: String) -> Self {
        let settings = SourceFile { path: config.file.clone(), shown, text: Ok(config.text.clone()) };
        let mut replaced = BTreeMap::new();
        let mut add = |settings: Option<&BackendSettings>,
                       entries: &BTreeMap<String, crate::catalog::entry::CatalogEntry>| {
            let Some(settings) = settings else { return };
            let Some(entry) = entries.get(&settings.kind) else { return };
            let component_type = &entry.description.component.component_type;
            replaced.extend(settings.components.iter().map(|name| (name.clone(), component_type.clone())));
        };
        add(config.broker.as_ref(), &catalog.brokers);
        add(config.state.as_ref(), &catalog.stores);
        Self {
            apps: config.apps.keys().map(ToString::to_string).collect(),
            replicas: config.apps.iter().map(|(id, app)| (id.to_string(), app.replicas)).collect(),
            dapr: DaprVersion::of(&config.dapr.version),
            own_image: config.dapr.image.is_some(),
            replaced,
            skip: config.components.skip.clone(),
            mtls: config.dapr.mtls,
            configuration: config.dapr.config.clone(),
            version_at: config::place(&config.text, &["dapr", "version"]),
            needs: of_settings(config, catalog, &settings),
            settings,
            store: config.secrets.as_ref().map(|settings| settings.component.clone()),
            secrets: secrets.clone(),
            overrides: overrides(config),
            variables: variables(config),
        }
    }

    /// Of files that belong to no project: nothing is known but the newest daprd.
    pub fn of_no_project() -> Self {
        Self {
            apps: Vec::new(),
            replicas: BTreeMap::new(),
            dapr: DaprVersion::of(DEFAULT_DAPR_VERSION),
            own_image: false,
            replaced: BTreeMap::new(),
            skip: Vec::new(),
            mtls: true,
            configuration: None,
            version_at: None,
            needs: Vec::new(),
            store: None,
            secrets: Secrets::default(),
            overrides: BTreeMap::new(),
            variables: BTreeMap::new(),
            settings: SourceFile { path: PathBuf::new(), shown: String::new(), text: Ok(String::new()) },
        }
    }

    /// Whether it is known which apps there are.
    pub fn knows_apps(&self) -> bool {
        !self.apps.is_empty()
    }

    /// How many sidecars get a resource with these scopes.
    pub(super) fn sidecars(&self, scopes: &[String]) -> u32 {
        let apps = self.apps.iter().filter(|app| scopes.is_empty() || scopes.contains(app));
        apps.map(|app| self.replicas.get(app).copied().unwrap_or(1)).sum()
    }
}

fn overrides(config: &Config) -> BTreeMap<String, (usize, BTreeSet<String>)> {
    let overrides = config.components.overrides.iter();
    let overrides = overrides.map(|(name, own)| (name.clone(), (own.line, own.metadata.keys().cloned().collect())));
    overrides.collect()
}

fn variables(config: &Config) -> BTreeMap<String, BTreeSet<String>> {
    let of_app =
        |(id, app): (&AppId, &AppSettings)| (id.to_string(), app.sidecar.environment.keys().cloned().collect());
    config.apps.iter().map(of_app).collect()
}
