//! A project as its files describe it: everything that can be known without the engine.

use crate::{
    catalog::Catalog,
    config::{
        self, KnownKinds, LoadRequest,
        model::{Config, ImageSource},
    },
    context,
    dapr::folder::ProjectResources,
    docker::labels::Origin,
    error::Failure,
    names::{ProjectName, ShortName},
    plan::desired::{Desired, Inputs, desired},
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// It.
#[derive(Clone, Debug)]
pub struct Project {
    /// sandbox.toml.
    pub config: Config,
    /// Its own Dapr YAML.
    pub resources: ProjectResources,
    /// What should be there.
    pub desired: Desired,
    /// Where it comes from.
    pub origin: Origin,
    /// `.sandbox/`.
    pub state_directory: PathBuf,
}

impl Project {
    /// Reads the project's files.
    ///
    /// # Errors
    /// When one of them cannot be used.
    pub fn load(request: &LoadRequest) -> Result<Self, Failure> {
        let catalog = Catalog::embedded();
        let config = config::load(request, &known_kinds(&catalog))?;
        let resources = ProjectResources::load(&config.components.path)?;
        let configuration = config.dapr.config.as_deref().map(read).transpose()?;
        let context_hashes = context_hashes(&config)?;
        let state_directory = config.directory.join(".sandbox");
        let desired = desired(&Inputs {
            config: &config,
            catalog: &catalog,
            resources: &resources,
            configuration: configuration.as_deref(),
            context_hashes: &context_hashes,
            state_directory: state_directory.clone(),
        })?;
        let origin =
            Origin { project: config.project.clone(), file: config.file.clone(), directory: config.directory.clone() };
        Ok(Self { config, resources, desired, origin, state_directory })
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
        fs::write(path.join(".gitignore"), "*\n").map_err(failed)
    }

    /// Removes rendered folders that nothing wants any more. What cannot be removed is left for the next time.
    pub fn prune_state_directory(&self) {
        for kind in ["resources", "configuration"] {
            for owner in entries(&self.state_directory.join(kind)) {
                for generation in entries(&owner) {
                    if !self.desired.folders.iter().any(|folder| folder.path == generation) {
                        let _ = fs::remove_dir_all(&generation);
                    }
                }
            }
        }
    }
}

/// A project that is only named.
#[derive(Clone, Debug)]
pub struct NamedProject {
    /// Its name.
    pub project: ProjectName,
    /// `.sandbox/`, where sandbox.toml can be read.
    pub state_directory: Option<PathBuf>,
}

/// Which project is meant: the given name, else what sandbox.toml says.
///
/// # Errors
/// When no name is given and sandbox.toml cannot be read.
pub fn project_name(request: &LoadRequest, given: Option<&ProjectName>) -> Result<NamedProject, Failure> {
    match (config::load(request, &known_kinds(&Catalog::embedded())), given) {
        (Ok(config), _) => {
            let state_directory = Some(config.directory.join(".sandbox"));
            Ok(NamedProject { project: config.project, state_directory })
        }
        (Err(_), Some(project)) => Ok(NamedProject { project: project.clone(), state_directory: None }),
        (Err(error), None) => Err(error.into()),
    }
}

fn known_kinds(catalog: &Catalog) -> KnownKinds {
    KnownKinds { brokers: catalog.brokers.keys().cloned().collect(), stores: catalog.stores.keys().cloned().collect() }
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    listed.map(|entry| entry.path()).collect()
}

fn read(path: &Path) -> Result<String, Failure> {
    let failed = |source| Failure::File { operation: "read", path: path.to_owned(), source };
    fs::read_to_string(path).map_err(failed)
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
