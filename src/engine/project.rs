//! A project as its files describe it: everything that can be known without the engine.

use crate::{
    catalog::Catalog,
    check::{self, Problem, Surroundings, verdict},
    config::{
        self, ConfigError, KnownKinds, LoadRequest,
        model::{Config, DEFAULT_DAPR_VERSION, ImageSource},
    },
    context,
    dapr::{
        configuration::turns_off_hot_reload,
        folder::{Folder, ProjectResources},
        sidecar::RESOURCES_PATH,
    },
    docker::labels::Origin,
    engine::{folders, jobs},
    error::Failure,
    names::{AppId, ProjectName, ShortName},
    plan::{
        active::BrokerMark,
        desired::{Desired, Inputs, RenderedProject, desired, rendered},
        spec::{ContainerSpec, MountSpec},
    },
    secrets::{self, Loaded, Secrets, files::SecretSources},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What we write lies in a folder of this name beside sandbox.toml.
pub const STATE_DIRECTORY: &str = ".sandbox";

/// The file in it of which the names of folders of secrets are made.
const SECRETS_KEY: &str = "secrets.key";
const SECRETS_KEY_LENGTH: usize = 32;

/// It.
#[derive(Clone, Debug)]
pub struct Project {
    /// sandbox.toml.
    pub config: Config,
    /// Its own Dapr YAML.
    pub resources: ProjectResources,
    /// What is odd in that YAML and keeps nobody from starting.
    pub problems: Vec<Problem>,
    /// Whether the Dapr Configuration keeps daprd from reloading by itself.
    pub hot_reload_is_off: bool,
    /// What should be there.
    pub desired: Desired,
    /// Where it comes from.
    pub origin: Origin,
    /// `.sandbox/`.
    pub state_directory: PathBuf,
    /// The broker that it is rendered for.
    pub broker: Option<BrokerMark>,
    secrets_key: Vec<u8>,
}

impl Project {
    /// Reads the project's files.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub fn load(request: &LoadRequest) -> Result<Self, Failure> {
        Self::load_on(request, None)
    }

    /// Reads the project's files, for another broker than they say where one is given.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub fn load_on(request: &LoadRequest, kind: Option<&str>) -> Result<Self, Failure> {
        let Files { config, catalog, folder, resources, secrets, problems, broker } = Files::read(request, kind)?;
        let configuration = configuration(&folder);
        let context_hashes = context_hashes(&config)?;
        let state_directory = config.directory.join(STATE_DIRECTORY);
        let rendered = folders::rendered(&state_directory);
        let secrets_key = secrets_key(&state_directory);
        let mut desired = desired(&Inputs {
            config: &config,
            catalog: &catalog,
            resources: &resources,
            configuration,
            secrets: &secrets,
            secrets_key: &secrets_key,
            context_hashes: &context_hashes,
            state_directory: state_directory.clone(),
            rendered: &rendered,
        })?;
        if let Some(mark) = &broker {
            desired.mark(mark);
        }
        let origin =
            Origin { project: config.project.clone(), file: config.file.clone(), directory: config.directory.clone() };
        let hot_reload_is_off = turns_off_hot_reload(configuration);
        Ok(Self {
            config,
            resources,
            problems,
            hot_reload_is_off,
            desired,
            origin,
            state_directory,
            broker,
            secrets_key,
        })
    }

    /// Makes `.sandbox/`: for the user alone, and out of git's sight.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make_state_directory(&self) -> Result<(), Failure> {
        let path = &self.state_directory;
        let failed = |source| Failure::File { operation: "write", path: path.clone(), source };
        fs::create_dir_all(path).map_err(failed)?;
        restrict(path).map_err(failed)?;
        fs::write(path.join(".gitignore"), "*\n").map_err(failed)?;
        let key = path.join(SECRETS_KEY);
        if self.config.secrets.is_some() && !key.exists() {
            fs::write(key, &self.secrets_key).map_err(failed)?;
        }
        Ok(())
    }

    /// Removes rendered folders that nothing wants any more, and what trials have left. With `keep_others` the folders of sidecars
    /// that are not among what should be there stay: they may run. What cannot be removed is left for the next time.
    pub fn prune_state_directory(&self, keep_others: bool) {
        let mounts = self.desired.containers.iter().flat_map(|spec| &spec.mounts);
        let mounted: BTreeSet<&Path> = mounts.filter_map(MountSpec::host_path).collect();
        for owner in folders::KINDS.iter().flat_map(|kind| folders::entries(&self.state_directory.join(kind))) {
            let is_other = !mounted.iter().any(|path| path.parent() == Some(&owner));
            if keep_others && is_other {
                continue;
            }
            for old in folders::entries(&owner).iter().filter(|path| !mounted.contains(path.as_path())) {
                let _ = if old.is_dir() { fs::remove_dir_all(old) } else { fs::remove_file(old) };
            }
        }
        let _ = fs::remove_dir_all(self.trial_folder());
    }

    /// The resources that a sidecar has mounted: file names and YAML.
    pub(super) fn resources_of(&self, spec: &ContainerSpec) -> folders::Files {
        self.files_of(spec, RESOURCES_PATH)
    }

    /// What a container has mounted there of what we render.
    pub(super) fn files_of(&self, spec: &ContainerSpec, target: &str) -> folders::Files {
        let mount = spec.mounts.iter().find(|mount| mount.target == target);
        let path = mount.and_then(MountSpec::host_path);
        let folder = self.desired.folders.iter().find(|folder| Some(folder.path.as_path()) == path);
        folder.map(|folder| folder.files.clone()).unwrap_or_default()
    }

    /// The components that have the broker behind them.
    pub fn broker_components(&self) -> &[String] {
        self.config.broker.as_ref().map(|broker| broker.components.as_slice()).unwrap_or_default()
    }

    /// The apps whose sidecars have one of the broker's components.
    pub fn broker_users(&self) -> BTreeSet<AppId> {
        self.desired.sidecars_with(self.broker_components()).filter_map(|spec| spec.app.clone()).collect()
    }

    /// Where throw-away sidecars find what they try.
    pub fn trial_folder(&self) -> PathBuf {
        self.state_directory.join("trial")
    }
}

/// sandbox.toml and the Dapr YAML, read and checked.
struct Files {
    config: Config,
    catalog: Catalog,
    folder: Folder,
    resources: ProjectResources,
    secrets: Secrets,
    problems: Vec<Problem>,
    broker: Option<BrokerMark>,
}

/// How messages name sandbox.toml.
fn shown_from(request: &LoadRequest, config: &Config) -> String {
    config.file.strip_prefix(&request.directory).unwrap_or(&config.file).display().to_string()
}

impl Files {
    fn read(request: &LoadRequest, kind: Option<&str>) -> Result<Self, Failure> {
        let catalog = Catalog::embedded();
        let mut config = config::load(request, &known_kinds(&catalog))?;
        let mut broker = config.broker.as_ref().map(|broker| BrokerMark::of_file(&broker.kind));
        if let Some((mark, kind)) = broker.as_mut().zip(kind) {
            kind.clone_into(&mut mark.active);
            config.put_on(kind);
        }
        let folder = Folder::read(&config.components.path, config.dapr.config.as_deref(), &request.directory);
        let resources = ProjectResources::of(&folder);
        let (sources, loaded) = load_secrets(request, &config, &resources);
        let mut around = Surroundings::of(&config, &catalog, &loaded.secrets, shown_from(request, &config));
        around.needs.extend(jobs::needs(&config, around.dapr, &request.directory));
        let mut problems = check::secrets(&sources, &loaded);
        problems.extend(check::folder(&folder, &around));
        let problems = verdict(problems)?;
        Ok(Self { config, catalog, folder, resources, secrets: loaded.secrets, problems, broker })
    }
}

fn load_secrets(request: &LoadRequest, config: &Config, resources: &ProjectResources) -> (SecretSources, Loaded) {
    let sources = secrets::files::read(config, &request.directory);
    let namespace = config.secrets.as_ref().and_then(|settings| settings.namespace.as_deref());
    let loaded = secrets::load(&sources, namespace.or(resources.namespace()));
    (sources, loaded)
}

/// The project's own key, or one that can become it.
fn secrets_key(state_directory: &Path) -> Vec<u8> {
    let kept = fs::read(state_directory.join(SECRETS_KEY)).ok();
    kept.filter(|key| key.len() == SECRETS_KEY_LENGTH).unwrap_or_else(|| {
        let mut key = vec![0; SECRETS_KEY_LENGTH];
        getrandom::fill(&mut key).expect("every system that runs Docker has random numbers");
        key
    })
}

fn configuration(folder: &Folder) -> Option<&str> {
    folder.configuration.as_ref()?.text.as_deref().ok()
}

/// What `check` has found out.
#[derive(Clone, Debug)]
pub struct Checked {
    /// The daprd that it was checked for.
    pub dapr: String,
    /// How many files there are.
    pub files: usize,
    /// How many components are in them.
    pub components: usize,
    /// What is odd and keeps nobody from starting.
    pub problems: Vec<Problem>,
    /// What the sidecars get.
    pub rendered: RenderedProject,
}

/// Reads and checks the project's files, and renders what the sidecars get.
///
/// # Errors
/// When something would keep the project from starting.
pub fn check(request: &LoadRequest) -> Result<Checked, Failure> {
    let Files { config, catalog, folder, resources, secrets, problems, broker: _ } = Files::read(request, None)?;
    let inputs = Inputs {
        config: &config,
        catalog: &catalog,
        resources: &resources,
        configuration: configuration(&folder),
        secrets: &secrets,
        secrets_key: &[],
        context_hashes: &BTreeMap::new(),
        state_directory: PathBuf::new(),
        rendered: &BTreeMap::new(),
    };
    let rendered = rendered(&inputs)?;
    Ok(Checked {
        dapr: config.dapr.version.clone(),
        files: folder.files.len() + usize::from(folder.configuration.is_some()),
        components: resources.iter().filter(|(_, resource)| resource.kind == "Component").count(),
        problems,
        rendered,
    })
}

/// Checks files, and the YAML files of folders, in place of the project's own; with what sandbox.toml says beside them, where
/// there is one.
///
/// # Errors
/// When a sidecar would die of something in them, or sandbox.toml cannot be used.
pub fn check_paths(request: &LoadRequest, paths: &[PathBuf]) -> Result<Checked, Failure> {
    let catalog = Catalog::embedded();
    let paths: Vec<_> = paths.iter().map(|path| request.directory.join(path)).collect();
    let folder = Folder::of(&paths, &request.directory);
    let resources = ProjectResources::of(&folder);
    let (around, dapr) = match config::load(request, &known_kinds(&catalog)) {
        Ok(config) => {
            let (_, loaded) = load_secrets(request, &config, &resources);
            let mut around = Surroundings::of(&config, &catalog, &loaded.secrets, shown_from(request, &config));
            // Others are for components of the project's own folder.
            around.overrides.retain(|name, _| resources.has_component(name));
            (around, config.dapr.version)
        }
        Err(ConfigError::NotFound { .. }) => (Surroundings::of_no_project(), DEFAULT_DAPR_VERSION.to_owned()),
        Err(error) => return Err(error.into()),
    };
    let problems = verdict(check::folder(&folder, &around))?;
    let components = resources.iter().filter(|(_, one)| one.kind == "Component").count();
    let rendered = RenderedProject { sidecars: BTreeMap::new(), configuration: None };
    Ok(Checked { dapr, files: folder.files.len(), components, problems, rendered })
}

/// A project that is only named.
#[derive(Clone, Debug)]
pub struct NamedProject {
    /// Its name.
    pub project: ProjectName,
    /// `.sandbox/`, where sandbox.toml can be read.
    pub state_directory: Option<PathBuf>,
}

/// sandbox.toml alone.
///
/// # Errors
/// When it cannot be used.
pub fn config(request: &LoadRequest) -> Result<Config, Failure> {
    Ok(config::load(request, &known_kinds(&Catalog::embedded()))?)
}

/// Which project is meant: the given name, else what sandbox.toml says.
///
/// # Errors
/// When no name is given and sandbox.toml cannot be read.
pub fn project_name(request: &LoadRequest, given: Option<&ProjectName>) -> Result<NamedProject, Failure> {
    match (config::load(request, &known_kinds(&Catalog::embedded())), given) {
        (Ok(config), _) => {
            let state_directory = Some(config.directory.join(STATE_DIRECTORY));
            Ok(NamedProject { project: config.project, state_directory })
        }
        (Err(_), Some(project)) => Ok(NamedProject { project: project.clone(), state_directory: None }),
        (Err(error), None) => Err(error.into()),
    }
}

fn known_kinds(catalog: &Catalog) -> KnownKinds {
    KnownKinds { brokers: catalog.brokers.keys().cloned().collect(), stores: catalog.stores.keys().cloned().collect() }
}

fn context_hashes(config: &Config) -> Result<BTreeMap<ShortName, String>, Failure> {
    let apps = config.apps.iter().map(|(id, app)| (id.as_str(), &app.source));
    let extras = config.containers.iter().map(|(name, extra)| (name.as_str(), &extra.source));
    let mut hashes = BTreeMap::new();
    for (name, source) in apps.chain(extras) {
        if let ImageSource::Build(build) = source {
            hashes.insert(ShortName::new(name), context::hash(build)?);
        }
    }
    Ok(hashes)
}

#[cfg(unix)]
fn restrict(path: &Path) -> std::io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests;
