//! What `sandbox.toml` says, after defaults: the plain data the rest of the program reads. Pure.

use crate::{
    names::{AppId, ProjectName, Token},
    pattern::FilePattern,
};
use indexmap::IndexMap;
use std::{collections::BTreeMap, path::PathBuf};

/// The newest Dapr version this binary was tested with, used where the file names none.
pub const DEFAULT_DAPR_VERSION: &str = "1.18.2";

/// A whole `sandbox.toml`. Every path is absolute.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file that was read.
    pub file: PathBuf,
    /// Its text.
    pub text: String,
    /// The folder it lies in; relative paths in it start here.
    pub directory: PathBuf,
    /// The project's name: flag, environment, file, folder, in this order.
    pub project: ProjectName,
    /// `[dapr]`.
    pub dapr: DaprSettings,
    /// `[broker]`; `None` when the table is left out: then no broker is started.
    pub broker: Option<BackendSettings>,
    /// `[state]`; `None` when the table is left out: then no store is started.
    pub state: Option<BackendSettings>,
    /// `[secrets]`; `None` when the table is left out: then no secrets are served.
    pub secrets: Option<SecretsSettings>,
    /// `[components]`.
    pub components: ComponentsSettings,
    /// `[apps.*]` in the file's order; never empty.
    pub apps: IndexMap<AppId, AppSettings>,
    /// `[containers.*]` in the file's order.
    pub containers: IndexMap<String, ExtraContainer>,
}

impl Config {
    /// Puts the project on another broker than the file says. What the file says of its own kind does not hold for that one.
    pub fn put_on(&mut self, kind: &str) {
        if let Some(broker) = self.broker.as_mut().filter(|broker| broker.kind != kind) {
            kind.clone_into(&mut broker.kind);
            broker.version = None;
            broker.image = None;
            broker.port = None;
            broker.memory = None;
            broker.environment.clear();
        }
    }
}

/// `[dapr]`.
#[derive(Clone, Debug, PartialEq)]
pub struct DaprSettings {
    /// `MAJOR.MINOR.PATCH`: the tag of daprd, scheduler, placement and sentry.
    pub version: String,
    /// Whether a sentry is started and sidecars and control plane authenticate each other.
    pub mtls: bool,
    /// Whether the scheduler is started.
    pub scheduler: Switch,
    /// Whether placement is started.
    pub placement: Switch,
    /// A Dapr Configuration file.
    pub config: Option<PathBuf>,
    /// Replaces `daprio/daprd:VERSION`.
    pub image: Option<String>,
}

/// On, off, or decided from the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// `"auto"`.
    Auto,
    /// `true`.
    On,
    /// `false`.
    Off,
}

/// `[broker]` or `[state]`: a catalog entry and the components it stands behind.
#[derive(Clone, Debug, PartialEq)]
pub struct BackendSettings {
    /// The catalog's name for it, for example `redpanda`.
    pub kind: String,
    /// Names of the Dapr components it stands behind; never empty.
    pub components: Vec<String>,
    /// The component's version, for example `v2` of `state.postgresql`; `None`: the catalog's.
    pub version: Option<String>,
    /// Replaces the catalog's image.
    pub image: Option<String>,
    /// The host port of its main listener; `None`: any free one.
    pub port: Option<u16>,
    /// The container's memory limit in bytes; `None`: the catalog's.
    pub memory: Option<u64>,
    /// Added to the catalog's environment; wins over it.
    pub environment: BTreeMap<String, String>,
}

/// `[secrets]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretsSettings {
    /// The secret store's name.
    pub component: String,
    /// Kubernetes Secret manifests and dotenv files; never empty.
    pub files: Vec<SecretFiles>,
    /// Which namespace is meant where several have a Secret of one name.
    pub namespace: Option<String>,
}

/// One of `files = […]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SecretFiles {
    /// The files.
    pub pattern: FilePattern,
    /// As sandbox.toml says it.
    pub written: String,
    /// Its line in sandbox.toml, from 1.
    pub line: usize,
}

/// `[components]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentsSettings {
    /// The folder of the application's own Dapr YAML.
    pub path: PathBuf,
    /// Whether the file names the folder: one that is named must exist, the default one need not.
    pub explicit: bool,
    /// Components that are left out locally.
    pub skip: Vec<String>,
    /// `[components.override.NAME]` in the file's order, by component.
    pub overrides: IndexMap<String, ComponentOverride>,
}

/// `[components.override.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ComponentOverride {
    /// Its line in sandbox.toml, from 1.
    pub line: usize,
    /// Metadata that is another one locally.
    pub metadata: BTreeMap<String, String>,
}

/// `[apps.ID]`.
#[derive(Clone, Debug, PartialEq)]
pub struct AppSettings {
    /// Where its image comes from.
    pub source: ImageSource,
    /// Where the app listens in its container; `None`: it only calls.
    pub port: Option<u16>,
    /// How its sidecar speaks to it.
    pub protocol: AppProtocol,
    /// A path that answers 2xx while the app is well; turns on daprd's app health checks.
    pub health: Option<String>,
    /// How many pairs of app and sidecar run; at least 1.
    pub replicas: u32,
    /// The host port asked for; `Some(0)`: any; `None`: the app's own number when it is free.
    pub host_port: Option<u16>,
    /// Start the app only when its sidecar can be called.
    pub wait_for_sidecar: bool,
    /// Replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Environment, files already read into it; what `env` says wins over `env_file`.
    pub environment: BTreeMap<String, String>,
    /// Mounts.
    pub volumes: Vec<MountSettings>,
    /// Names of apps, `[containers.*]` or catalog containers that must be ready before this one starts.
    pub depends_on: Vec<String>,
    /// The sidecar's own settings.
    pub sidecar: SidecarSettings,
}

/// Where an image comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum ImageSource {
    /// Pulled, or there already.
    Image(String),
    /// Built from a folder.
    Build(BuildSettings),
}

/// `build = "folder"` or its table.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildSettings {
    /// The build context.
    pub context: PathBuf,
    /// The Dockerfile, relative to the context.
    pub dockerfile: String,
    /// The stage to build; `None`: the last.
    pub target: Option<String>,
    /// Build arguments.
    pub arguments: BTreeMap<String, String>,
}

/// daprd's `--app-protocol`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppProtocol {
    /// Plain HTTP/1.1.
    Http,
    /// HTTP over TLS.
    Https,
    /// HTTP/2 without TLS.
    H2c,
    /// gRPC.
    Grpc,
    /// gRPC over TLS.
    Grpcs,
}

impl AppProtocol {
    /// The words of `protocol = …`, which are daprd's own.
    pub const ALL: [(&'static str, Self); 5] = [
        ("http", Self::Http),
        ("https", Self::Https),
        ("h2c", Self::H2c),
        ("grpc", Self::Grpc),
        ("grpcs", Self::Grpcs),
    ];

    /// daprd's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::H2c => "h2c",
            Self::Grpc => "grpc",
            Self::Grpcs => "grpcs",
        }
    }
}

/// One of `volumes = ["SOURCE:TARGET[:ro]"]`.
#[derive(Clone, Debug, PartialEq)]
pub struct MountSettings {
    /// A host path (absolute here) or a named volume of the project.
    pub source: MountOrigin,
    /// The path in the container.
    pub target: String,
    /// `:ro`.
    pub read_only: bool,
}

/// What is mounted.
#[derive(Clone, Debug, PartialEq)]
pub enum MountOrigin {
    /// A file or folder of the host.
    Host(PathBuf),
    /// A volume named within the project.
    Volume(String),
}

/// `dapr = {…}` of an app.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SidecarSettings {
    /// daprd's `--log-level`; `None`: info.
    pub log_level: Option<String>,
    /// Log each call of the Dapr API.
    pub api_logging: bool,
    /// Environment of the sidecar; the tokens are in it.
    pub environment: BTreeMap<String, String>,
    /// Further daprd flags, as given.
    pub arguments: Vec<String>,
}

/// daprd lets in only who knows it; health routes are open.
pub const API_TOKEN: &str = "DAPR_API_TOKEN";
/// daprd shows it to its app, which can tell by it who calls.
pub const APP_TOKEN: &str = "APP_API_TOKEN";

impl SidecarSettings {
    /// What a caller of daprd must know.
    pub fn api_token(&self) -> Option<Token> {
        self.environment.get(API_TOKEN).and_then(|token| Token::new(token))
    }

    /// What daprd shows its app.
    pub fn app_token(&self) -> Option<Token> {
        self.environment.get(APP_TOKEN).and_then(|token| Token::new(token))
    }
}

/// `[containers.NAME]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExtraContainer {
    /// Where its image comes from.
    pub source: ImageSource,
    /// Replaces the image's command.
    pub command: Option<Vec<String>>,
    /// Environment, files already read into it.
    pub environment: BTreeMap<String, String>,
    /// Ports to publish.
    pub ports: Vec<PublishedPort>,
    /// Mounts.
    pub volumes: Vec<MountSettings>,
    /// What must be ready before it starts.
    pub depends_on: Vec<String>,
    /// When it counts as ready.
    pub ready: ReadySetting,
}

/// One of `ports = [8025, "9000:8025"]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedPort {
    /// The port in the container.
    pub container: u16,
    /// The host port; `Some(0)`: any; `None`: the same number when it is free.
    pub host: Option<u16>,
}

/// `ready = …` of a container.
#[derive(Clone, Debug, PartialEq)]
pub enum ReadySetting {
    /// Its own health check where the image has one, else that it runs.
    Auto,
    /// `"exited"`: a one-shot that must end with 0.
    Exited,
    /// `{ http = "/path", port = N }`: answers 2xx.
    Http {
        /// The path asked for.
        path: String,
        /// The port in the container.
        port: u16,
    },
    /// `{ log = "text" }`: a line contains the text.
    Log(String),
}
