//! What was said so far, merged by time without one inversion. Memory does not grow with the log: each source is read as fast as
//! the merge takes from it.

use super::{Batch, LogsRequest, saved::SavedLog, source::LogSource};
use crate::{
    docker::LogRange,
    engine::reporter::Reporter,
    error::Failure,
    event::Saying,
    logs::{
        filter::Filter,
        group::{Entry, Grouper},
        lines::Line,
        merge::History,
        speaker::Speaker,
    },
};
use jiff::Timestamp;
use std::{sync::Arc, time::Instant};
use tokio::{sync::mpsc, task::JoinHandle};

/// How many batches of lines of one source wait for the merge.
const WAITING: usize = 4;

/// A source that is read, and what became of its lines.
struct Reading {
    lines: mpsc::Receiver<Vec<Line>>,
    /// `None` of a container that is gone.
    source: Option<JoinHandle<LogSource>>,
    grouper: Grouper,
    /// There was more before its first line, and that was not told yet.
    is_cut: bool,
}

/// What is put in order.
enum Item {
    Entry(Entry),
    /// What was said before this time is not there any more.
    Cut(Timestamp),
}

/// Shows it, and gives the sources back for whoever follows.
pub(super) async fn show(
    sources: Vec<LogSource>,
    saved: Vec<(SavedLog, Arc<Speaker>)>,
    reporter: &Reporter,
    request: &LogsRequest,
) -> Result<Vec<LogSource>, Failure> {
    let mut speakers: Vec<_> = sources.iter().map(|source| source.speaker.clone()).collect();
    speakers.extend(saved.iter().map(|(_, speaker)| Arc::clone(speaker)));
    let range = LogRange { since: request.wanted.since, until: request.wanted.until, tail: request.tail };
    let mut readings: Vec<_> = sources.into_iter().map(|source| read(source, range, !request.follow)).collect();
    readings.extend(saved.into_iter().map(|(saved, speaker)| read_saved(saved, &speaker)));
    let mut filter = Filter::new(request.wanted.clone());
    let mut merge: History<Item> = History::new(readings.len());
    let mut batch = Batch::new(reporter);
    // Entries are closed by the engine's times here; the clock has no say in it.
    let now = Instant::now();
    while !merge.is_done() {
        let awaited: Vec<_> = merge.waits_for().collect();
        for place in awaited {
            let reading = &mut readings[place];
            let lines = reading.lines.recv().await;
            let has_ended = lines.is_none();
            if reading.is_cut
                && let Some(first) = lines.as_ref().and_then(|lines| lines.first())
            {
                reading.is_cut = false;
                merge.push(place, first.time, Item::Cut(first.time));
            }
            lines.into_iter().flatten().for_each(|line| reading.grouper.push(line, now));
            if has_ended {
                reading.grouper.finish();
            }
            while let Some(entry) = reading.grouper.pop() {
                merge.push(place, entry.time(), Item::Entry(entry));
            }
            if has_ended {
                merge.end(place);
            }
        }
        while let Some((place, item)) = merge.pop_ready() {
            let saying = match item {
                Item::Entry(entry) if filter.admits(place, speakers[place].role, &entry) => Saying::Entry(entry),
                Item::Cut(time) if filter.reaches(time) => Saying::Cut,
                Item::Entry(_) | Item::Cut(_) => continue,
            };
            batch.push(&speakers[place], saying).await;
        }
    }
    batch.send().await;
    let mut sources = Vec::new();
    for source in readings.into_iter().filter_map(|reading| reading.source) {
        sources.push(source.await.expect("reading does not panic"));
    }
    Ok(sources)
}

fn read(source: LogSource, range: LogRange, ends_here: bool) -> Reading {
    let (sender, lines) = mpsc::channel(WAITING);
    let grouper = Grouper::new(source.speaker.role);
    let source = Some(tokio::spawn(source.read(range, ends_here, sender)));
    Reading { lines, source, grouper, is_cut: false }
}

fn read_saved(saved: SavedLog, speaker: &Speaker) -> Reading {
    let (sender, lines) = mpsc::channel(WAITING);
    let is_cut = saved.is_cut();
    tokio::task::spawn_blocking(move || saved.read(&sender));
    Reading { lines, source: None, grouper: Grouper::new(speaker.role), is_cut }
}
