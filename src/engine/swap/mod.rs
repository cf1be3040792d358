//! `swap-broker`: another broker under a running project, and nothing acknowledged is lost (design.md §7).
//!
//! | where | what |
//! |---|---|
//! | `mod` | the steps in their order, and what is taken back when one fails |
//! | `look` | what there is to be done, out of what runs: the same command finishes what was cut short |
//! | `groups` | who reads what, and how brokers are asked |
//! | `drain` | what is left in an old broker is delivered |
//! | `report` | what the old sidecars have counted, and what is otherwise on the target |
//! | `save` | `kind` in sandbox.toml |
//! | `telling` | the account, in which an attached `up` reads along |
//!
//! Until the new sidecars are ready nothing has changed for anybody, and everything that was made is taken back. From then on the
//! hand-over is gone through whole. What lies in the old broker is safe there, however the rest goes.

mod drain;
mod groups;
mod look;
mod report;
mod save;
mod telling;

pub(super) use telling::Listening;

use self::{
    drain::{Drained, Old, Unfinished},
    groups::{Subscriptions, broker_at, declarations, subscriptions},
    look::{Swap, look},
    report::Counted,
    telling::Telling,
};
use crate::{
    config::{LoadRequest, model::Config},
    engine::{
        bulk::{bulk_subscriptions, killed_at_their_end},
        executor::Executor,
        project::{self, Project},
        reporter::milliseconds,
        up::{self, Session, unless_interrupted},
    },
    error::Failure,
    event::EventKind,
    names::ContainerName,
    plan::{
        Cause,
        diff::{self, HandOver, SwapTarget},
        observed::{ContainerState, ObservedContainer},
    },
    probe::{Kind, NotYet},
    swap::{SwapFailure, SwapProgress, SwapReport, TopicReport},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// A target that does not take declarations yet is asked again this long after.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Who was refused by a new sidecar that did not listen yet tries the old one next, and must find it.
const DIALLED_WITHIN: Duration = Duration::from_millis(100);

/// What `swap-broker` was asked for.
#[derive(Clone, Debug)]
pub struct SwapRequest {
    /// Where sandbox.toml is.
    pub load: LoadRequest,
    /// The target.
    pub kind: String,
    /// Write it into sandbox.toml.
    pub save: bool,
    /// Leave the old broker running.
    pub keep_old: bool,
    /// Deliver nothing of what is left in the old broker.
    pub no_drain: bool,
    /// How long a drain may make no progress.
    pub drain_timeout: Duration,
    /// How long a broker or a sidecar may take to be ready.
    pub wait_timeout: Duration,
    /// What is said when something cannot be kept.
    pub consent: Consent,
}

/// Whether something may be lost that cannot be kept.
#[derive(Clone, Copy, Debug)]
pub enum Consent {
    /// `--yes`.
    Given,
    /// Somebody can be asked.
    Ask(fn() -> bool),
    /// Nobody can.
    Missing,
}

/// Does it.
///
/// # Errors
/// Before the hand-over: why it was given up; everything is as it was. After it: why what lies in the old broker could not be
/// delivered; the same command goes on with it.
pub async fn swap_broker(session: &Session, request: &SwapRequest) -> Result<(), Failure> {
    let config = project::config(&request.load)?;
    let _lock = session.lock(&config.project, "swap-broker").await?;
    let swap = unless_interrupted(session, look(session, request)).await?;
    if swap.is_done() {
        if request.save {
            save::save(&config, &request.kind)?;
        }
        let summary = format!("the project is on `{}`; looked at", request.kind);
        let elapsed_ms = session.reporter.elapsed_ms();
        session.reporter.send(EventKind::Finished { elapsed_ms, summary }).await;
        return Ok(());
    }
    swap.say_what_stays(session).await;
    unless_interrupted(session, swap.ask_consent(session, request.consent)).await?;
    swap.target.make_state_directory()?;
    let telling = Telling::begin(&session.reporter, &swap.target.state_directory);
    let executor = up::executor(session, &swap.target, request.wait_timeout);
    let silent = Executor { reporter: session.reporter.silent(), ..executor.clone() };
    let run = Run { session, request, written: &config, swap: &swap, telling, executor: silent };
    run.all().await
}

/// A swap under way.
struct Run<'a> {
    session: &'a Session,
    request: &'a SwapRequest,
    /// sandbox.toml as it is written, on the broker that it names.
    written: &'a Config,
    swap: &'a Swap,
    telling: Telling,
    executor: Executor,
}

impl Run<'_> {
    async fn all(&self) -> Result<(), Failure> {
        let began = Instant::now();
        let Swap { from, target, observed, which, .. } = self.swap;
        let to = self.request.kind.clone();
        self.telling.say(SwapProgress::Began { from: from.clone(), to: to.clone() }).await;
        let mut made = diff::hand_over_in(&self.swap.manner(), &target.desired, observed, which)?;
        let broker = diff::target(&target.desired, observed, &target.origin.directory)?;
        let prepared = self.prepare(&broker, &made).await;
        let subscriptions = match prepared {
            Ok(subscriptions) => subscriptions,
            Err(failure) => return Err(self.give_up(failure, broker, made).await),
        };
        let bulk = bulk_subscriptions(&self.executor.ready, target).await;
        let differences = report::differences(from, &to, target, &subscriptions, &bulk);
        // As late as can be: what is published from here on is not counted.
        let (counted, ()) = tokio::join!(
            report::counted(&self.executor, target, which, &subscriptions, &bulk),
            tokio::time::sleep(DIALLED_WITHIN),
        );
        let counted = counted.filter(|_| !self.swap.is_half_done);
        for (_, old) in &self.swap.old {
            made.kill_old(&killed_at_their_end(&self.executor.ready, old, which).await);
        }
        let ending: Vec<_> = made.ending(observed).cloned().collect();
        let completing = self.executor.run(made.complete);
        let rest = async {
            self.all_end(&ending).await;
            let (sidecars, elapsed_ms) = (target.desired.display_names(which), milliseconds(began.elapsed()));
            if !sidecars.is_empty() {
                self.telling.say(SwapProgress::HandedOver { sidecars, elapsed_ms }).await;
            }
            self.drain_all(&subscriptions).await
        };
        let (completed, drained) = tokio::join!(completing, rest);
        completed?;
        if self.request.save {
            let file = save::save(self.written, &to)?;
            self.telling.say(SwapProgress::Saved { file }).await;
        }
        let drained = drained?;
        let kept = self.stop_old().await?;
        let topics = drained
            .iter()
            .flat_map(|one| one.at_first.keys())
            .map(|topic| topic_report(topic, &drained, counted.as_ref()));
        let topics: BTreeMap<_, _> = topics.map(|report| (report.topic.clone(), report)).collect();
        let elapsed_ms = milliseconds(began.elapsed());
        let (from, topics) = (from.clone(), topics.into_values().collect());
        let report = SwapReport { from, to, elapsed_ms, topics, differences, kept };
        self.telling.say(SwapProgress::Done(report)).await;
        target.prune_state_directory(true);
        Ok(())
    }

    /// Everything that can be taken back.
    async fn prepare(&self, broker: &SwapTarget, made: &HandOver) -> Result<Subscriptions, Failure> {
        let Self { session, swap, executor, request, .. } = self;
        let began = Instant::now();
        unless_interrupted(session, executor.run(broker.start.clone())).await?;
        if swap.target_has_container {
            let (broker, elapsed_ms) = (request.kind.clone(), milliseconds(began.elapsed()));
            self.telling.say(SwapProgress::TargetReady { broker, elapsed_ms }).await;
        }
        let subscriptions = unless_interrupted(session, self.declare()).await?;
        unless_interrupted(session, executor.run(made.prepare.clone())).await?;
        Ok(subscriptions)
    }

    /// Nothing that is published on the target falls on the floor before its subscriber is there: a sidecar takes messages from
    /// its start.
    async fn declare(&self) -> Result<Subscriptions, Failure> {
        let Swap { target, observed, .. } = self.swap;
        let began = Instant::now();
        let silent =
            |broker: &str, not_yet: NotYet| SwapFailure::Silent { broker: broker.to_owned(), reason: not_yet.reason };
        let subscriptions = loop {
            match subscriptions(&self.executor, target, observed).await {
                Ok(subscriptions) => break subscriptions,
                Err(not_yet) if began.elapsed() >= self.request.wait_timeout => {
                    return Err(silent("the sidecar", not_yet).into());
                }
                Err(_) => tokio::time::sleep(AGAIN_AFTER).await,
            }
        };
        let sidecars = target.desired.sidecars_with(target.broker_components());
        let all: Vec<_> = sidecars.flat_map(|spec| declarations(target, spec, &subscriptions)).collect();
        let broker = self.request.kind.clone();
        while !all.is_empty() {
            let declared = match broker_at(&self.executor, target).await {
                Ok(Some(broker)) => broker.declare(&all).await,
                Ok(None) => Ok(()),
                Err(not_yet) => Err(not_yet),
            };
            match declared {
                Ok(()) => break,
                Err(not_yet) if not_yet.kind == Kind::Unexpected || began.elapsed() >= self.request.wait_timeout => {
                    return Err(silent(&broker, not_yet).into());
                }
                Err(_) => tokio::time::sleep(AGAIN_AFTER).await,
            }
        }
        if self.swap.target_has_container {
            let (subscriptions, elapsed_ms) = (all.len(), milliseconds(began.elapsed()));
            self.telling.say(SwapProgress::Declared { broker, subscriptions, elapsed_ms }).await;
        }
        Ok(subscriptions)
    }

    async fn give_up(&self, failure: Failure, broker: SwapTarget, made: HandOver) -> Failure {
        self.executor.settled().await;
        let taken_back = self.executor.run(made.give_up).await;
        // Who was cut short before has sidecars on the target already.
        let taken_back = match taken_back {
            Ok(()) if !self.swap.is_half_done => self.executor.run(broker.take_back).await,
            other => other,
        };
        match taken_back {
            Ok(()) => {
                let progress = SwapProgress::GaveUp { broker: self.swap.from.clone(), reason: failure.to_string() };
                self.telling.say(progress).await;
                failure
            }
            // The engine has gone: what is left over is found by the next command.
            Err(_) => failure,
        }
    }

    /// Waits until the sidecars of before have ended: what they had in hand is back in the old broker then.
    async fn all_end(&self, ending: &[ObservedContainer]) {
        for one in ending {
            let _ = self.session.docker.wait_until_ended(&ContainerName::new(&one.id)).await;
        }
    }

    async fn drain_all(&self, subscriptions: &Subscriptions) -> Result<Vec<Drained>, Failure> {
        let mut all = Vec::new();
        for (container, project) in &self.swap.old {
            // It is only asked then what stays in it.
            if self.request.no_drain && container.state != ContainerState::Running {
                continue;
            }
            match self.drain(container, project, subscriptions).await {
                Ok(drained) => all.push(drained),
                Err(_) if self.request.no_drain => {}
                Err(unfinished) => return Err(self.unfinished(project, unfinished).await),
            }
        }
        Ok(all)
    }

    async fn drain(
        &self,
        container: &ObservedContainer,
        project: &Project,
        subscriptions: &Subscriptions,
    ) -> Result<Drained, Unfinished> {
        // One that was stopped with messages in it, or died.
        if container.state != ContainerState::Running {
            let there = diff::target(&project.desired, &self.swap.observed, &project.origin.directory);
            unless_interrupted(self.session, self.executor.run(there.map_err(Failure::from)?.start)).await?;
        }
        Old { project, subscriptions }.drain(self.session, &self.executor, &self.telling, self.request).await
    }

    async fn unfinished(&self, project: &Project, unfinished: Unfinished) -> Failure {
        let broker = project.broker.as_ref().map(|mark| mark.active.clone()).unwrap_or_default();
        let failure = match unfinished {
            Unfinished::Failed(failure) => failure,
            Unfinished::NoProgress(drained) => {
                let left = drained.at_last.iter().filter(|(_, left)| **left > 0);
                let left: Vec<_> = left.map(|(topic, left)| format!("{left} of `{topic}`")).collect();
                let (to, limit) = (self.request.kind.clone(), self.request.drain_timeout);
                SwapFailure::Unfinished { to, broker: broker.clone(), left: left.join(", "), limit }.into()
            }
        };
        self.telling.say(SwapProgress::Unfinished { broker, reason: failure.to_string() }).await;
        failure
    }

    /// What goes on running of them.
    async fn stop_old(&self) -> Result<Vec<String>, Failure> {
        let kind = |project: &Project| project.broker.as_ref().map(|mark| mark.active.clone()).unwrap_or_default();
        if self.request.keep_old {
            return Ok(self.swap.old.iter().map(|(_, project)| kind(project)).collect());
        }
        for (container, project) in &self.swap.old {
            let began = Instant::now();
            self.executor.run(diff::removal([container], &Cause::Drained)).await?;
            let (broker, elapsed_ms) = (kind(project), milliseconds(began.elapsed()));
            self.telling.say(SwapProgress::Stopped { broker, elapsed_ms }).await;
        }
        Ok(Vec::new())
    }
}

fn topic_report(topic: &str, drained: &[Drained], counted: Option<&BTreeMap<String, Counted>>) -> TopicReport {
    let counted = counted.map(|counted| counted.get(topic).copied().unwrap_or_default());
    let sum = |of: fn(&Drained) -> &BTreeMap<String, u64>| drained.iter().filter_map(|one| of(one).get(topic)).sum();
    let (first, last): (u64, u64) = (sum(|one| &one.at_first), sum(|one| &one.at_last));
    TopicReport {
        topic: topic.to_owned(),
        acknowledged: counted.map(|counted| counted.acknowledged),
        delivered: counted.and_then(|counted| counted.delivered),
        drained: first.saturating_sub(last),
        left_over: last,
        ..TopicReport::default()
    }
}
