//! `logs`: what the project's containers have said, merged by time, and what they go on to say.

mod following;
mod history;
mod source;

use crate::{
    docker::Docker,
    engine::{interrupt::Interrupts, reporter::Reporter},
    error::Failure,
    event::{EventKind, Utterance},
    logs::{
        filter::Wanted,
        group::Entry,
        merge::Source,
        select::{Candidate, select},
        speaker::Speaker,
    },
    names::ProjectName,
    plan::{
        observed::{Observed, ObservedContainer},
        spec::Role,
    },
};
use source::LogSource;
use std::sync::Arc;

/// How many entries are handed on at once: a channel for each of a million lines costs more than the lines.
const BATCH: usize = 512;

/// What `logs` was asked for.
#[derive(Clone, Debug)]
pub struct LogsRequest {
    /// The project.
    pub project: ProjectName,
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
    let observed = docker.observe(&request.project, &[]).await?;
    let speakers = chosen(&observed, &request.names)?;
    let names = speakers.iter().map(|speaker| speaker.name.clone()).collect();
    reporter.send(EventKind::Speakers(names)).await;
    let sources = speakers.into_iter().map(|speaker| LogSource::new(docker, speaker)).collect();
    let work = async {
        let sources = history::show(sources, reporter, request).await?;
        if request.follow {
            following::show(sources, docker, reporter, request).await;
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

fn chosen(observed: &Observed, names: &[String]) -> Result<Vec<Speaker>, Failure> {
    let speakers: Vec<_> = observed.containers.iter().map(|container| speaker(observed, container)).collect();
    let candidates: Vec<_> = observed
        .containers
        .iter()
        .zip(&speakers)
        .map(|(container, speaker)| Candidate {
            container: container.name.as_str(),
            name: &speaker.name,
            short_name: container.short_name.as_str(),
            role: container.role,
            app: container.app.as_ref().map(crate::names::AppId::as_str),
        })
        .collect();
    let places = select(names, &candidates)?;
    Ok(places.into_iter().map(|place| speakers[place].clone()).collect())
}

/// Replicas are told apart by their number: `orders-2`, `orders-2-dapr`.
fn speaker(observed: &Observed, container: &ObservedContainer) -> Speaker {
    let short_name = &container.short_name;
    let same = observed.containers.iter().filter(|other| other.short_name == *short_name).count();
    let name = match (&container.app, container.role) {
        _ if same < 2 => short_name.to_string(),
        (Some(app), Role::Sidecar) => format!("{app}-{}-dapr", container.replica),
        _ => format!("{short_name}-{}", container.replica),
    };
    Speaker { container: container.name.clone(), name, role: container.role, app: container.app.clone() }
}

/// Entries on their way to whoever prints.
struct Batch<'a> {
    reporter: &'a Reporter,
    utterances: Vec<Utterance>,
}

impl<'a> Batch<'a> {
    fn new(reporter: &'a Reporter) -> Self {
        Self { reporter, utterances: Vec::new() }
    }

    async fn push(&mut self, speaker: &Arc<Speaker>, entry: Entry) {
        self.utterances.push(Utterance { speaker: Arc::clone(speaker), entry });
        if self.utterances.len() >= BATCH {
            self.send().await;
        }
    }

    async fn send(&mut self) {
        if !self.utterances.is_empty() {
            self.reporter.send(EventKind::Said(std::mem::take(&mut self.utterances))).await;
        }
    }
}

/// Something of a source on its way to the merge.
enum Said {
    /// Whole lines.
    Lines(Source, Vec<crate::logs::lines::Line>),
    /// Its container has ended: what was begun is whole.
    Ended(Source),
}
