//! Entries: a line with the lines that belong to it (a traceback, Postgres' `DETAIL`), kept together from here on.

use super::{
    level::Level,
    lines::Line,
    understand::{Trace, explains, follows, understand},
};
use crate::{event::Stream, plan::spec::Role};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::VecDeque,
    iter,
    time::{Duration, Instant},
};

/// A line that comes later than this after the one before it, by the engine's clock, does not belong to it.
const GAP: SignedDuration = SignedDuration::from_millis(200);
/// While following, the first line of an entry waits no longer than this for those that belong to it, however many still come.
/// Less than the window of [`super::merge::Following`], in which it would wait anyway.
pub const HOLD: Duration = Duration::from_millis(20);
/// No entry has more lines or bytes; what goes on after is an entry of its own.
const MOST_LINES: usize = 1000;
const MOST_BYTES: usize = 1024 * 1024;

/// A line and what belongs to it, of one stream of one container. Its time is that of its first line, and so is its place
/// among others: only within an entry may a line be later than one of another stream that is shown after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The first line.
    pub first: Line,
    /// The rest; nearly always none.
    pub rest: Vec<Line>,
    /// It goes on with an entry that was given before, because it came late or that was full.
    pub continues: bool,
}

impl Entry {
    /// An entry of one line.
    pub fn of(line: Line) -> Self {
        Self { first: line, rest: Vec::new(), continues: false }
    }

    /// When it began.
    pub fn time(&self) -> Timestamp {
        self.first.time
    }

    /// All its lines.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        iter::once(&self.first).chain(&self.rest)
    }

    /// How many lines it has.
    pub fn count(&self) -> usize {
        1 + self.rest.len()
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        self.lines().map(|line| line.text.capacity() + size_of::<Line>()).sum()
    }

    /// The level of its first line, or of the exception in it where that is more serious.
    pub fn level(&self, role: Role) -> Option<Level> {
        let own = understand(role, &self.first.text).level;
        let is_exception = |line: &&Line| Trace::begun_by(&line.text).is_some() || explains(&line.text);
        match self.rest.iter().find(is_exception) {
            Some(line) => own.max(understand(role, &line.text).level),
            None => own,
        }
    }
}

/// Makes entries of the lines of one container.
#[derive(Debug)]
pub struct Grouper {
    role: Role,
    stdout: Option<Open>,
    stderr: Option<Open>,
    /// Traces that were given before their end, of stdout and of stderr, and the time of the last line of each.
    given: [Option<(Trace, Timestamp)>; 2],
    /// Whole entries with their numbers, in the order in which they began.
    done: VecDeque<(u64, Entry)>,
    number: u64,
}

/// An entry to which lines may still come.
#[derive(Debug)]
struct Open {
    number: u64,
    entry: Entry,
    bytes: usize,
    trace: Option<Trace>,
    last: Timestamp,
    begun: Instant,
}

impl Grouper {
    /// For a container of this role.
    pub fn new(role: Role) -> Self {
        Self { role, stdout: None, stderr: None, given: [None; 2], done: VecDeque::new(), number: 0 }
    }

    /// Takes the next line. `now` only matters for [`Grouper::flush_older_than`].
    pub fn push(&mut self, line: Line, now: Instant) {
        let Self { role, stdout, stderr, given: [given_stdout, given_stderr], done, number } = self;
        *number += 1;
        let (own, other, given) = match line.stream {
            Stream::Stdout => (stdout, stderr, given_stdout),
            Stream::Stderr => (stderr, stdout, given_stderr),
        };
        let is_over = |open: &Open| line.time.duration_since(open.last) > GAP;
        if other.as_ref().is_some_and(is_over) {
            close(other, done);
        }
        if let Some(open) = own
            && !is_over(open)
            && open.takes(&line.text, *role)
        {
            return open.add(line, now, *number, done);
        }
        // What belongs to something that was given already still belongs to it.
        let is_near = |last: Timestamp| line.time.duration_since(last) <= GAP;
        let trace = given.take().filter(|(_, last)| is_near(*last)).map(|(trace, _)| trace);
        let trace =
            trace.and_then(|mut trace| (belongs(&line.text, *role) || trace.goes_on(&line.text)).then_some(trace));
        let continues = trace.is_some() || belongs(&line.text, *role);
        close(own, done);
        let open = Open::of(line, now, *number, continues);
        *own = Some(Open { trace: open.trace.or(trace), ..open });
    }

    /// The next whole entry. Of a container's two streams none overtakes another.
    pub fn pop(&mut self) -> Option<Entry> {
        let begun = [&self.stdout, &self.stderr].into_iter().flatten().map(|open| open.number).min();
        let is_next = |(number, _): &(u64, Entry)| begun.is_none_or(|begun| *number < begun);
        if self.done.front().is_some_and(is_next) { self.done.pop_front().map(|(_, entry)| entry) } else { None }
    }

    /// Gives what was begun [`HOLD`] ago as it is. Call it every few milliseconds while following.
    pub fn flush_older_than(&mut self, now: Instant) {
        let Self { stdout, stderr, given, done, .. } = self;
        for (own, given) in [stdout, stderr].into_iter().zip(given) {
            if let Some(open) = own.as_ref().filter(|open| now.saturating_duration_since(open.begun) >= HOLD) {
                *given = open.trace.map(|trace| (trace, open.last));
                close(own, done);
            }
        }
    }

    /// Whether something waits for [`Grouper::flush_older_than`].
    pub fn is_holding(&self) -> bool {
        self.stdout.is_some() || self.stderr.is_some() || !self.done.is_empty()
    }

    /// Nothing more will come at all.
    pub fn finish(&mut self) {
        let Self { stdout, stderr, done, .. } = self;
        close(stdout, done);
        close(stderr, done);
    }
}

/// Puts an entry among the whole ones.
fn close(own: &mut Option<Open>, done: &mut VecDeque<(u64, Entry)>) {
    let Some(Open { number, entry, .. }) = own.take() else { return };
    let at = done.iter().rposition(|(earlier, _)| *earlier < number).map_or(0, |at| at + 1);
    done.insert(at, (number, entry));
}

/// Whether a line belongs to what was before it, whatever that was.
fn belongs(text: &str, role: Role) -> bool {
    match text.as_bytes().first() {
        None => false,
        Some(b' ' | b'\t') => true,
        Some(b'0'..=b'9') => role == Role::State && understand(role, text).continues,
        Some(_) => follows(text) || role == Role::State && understand(role, text).continues,
    }
}

impl Open {
    fn of(line: Line, now: Instant, number: u64, continues: bool) -> Self {
        Self {
            number,
            bytes: line.text.len(),
            trace: Trace::begun_by(&line.text),
            last: line.time,
            begun: now,
            entry: Entry { continues, ..Entry::of(line) },
        }
    }

    /// Whether a line belongs to this entry.
    fn takes(&mut self, text: &str, role: Role) -> bool {
        if belongs(text, role) {
            return true;
        }
        if let Some(trace) = &mut self.trace
            && trace.goes_on(text)
        {
            return true;
        }
        let explains = explains(text) && self.entry.level(role).is_some_and(|level| level >= Level::Warn);
        if explains {
            self.trace = Trace::begun_by(text);
        }
        explains
    }

    fn add(&mut self, line: Line, now: Instant, number: u64, done: &mut VecDeque<(u64, Entry)>) {
        self.last = line.time;
        self.bytes += line.text.len();
        if self.entry.count() < MOST_LINES && self.bytes < MOST_BYTES {
            return self.entry.rest.push(line);
        }
        let trace = self.trace;
        let full = std::mem::replace(self, Self { trace, ..Self::of(line, now, number, true) });
        close(&mut Some(full), done);
    }
}

#[cfg(test)]
mod tests;
