//! Finds the containers of a project as they come, follows each, and tells of starts and endings.

use super::source::{Followed, LogSource};
use crate::{
    docker::{ContainerChange, ContainerEvent, Docker},
    logs::{lines::Line, merge::Source, speaker::Speaker},
    names::{ContainerName, ProjectName},
    plan::{
        diff::is_trial,
        observed::{ContainerState, Observed},
    },
};
use futures_util::StreamExt;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

/// A log, or the engine's events, are asked for again this long after they broke off.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How many things of all sources wait for whoever puts them in order; full, it holds back the reading.
pub(in crate::engine) const WAITING: usize = 1024;

/// Something of a container, on its way to be put in order.
pub(in crate::engine) enum Said {
    /// A container more; places are numbered from 0 in this order. Whether it runs, and since when.
    Joined(Arc<Speaker>, bool, Timestamp),
    /// Whole lines.
    Lines(Source, Vec<Line>),
    /// Everything that was said in a life of a container, counted from 0, was handed on.
    Read(Source, u64),
    /// It was started again.
    Started(Source, Timestamp),
    /// A life of it ended, when, and with which exit code.
    Exited(Source, u64, Timestamp, i64),
}

/// Who is followed of containers that are not known yet.
pub(in crate::engine) type Chooser = Box<dyn Fn(&Observed, &str) -> Option<Speaker> + Send + Sync>;

/// It.
pub(in crate::engine) struct Watcher {
    docker: Docker,
    project: ProjectName,
    said: mpsc::Sender<Said>,
    /// From when on it is watched: what is said later is shown.
    since: Timestamp,
    chooser: Chooser,
    /// Names that are settled already.
    speakers: BTreeMap<ContainerName, Arc<Speaker>>,
    /// Containers that were there before.
    old: BTreeSet<String>,
    known: BTreeMap<String, Known>,
    tasks: JoinSet<()>,
}

struct Known {
    place: Source,
    starts: watch::Sender<u64>,
}

impl Watcher {
    pub(in crate::engine) fn new(
        docker: &Docker,
        project: &ProjectName,
        said: mpsc::Sender<Said>,
        since: Timestamp,
        chooser: Chooser,
    ) -> Self {
        Self {
            docker: docker.clone(),
            project: project.clone(),
            said,
            since,
            chooser,
            speakers: BTreeMap::new(),
            old: BTreeSet::new(),
            known: BTreeMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Containers of this name are called so, whenever they come.
    pub(in crate::engine) fn expect(&mut self, speaker: Arc<Speaker>) {
        self.speakers.insert(speaker.container.clone(), speaker);
    }

    /// What is there already has been speaking before: only what it says from now on counts.
    pub(in crate::engine) fn remember(&mut self, observed: &Observed) {
        self.old.extend(observed.containers.iter().map(|container| container.id.clone()));
    }

    /// Follows a container.
    pub(in crate::engine) async fn add(&mut self, mut source: LogSource, runs: bool, time: Timestamp) {
        let place = self.known.len();
        let (starts, starting) = watch::channel(0);
        self.speakers.entry(source.speaker.container.clone()).or_insert_with(|| Arc::clone(&source.speaker));
        let _ = self.said.send(Said::Joined(Arc::clone(&source.speaker), runs, time)).await;
        self.known.insert(source.id().to_owned(), Known { place, starts });
        let is_old = self.old.contains(source.id());
        let from = if is_old { self.since } else { Timestamp::UNIX_EPOCH };
        if is_old {
            source.begin_at(self.since);
        }
        self.tasks.spawn(follow(source, place, from, starting, self.said.clone()));
    }

    /// Watches until nobody listens any more.
    pub(in crate::engine) async fn run(mut self) {
        let mut last = self.since;
        loop {
            let mut changes = Box::pin(self.docker.watch(&self.project, last));
            while let Some(Ok(event)) = changes.next().await {
                // `since` is inclusive.
                last = event.time + SignedDuration::from_nanos(1);
                self.take(event).await;
            }
            if self.said.is_closed() {
                return;
            }
            tokio::time::sleep(AGAIN_AFTER).await;
            self.find().await;
        }
    }

    async fn take(&mut self, ContainerEvent { time, id, name, change }: ContainerEvent) {
        match (self.known.get(&id), change) {
            (Some(known), ContainerChange::Started) => {
                known.starts.send_modify(|count| *count += 1);
                let _ = self.said.send(Said::Started(known.place, time)).await;
            }
            (Some(known), ContainerChange::Ended(code)) => {
                let life = *known.starts.borrow();
                let _ = self.said.send(Said::Exited(known.place, life, time, code)).await;
            }
            // Whoever tries a component tells what came of it.
            (None, ContainerChange::Started) if is_trial(&name) => {}
            (None, ContainerChange::Started) => {
                if let Some(speaker) = self.who(&id, &name).await {
                    let source = LogSource::new(&self.docker, &id, speaker);
                    self.add(source, true, time).await;
                }
            }
            (None, ContainerChange::Ended(_)) => {}
        }
    }

    async fn who(&self, id: &str, name: &ContainerName) -> Option<Arc<Speaker>> {
        if let Some(speaker) = self.speakers.get(name) {
            return Some(Arc::clone(speaker));
        }
        let observed = self.docker.observe(&self.project, &[]).await.ok()?;
        (self.chooser)(&observed, id).map(Arc::new)
    }

    /// An engine that was away may not tell what it started meanwhile.
    async fn find(&mut self) {
        let Ok(observed) = self.docker.observe(&self.project, &[]).await else { return };
        for container in &observed.containers {
            let is_new = !self.known.contains_key(&container.id) && !self.old.contains(&container.id);
            if is_new && container.state == ContainerState::Running {
                let event = ContainerEvent {
                    time: Timestamp::now(),
                    id: container.id.clone(),
                    name: container.name.clone(),
                    change: ContainerChange::Started,
                };
                self.take(event).await;
            }
        }
    }
}

/// Follows one container over its restarts. Ends when it is removed, or nobody listens any more.
async fn follow(
    mut source: LogSource,
    place: Source,
    from: Timestamp,
    mut starting: watch::Receiver<u64>,
    said: mpsc::Sender<Said>,
) {
    while !said.is_closed() {
        let life = *starting.borrow_and_update();
        match source.follow(from, place, life, &said).await {
            Followed::Broken => tokio::time::sleep(AGAIN_AFTER).await,
            Followed::RunsAgain => {}
            Followed::Ended => {
                if starting.changed().await.is_err() {
                    return;
                }
            }
            Followed::Over => return,
        }
    }
}
