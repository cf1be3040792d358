//! `logs`: what the project's containers have said, merged by time, and what they go on to say.

pub(super) mod following;
mod history;
pub(super) mod saved;
pub(super) mod saving;
pub(super) mod source;
pub(super) mod watcher;

use crate::{
    docker::{Docker, LogRange},
    engine::{interrupt::Interrupts, reporter::Reporter},
    error::Failure,
    event::{EventKind, Saying, Utterance},
    logs::{
        filter::Wanted,
        saved::SavedLife,
        select::{Candidate, select},
        speaker::Speaker,
    },
    names::{AppId, ProjectName, ShortName},
    plan::{
        observed::{Observed, ObservedContainer},
        spec::Role,
    },
};
use futures_util::future::join_all;
use jiff::Timestamp;
use saved::SavedLog;
use source::LogSource;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

/// How many entries are handed on at once: a channel for each of a million lines costs more than the lines.
const BATCH: usize = 512;
/// And how many bytes of them.
const BATCH_BYTES: usize = 256 * 1024;

/// What `logs` was asked for.
#[derive(Clone, Debug)]
pub struct LogsRequest {
    /// The project.
    pub project: ProjectName,
    /// `.sandbox/`, where sandbox.toml can be found: what removed containers had said lies there.
    pub state_directory: Option<PathBuf>,
    /// Whose lines; empty: everybody's.
    pub names: Vec<String>,
    /// Go on until Ctrl-C.
    pub follow: bool,
    /// Only the last lines of each container.
    pub tail: Option<usize>,
    /// Which of them.
    pub wanted: Wanted,
}

/// Shows them.
///
/// # Errors
/// When the engine does not answer, or nothing has one of the names.
pub async fn logs(
    docker: &Docker,
    reporter: &Reporter,
    interrupts: &Interrupts,
    request: &LogsRequest,
) -> Result<(), Failure> {
    let since = Timestamp::now();
    let observed = docker.observe(&request.project, &[]).await?;
    let mut saved = match &request.state_directory {
        Some(folder) => saved::find(&folder.join(saved::FOLDER), &request.project),
        None => Vec::new(),
    };
    // What was saved just before its container could be removed is still there.
    saved.retain(|one| !observed.containers.iter().any(|container| container.id == one.life.id));
    let lives: Vec<_> = saved.iter().map(|one| one.life.clone()).collect();
    let Chosen { there, gone } = choose(&observed, &lives, &request.names)?;
    let speakers = there.iter().map(|(_, speaker)| speaker).chain(gone.iter().flatten());
    let mut names: Vec<_> = speakers.map(|speaker| speaker.name.clone()).collect();
    names.dedup();
    if names.is_empty() {
        let message = format!("nothing of `{}` is there; `sandbox up` starts it", request.project);
        reporter.send(EventKind::Note { code: "sandbox::logs::nothing", message }).await;
    }
    reporter.send(EventKind::Speakers(names)).await;
    let sources: Vec<_> = there.into_iter().map(|(id, speaker)| LogSource::new(docker, &id, speaker)).collect();
    let saved = saved.into_iter().zip(gone).filter_map(|(one, speaker)| Some((one, speaker?))).collect();
    let work = async {
        let saved = within_tail(saved, &sources, request).await;
        let sources = history::show(sources, saved, reporter, request).await?;
        if request.follow {
            following::show(sources, docker, reporter, request, (&observed, since)).await;
        }
        Ok(())
    };
    tokio::select! {
        done = work => done,
        interruption = interrupts.reach(1) => Err(Failure::Interrupted(interruption)),
        // `sandbox logs | head`.
        () = reporter.closed() => Ok(()),
    }
}

/// Whose lines are shown.
struct Chosen {
    /// Of containers that are there, with the engine's id of each.
    there: Vec<(String, Arc<Speaker>)>,
    /// Of each that is gone, whether it is one of them.
    gone: Vec<Option<Arc<Speaker>>>,
}

fn choose(observed: &Observed, lives: &[SavedLife], names: &[String]) -> Result<Chosen, Failure> {
    let containers = &observed.containers;
    let speakers: Vec<_> = containers.iter().map(|container| speaker(observed, container)).collect();
    let gone: Vec<_> = lives.iter().map(|life| speaker_gone(observed, lives, life)).collect();
    let short_names = containers.iter().map(|one| &one.short_name).chain(lives.iter().map(|life| &life.short_name));
    let candidates: Vec<_> = speakers
        .iter()
        .chain(&gone)
        .zip(short_names)
        .map(|(speaker, short_name)| Candidate {
            container: speaker.container.as_str(),
            name: &speaker.name,
            short_name: short_name.as_str(),
            role: speaker.role,
            app: speaker.app.as_ref().map(AppId::as_str),
        })
        .collect();
    let places: BTreeSet<_> = select(names, &candidates)?.into_iter().collect();
    let count = speakers.len();
    let there = containers.iter().zip(speakers).enumerate().filter(|(place, _)| places.contains(place));
    let gone = gone.into_iter().enumerate();
    Ok(Chosen {
        there: there.map(|(_, (container, speaker))| (container.id.clone(), Arc::new(speaker))).collect(),
        gone: gone.map(|(place, speaker)| places.contains(&(count + place)).then(|| Arc::new(speaker))).collect(),
    })
}

/// A container that is there, as its lines name it.
pub(super) fn speaker(observed: &Observed, container: &ObservedContainer) -> Speaker {
    let short_name = &container.short_name;
    // During a hand-over there are two of one replica.
    let same = observed.containers.iter().filter(|other| other.short_name == *short_name);
    let same: BTreeSet<_> = same.map(|other| other.replica).collect();
    let name = display_name(short_name, container.app.as_ref(), container.role, container.replica, same.len());
    Speaker { container: container.name.clone(), name, role: container.role, app: container.app.clone() }
}

/// One that is gone is called as the one in its place is, or as it would be among those that were.
fn speaker_gone(observed: &Observed, lives: &[SavedLife], life: &SavedLife) -> Speaker {
    let SavedLife { short_name, app, replica, .. } = life;
    let heir = observed.containers.iter().find(|one| one.short_name == *short_name && one.replica == *replica);
    let name = heir.map(|heir| speaker(observed, heir).name).unwrap_or_else(|| {
        let there = observed.containers.iter().map(|one| (&one.short_name, one.replica));
        let all = there.chain(lives.iter().map(|other| (&other.short_name, other.replica)));
        let same: BTreeSet<_> = all.filter(|(other, _)| *other == short_name).map(|(_, replica)| replica).collect();
        display_name(short_name, app.as_ref(), life.role(), *replica, same.len())
    });
    Speaker { container: life.container.clone(), name, role: life.role(), app: app.clone() }
}

/// Replicas are told apart by their number: `orders-2`, `orders-2-dapr`.
fn display_name(short_name: &ShortName, app: Option<&AppId>, role: Role, replica: u32, replicas: usize) -> String {
    match (app, role) {
        _ if replicas < 2 => short_name.to_string(),
        (Some(app), Role::Sidecar) => format!("{app}-{replica}-dapr"),
        _ => format!("{short_name}-{replica}"),
    }
}

/// With `--tail`, what is gone gives the lines that those in its place have not, the newest first.
async fn within_tail(
    mut saved: Vec<(SavedLog, Arc<Speaker>)>,
    sources: &[LogSource],
    request: &LogsRequest,
) -> Vec<(SavedLog, Arc<Speaker>)> {
    let Some(tail) = request.tail else { return saved };
    let range = LogRange { since: request.wanted.since, until: request.wanted.until, tail: request.tail };
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    for (one, speaker) in saved.iter_mut().rev() {
        let mut of_name = match left.get(&speaker.name) {
            Some(left) => *left,
            None => {
                let own = sources.iter().filter(|source| source.speaker.name == speaker.name);
                let counts = join_all(own.map(|source| source.count(range))).await;
                tail.saturating_sub(counts.into_iter().sum())
            }
        };
        of_name -= one.limit(of_name);
        left.insert(speaker.name.clone(), of_name);
    }
    saved
}

/// Entries on their way to whoever prints.
struct Batch<'a> {
    reporter: &'a Reporter,
    utterances: Vec<Utterance>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    fn new(reporter: &'a Reporter) -> Self {
        Self { reporter, utterances: Vec::new(), bytes: 0 }
    }

    async fn push(&mut self, speaker: &Arc<Speaker>, saying: Saying) {
        if let Saying::Entry(entry) = &saying {
            self.bytes += entry.first.text.len();
        }
        self.utterances.push(Utterance { speaker: Arc::clone(speaker), saying });
        if self.utterances.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.send().await;
        }
    }

    async fn send(&mut self) {
        if !self.utterances.is_empty() {
            self.bytes = 0;
            self.reporter.turn().await.say(std::mem::take(&mut self.utterances));
        }
    }
}
