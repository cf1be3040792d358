//! The system's watches: the one place that names `notify`. Folders are watched, never files: a file's watch dies with the
//! first save that renames another over it.

use super::{
    Method,
    content::Snapshot,
    inbox::{Inbox, Signal},
    interest::{Places, WatchSet},
    scan::{Scan, scan},
    trouble::{Trouble, remote},
};
use notify::{
    Error, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _,
    event::{AccessKind, AccessMode, ModifyKind},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

/// How often a look is repeated because folders came and went meanwhile.
const MOST_LOOKS: usize = 4;

/// The system's watches, or none, when it has to be done without.
#[derive(Debug)]
pub(super) struct Observer {
    watcher: Option<RecommendedWatcher>,
    /// The watched folders, each with what tells it from another at the same path.
    watched: BTreeMap<PathBuf, Option<(u64, u64)>>,
    inbox: Arc<Inbox>,
}

/// What a look found.
#[derive(Debug)]
pub(super) struct Look {
    pub snapshot: Snapshot,
    /// Why the system's watches were given up during it.
    pub trouble: Option<Trouble>,
    /// Whether there are none.
    pub polls: bool,
}

impl Observer {
    pub fn new(inbox: Arc<Inbox>, method: Method) -> (Self, Option<Trouble>) {
        let receiver = inbox.clone();
        let made = match method {
            Method::Poll => None,
            Method::Auto => Some(notify::recommended_watcher(move |event| receive(&receiver, event))),
        };
        let (watcher, trouble) = match made.transpose() {
            Ok(watcher) => (watcher, None),
            Err(error) => (None, Some(trouble(&error))),
        };
        (Self { watcher, watched: BTreeMap::new(), inbox }, trouble)
    }

    /// Sees to it that everything is watched that should be, and looks. In this order, so that nothing falls in between.
    pub fn look(&mut self, set: &WatchSet) -> Look {
        let mut lost = self.inbox.take_lost();
        let mut trouble = self.inbox.take_failure().map(Trouble::Other);
        for _ in 0..MOST_LOOKS {
            let Scan { snapshot, places } = scan(set);
            let complete = trouble.take().map_or_else(|| self.watch(&places, &lost), Err);
            match complete {
                Ok(false) => lost.clear(),
                Ok(true) => return Look { snapshot, trouble: None, polls: self.watcher.is_none() },
                Err(trouble) => {
                    self.watcher = None;
                    self.watched.clear();
                    return Look { snapshot, trouble: Some(trouble), polls: true };
                }
            }
        }
        // It does not come to rest: again, after a while.
        self.inbox.touch(Instant::now());
        Look { snapshot: scan(set).snapshot, trouble: None, polls: false }
    }

    /// Watches these places and no others. Whether they were all watched already, so that what was read before is true.
    fn watch(&mut self, places: &Places, lost: &BTreeSet<PathBuf>) -> Result<bool, Trouble> {
        let Some(watcher) = &mut self.watcher else { return Ok(true) };
        self.inbox.set_places(places.clone());
        // First those that end: a folder that was moved to another place may be watched there in a moment.
        self.watched.retain(|path, identity| {
            let stays = places.contains_key(path) && !lost.contains(path) && *identity == self::identity(path);
            if !stays {
                // It may have ended by itself.
                let _ = watcher.unwatch(path);
            }
            stays
        });
        let missing: Vec<_> = places.keys().filter(|path| !self.watched.contains_key(*path)).collect();
        if cfg!(target_os = "linux") && !missing.is_empty() {
            let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
            if let Some(trouble) = remote(missing.iter().map(|path| path.as_path()), &mounts) {
                return Err(trouble);
            }
        }
        for path in &missing {
            let identity = identity(path);
            match watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => drop(self.watched.insert((*path).clone(), identity)),
                // Gone since it was seen.
                Err(_) if !path.is_dir() => {}
                Err(error) => return Err(trouble(&error)),
            }
        }
        Ok(missing.is_empty())
    }
}

fn receive(inbox: &Inbox, event: notify::Result<Event>) {
    let event = match event {
        Ok(event) => event,
        Err(error) => return inbox.receive(Signal::Failed(error.to_string()), Instant::now()),
    };
    let is_reading = |kind: AccessKind| kind != AccessKind::Close(AccessMode::Write);
    let signal = match event.kind {
        _ if event.need_rescan() => Signal::Anything,
        // Our own looks would call for the next ones.
        EventKind::Access(kind) if is_reading(kind) => return,
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)) => {
            Signal::At { paths: &event.paths, moved: true }
        }
        _ => Signal::At { paths: &event.paths, moved: false },
    };
    inbox.receive(signal, Instant::now());
}

fn trouble(error: &Error) -> Trouble {
    const TOO_MANY_OPEN: i32 = 24;
    let limit = |name: &str| {
        let set = fs::read_to_string(Path::new("/proc/sys/fs/inotify").join(name)).ok();
        set.and_then(|set| set.trim().parse().ok())
    };
    let too_many_open = |error: &io::Error| error.raw_os_error() == Some(TOO_MANY_OPEN);
    match &error.kind {
        ErrorKind::MaxFilesWatch => Trouble::Watches(limit("max_user_watches")),
        // One error for two limits: the process's own is used up when nothing else can be opened either.
        ErrorKind::Io(error) if cfg!(target_os = "linux") && too_many_open(error) => match File::open("/dev/null") {
            Err(error) if too_many_open(&error) => Trouble::OpenFiles,
            _ => Trouble::Instances(limit("max_user_instances")),
        },
        _ => Trouble::Other(error.to_string()),
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}
