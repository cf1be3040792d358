//! What containers go on to say: each line is held back for at most 50 ms, so that those of several containers come in order.

use super::{Batch, LogsRequest, Said, source::LogSource};
use crate::{
    docker::{ContainerChange, Docker},
    engine::reporter::Reporter,
    logs::{
        filter::Filter,
        group::{Entry, Grouper},
        merge::{Following, Source, WINDOW_OF_ENTRIES},
        speaker::Speaker,
    },
    names::ContainerName,
};
use futures_util::StreamExt;
use jiff::Timestamp;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

/// Entries are looked at this often while some are held back.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A log, or the engine's events, are asked for again this long after they broke off.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How many things of all sources wait for the merge; full, it holds back the reading.
const WAITING: usize = 1024;
/// How many entries are held back at most.
const HELD: usize = 10_000;

/// Shows it until nothing of it runs any more.
pub(super) async fn show(sources: Vec<LogSource>, docker: &Docker, reporter: &Reporter, request: &LogsRequest) {
    let speakers: Vec<_> = sources.iter().map(|source| Arc::clone(&source.speaker)).collect();
    let (sender, said) = mpsc::channel(WAITING);
    let mut tasks = JoinSet::new();
    let mut starts = BTreeMap::new();
    for (place, source) in sources.into_iter().enumerate() {
        let (started, starting) = watch::channel(0);
        starts.insert(source.speaker.container.clone(), started);
        tasks.spawn(follow(source, place, starting, sender.clone()));
    }
    drop(sender);
    tasks.spawn(tell_starts(docker.clone(), request.clone(), starts));
    merge(said, &speakers, reporter, request).await;
}

/// Follows one container over its restarts. Ends when nobody listens any more.
async fn follow(mut source: LogSource, place: Source, mut starting: watch::Receiver<u64>, said: mpsc::Sender<Said>) {
    let mut from = Timestamp::now();
    let docker = source.docker().clone();
    let container = source.speaker.container.clone();
    let mut id = docker.inspect(&container).await.ok().and_then(|looked| looked.id);
    loop {
        if !source.follow(from, place, &said).await {
            tokio::time::sleep(AGAIN_AFTER).await;
        } else if said.is_closed() || starting.changed().await.is_err() {
            return;
        }
        let now_id = docker.inspect(&container).await.ok().and_then(|looked| looked.id);
        if now_id != id {
            // Made anew under the same name: all that it has said is news.
            source.forget();
            from = Timestamp::UNIX_EPOCH;
            id = now_id;
        }
    }
}

/// Tells who follows a container that it was started again.
async fn tell_starts(docker: Docker, request: LogsRequest, starts: BTreeMap<ContainerName, watch::Sender<u64>>) {
    let mut since = Timestamp::now();
    loop {
        let mut changes = Box::pin(docker.watch(&request.project, since));
        while let Some(Ok((time, change))) = changes.next().await {
            since = time;
            if let ContainerChange::Started(name) = change
                && let Some(started) = starts.get(&name)
            {
                started.send_modify(|count| *count += 1);
            }
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}

async fn merge(mut said: mpsc::Receiver<Said>, speakers: &[Arc<Speaker>], reporter: &Reporter, request: &LogsRequest) {
    let mut groupers: Vec<_> = speakers.iter().map(|speaker| Grouper::new(speaker.role)).collect();
    let mut merge: Following<Entry> = Following::new(WINDOW_OF_ENTRIES, HELD);
    let mut filter = Filter::new(request.wanted.clone());
    let mut batch = Batch::new(reporter);
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        let is_holding = merge.next_due().is_some() || groupers.iter().any(Grouper::is_holding);
        tokio::select! {
            news = said.recv() => match news {
                Some(Said::Lines(place, lines)) => {
                    let now = Instant::now();
                    lines.into_iter().for_each(|line| groupers[place].push(line, now));
                }
                Some(Said::Ended(place)) => groupers[place].finish(),
                None => break,
            },
            _ = looks.tick(), if is_holding => {}
        }
        let now = Instant::now();
        for (place, grouper) in groupers.iter_mut().enumerate() {
            grouper.flush_older_than(now);
            while let Some(entry) = grouper.pop() {
                merge.push(place, entry.time(), entry, now);
            }
        }
        while let Some((place, entry)) = merge.pop(now) {
            if filter.admits(place, speakers[place].role, &entry) {
                batch.push(&speakers[place], entry).await;
            }
        }
        batch.send().await;
    }
    while let Some((place, entry)) = merge.drain() {
        if filter.admits(place, speakers[place].role, &entry) {
            batch.push(&speakers[place], entry).await;
        }
    }
    batch.send().await;
}
