//! Where the system's word of changes arrives, from a thread of its own, and waits to be looked into. It does not grow:
//! what happened is not kept, only that something did.

use super::{
    interest::{Places, matters},
    settle::Settle,
};
use std::{
    collections::BTreeSet,
    mem,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};
use tokio::sync::Notify;

/// It.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    places: Places,
    settle: Settle,
    lost: BTreeSet<PathBuf>,
    failure: Option<String>,
}

/// Something that happened, as the system tells of it.
#[derive(Debug)]
pub(super) enum Signal<'a> {
    /// Something at these paths.
    At {
        paths: &'a [PathBuf],
        /// Whether a path may now be another folder than the one that is watched under it.
        moved: bool,
    },
    /// The system lost count: anything may have happened.
    Anything,
    /// The system will tell no more.
    Failed(String),
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what happened, unless it cannot matter.
    pub fn receive(&self, signal: Signal<'_>, now: Instant) {
        let mut state = self.state();
        match signal {
            Signal::At { paths, moved } => {
                if !paths.iter().any(|path| matters(&state.places, path)) {
                    return;
                }
                let lost: Vec<_> = paths.iter().filter(|path| moved && state.places.contains_key(*path)).collect();
                state.lost.extend(lost.into_iter().cloned());
            }
            Signal::Anything => state.lost = state.places.keys().cloned().collect(),
            Signal::Failed(reason) => state.failure = Some(reason),
        }
        state.settle.touch(now);
        drop(state);
        self.arrived.notify_one();
    }

    /// From now on this matters.
    pub fn set_places(&self, places: Places) {
        self.state().places = places;
    }

    /// The folders that may have been replaced by others since this was last asked.
    pub fn take_lost(&self) -> BTreeSet<PathBuf> {
        mem::take(&mut self.state().lost)
    }

    /// Why the system will tell no more, if it said so.
    pub fn take_failure(&self) -> Option<String> {
        self.state().failure.take()
    }

    /// Something happened that the system did not tell of.
    pub fn touch(&self, now: Instant) {
        self.state().settle.touch(now);
        self.arrived.notify_one();
    }

    /// When the burst began that is over by now.
    pub fn take_burst(&self, now: Instant) -> Option<Instant> {
        self.state().settle.take(now)
    }

    /// When the burst is over if nothing more happens.
    pub fn due(&self) -> Option<Instant> {
        self.state().settle.due()
    }

    /// Waits until something arrives, or has arrived since the last wait.
    pub async fn arrival(&self) {
        self.arrived.notified().await;
    }
}
