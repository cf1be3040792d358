//! Reads `sandbox.toml`: this file looks for it and touches the disk, everything below is pure.
//!
//! Decisions that are not in the design: a number or a switch may come from the environment (`port = "${PORT}"`);
//! a `-f` that is relative starts at `-C`; `$NAME` inside an `env_file` is dotenvy's affair (it looks into the
//! process's environment, as compose does). Messages never contain what a `${NAME}` stood for.

mod cycles;
pub mod dotenv;
mod error;
mod expand;
pub mod model;
mod parse;
mod reader;
mod relations;
mod size;
pub mod suggest;
mod surroundings;
mod tables;
#[cfg(test)]
mod tests;
mod text;
mod value;

pub use error::{ConfigError, Problem, ProblemView};

use model::Config;
use std::{
    collections::BTreeMap,
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
};
use surroundings::{Disk, DiskEntry, Surroundings};

/// The name that is looked for in the folder and those above it.
pub const FILE_NAME: &str = "sandbox.toml";

/// What the command line and the environment say about the configuration.
#[derive(Clone, Debug, Default)]
pub struct LoadRequest {
    /// `-f` or `SANDBOX_FILE`; `None`: look for `sandbox.toml` in `directory` and the folders above it.
    pub file: Option<PathBuf>,
    /// `-C`, or the folder the command was started in.
    pub directory: PathBuf,
    /// `-p` or `SANDBOX_PROJECT_NAME`; wins over the file's `name`.
    pub project_name: Option<String>,
    /// The process's environment, for `${NAME}`.
    pub environment: BTreeMap<String, String>,
}

/// What the catalog has: the words that `kind` can be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownKinds {
    /// For `[broker]`.
    pub brokers: Vec<String>,
    /// For `[state]`.
    pub stores: Vec<String>,
}

/// Finds, reads and checks the configuration. Nothing else reads `sandbox.toml`.
///
/// # Errors
/// When there is no file, when it cannot be read, and with every problem in it at once.
pub fn load(request: &LoadRequest, kinds: &KnownKinds) -> Result<Config, ConfigError> {
    let directory = absolute(&request.directory)?;
    let file = match &request.file {
        Some(file) => surroundings::clean(&directory.join(file)),
        None => find(&directory).ok_or_else(|| ConfigError::NotFound { directory: directory.clone() })?,
    };
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(source) => return Err(ConfigError::Unreadable { file, source }),
    };
    let shown = file.strip_prefix(&directory).unwrap_or(&file).display().to_string();
    parse::parse(
        &text,
        &Surroundings {
            file: &file,
            shown: &shown,
            project_name: request.project_name.as_deref(),
            environment: &request.environment,
            kinds,
            disk: Disk { look: &look, read: &|path| fs::read_to_string(path) },
        },
    )
}

/// Where the value of a key stands in a `sandbox.toml`: `["dapr", "version"]`.
pub fn place(text: &str, path: &[&str]) -> Option<Range<usize>> {
    let (root, _) = toml::de::DeTable::parse_recoverable(text);
    let (last, tables) = path.split_last()?;
    let mut table = root.get_ref();
    for name in tables {
        table = table.get(*name)?.get_ref().as_table()?;
    }
    table.get(*last).map(toml::Spanned::span)
}

/// `sandbox.toml` in the folder or the nearest one above it.
fn find(directory: &Path) -> Option<PathBuf> {
    directory.ancestors().map(|folder| folder.join(FILE_NAME)).find(|file| file.is_file())
}

/// The folder as an absolute path; it has to be one.
fn absolute(directory: &Path) -> Result<PathBuf, ConfigError> {
    let given = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    let unreadable = |source| ConfigError::Unreadable { file: given.to_owned(), source };
    let path = surroundings::clean(&std::path::absolute(given).map_err(unreadable)?);
    if fs::metadata(&path).map_err(unreadable)?.is_dir() {
        Ok(path)
    } else {
        Err(unreadable(io::ErrorKind::NotADirectory.into()))
    }
}

fn look(path: &Path) -> Option<DiskEntry> {
    let metadata = fs::metadata(path).ok()?;
    Some(if metadata.is_dir() { DiskEntry::Folder } else { DiskEntry::File })
}
