//! What was said so far, merged by time without one inversion. Memory does not grow with the log: each source is read as fast as
//! the merge takes from it.

use super::{Batch, LogsRequest, source::LogSource};
use crate::{
    docker::LogRange,
    engine::reporter::Reporter,
    error::Failure,
    logs::{
        filter::Filter,
        group::{Entry, Grouper},
        lines::Line,
        merge::History,
    },
};
use std::time::Instant;
use tokio::{sync::mpsc, task::JoinHandle};

/// How many batches of lines of one source wait for the merge.
const WAITING: usize = 4;

/// A source that is read, and what became of its lines.
struct Reading {
    lines: mpsc::Receiver<Vec<Line>>,
    source: JoinHandle<LogSource>,
    grouper: Grouper,
}

/// Shows it, and gives the sources back for whoever follows.
pub(super) async fn show(
    sources: Vec<LogSource>,
    reporter: &Reporter,
    request: &LogsRequest,
) -> Result<Vec<LogSource>, Failure> {
    let speakers: Vec<_> = sources.iter().map(|source| source.speaker.clone()).collect();
    let range = LogRange { since: request.wanted.since, until: request.wanted.until, tail: request.tail };
    let mut readings: Vec<_> = sources.into_iter().map(|source| read(source, range, !request.follow)).collect();
    let mut filter = Filter::new(request.wanted.clone());
    let mut merge: History<Entry> = History::new(readings.len());
    let mut batch = Batch::new(reporter);
    // Entries are closed by the engine's times here; the clock has no say in it.
    let now = Instant::now();
    while !merge.is_done() {
        let awaited: Vec<_> = merge.waits_for().collect();
        for place in awaited {
            let reading = &mut readings[place];
            let lines = reading.lines.recv().await;
            let has_ended = lines.is_none();
            lines.into_iter().flatten().for_each(|line| reading.grouper.push(line, now));
            if has_ended {
                reading.grouper.finish();
            }
            while let Some(entry) = reading.grouper.pop() {
                merge.push(place, entry.time(), entry);
            }
            if has_ended {
                merge.end(place);
            }
        }
        while let Some((place, entry)) = merge.pop_ready() {
            if filter.admits(place, speakers[place].role, &entry) {
                batch.push(&speakers[place], entry).await;
            }
        }
    }
    batch.send().await;
    let mut sources = Vec::new();
    for reading in readings {
        sources.push(reading.source.await.expect("reading does not panic"));
    }
    Ok(sources)
}

fn read(source: LogSource, range: LogRange, ends_here: bool) -> Reading {
    let (sender, lines) = mpsc::channel(WAITING);
    let grouper = Grouper::new(source.speaker.role);
    Reading { lines, source: tokio::spawn(source.read(range, ends_here, sender)), grouper }
}
