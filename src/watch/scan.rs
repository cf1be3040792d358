//! One look at the disk: what the watched files hold, and which folders have to be watched to hear of the next change.

use super::{
    content::{Content, Snapshot},
    interest::{Places, WatchSet, WatchedFolder},
};
use crate::pattern::FilePattern;
use std::{
    collections::VecDeque,
    ffi::OsString,
    fs, io,
    path::{Component, Path, PathBuf},
};

/// As many links as Linux follows.
const MOST_LINKS: usize = 40;

/// What one look found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// The files.
    pub snapshot: Snapshot,
    /// The folders to watch.
    pub places: Places,
}

/// Looks. Blocks while it reads.
pub fn scan(set: &WatchSet) -> Scan {
    let mut scan = Scan::default();
    for folder in &set.folders {
        scan.folder(folder);
    }
    for pattern in &set.patterns {
        scan.pattern(pattern);
    }
    for file in &set.files {
        follow(file, &mut scan.places);
        scan.snapshot.extend(content(file).map(|content| (file.clone(), content)));
    }
    scan
}

impl Scan {
    /// What lies there now, and every folder in which something that fits could come.
    fn pattern(&mut self, pattern: &FilePattern) {
        let found = pattern.find();
        for (folder, names) in found.folders {
            if let Some(real) = follow(&folder, &mut self.places) {
                self.places.entry(real).or_default().patterns.extend(names);
            }
        }
        for file in found.files {
            follow(&file, &mut self.places);
            self.snapshot.extend(content(&file).map(|content| (file, content)));
        }
    }

    fn folder(&mut self, folder: &WatchedFolder) {
        let Some(real) = follow(&folder.path, &mut self.places) else { return };
        let endings = &mut self.places.entry(real).or_default().endings;
        if !endings.contains(&folder.extensions) {
            endings.push(folder.extensions.clone());
        }
        let entries = match fs::read_dir(&folder.path) {
            Ok(entries) => entries,
            Err(error) if is_absence(&error) => return,
            Err(error) => {
                self.snapshot.insert(folder.path.clone(), Content::Unreadable(error.kind()));
                return;
            }
        };
        for entry in entries.filter_map(Result::ok).filter(|entry| folder.wants(&entry.file_name())) {
            let path = entry.path();
            // Also a link that leads nowhere yet.
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                follow(&path, &mut self.places);
            }
            if path.is_file() {
                self.snapshot.extend(content(&path).map(|content| (path, content)));
            }
        }
    }
}

/// What is at a path. Only plain files are read: reading a pipe would wait for its writer.
fn content(path: &Path) -> Option<Content> {
    let read = fs::metadata(path).and_then(|metadata| {
        if metadata.is_dir() {
            Err(io::ErrorKind::IsADirectory.into())
        } else if !metadata.is_file() {
            Err(io::ErrorKind::Unsupported.into())
        } else {
            fs::read(path)
        }
    });
    match read {
        Ok(bytes) => Some(Content::of(&bytes)),
        Err(error) if is_absence(&error) => None,
        Err(error) => Some(Content::Unreadable(error.kind())),
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Goes to a path step by step, as the system does, and notes every folder in which something decides where the path leads:
/// those that hold a link on the way, the one that holds its end, and, when the way ends early, the one in which the next
/// step would have to appear. Where the path leads, if to a folder.
fn follow(path: &Path, places: &mut Places) -> Option<PathBuf> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut steps: VecDeque<OsString> = path.components().map(|step| step.as_os_str().to_owned()).collect();
    let (mut here, mut links) = (PathBuf::new(), 0);
    while let Some(step) = steps.pop_front() {
        match Path::new(&step).components().next() {
            Some(Component::Normal(_)) => {}
            Some(Component::ParentDir) => {
                here.pop();
                continue;
            }
            Some(Component::CurDir) | None => continue,
            Some(Component::RootDir | Component::Prefix(_)) => {
                here.push(&step);
                continue;
            }
        }
        let next = here.join(&step);
        let kind = fs::symlink_metadata(&next).map(|metadata| metadata.file_type());
        if let Ok(kind) = kind
            && kind.is_dir()
        {
            here = next;
            continue;
        }
        places.entry(here.clone()).or_default().names.insert(step);
        let target = kind.is_ok_and(|kind| kind.is_symlink()).then(|| fs::read_link(&next).ok()).flatten()?;
        links += 1;
        if links > MOST_LINKS {
            return None;
        }
        for step in target.components().rev() {
            steps.push_front(step.as_os_str().to_owned());
        }
    }
    Some(here)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::watch::interest::matters;
    use std::os::unix::fs::symlink;

    /// A folder by its real path, so that places can be compared.
    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let real = folder.path().canonicalize().expect("real");
        (folder, real)
    }

    fn files(paths: &[PathBuf]) -> WatchSet {
        WatchSet { files: paths.to_vec(), ..WatchSet::default() }
    }

    #[test]
    fn of_what_is_missing_the_nearest_folder_is_watched_for_the_next_step() {
        let (_keep, root) = folder();
        let scan = scan(&files(&[root.join("a/b/c.yaml")]));
        assert_eq!(scan.snapshot, Snapshot::new());
        assert_eq!(scan.places.keys().collect::<Vec<_>>(), [&root]);
        assert!(matters(&scan.places, &root.join("a")) && !matters(&scan.places, &root.join("b")));
    }

    #[test]
    fn every_link_on_the_way_is_watched_where_it_lies() {
        let (_keep, root) = folder();
        for name in ["real/deep", "links"] {
            fs::create_dir_all(root.join(name)).expect("made");
        }
        fs::write(root.join("real/deep/a.yaml"), "a").expect("written");
        symlink("../real", root.join("links/hop")).expect("linked");
        symlink(root.join("links/hop/deep/a.yaml"), root.join("a.yaml")).expect("linked");
        let scan = scan(&files(&[root.join("a.yaml")]));
        assert_eq!(scan.snapshot[&root.join("a.yaml")], Content::of(b"a"));
        for path in ["a.yaml", "links/hop", "real/deep/a.yaml"] {
            assert!(matters(&scan.places, &root.join(path)), "{path}");
        }
        assert!(!matters(&scan.places, &root.join("real/x")));
    }

    #[test]
    fn links_in_a_circle_end_and_are_unreadable() {
        let (_keep, root) = folder();
        symlink("b", root.join("a")).expect("linked");
        symlink("a", root.join("b")).expect("linked");
        let scan = scan(&files(&[root.join("a")]));
        assert!(matches!(scan.snapshot[&root.join("a")], Content::Unreadable(_)), "{scan:?}");
    }

    #[test]
    fn a_folder_is_read_as_daprs_is() {
        let (_keep, root) = folder();
        fs::create_dir_all(root.join("sub.yaml")).expect("made");
        for name in ["a.yaml", "b.yml", "notes.txt", "sub.yaml/c.yaml", ".a.yaml.swp", "a.yaml~"] {
            fs::write(root.join(name), name).expect("written");
        }
        symlink("me@host.1:2", root.join(".#a.yaml")).expect("linked");
        let scan = scan(&WatchSet { folders: vec![WatchedFolder::yaml(&root)], ..WatchSet::default() });
        assert_eq!(scan.snapshot.keys().collect::<Vec<_>>(), [&root.join("a.yaml"), &root.join("b.yml")]);
    }
}
