//! What is watched, and which names in which folders can matter to it. Pure.

use crate::pattern::{FilePattern, Name, is_leftover};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// What is watched. Nothing of it need exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchSet {
    /// Folders of which files come and go.
    pub folders: Vec<WatchedFolder>,
    /// Single files.
    pub files: Vec<PathBuf>,
    /// Files by their patterns.
    pub patterns: Vec<FilePattern>,
}

/// A folder, read as [`crate::dapr::folder`] reads one: the files that lie directly in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedFolder {
    /// Where it is.
    pub path: PathBuf,
    /// The endings of the files that count, without a dot; empty: every file but those that editors leave for a moment.
    pub extensions: Vec<String>,
}

impl WatchedFolder {
    /// A folder of YAML.
    pub fn yaml(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), extensions: vec!["yaml".to_owned(), "yml".to_owned()] }
    }

    /// Whether a file of that name counts.
    pub fn wants(&self, name: &OsStr) -> bool {
        is_wanted(&self.extensions, name)
    }
}

impl WatchSet {
    /// Whether a file at that path is watched, be it there or not.
    pub fn covers(&self, path: &Path) -> bool {
        let in_folder = |folder: &WatchedFolder| {
            let wants = || path.file_name().is_some_and(|name| folder.wants(name));
            path == folder.path || path.parent() == Some(&folder.path) && wants()
        };
        let by_name = || self.files.iter().any(|file| file == path) || self.folders.iter().any(in_folder);
        by_name() || self.patterns.iter().any(|pattern| pattern.covers(path))
    }
}

fn is_wanted(extensions: &[String], name: &OsStr) -> bool {
    let extension = Path::new(name).extension();
    let fits = |wanted: &String| extension.is_some_and(|extension| extension == wanted.as_str());
    !is_leftover(name) && (extensions.is_empty() || extensions.iter().any(fits))
}

/// The folders that have to be watched, by their real paths, each with what matters in it.
pub type Places = BTreeMap<PathBuf, Interest>;

/// What matters in one folder. The folder itself always does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// These names.
    pub names: BTreeSet<OsString>,
    /// And names like these.
    pub patterns: BTreeSet<Name>,
    /// And every name that counts in a folder with these endings.
    pub endings: Vec<Vec<String>>,
}

impl Interest {
    fn wants(&self, name: &OsStr) -> bool {
        let fits = || self.patterns.iter().any(|pattern| pattern.fits(name)) && !is_leftover(name);
        self.names.contains(name) || fits() || self.endings.iter().any(|extensions| is_wanted(extensions, name))
    }
}

/// Whether something that happened at a path can matter.
pub fn matters(places: &Places, path: &Path) -> bool {
    let inside = || path.parent().and_then(|parent| places.get(parent)).zip(path.file_name());
    places.contains_key(path) || inside().is_some_and(|(interest, name)| interest.wants(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_editors_leave_does_not_matter() {
        let mut places = Places::new();
        let yaml = WatchedFolder::yaml("/p/components").extensions;
        places.insert("/p/components".into(), Interest { endings: vec![yaml], ..Interest::default() });
        places.insert("/p".into(), Interest { names: BTreeSet::from(["sandbox.toml".into()]), ..Interest::default() });
        places.insert("/p/any".into(), Interest { endings: vec![Vec::new()], ..Interest::default() });
        for path in ["/p/sandbox.toml", "/p/components/a.yaml", "/p/components/b.yml", "/p/components", "/p/any/x"] {
            assert!(matters(&places, Path::new(path)), "{path}");
        }
        let others = [
            "/p/app.log",
            "/p/.sandbox",
            "/p/.sandbox/resources/a.yaml",
            "/p/components/.a.yaml.swp",
            "/p/components/a.yaml~",
            "/p/components/4913",
            "/p/components/.#a.yaml",
            "/p/components/#a.yaml#",
            "/p/components/notes.txt",
            "/p/components/sub/a.yaml",
            "/p/any/.x.swp",
            "/p/any/x.tmp",
            "/p/any/4913",
        ];
        for path in others {
            assert!(!matters(&places, Path::new(path)), "{path}");
        }
    }

    #[test]
    fn a_set_covers_files_that_are_not_there_yet() {
        let set = WatchSet {
            folders: vec![WatchedFolder::yaml("/p/components")],
            files: vec!["/p/.env".into()],
            ..WatchSet::default()
        };
        assert!(set.covers(Path::new("/p/.env")) && set.covers(Path::new("/p/components/new.yaml")));
        assert!(!set.covers(Path::new("/p/components/new.txt")) && !set.covers(Path::new("/p/components/sub/a.yaml")));
    }
}
