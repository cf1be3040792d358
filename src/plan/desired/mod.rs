//! Config × Catalog × the project's YAML → what should be there. Pure.

mod app;
mod backend;
mod control_plane;
mod extra;
mod folders;

use crate::{
    catalog::{Catalog, template::TemplateError},
    config::model::{Config, ImageSource, MountOrigin, MountSettings},
    dapr::{
        folder::ProjectResources,
        overlay::{OverlayError, Rendered},
        versions::DaprVersion,
    },
    names::{AppId, ContainerName, ImageReference, ProjectName, ShortName},
    plan::{
        active::BrokerMark,
        spec::{
            BuildSpec, ContainerSpec, FolderSpec, MountSource, MountSpec, NetworkSpec, Readiness, Role, StartCondition,
            VolumeSpec,
        },
    },
    secrets::Secrets,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// Everything that should be there.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// The project.
    pub project: ProjectName,
    /// Its network.
    pub network: NetworkSpec,
    /// Its volumes.
    pub volumes: Vec<VolumeSpec>,
    /// Folders that are mounted.
    pub folders: Vec<FolderSpec>,
    /// Images that are built.
    pub builds: Vec<BuildSpec>,
    /// Its containers: infrastructure first, then apps with their sidecars.
    pub containers: Vec<ContainerSpec>,
    /// What differs from the project's own YAML, a sentence each.
    pub differences: Vec<String>,
}

/// What [`desired`] decides from.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// sandbox.toml.
    pub config: &'a Config,
    /// Brokers and stores.
    pub catalog: &'a Catalog,
    /// The components folder.
    pub resources: &'a ProjectResources,
    /// The Dapr Configuration's text, where `[dapr] config` names one.
    pub configuration: Option<&'a str>,
    /// What the local secret stores serve.
    pub secrets: &'a Secrets,
    /// What the names of folders of secrets are made with, so that they tell nothing of what lies there.
    pub secrets_key: &'a [u8],
    /// The hash of each build context, by the name of what it builds.
    pub context_hashes: &'a BTreeMap<ShortName, String>,
    /// `.sandbox/`.
    pub state_directory: PathBuf,
    /// The folders of rendered files that are there already, and what lies in each.
    pub rendered: &'a BTreeMap<PathBuf, BTreeMap<String, String>>,
}

/// Why no desired state can be made.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum DesiredError {
    /// The project's YAML.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Overlay(#[from] OverlayError),
    /// The catalog's templates.
    #[error(transparent)]
    #[diagnostic(code(sandbox::catalog::template))]
    Template(#[from] TemplateError),
    /// The Dapr Configuration.
    #[error("the Dapr Configuration {} cannot be used: {reason}", file.display())]
    #[diagnostic(code(sandbox::components::configuration))]
    Configuration {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Works out everything that should be there.
///
/// # Errors
/// When the project's YAML or the catalog cannot be used.
pub fn desired(inputs: &Inputs<'_>) -> Result<Desired, DesiredError> {
    let config = inputs.config;
    let builder = Builder::new(inputs);
    let mut desired = Desired {
        project: config.project.clone(),
        network: NetworkSpec { name: config.project.to_string() },
        volumes: Vec::new(),
        folders: Vec::new(),
        builds: Vec::new(),
        containers: Vec::new(),
        differences: Vec::new(),
    };
    let backends = builder.backends()?;
    for backend in &backends {
        builder.add_backend(backend, &mut desired)?;
    }
    let sidecars = builder.rendered_sidecars(&backends)?;
    let control_plane = builder.add_control_plane(&sidecars, &mut desired);
    builder.add_extra_containers(&mut desired);
    builder.add_apps(&backends, &sidecars, &control_plane, &mut desired)?;
    builder.add_dependencies(&mut desired);
    desired.volumes.sort_by(|one, other| one.name.cmp(&other.name));
    desired.volumes.dedup();
    desired.differences.sort();
    desired.differences.dedup();
    Ok(desired)
}

/// What the sidecars get of the project's YAML.
#[derive(Clone, Debug, PartialEq)]
pub struct RenderedProject {
    /// Each app's resources.
    pub sidecars: BTreeMap<AppId, Rendered>,
    /// The Configuration of all of them, where there is one.
    pub configuration: Option<String>,
}

/// Renders what the sidecars get, and nothing else.
///
/// # Errors
/// When the project's YAML or the catalog cannot be used.
pub fn rendered(inputs: &Inputs<'_>) -> Result<RenderedProject, DesiredError> {
    let builder = Builder::new(inputs);
    let sidecars = builder.rendered_sidecars(&builder.backends()?)?;
    Ok(RenderedProject { sidecars, configuration: builder.configuration()? })
}

struct Builder<'a> {
    inputs: &'a Inputs<'a>,
    version: DaprVersion,
}

impl<'a> Builder<'a> {
    fn new(inputs: &'a Inputs<'a>) -> Self {
        let version = DaprVersion::of(&inputs.config.dapr.version);
        Self { inputs, version }
    }
}

impl Builder<'_> {
    fn container_name(&self, short_name: &str, number: u32) -> ContainerName {
        ContainerName::of(&self.inputs.config.project, &ShortName::new(short_name), number)
    }

    fn volume(&self, short_name: &str) -> VolumeSpec {
        let name = format!("{}_{short_name}", self.inputs.config.project);
        VolumeSpec { name, short_name: short_name.to_owned(), in_memory: false }
    }

    /// A container with nothing in it but its names.
    fn blank(&self, short_name: &str, replica: u32, role: Role, image: ImageReference) -> ContainerSpec {
        ContainerSpec {
            name: self.container_name(short_name, replica),
            short_name: ShortName::new(short_name),
            role,
            app: None,
            replica,
            image,
            command: None,
            environment: BTreeMap::new(),
            ports: Vec::new(),
            mounts: Vec::new(),
            aliases: Vec::new(),
            hostname: None,
            memory: None,
            stop_grace: std::time::Duration::from_secs(10),
            readiness: Readiness::Running,
            start_after: Vec::new(),
            broker: None,
        }
    }

    /// Holds a program of Dapr to its memory. Go knows nothing of the engine's limit: it is told, or it is killed with garbage
    /// in its hands. What sandbox.toml says of the variable wins.
    fn limit_memory(container: &mut ContainerSpec) {
        const MEBIBYTES: u64 = 256;
        container.memory = Some(MEBIBYTES * 1024 * 1024);
        let limit = || format!("{}MiB", MEBIBYTES * 7 / 8);
        container.environment.entry("GOMEMLIMIT".to_owned()).or_insert_with(limit);
    }

    /// The image of an app or a container; a built one is added to what must be built.
    fn image(&self, short_name: &str, source: &ImageSource, desired: &mut Desired) -> ImageReference {
        match source {
            ImageSource::Image(image) => ImageReference::new(image),
            ImageSource::Build(build) => {
                let short_name = ShortName::new(short_name);
                let unknown = "unknown".to_owned();
                let hash = self.inputs.context_hashes.get(&short_name).unwrap_or(&unknown);
                let image = ImageReference::new(format!("{}-{short_name}:{hash}", desired.project));
                desired.builds.push(BuildSpec {
                    image: image.clone(),
                    short_name,
                    context: build.context.clone(),
                    dockerfile: build.dockerfile.clone(),
                    target: build.target.clone(),
                    arguments: build.arguments.clone(),
                });
                image
            }
        }
    }

    fn mounts(&self, settings: &[MountSettings], desired: &mut Desired) -> Vec<MountSpec> {
        let mut mounts = Vec::new();
        for MountSettings { source, target, read_only } in settings {
            let source = match source {
                MountOrigin::Host(path) => MountSource::Host(path.clone()),
                MountOrigin::Volume(name) => {
                    let volume = self.volume(name);
                    let source = MountSource::Volume(volume.name.clone());
                    desired.volumes.push(volume);
                    source
                }
            };
            mounts.push(MountSpec { source, target: target.clone(), read_only: *read_only });
        }
        mounts
    }

    /// `depends_on` of apps and containers: every replica of what is named must be ready.
    fn add_dependencies(&self, desired: &mut Desired) {
        let config = self.inputs.config;
        let apps = config.apps.iter().map(|(id, app)| (id.as_str(), &app.depends_on));
        let extras = config.containers.iter().map(|(name, extra)| (name.as_str(), &extra.depends_on));
        for (name, depends_on) in apps.chain(extras) {
            let conditions: Vec<_> = desired
                .containers
                .iter()
                .filter(|container| depends_on.iter().any(|wanted| container.short_name.as_str() == wanted))
                .map(|container| StartCondition::Ready(container.name.clone()))
                .collect();
            for container in desired.containers.iter_mut().filter(|container| container.short_name.as_str() == name) {
                container.start_after.extend(conditions.iter().cloned());
            }
        }
    }
}

impl Desired {
    /// The containers that are needed for some apps: theirs, and everything that is no app's. All of them for an empty list.
    pub fn only(mut self, apps: &[AppId]) -> Self {
        if apps.is_empty() {
            return self;
        }
        self.containers.retain(|container| container.app.as_ref().is_none_or(|app| apps.contains(app)));
        let kept: Vec<_> = self.containers.iter().map(|container| container.name.clone()).collect();
        for container in &mut self.containers {
            container.start_after.retain(|condition| kept.contains(condition.container()));
        }
        let images: Vec<_> = self.containers.iter().map(|container| container.image.clone()).collect();
        self.builds.retain(|build| images.contains(&build.image));
        self
    }

    /// Marks brokers and sidecars as made for a broker.
    pub fn mark(&mut self, mark: &BrokerMark) {
        let marked = self.containers.iter_mut().filter(|spec| matches!(spec.role, Role::Broker | Role::Sidecar));
        marked.for_each(|spec| spec.broker = Some(mark.clone()));
    }

    /// The sidecars that have one of these components.
    pub fn sidecars_with<'a>(&'a self, components: &'a [String]) -> impl Iterator<Item = &'a ContainerSpec> {
        self.containers.iter().filter(move |spec| match &spec.readiness {
            Readiness::Sidecar(readiness) => readiness.components.iter().any(|one| components.contains(&one.name)),
            _ => false,
        })
    }

    /// What people call these containers.
    pub fn display_names(&self, which: &BTreeSet<ContainerName>) -> Vec<String> {
        let specs = self.containers.iter().filter(|spec| which.contains(&spec.name));
        specs.map(|spec| spec.display_name().to_owned()).collect()
    }

    /// Takes it that a folder stays where a running container has it, with what was wanted under another name.
    pub fn keep_folder(&mut self, wanted: &Path, mounted: &Path) {
        for folder in self.folders.iter_mut().filter(|folder| folder.path == wanted) {
            folder.path = mounted.to_owned();
        }
        for mount in self.containers.iter_mut().flat_map(|container| &mut container.mounts) {
            if matches!(&mount.source, MountSource::Host(path) if path == wanted) {
                mount.source = MountSource::Host(mounted.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests;
