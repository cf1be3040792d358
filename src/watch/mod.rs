//! Which of the watched files hold something else than before, as soon as it is known.
//!
//! | where | what |
//! |---|---|
//! | [`interest`] | what is watched, and what can matter to it (pure) |
//! | [`settle`] | when a burst of changes is over (pure) |
//! | [`content`] | what files held, and how two looks differ (pure) |
//! | [`trouble`] | why the system cannot tell, and what helps (pure) |
//! | `scan` | one look at the disk |
//! | `inbox`, `observer` | the system's word of changes; alone in naming `notify` |
//!
//! The system's events only say when to look; what changed is found by comparing contents. So a touch, a swap file, a
//! detour over a backup, or a file that was written anew as it was, is no change, and of a `git checkout` there is one.
//! A look may fall into the middle of somebody's writing when that takes longer than 50 ms: whoever uses what changed keeps
//! what was good until the next change.
//!
//! Where the system cannot tell (no inotify instance or watch is left, a network's or a virtual machine's file system), the
//! contents are compared every 500 ms, and a [`Note`] says so. `SANDBOX_WATCH=poll` asks for that ([`Method::parse`]).

pub mod content;
mod inbox;
pub mod interest;
mod observer;
mod scan;
pub mod settle;
#[cfg(all(test, unix))]
mod tests;
pub mod trouble;

pub use self::{
    content::Change,
    interest::{WatchSet, WatchedFolder},
    trouble::Note,
};

use self::{
    content::{Content, Snapshot, carry_over, compare},
    inbox::Inbox,
    observer::{Look, Observer},
};
use std::{
    collections::VecDeque,
    panic,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::time::sleep_until;

/// How often contents are compared where the system does not tell of changes.
pub const POLL: Duration = Duration::from_millis(500);

/// How changes are learnt of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Method {
    /// From the system, and by comparing contents again and again where it cannot tell.
    #[default]
    Auto,
    /// By comparing contents again and again.
    Poll,
}

impl Method {
    /// The word of `SANDBOX_WATCH`: `poll`, or anything else for [`Method::Auto`].
    pub fn parse(word: Option<&str>) -> Self {
        if word == Some("poll") { Self::Poll } else { Self::Auto }
    }
}

/// What a watcher has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    /// Files changed.
    Changed(Change),
    /// How they are watched is other than one would expect.
    Note(Note),
}

/// Watches a set of files and folders until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    set: WatchSet,
    /// What the files held when a change was last told.
    told: Snapshot,
    /// What they held at the last look, where that is what finds changes.
    seen: Snapshot,
    observer: Arc<Mutex<Observer>>,
    inbox: Arc<Inbox>,
    notes: VecDeque<Note>,
    polls: bool,
    /// How often it looks when it polls.
    every: Duration,
    looked: Instant,
    /// The beginning of the burst that is being looked into.
    burst: Option<Instant>,
}

impl Watcher {
    /// Watches. What the files hold when this returns is what changes are told against: read them after it.
    pub async fn new(set: WatchSet, method: Method) -> Self {
        let inbox = Arc::new(Inbox::default());
        let (observer, trouble) = Observer::new(inbox.clone(), method);
        let mut watcher = Self {
            set: WatchSet::default(),
            told: Snapshot::new(),
            seen: Snapshot::new(),
            observer: Arc::new(Mutex::new(observer)),
            inbox,
            notes: trouble.iter().map(|trouble| trouble.note()).collect(),
            polls: false,
            every: POLL,
            looked: Instant::now(),
            burst: None,
        };
        watcher.set(set).await;
        watcher
    }

    /// Watches other files and folders from now on. Those that are new count as they are when this returns; a change of
    /// those that stay is told as ever.
    pub async fn set(&mut self, set: WatchSet) {
        let now = self.look(set.clone()).await;
        self.told = carry_over(&self.told, &now, |path| self.set.covers(path), |path| set.covers(path));
        if self.told != now {
            self.inbox.touch(Instant::now());
        }
        self.seen = now;
        self.set = set;
    }

    /// A watched file now holds this because we wrote it: no change to be told.
    pub fn wrote(&mut self, path: PathBuf, bytes: &[u8]) {
        self.told.insert(path, Content::of(bytes));
    }

    /// Waits for the next thing to say. Whatever happens between two calls is told by the second as one change. May be
    /// dropped while it waits; nothing is lost.
    pub async fn next(&mut self) -> WatchEvent {
        loop {
            if let Some(note) = self.notes.pop_front() {
                return WatchEvent::Note(note);
            }
            let found = if self.polls { self.polled().await } else { self.signalled().await };
            if let Some(at) = found
                && let Some(change) = compare(&self.told, &self.seen, at)
            {
                self.told.clone_from(&self.seen);
                return WatchEvent::Changed(change);
            }
        }
    }

    /// The system told of something, and it is over.
    async fn signalled(&mut self) -> Option<Instant> {
        if self.burst.is_none() {
            match self.inbox.due() {
                None => self.inbox.arrival().await,
                Some(due) => {
                    tokio::select! {
                        () = sleep_until(due.into()) => {}
                        () = self.inbox.arrival() => {}
                    }
                }
            }
            // Taken before looking: what happens during the look calls for another.
            self.burst = self.inbox.take_burst(Instant::now());
        }
        self.burst?;
        self.seen = self.look(self.set.clone()).await;
        self.burst.take()
    }

    /// It is time to look; a change is over when two looks in a row find the same.
    async fn polled(&mut self) -> Option<Instant> {
        let next = self.looked + self.every;
        sleep_until(self.inbox.due().map_or(next, |due| due.min(next)).into()).await;
        let now = self.look(self.set.clone()).await;
        if now != self.seen {
            self.seen = now;
            self.inbox.touch(self.looked);
        }
        self.inbox.take_burst(self.looked)
    }

    async fn look(&mut self, set: WatchSet) -> Snapshot {
        let observer = self.observer.clone();
        let work = move || observer.lock().unwrap_or_else(PoisonError::into_inner).look(&set);
        let Look { snapshot, trouble, polls } = match tokio::task::spawn_blocking(work).await {
            Ok(look) => look,
            Err(error) if error.is_panic() => panic::resume_unwind(error.into_panic()),
            // The runtime is going away, and this with it.
            Err(_) => std::future::pending().await,
        };
        self.notes.extend(trouble.map(|trouble| trouble.note()));
        self.polls = polls;
        self.looked = Instant::now();
        snapshot
    }
}
