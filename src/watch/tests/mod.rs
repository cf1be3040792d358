//! Real files under the real `notify`, and the same by comparing alone. That nothing is told is asserted by a marker: a
//! later change that has to be the next one told, and alone.

mod editors;
mod folders;
mod limits;
mod watcher;

use super::*;
use std::{collections::BTreeMap, fs, path::Path};

const PATIENCE: Duration = Duration::from_secs(20);

/// A project with a components folder, watched.
struct Scene {
    _keep: tempfile::TempDir,
    root: PathBuf,
    watcher: Watcher,
    markers: usize,
}

/// `+added`, `~changed`, `-removed`, relative to the project.
type Told = Vec<String>;

impl Scene {
    /// Files are made first, with their names as content.
    async fn new(method: Method, files: &[&str]) -> Self {
        Self::prepared(method, |root| files.iter().for_each(|name| write(&root.join(name), name))).await
    }

    async fn prepared(method: Method, prepare: impl FnOnce(&Path)) -> Self {
        let keep = tempfile::tempdir().expect("a folder");
        let root = keep.path().join("project");
        fs::create_dir(&root).expect("made");
        prepare(&root);
        let mut watcher = Watcher::new(Self::set(&root), method).await;
        // The tests' patience, not what is tested.
        watcher.every = Duration::from_millis(100);
        Self { _keep: keep, watcher, root, markers: 0 }
    }

    fn set(root: &Path) -> WatchSet {
        WatchSet {
            folders: vec![WatchedFolder::yaml(root.join("components"))],
            files: vec![root.join("sandbox.toml"), root.join("marker")],
            patterns: vec![secret_files(root, "secrets/*.yaml"), secret_files(root, "secrets/.env")],
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        write(&self.path(name), text);
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).expect("renamed");
    }

    async fn event(&mut self) -> WatchEvent {
        tokio::time::timeout(PATIENCE, self.watcher.next()).await.expect("something to say")
    }

    async fn change(&mut self) -> Change {
        match self.event().await {
            WatchEvent::Changed(change) => change,
            WatchEvent::Note(note) => panic!("{note:?}"),
        }
    }

    async fn note(&mut self) -> Note {
        match self.event().await {
            WatchEvent::Note(note) => note,
            WatchEvent::Changed(change) => panic!("{change:?}"),
        }
    }

    /// Waits until just this was told, and nothing after it; in how many changes. More than one only where the machine was
    /// too busy to let the test make its change in one go.
    async fn told(&mut self, expected: &[&str]) -> usize {
        let mut files: BTreeMap<PathBuf, (bool, bool)> = BTreeMap::new();
        let mut count = 0;
        let deadline = Instant::now() + PATIENCE;
        while sum(&self.root, &files) != expected {
            assert!(Instant::now() < deadline, "told {:?} instead of {expected:?}", sum(&self.root, &files));
            let Ok(event) = tokio::time::timeout(PATIENCE, self.watcher.next()).await else {
                panic!("told {:?} instead of {expected:?}", sum(&self.root, &files));
            };
            let WatchEvent::Changed(change) = event else { panic!("{event:?}") };
            count += 1;
            for (paths, before, after) in
                [(change.added, false, true), (change.changed, true, true), (change.removed, true, false)]
            {
                for path in paths {
                    files.entry(path).and_modify(|known| known.1 = after).or_insert((before, after));
                }
            }
        }
        self.nothing_more().await;
        count
    }

    /// Nothing is told before the marker.
    async fn nothing_more(&mut self) {
        self.markers += 1;
        self.write("marker", &self.markers.to_string());
        let change = self.change().await;
        let marker = [self.path("marker")];
        let (new, old) =
            if self.markers == 1 { (&change.added, &change.changed) } else { (&change.changed, &change.added) };
        assert!(new == &marker && old.is_empty() && change.removed.is_empty(), "{change:?}");
    }
}

fn sum(root: &Path, files: &BTreeMap<PathBuf, (bool, bool)>) -> Told {
    let sign = |(path, ends): (&PathBuf, &(bool, bool))| {
        let sign = match ends {
            (false, true) => '+',
            (true, true) => '~',
            (true, false) => '-',
            (false, false) => return None,
        };
        Some(format!("{sign}{}", path.strip_prefix(root).unwrap_or(path).display()))
    };
    files.iter().filter_map(sign).collect()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
}

/// Each of these as a test of its own, once as it is and once without the system's word.
macro_rules! both_ways {
    ($($name:ident),+ $(,)?) => {
        mod told_by_the_system {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::watch::Method::Auto).await;
            })+
        }
        mod by_comparing {
            $(#[tokio::test]
            async fn $name() {
                super::$name(crate::watch::Method::Poll).await;
            })+
        }
    };
}
use both_ways;

fn secret_files(root: &Path, pattern: &str) -> crate::pattern::FilePattern {
    crate::pattern::FilePattern::parse(&root.join(pattern), root).expect("a pattern")
}
