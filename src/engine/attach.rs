//! Follows the containers of a running project: every line they write, and their endings.

use crate::{
    docker::{ContainerChange, Docker, DockerError, LogRange},
    engine::{reporter::Reporter, tail::last_lines},
    event::{EventKind, LogLine},
    logs::{
        cause::find_cause,
        lines::{Line, LineAssembler},
    },
    names::{AppId, ContainerName, ProjectName, ShortName},
    plan::spec::{ContainerSpec, Role},
};
use futures_util::{Stream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::{JoinHandle, JoinSet};

/// After the last container has ended, its last lines take no longer than this to arrive.
const LAST_LINES: Duration = Duration::from_secs(2);
/// The engine's event stream, or a log, is opened again this long after it broke.
const REOPEN_AFTER: Duration = Duration::from_millis(200);

/// When nothing runs any more, the engine has told of every ending this long after.
const LAST_CHANGE: Duration = Duration::from_millis(100);

type Change = Result<(Timestamp, ContainerChange), DockerError>;

/// A container as its lines name it.
#[derive(Clone, Debug)]
struct Speaker {
    name: String,
    short_name: ShortName,
    role: Role,
    app: Option<AppId>,
}

/// Follows until it is dropped.
#[derive(Debug)]
pub struct Attachment {
    expects_endings: Arc<AtomicBool>,
    following: JoinHandle<()>,
}

impl Attachment {
    /// Begins to follow: what runs now from now on, what is started later from its first line.
    pub fn begin(docker: &Docker, project: &ProjectName, containers: &[ContainerSpec], reporter: &Reporter) -> Self {
        let speakers = containers.iter().map(|container| {
            let speaker = Speaker {
                name: container.display_name().to_owned(),
                short_name: ShortName::new(container.display_name()),
                role: container.role,
                app: container.app.clone(),
            };
            (container.name.clone(), speaker)
        });
        // While a project starts, whoever starts it tells of endings.
        let expects_endings = Arc::new(AtomicBool::new(true));
        let follower = Follower {
            docker: docker.clone(),
            project: project.clone(),
            speakers: Arc::new(speakers.collect()),
            reporter: reporter.clone(),
            since: Timestamp::now(),
            seen: Arc::default(),
            expects_endings: Arc::clone(&expects_endings),
        };
        Self { expects_endings, following: tokio::spawn(follower.run()) }
    }

    /// From now on an ending is news (or, with `true`, is not).
    pub fn expect_endings(&self, expected: bool) {
        self.expects_endings.store(expected, Ordering::Relaxed);
    }

    /// Waits until nothing of the project runs any more: somebody else has stopped it.
    pub async fn ended(&mut self) {
        let _ = (&mut self.following).await;
    }

    /// Waits for the last lines of containers that have ended.
    pub async fn finish(mut self) {
        self.expect_endings(true);
        let _ = tokio::time::timeout(LAST_LINES, &mut self.following).await;
    }
}

/// Whoever follows can speak, and the command ends only when nobody can any more.
impl Drop for Attachment {
    fn drop(&mut self) {
        self.following.abort();
    }
}

/// Brokers, stores and Dapr's own servers write hundreds of lines that nobody looks for while all is well.
fn speaks(role: Role) -> bool {
    matches!(role, Role::App | Role::Sidecar | Role::Other)
}

#[derive(Clone)]
struct Follower {
    docker: Docker,
    project: ProjectName,
    speakers: Arc<BTreeMap<ContainerName, Speaker>>,
    reporter: Reporter,
    since: Timestamp,
    /// The time of the last line of each container that was followed: after a restart its log is read from there on.
    seen: Arc<Mutex<BTreeMap<ContainerName, Timestamp>>>,
    expects_endings: Arc<AtomicBool>,
}

impl Follower {
    /// Ends when nothing of the project runs any more after its endings were expected, or when nobody listens.
    async fn run(self) {
        let mut following = JoinSet::new();
        let mut active = BTreeSet::new();
        let mut has_ended = false;
        let mut last_change = self.since;
        let mut changes = Box::pin(self.docker.watch(&self.project, last_change));
        for name in self.speakers.iter().filter(|(_, speaker)| speaks(speaker.role)).map(|(name, _)| name) {
            if self.docker.inspect(name).await.is_ok_and(|looked| looked.running) && active.insert(name.clone()) {
                following.spawn(self.clone().follow(name.clone()));
            }
        }
        loop {
            tokio::select! {
                change = changes.next() => match change {
                    Some(Ok((time, ContainerChange::Started(name)))) => {
                        last_change = time;
                        let speaker = self.speakers.get(&name);
                        if speaker.is_some_and(|speaker| speaks(speaker.role)) && active.insert(name.clone()) {
                            following.spawn(self.clone().follow(name));
                        }
                    }
                    Some(Ok((time, ContainerChange::Ended(name, code)))) => {
                        last_change = time;
                        has_ended = true;
                        self.tell_ending(&name, code).await;
                    }
                    Some(Err(_)) | None => {
                        tokio::time::sleep(REOPEN_AFTER).await;
                        // `since` is inclusive; what happened in between is told then.
                        let next = last_change + SignedDuration::from_nanos(1);
                        changes = Box::pin(self.docker.watch(&self.project, next));
                    }
                },
                Some(done) = following.join_next() => {
                    if let Ok(name) = done {
                        active.remove(&name);
                        // It may have been started again while its last lines were read.
                        if self.docker.inspect(&name).await.is_ok_and(|looked| looked.running) {
                            active.insert(name.clone());
                            following.spawn(self.clone().follow(name));
                        }
                    }
                }
            }
            if self.reporter.is_closed() {
                return;
            }
            if has_ended && active.is_empty() && self.nothing_runs().await {
                return self.tell_last_endings(changes).await;
            }
        }
    }

    async fn nothing_runs(&self) -> bool {
        for name in self.speakers.keys() {
            if self.docker.inspect(name).await.is_ok_and(|looked| looked.running) {
                return false;
            }
        }
        true
    }

    /// A log may end before the engine tells of the ending.
    async fn tell_last_endings(&self, mut changes: impl Stream<Item = Change> + Unpin) {
        while !self.is_stopping() {
            match tokio::time::timeout(LAST_CHANGE, changes.next()).await {
                Ok(Some(Ok((_, ContainerChange::Ended(name, code))))) => self.tell_ending(&name, code).await,
                Ok(Some(Ok((_, ContainerChange::Started(_))))) => {}
                Ok(Some(Err(_)) | None) | Err(_) => return,
            }
        }
    }

    fn is_stopping(&self) -> bool {
        self.expects_endings.load(Ordering::Relaxed)
    }

    async fn tell_ending(&self, name: &ContainerName, exit_code: i64) {
        let Some(speaker) = self.speakers.get(name) else { return };
        if self.is_stopping() {
            return;
        }
        let cause = find_cause(&last_lines(&self.docker, name).await).filter(|_| exit_code != 0);
        self.reporter.send(EventKind::Exited { name: speaker.short_name.clone(), exit_code, cause }).await;
    }

    async fn follow(self, name: ContainerName) -> ContainerName {
        let since = self.last_seen(&name);
        let mut assembler = LineAssembler::default();
        let mut pieces =
            Box::pin(self.docker.follow_logs(&name, LogRange { since: Some(since), ..LogRange::default() }));
        let mut is_broken = false;
        while let Some(piece) = pieces.next().await {
            let Ok(piece) = piece else {
                is_broken = true;
                break;
            };
            for line in assembler.push(piece.stream, &piece.bytes) {
                self.tell_line(&name, line, since).await;
            }
        }
        for line in assembler.finish() {
            self.tell_line(&name, line, since).await;
        }
        if is_broken {
            // A log that cannot be read at all would be asked for without end.
            tokio::time::sleep(REOPEN_AFTER).await;
        }
        name
    }

    fn last_seen(&self, name: &ContainerName) -> Timestamp {
        self.seen.lock().expect("nothing panics while it is held").get(name).copied().unwrap_or(self.since)
    }

    async fn tell_line(&self, name: &ContainerName, line: Line, after: Timestamp) {
        let Some(speaker) = self.speakers.get(name) else { return };
        // The engine's `since` counts whole seconds.
        if line.time <= after {
            return;
        }
        self.seen.lock().expect("nothing panics while it is held").insert(name.clone(), line.time);
        let line = LogLine {
            time: line.time,
            container: name.clone(),
            name: speaker.name.clone(),
            role: speaker.role,
            app: speaker.app.clone(),
            stream: line.stream,
            text: line.text,
        };
        self.reporter.send(EventKind::Log(line)).await;
    }
}
