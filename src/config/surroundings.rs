//! What a `sandbox.toml` means besides its text: its place, the environment, the catalog, the disk. Pure.

use super::KnownKinds;
use std::{
    collections::BTreeMap,
    io,
    path::{Component, Path, PathBuf},
};

/// Everything `parse` may know; the disk is asked through two functions, so that tests need none.
pub(super) struct Surroundings<'a> {
    /// The file, absolute.
    pub file: &'a Path,
    /// The file as messages name it.
    pub shown: &'a str,
    /// `-p` or `SANDBOX_PROJECT_NAME`.
    pub project_name: Option<&'a str>,
    /// For `${NAME}`.
    pub environment: &'a BTreeMap<String, String>,
    /// The catalog's words.
    pub kinds: &'a KnownKinds,
    /// Questions to the disk.
    pub disk: Disk<'a>,
}

/// The two questions that are asked of the disk.
pub(super) struct Disk<'a> {
    /// What lies at a path; `None`: nothing.
    pub look: &'a dyn Fn(&Path) -> Option<DiskEntry>,
    /// A whole text file.
    pub read: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// What lies at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DiskEntry {
    /// A file, or anything else that is no folder.
    File,
    /// A folder.
    Folder,
}

impl Surroundings<'_> {
    /// The folder of the file.
    pub fn directory(&self) -> &Path {
        self.file.parent().unwrap_or(Path::new("/"))
    }

    /// A path of the file as an absolute one; `~` is the home folder. `None`: there is no home folder.
    pub fn resolve(&self, path: &str) -> Option<PathBuf> {
        let home = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let Some(rest) = home else {
            return Some(clean(&self.directory().join(path)));
        };
        let home = ["HOME", "USERPROFILE"].iter().find_map(|name| self.environment.get(*name))?;
        Some(clean(&Path::new(home).join(rest.trim_start_matches('/'))))
    }
}

/// The path without `.` and `..`, by its text alone, as compose does it.
pub(super) fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if cleaned.file_name().is_some() => {
                cleaned.pop();
            }
            Component::ParentDir if cleaned.has_root() => {}
            other => cleaned.push(other),
        }
    }
    cleaned
}
