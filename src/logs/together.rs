//! What several containers go on to say, and what happens to them, in one order: lines are grouped, held back for a moment,
//! chosen and folded; an ending comes after its container's last lines. Pure.

use super::{
    cause::find_cause,
    filter::{Filter, Wanted},
    fold::Fold,
    group::{Entry, Grouper},
    lines::Line,
    merge::{Following, Source, WINDOW_OF_ENTRIES},
    speaker::Speaker,
};
use crate::plan::spec::Role;
use jiff::Timestamp;
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

/// How many entries are held back at most.
const HELD: usize = 10_000;
/// An ending waits no longer than this for its container's last lines.
const LAST_LINES: Duration = Duration::from_secs(2);
/// How many lines of a container are kept in case it dies, and how much of each.
const TAIL: usize = 20;
const LONGEST: usize = 16 * 1024;
/// What daprd says when it is ready (1.12 to 1.18).
const SIDECAR_IS_READY: &str = "dapr initialized. Status: Running";
/// The place of what belongs to no container's lines.
const NOTES: Source = 0;

/// What comes out, in its order.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// Lines.
    Entry(Entry),
    /// So many lines were held back until the container was ready.
    Folded(u64),
    /// So many lines were held back, and not kept.
    Lost(u64),
    /// The container ended.
    Exited {
        /// Its exit code.
        code: i64,
        /// The line that is the cause.
        cause: Option<String>,
        /// Its last lines, where some of them were not shown.
        tail: Vec<String>,
    },
    /// It was started again.
    Restarted,
    /// Another one of that name was made.
    Replaced,
}

/// What waits for its place in time.
#[derive(Debug)]
enum Item {
    Entry(Entry),
    Ready,
    Exited(i64),
    Started(Told),
}

/// A container: one that is made anew under the same name is another.
#[derive(Debug)]
struct Place {
    speaker: Arc<Speaker>,
    grouper: Grouper,
    runs: bool,
    /// When this life of it began, or was seen to run.
    since: Timestamp,
    has_ended: bool,
    /// The last life of which every line was read.
    read: Option<u64>,
    /// Those that wait for last lines.
    endings: VecDeque<Ending>,
    last: VecDeque<String>,
    /// How many of the last lines in a row were shown.
    shown: usize,
}

#[derive(Clone, Copy, Debug)]
struct Ending {
    life: u64,
    time: Timestamp,
    code: i64,
    /// It waits no longer.
    until: Instant,
    is_news: bool,
}

/// Whether endings and starts are news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The project is being started, and whoever starts it tells of endings.
    Starting,
    /// Nobody else watches.
    Watching,
    /// It is being stopped.
    Stopping,
    /// The start has failed: nothing stays folded.
    Failed,
}

/// It.
#[derive(Debug)]
pub struct Together {
    phase: Phase,
    places: Vec<Place>,
    merge: Following<Item>,
    filter: Filter,
    fold: Fold,
    out: VecDeque<(Source, Told)>,
}

impl Together {
    /// Shows what is wanted. With `folds`, the startup noise of brokers and stores is held back.
    pub fn new(wanted: Wanted, folds: bool, phase: Phase) -> Self {
        Self {
            phase,
            places: Vec::new(),
            merge: Following::new(WINDOW_OF_ENTRIES, HELD),
            filter: Filter::new(wanted),
            fold: Fold::new(!folds),
            out: VecDeque::new(),
        }
    }

    /// A container more; its place is the next number, from 0.
    pub fn join(&mut self, speaker: Arc<Speaker>, runs: bool, time: Timestamp, now: Instant) {
        let place = self.places.len();
        let is_same = |other: &Place| other.speaker.container == speaker.container;
        let replaces = self.places.iter().any(|other| is_same(other) && other.has_ended);
        self.places.push(Place {
            grouper: Grouper::new(speaker.role),
            speaker,
            runs,
            since: time,
            has_ended: false,
            read: None,
            endings: VecDeque::new(),
            last: VecDeque::new(),
            shown: 0,
        });
        if self.phase == Phase::Watching {
            // Nobody will say when it is ready; a sidecar says so itself.
            match self.places[place].speaker.role {
                Role::Sidecar => self.fold.until(place, SIDECAR_IS_READY),
                _ => drop(self.fold.failed(place)),
            }
            if replaces && !self.is_handed_over(place, time) {
                self.merge.push(place + 1, time, Item::Started(Told::Replaced), now);
            }
        }
    }

    /// Who speaks at a place.
    pub fn speaker(&self, place: Source) -> &Arc<Speaker> {
        &self.places[place].speaker
    }

    /// A container says something.
    pub fn lines(&mut self, place: Source, lines: Vec<Line>, now: Instant) {
        lines.into_iter().for_each(|line| self.places[place].grouper.push(line, now));
        self.collect(place, now);
    }

    /// Everything that a container said in some life of it, counted from 0, has come.
    pub fn read(&mut self, place: Source, life: u64, now: Instant) {
        let own = &mut self.places[place];
        own.grouper.finish();
        own.read = own.read.max(Some(life));
        self.collect(place, now);
        self.release(place, now);
    }

    /// A container ended.
    pub fn exited(&mut self, place: Source, life: u64, time: Timestamp, code: i64, now: Instant) {
        // Now, and not when it is told: by then another one may serve that was made because this one died.
        let is_news = self.phase == Phase::Watching && !self.is_handed_over(place, time);
        let own = &mut self.places[place];
        (own.runs, own.has_ended) = (false, true);
        own.endings.push_back(Ending { life, time, code, until: now + LAST_LINES, is_news });
        self.release(place, now);
    }

    /// A container was started again.
    pub fn started(&mut self, place: Source, time: Timestamp, now: Instant) {
        let own = &mut self.places[place];
        let is_news = own.has_ended && !own.runs && self.phase == Phase::Watching;
        (own.runs, own.since) = (true, time);
        if is_news {
            self.merge.push(place + 1, time, Item::Started(Told::Restarted), now);
        }
    }

    /// Everything is ready, which is known at this time. Not each by itself: a server that answers may still have much to say of
    /// its start.
    pub fn ready(&mut self, time: Timestamp, now: Instant) {
        self.merge.push(NOTES, time, Item::Ready, now);
    }

    /// The phase changes.
    pub fn enter(&mut self, phase: Phase) {
        if phase == Phase::Stopping && self.phase != Phase::Stopping {
            self.fold.stopping();
        }
        self.phase = phase;
    }

    /// Whether nothing runs any more and every ending was told.
    pub fn nothing_runs(&self) -> bool {
        self.places.iter().all(|place| !place.runs && place.endings.is_empty())
    }

    /// Whether something waits for time to pass.
    pub fn is_holding(&self) -> bool {
        let holds = |place: &Place| place.grouper.is_holding() || !place.endings.is_empty();
        self.merge.next_due().is_some() || self.places.iter().any(holds)
    }

    /// What comes next, and the place it comes from.
    pub fn pop(&mut self, now: Instant) -> Option<(Source, Told)> {
        for place in 0..self.places.len() {
            if self.places[place].grouper.is_holding() {
                self.places[place].grouper.flush_older_than(now);
                self.collect(place, now);
            }
            self.release(place, now);
        }
        while self.out.is_empty()
            && let Some((source, item)) = self.merge.pop(now)
        {
            self.take(source, item);
        }
        self.out.pop_front()
    }

    /// Everything that is held back; after a failure what was folded too.
    pub fn finish(&mut self, now: Instant) -> VecDeque<(Source, Told)> {
        for place in 0..self.places.len() {
            self.places[place].grouper.finish();
            self.collect(place, now);
            self.release(place, now + LAST_LINES);
        }
        while let Some((source, item)) = self.merge.drain() {
            self.take(source, item);
        }
        if self.phase == Phase::Failed {
            self.unfold();
        }
        std::mem::take(&mut self.out)
    }

    fn unfold(&mut self) {
        let mut kept = Vec::new();
        for (place, folded) in self.fold.all_failed() {
            if folded.lost() > 0 {
                self.out.push_back((place, Told::Lost(folded.lost())));
            }
            kept.extend(folded.kept.into_iter().map(|entry| (place, entry)));
        }
        kept.sort_by_key(|(_, entry)| entry.time());
        self.out.extend(kept.into_iter().map(|(place, entry)| (place, Told::Entry(entry))));
    }

    /// Whole entries go where they wait for their time.
    fn collect(&mut self, place: Source, now: Instant) {
        while let Some(entry) = self.places[place].grouper.pop() {
            self.merge.push(place + 1, entry.time(), Item::Entry(entry), now);
        }
    }

    /// Endings whose last lines have come, or will not come any more.
    fn release(&mut self, place: Source, now: Instant) {
        let own = &mut self.places[place];
        while let Some(ending) = own.endings.front().copied()
            && (own.read >= Some(ending.life) || ending.until <= now)
        {
            own.endings.pop_front();
            if ending.is_news {
                self.merge.push(place + 1, ending.time, Item::Exited(ending.code), now);
            }
        }
    }

    fn take(&mut self, source: Source, item: Item) {
        match item {
            Item::Ready => {
                for place in 0..self.places.len() {
                    if let Some(lines) = self.fold.ready(place) {
                        self.out.push_back((place, Told::Folded(lines)));
                    }
                }
            }
            Item::Entry(entry) => self.entry(source - 1, entry),
            Item::Exited(code) => self.ending(source - 1, code),
            Item::Started(told) => self.out.push_back((source - 1, told)),
        }
    }

    fn entry(&mut self, place: Source, entry: Entry) {
        let role = self.places[place].speaker.role;
        let lines: Vec<String> = entry.lines().map(|line| within(&line.text, LONGEST)).collect();
        let told = self.fold.push(place, role, entry);
        let told = told.filter(|entry| self.filter.admits(place, role, entry));
        let own = &mut self.places[place];
        own.shown = if told.is_some() { own.shown + lines.len() } else { 0 };
        own.last.extend(lines);
        let excess = own.last.len().saturating_sub(TAIL);
        own.last.drain(..excess);
        if let Some(entry) = told {
            self.out.push_back((place, Told::Entry(entry)));
        }
    }

    /// Whether a sidecar comes or goes at a time when another one serves in the same place: whoever hands over tells of it. What came
    /// under a temporary name may have been given the lasting one since, so names of containers say nothing here.
    fn is_handed_over(&self, place: Source, time: Timestamp) -> bool {
        let own = &self.places[place].speaker;
        let others = self.places.iter().enumerate().filter(|(other, _)| *other != place);
        let mut serving = others.filter(|(_, other)| other.runs && other.since <= time);
        own.role == Role::Sidecar && serving.any(|(_, other)| other.speaker.name == own.name)
    }

    fn ending(&mut self, place: Source, code: i64) {
        if self.phase != Phase::Watching {
            return;
        }
        let folded = self.fold.failed(place);
        if folded.lost() > 0 {
            self.out.push_back((place, Told::Lost(folded.lost())));
        }
        // The last lines are among what was kept.
        let is_unfolded = !folded.kept.is_empty();
        self.out.extend(folded.kept.into_iter().map(|entry| (place, Told::Entry(entry))));
        let own = &mut self.places[place];
        let last: Vec<String> = own.last.drain(..).collect();
        let is_whole = is_unfolded || own.shown >= last.len();
        own.shown = 0;
        let cause = find_cause(own.speaker.role, &last).filter(|_| code != 0);
        let tail = if code == 0 || is_whole { Vec::new() } else { last };
        self.out.push_back((place, Told::Exited { code, cause, tail }));
    }
}

fn within(text: &str, most: usize) -> String {
    if text.len() <= most { text.to_owned() } else { format!("{}…", &text[..text.floor_char_boundary(most)]) }
}

#[cfg(test)]
mod tests;
