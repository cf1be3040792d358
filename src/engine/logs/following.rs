//! What containers go on to say, in order, to whoever prints. When that is slow, the oldest lines go and are counted in their
//! place: the engine is never kept waiting, and memory stays bounded.

use super::{
    LogsRequest, choose,
    source::LogSource,
    watcher::{Said, WAITING, Watcher},
};
use crate::{
    docker::Docker,
    engine::reporter::{Reporter, Turn},
    event::{EventKind, Saying, Utterance},
    logs::{
        dropped::{Ring, Taken},
        merge::Source,
        together::{Phase, Together, Told},
    },
    names::{ProjectName, ShortName},
    plan::observed::{ContainerState, Observed},
};
use jiff::Timestamp;
use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

/// Entries are looked at this often while some are held back.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How much waits for a slow reader.
const RING_BYTES: usize = 4 * 1024 * 1024;
/// How much is handed over at once.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 256 * 1024;
/// After a failure, lines that were written before it take no longer than this to come.
const AFTER_FAILURE: Duration = Duration::from_millis(150);

/// Shows it until nobody listens any more. `before` is what was there when the command began, and when that was.
pub(super) async fn show(
    sources: Vec<LogSource>,
    docker: &Docker,
    reporter: &Reporter,
    request: &LogsRequest,
    before: (&Observed, Timestamp),
) {
    let (observed, since) = before;
    let (sender, said) = mpsc::channel(WAITING);
    let names = request.names.clone();
    let chooser = move |observed: &_, id: &str| {
        let found = choose(observed, &[], &names).ok()?;
        found.there.into_iter().find(|(own, _)| own == id).map(|(_, speaker)| (*speaker).clone())
    };
    let mut watcher = Watcher::new(docker, &request.project, sender, since, Box::new(chooser));
    watcher.remember(observed);
    let running: BTreeSet<_> = observed
        .containers
        .iter()
        .filter(|one| one.state == ContainerState::Running)
        .map(|one| one.name.clone())
        .collect();
    let together = Together::new(request.wanted.clone(), false, Phase::Watching);
    let (phase, phases) = watch::channel(Phase::Watching);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        for source in sources {
            let runs = running.contains(&source.speaker.container);
            watcher.add(source, runs, since).await;
        }
        watcher.run().await;
        drop(phase);
    });
    Telling::new(reporter, together).run(said, phases, None).await;
}

/// Hands over in order.
pub(in crate::engine) struct Telling {
    reporter: Reporter,
    together: Together,
    ring: Ring<Told>,
}

impl Telling {
    pub(in crate::engine) fn new(reporter: &Reporter, together: Together) -> Self {
        Self { reporter: reporter.clone(), together, ring: Ring::new(RING_BYTES) }
    }

    /// Ends when nothing of the project to look at runs any more, after a failure, or when nobody is left to say anything.
    pub(in crate::engine) async fn run(
        mut self,
        mut said: mpsc::Receiver<Said>,
        mut phases: watch::Receiver<Phase>,
        ends_with: Option<(Docker, ProjectName)>,
    ) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut failed_at = None;
        let mut phase = *phases.borrow_and_update();
        loop {
            let mut may_end = !self.together.nothing_runs();
            tokio::select! {
                turn = self.reporter.turn(), if !self.ring.is_empty() => self.hand_over(turn),
                news = said.recv() => match news {
                    Some(news) => {
                        may_end |= matches!(news, Said::Exited(..) | Said::Read(..));
                        self.take(news);
                    }
                    None => break,
                },
                Ok(()) = phases.changed() => {
                    phase = *phases.borrow_and_update();
                    self.together.enter(phase);
                    if phase == Phase::Watching {
                        self.together.ready(Timestamp::now(), Instant::now());
                    }
                    failed_at = (phase == Phase::Failed).then(Instant::now);
                    may_end = true;
                }
                _ = looks.tick(), if self.together.is_holding() || failed_at.is_some() => {}
            }
            let now = Instant::now();
            while let Some((place, told)) = self.together.pop(now) {
                self.push(place, told);
            }
            if failed_at.is_some_and(|at| now.saturating_duration_since(at) >= AFTER_FAILURE) {
                break;
            }
            let Some((docker, project)) = ends_with.as_ref().filter(|_| may_end) else { continue };
            let is_over = matches!(phase, Phase::Watching | Phase::Stopping) && self.together.nothing_runs();
            if is_over && !docker.runs_anything(project).await.unwrap_or(true) {
                break;
            }
        }
        for (place, told) in self.together.finish(Instant::now()) {
            self.push(place, told);
        }
        while !self.ring.is_empty() && !self.reporter.is_closed() {
            let turn = self.reporter.turn().await;
            self.hand_over(turn);
        }
    }

    fn take(&mut self, news: Said) {
        let now = Instant::now();
        match news {
            Said::Joined(speaker, runs, time) => self.together.join(speaker, runs, time, now),
            Said::Lines(place, lines) => self.together.lines(place, lines, now),
            Said::Read(place, life) => self.together.read(place, life, now),
            Said::Started(place, time) => self.together.started(place, time, now),
            Said::Exited(place, life, time, code) => self.together.exited(place, life, time, code, now),
        }
    }

    fn push(&mut self, place: Source, told: Told) {
        let (lines, bytes) = match &told {
            Told::Entry(entry) => (entry.count(), entry.bytes()),
            Told::Lost(_) | Told::Folded(_) | Told::Exited { .. } | Told::Restarted | Told::Replaced => (0, 256),
        };
        self.ring.push(place, lines, bytes, told);
    }

    /// The next batch, or the event that is next.
    fn hand_over(&mut self, turn: Turn) {
        let mut utterances = Vec::new();
        let mut bytes = 0;
        while utterances.len() < BATCH && bytes < BATCH_BYTES {
            if !utterances.is_empty() && self.ring.next_is(is_event) {
                break;
            }
            let (place, saying) = match self.ring.pop() {
                None => break,
                Some(Taken::Dropped(place, lines)) => (place, Saying::Dropped(lines)),
                Some(Taken::Item(place, told)) => match told {
                    Told::Entry(entry) => {
                        bytes += entry.bytes();
                        (place, Saying::Entry(entry))
                    }
                    Told::Folded(lines) => (place, Saying::Folded(lines)),
                    Told::Lost(lines) => (place, Saying::Dropped(lines)),
                    Told::Exited { .. } | Told::Restarted | Told::Replaced => {
                        return turn.send(self.event(place, told));
                    }
                },
            };
            utterances.push(Utterance { speaker: Arc::clone(self.together.speaker(place)), saying });
        }
        turn.say(utterances);
    }

    fn event(&self, place: Source, told: Told) -> EventKind {
        let speaker = self.together.speaker(place);
        let name = ShortName::new(&speaker.name);
        match told {
            Told::Exited { code, cause, tail } => {
                EventKind::Exited { name, exit_code: code, role: speaker.role, cause, tail }
            }
            told => EventKind::Restarted { name, replaced: told == Told::Replaced },
        }
    }
}

fn is_event(told: &Told) -> bool {
    matches!(told, Told::Exited { .. } | Told::Restarted | Told::Replaced)
}
