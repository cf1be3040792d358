//! Several sources in one order of time.
//!
//! [`History`] gives what has been written without one inversion: it waits until every source has said what comes next, or
//! that nothing does. [`Following`] cannot wait for what nobody has written yet: it holds each thing back for a moment.

use jiff::Timestamp;
use std::{
    cmp::{Ordering, Reverse},
    collections::{BinaryHeap, VecDeque},
    time::{Duration, Instant},
};

/// How long [`Following`] holds a line back.
pub const WINDOW: Duration = Duration::from_millis(50);

/// What is left of it for entries that a [`super::group::Grouper`] has held back already, as both are looked at every 5 ms.
pub const WINDOW_OF_ENTRIES: Duration = Duration::from_millis(20);

/// A source of a merge, by its number.
pub type Source = usize;

/// Merges sources of which each is in order and has an end. Needs one pending thing a source.
#[derive(Debug)]
pub struct History<T> {
    sources: Vec<Pending<T>>,
    /// The first thing of each source that has one.
    heads: BinaryHeap<Reverse<(Timestamp, Source)>>,
    /// How many sources have not said what comes next.
    silent: usize,
}

#[derive(Debug)]
struct Pending<T> {
    queue: VecDeque<(Timestamp, T)>,
    latest: Timestamp,
    ended: bool,
}

impl<T> History<T> {
    /// Of so many sources.
    pub fn new(sources: usize) -> Self {
        let pending = || Pending { queue: VecDeque::new(), latest: Timestamp::MIN, ended: false };
        Self { sources: (0..sources).map(|_| pending()).collect(), heads: BinaryHeap::new(), silent: sources }
    }

    /// Takes the next thing of a source. A time before the source's latest counts as that.
    pub fn push(&mut self, source: Source, time: Timestamp, item: T) {
        let Some(pending) = self.sources.get_mut(source) else { return };
        pending.latest = pending.latest.max(time);
        if pending.queue.is_empty() {
            self.heads.push(Reverse((pending.latest, source)));
            self.silent -= usize::from(!pending.ended);
        }
        pending.queue.push_back((pending.latest, item));
    }

    /// A source has nothing more.
    pub fn end(&mut self, source: Source) {
        let Some(pending) = self.sources.get_mut(source) else { return };
        if !pending.ended && pending.queue.is_empty() {
            self.silent -= 1;
        }
        pending.ended = true;
    }

    /// The next thing in order; `None` until every source that [`History::waits_for`] names has said more, or at the end.
    pub fn pop_ready(&mut self) -> Option<(Source, T)> {
        if self.silent > 0 {
            return None;
        }
        let Reverse((_, source)) = self.heads.pop()?;
        let pending = self.sources.get_mut(source)?;
        let (_, item) = pending.queue.pop_front()?;
        match pending.queue.front() {
            Some((time, _)) => self.heads.push(Reverse((*time, source))),
            None => self.silent += usize::from(!pending.ended),
        }
        Some((source, item))
    }

    /// The sources that must say what comes next, or end, before anything can be given.
    pub fn waits_for(&self) -> impl Iterator<Item = Source> + '_ {
        let is_silent = |pending: &Pending<T>| !pending.ended && pending.queue.is_empty();
        self.sources.iter().enumerate().filter(move |(_, pending)| is_silent(pending)).map(|(source, _)| source)
    }

    /// Whether this source must say more before anything can be given.
    pub fn wants(&self, source: Source) -> bool {
        self.sources.get(source).is_some_and(|pending| !pending.ended && pending.queue.is_empty())
    }

    /// Whether everything was given.
    pub fn is_done(&self) -> bool {
        self.silent == 0 && self.heads.is_empty()
    }
}

/// Merges sources that go on: each thing is held back for a window from its arrival, and then given in order of time.
///
/// By arrival, because the engine's clock need not be this machine's.
#[derive(Debug)]
pub struct Following<T> {
    window: Duration,
    most: usize,
    held: BinaryHeap<Reverse<Held<T>>>,
    arrivals: VecDeque<(Instant, Key)>,
    /// Everything up to here may be given.
    due: Option<Key>,
    given: Timestamp,
    latest: Vec<Timestamp>,
    number: u64,
    late: u64,
}

/// Orders by time, then by source, then by arrival.
type Key = (Timestamp, Source, u64);

#[derive(Debug)]
struct Held<T> {
    key: Key,
    item: T,
}

impl<T> Following<T> {
    /// With a window of at most [`WINDOW`]; at most so many things are held back.
    pub fn new(window: Duration, most: usize) -> Self {
        Self {
            window: window.min(WINDOW),
            most,
            held: BinaryHeap::new(),
            arrivals: VecDeque::new(),
            due: None,
            given: Timestamp::MIN,
            latest: Vec::new(),
            number: 0,
            late: 0,
        }
    }

    /// Takes the next thing of a source, which may be a new one.
    pub fn push(&mut self, source: Source, time: Timestamp, item: T, now: Instant) {
        if self.latest.len() <= source {
            self.latest.resize(source + 1, Timestamp::MIN);
        }
        let time = time.max(self.latest[source]);
        self.latest[source] = time;
        self.late += u64::from(time < self.given);
        self.number += 1;
        let key = (time, source, self.number);
        // Its place has passed: it waits for nothing.
        if time < self.given {
            self.due = self.due.max(Some(key));
        } else {
            self.arrivals.push_back((now, key));
        }
        self.held.push(Reverse(Held { key, item }));
    }

    /// The next thing whose time has come.
    pub fn pop(&mut self, now: Instant) -> Option<(Source, T)> {
        while let Some((arrival, key)) = self.arrivals.front()
            && (now.saturating_duration_since(*arrival) >= self.window)
        {
            self.due = self.due.max(Some(*key));
            self.arrivals.pop_front();
        }
        let Reverse(first) = self.held.peek()?;
        if self.due.is_some_and(|due| first.key <= due) || self.held.len() > self.most { self.take() } else { None }
    }

    /// The next thing, however short it was held back: for the end.
    pub fn drain(&mut self) -> Option<(Source, T)> {
        self.take()
    }

    /// When [`Following::pop`] must be called again; `None` while nothing is held back.
    pub fn next_due(&self) -> Option<Instant> {
        self.arrivals.front().map(|(arrival, _)| *arrival + self.window)
    }

    /// How many things came after a later one of another source had been given.
    pub fn late(&self) -> u64 {
        self.late
    }

    fn take(&mut self) -> Option<(Source, T)> {
        let Reverse(Held { key: (time, source, _), item }) = self.held.pop()?;
        self.given = self.given.max(time);
        if self.held.is_empty() {
            self.arrivals.clear();
        }
        Some((source, item))
    }
}

impl<T> PartialEq for Held<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<T> Eq for Held<T> {}

impl<T> PartialOrd for Held<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Held<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

#[cfg(test)]
mod tests;
