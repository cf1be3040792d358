//! Pieces of output, each with the engine's time before it, made into lines.
//!
//! dockerd cuts a line into pieces of 16 KiB and, with timestamps on, writes the time again before each (seen with 20.10).
//! A piece that ends without a newline goes on in the next piece of the same stream, or is the last line of its container.

use super::stamp;
use crate::event::Stream;
use jiff::{SignedDuration, Timestamp};
use std::mem;

/// A line is cut where it is longer than this, so that a container that never ends one cannot fill the memory.
pub const LONGEST: usize = 4 * 1024 * 1024;
/// dockerd cuts a line that goes on at exactly so many bytes: a shorter piece without an end is the last of a process, and what
/// comes after it was written by the next one in the same container.
const PIECE: usize = 16 * 1024;
/// The engine stamps stdout and stderr of a container apart, and keeps them in the order of arrival: what was not seen yet
/// when a stream broke cannot be older than this before the latest that was.
const INVERSION: SignedDuration = SignedDuration::from_secs(1);

/// A line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The engine's time of its first piece, or the latest time given to a line of this container before, if that is later.
    pub time: Timestamp,
    /// Where it was written.
    pub stream: Stream,
    /// The text; invalid UTF-8 is replaced. No `\n` and no `\r` is in it; other control characters may be.
    pub text: String,
}

/// Holds what is not a whole line yet of one container, a stream each, and knows what was seen.
#[derive(Debug)]
pub struct LineAssembler {
    latest: Timestamp,
    /// A piece that ends no line and is shorter than this is the last of its process.
    full: usize,
    stdout: Half,
    stderr: Half,
    ready: Vec<Line>,
}

impl Default for LineAssembler {
    fn default() -> Self {
        Self { latest: Timestamp::MIN, full: 0, stdout: Half::default(), stderr: Half::default(), ready: Vec::new() }
    }
}

/// What is known of one stream.
#[derive(Debug, Default)]
struct Half {
    /// The time of the line that was begun.
    begun: Option<Timestamp>,
    bytes: Vec<u8>,
    /// The engine's time of the last piece.
    seen: Option<Timestamp>,
    /// Pieces up to this one were taken before the stream broke.
    skip: Option<Timestamp>,
    /// The last piece ended no line and was not a full one.
    was_last: bool,
}

impl LineAssembler {
    /// For pieces as dockerd cuts them, so that what one process did not end is not joined to what the next one says.
    pub fn of_engine() -> Self {
        Self { full: PIECE, ..Self::default() }
    }

    /// Takes a piece, and gives the lines that it ends: none or one, more where a carriage return makes a line of each state
    /// of a progress bar.
    pub fn push(&mut self, stream: Stream, piece: &[u8]) -> impl Iterator<Item = Line> + '_ {
        let (time, text) = stamp::split(piece);
        if !self.is_known(stream, time) {
            self.take(stream, time, text);
        }
        self.ready.drain(..)
    }

    /// What was begun and never ended, when its container is gone.
    pub fn finish(&mut self) -> impl Iterator<Item = Line> + '_ {
        let mut begun = [Stream::Stdout, Stream::Stderr];
        begun.sort_by_key(|stream| self.half(*stream).begun);
        for stream in begun {
            self.end(stream);
        }
        self.ready.drain(..)
    }

    /// The output is read again from [`LineAssembler::resume_from`]: what was taken before is left out, and a line that was
    /// begun goes on where it was.
    pub fn resume(&mut self) {
        for half in [&mut self.stdout, &mut self.stderr] {
            half.skip = half.seen;
        }
    }

    /// From when on the output must be read again after the connection broke; `None` when nothing was seen.
    pub fn resume_from(&self) -> Option<Timestamp> {
        let latest = self.stdout.seen.max(self.stderr.seen)?;
        Some(latest.checked_sub(INVERSION).unwrap_or(Timestamp::MIN))
    }

    /// The latest time given to a line.
    pub fn latest(&self) -> Option<Timestamp> {
        (self.latest > Timestamp::MIN).then_some(self.latest)
    }

    fn half(&mut self, stream: Stream) -> &mut Half {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    /// Whether a piece was taken before. Within one stream the engine's times only grow.
    fn is_known(&mut self, stream: Stream, time: Option<Timestamp>) -> bool {
        let half = self.half(stream);
        let Some(time) = time else { return false };
        match half.skip {
            Some(skip) if time <= skip => return true,
            _ => half.skip = None,
        }
        half.seen = Some(time);
        false
    }

    fn take(&mut self, stream: Stream, time: Option<Timestamp>, text: &[u8]) {
        if self.half(stream).was_last && time.is_some() {
            self.end(stream);
        }
        let (latest, full) = (self.latest, self.full);
        let half = self.half(stream);
        half.was_last = text.len() < full && !text.ends_with(b"\n");
        let begun = half.begun.or(time).unwrap_or(latest);
        match text.split_last() {
            // Nearly every line is one piece: it needs no buffer.
            Some((b'\n', line)) if half.begun.is_none() && !line.contains(&b'\n') => self.line(stream, begun, line),
            _ => {
                half.begun = Some(begun);
                self.parts(stream, time, text);
            }
        }
    }

    /// A piece that ends no line, ends one that was begun, or holds several (a container with a terminal has no pieces).
    fn parts(&mut self, stream: Stream, time: Option<Timestamp>, text: &[u8]) {
        let mut later = time;
        for part in text.split_inclusive(|byte| *byte == b'\n') {
            let latest = self.latest;
            let half = self.half(stream);
            let part = if half.begun.is_some() {
                part
            } else {
                let (own, rest) = stamp::split(part);
                later = own.or(later);
                half.begun = Some(later.unwrap_or(latest));
                rest
            };
            half.bytes.extend_from_slice(part);
            if part.ends_with(b"\n") || half.bytes.len() >= LONGEST {
                self.end(stream);
            }
        }
    }

    fn end(&mut self, stream: Stream) {
        let half = self.half(stream);
        let Some(begun) = half.begun.take() else { return };
        let bytes = mem::take(&mut half.bytes);
        self.line(stream, begun, bytes.strip_suffix(b"\n").unwrap_or(&bytes));
    }

    fn line(&mut self, stream: Stream, time: Timestamp, bytes: &[u8]) {
        self.latest = self.latest.max(time);
        let time = self.latest;
        let line = |bytes: &[u8]| Line { time, stream, text: text(bytes) };
        if !bytes.contains(&b'\r') {
            return self.ready.push(line(bytes));
        }
        let before = self.ready.len();
        self.ready.extend(bytes.split(|byte| *byte == b'\r').filter(|part| !part.is_empty()).map(line));
        if self.ready.len() == before {
            self.ready.push(line(b""));
        }
    }
}

fn text(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), str::to_owned)
}

#[cfg(test)]
mod tests;
