//! `up` in the foreground: every line of the project's containers, and what happens to them, in their order.

use crate::{
    engine::{
        executor::Executor,
        logs::{
            following::Telling,
            source::LogSource,
            speaker,
            watcher::{WAITING, Watcher},
        },
        up::Session,
    },
    error::Failure,
    logs::{
        filter::Wanted,
        speaker::Speaker,
        together::{Phase, Together},
    },
    plan::{
        observed::{ContainerState, Observed},
        spec::ContainerSpec,
    },
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

/// After the last container has ended, its last lines take no longer than this to arrive.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Follows until it is dropped.
#[derive(Debug)]
pub struct Attachment {
    phase: watch::Sender<Phase>,
    watching: JoinHandle<()>,
    telling: JoinHandle<()>,
}

impl Attachment {
    /// Begins to follow: what runs now from now on, what is started later, by whomever, from its first line. With `folds`, what
    /// brokers and stores say is held back until everything is ready.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn begin(
        session: &Session,
        containers: &[ContainerSpec],
        executor: &Executor,
        folds: bool,
    ) -> Result<Self, Failure> {
        let project = &executor.origin.project;
        let since = Timestamp::now();
        let observed = session.docker.observe(project, &[]).await?;
        let (sender, said) = mpsc::channel(WAITING);
        let mut watcher = Watcher::new(&session.docker, project, sender, since, Box::new(by_id));
        watcher.remember(&observed);
        let mut sources = Vec::new();
        for spec in containers {
            let speaker = Arc::new(of_spec(spec));
            watcher.expect(Arc::clone(&speaker));
            let running = observed.container(&spec.name).filter(|one| one.state == ContainerState::Running);
            sources.extend(running.map(|one| LogSource::new(&session.docker, &one.id, speaker)));
        }
        let watching = tokio::spawn(async move {
            for source in sources {
                watcher.add(source, true, since).await;
            }
            watcher.run().await;
        });
        let (phase, phases) = watch::channel(Phase::Starting);
        let telling = Telling::new(&session.reporter, Together::new(Wanted::default(), folds, Phase::Starting));
        let ends_with = Some((session.docker.clone(), project.clone()));
        let telling = tokio::spawn(telling.run(said, phases, ends_with));
        Ok(Self { phase, watching, telling })
    }

    /// Everything is ready: from now on an ending is news.
    pub fn watch(&self) {
        self.phase.send_replace(Phase::Watching);
    }

    /// Everything is about to be stopped: from now on an ending is none.
    pub fn stop(&self) {
        self.phase.send_replace(Phase::Stopping);
    }

    /// Waits until nothing of the project runs any more: somebody else has stopped it.
    pub async fn ended(&mut self) {
        let _ = (&mut self.telling).await;
    }

    /// Waits for the last lines of containers that have ended.
    pub async fn finish(mut self) {
        self.stop();
        let _ = tokio::time::timeout(LAST_LINES, &mut self.telling).await;
    }

    /// The start has failed: shows what was held back.
    pub async fn fail(mut self) {
        self.phase.send_replace(Phase::Failed);
        let _ = tokio::time::timeout(LAST_LINES, &mut self.telling).await;
    }
}

/// Whoever follows can speak, and the command ends only when nobody can any more.
impl Drop for Attachment {
    fn drop(&mut self) {
        self.watching.abort();
        self.telling.abort();
    }
}

fn of_spec(spec: &ContainerSpec) -> Speaker {
    let name = spec.display_name().to_owned();
    Speaker { container: spec.name.clone(), name, role: spec.role, app: spec.app.clone() }
}

/// What another command has added to the project.
fn by_id(observed: &Observed, id: &str) -> Option<Speaker> {
    let container = observed.containers.iter().find(|container| container.id == id)?;
    Some(speaker(observed, container))
}
