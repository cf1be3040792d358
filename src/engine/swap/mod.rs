//! `swap-broker`: another broker under a running project, and nothing acknowledged is lost (design.md §7).
//!
//! | where | what |
//! |---|---|
//! | `mod` | the steps in their order, and what is taken back when one fails |
//! | `look` | what there is to be done, out of what runs: the same command finishes what was cut short |
//! | `groups` | who reads what, and how brokers are asked |
//! | `emptying` | what becomes of the old brokers: drained, stopped |
//! | `drain` | what is left in an old broker is delivered |
//! | `report` | what the old sidecars have counted, and what is otherwise on the target |
//! | `save` | `kind` in sandbox.toml |
//! | `telling` | the account, in which an attached `up` reads along |
//!
//! Until the new sidecars are ready nothing has changed for anybody, and everything that was made is taken back. From then on the
//! hand-over is gone through whole. What lies in the old broker is safe there, however the rest goes.

mod drain;
mod emptying;
mod groups;
mod look;
mod report;
mod save;
mod telling;

pub(super) use telling::Listening;

use self::{
    drain::Drained,
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
        project,
        reporter::milliseconds,
        up::{self, Session, unless_interrupted},
    },
    error::Failure,
    event::EventKind,
    names::ContainerName,
    plan::diff::{self, HandOver, SwapTarget},
    probe::{Kind, NotYet},
    swap::{SwapFailure, SwapProgress, SwapReport, TopicReport},
};
use std::{
    collections::{BTreeMap, BTreeSet},
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
    if request.save {
        save::can_save(&config)?;
    }
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
        let made = diff::hand_over_in(&self.swap.manner(), &target.desired, observed, which)?;
        let broker = diff::target(&target.desired, observed, &target.origin.directory)?;
        let prepared = self.prepare(&broker, &made).await;
        let subscriptions = match prepared {
            Ok(subscriptions) => subscriptions,
            Err(failure) => return Err(self.give_up(failure, broker, made).await),
        };
        tokio::select! {
            finished = self.finish(began, made, &subscriptions) => finished,
            // The first one ends a drain.
            interruption = self.session.interrupts.reach(2) => {
                self.telling.say(SwapProgress::CutShort { to }).await;
                Err(Failure::Interrupted(interruption))
            }
        }
    }

    /// Everything that is gone through.
    async fn finish(&self, began: Instant, mut made: HandOver, subscriptions: &Subscriptions) -> Result<(), Failure> {
        let Swap { from, target, observed, which, .. } = self.swap;
        let to = self.request.kind.clone();
        let bulk = bulk_subscriptions(&self.executor.ready, target);
        let (bulk, killed, ()) = tokio::join!(bulk, self.killed_at_their_end(), tokio::time::sleep(DIALLED_WITHIN));
        let differences = report::differences(from, &to, target, subscriptions, &bulk);
        made.kill_old(&killed);
        // As late as can be: what is published on the old sidecars from here on is not counted.
        let counted = report::counted(&self.executor, target, which, subscriptions, &bulk).await;
        let counted = counted.filter(|_| !self.swap.is_half_done);
        let ending: Vec<_> = made.ending(observed).cloned().collect();
        let completing = self.executor.run(made.complete);
        let (completed, drained) = tokio::join!(completing, self.empty_old(began, &ending, subscriptions));
        completed?;
        if self.request.save {
            let file = save::save(self.written, &to)?;
            self.telling.say(SwapProgress::Saved { file }).await;
        }
        let drained = drained?;
        let topics = drained
            .iter()
            .flat_map(|one| one.at_first.keys())
            .map(|topic| topic_report(topic, &drained, counted.as_ref()));
        let topics: BTreeMap<_, _> = topics.map(|report| (report.topic.clone(), report)).collect();
        let elapsed_ms = milliseconds(began.elapsed());
        let (from, topics) = (from.clone(), topics.into_values().collect());
        let report = SwapReport { from, to, elapsed_ms, topics, differences, kept: self.kept() };
        self.telling.say(SwapProgress::Done(report)).await;
        target.prune_state_directory(true);
        Ok(())
    }

    /// Everything that can be taken back.
    async fn prepare(&self, broker: &SwapTarget, made: &HandOver) -> Result<Subscriptions, Failure> {
        let Self { session, swap, executor, request, .. } = self;
        let began = Instant::now();
        let [make, start] = made.prepare.until_starts();
        let target_ready = async {
            executor.run(broker.start.clone()).await?;
            if swap.target_has_container {
                let (broker, elapsed_ms) = (request.kind.clone(), milliseconds(began.elapsed()));
                self.telling.say(SwapProgress::TargetReady { broker, elapsed_ms }).await;
            }
            Ok(())
        };
        let both = async { tokio::try_join!(target_ready, executor.run(make)) };
        unless_interrupted(session, both).await?;
        let subscriptions = unless_interrupted(session, self.declare()).await?;
        unless_interrupted(session, executor.run(start)).await?;
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

    async fn killed_at_their_end(&self) -> BTreeSet<ContainerName> {
        let mut killed = BTreeSet::new();
        for (_, old) in &self.swap.old {
            killed.extend(killed_at_their_end(&self.executor.ready, old, &self.swap.which).await);
        }
        killed
    }
}

fn topic_report(topic: &str, drained: &[Drained], counted: Option<&BTreeMap<String, Counted>>) -> TopicReport {
    let counted = counted.map(|counted| counted.get(topic).copied().unwrap_or_default());
    let sum = |of: fn(&Drained) -> &BTreeMap<String, u64>| drained.iter().filter_map(|one| of(one).get(topic)).sum();
    let (first, last): (u64, u64) = (sum(|one| &one.at_first), sum(|one| &one.at_last));
    let retried = |one: &Drained| Some(one.retried.as_ref()?.get(topic).copied().unwrap_or_default());
    let retried: Option<u64> = drained.iter().map(retried).sum();
    TopicReport {
        topic: topic.to_owned(),
        acknowledged: counted.map(|counted| counted.acknowledged),
        delivered: counted.and_then(|counted| counted.delivered),
        drained: first.saturating_sub(last),
        left_over: last,
        redelivered: counted.and_then(|counted| counted.retried).zip(retried).map(|(before, since)| before + since),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(first: u64, last: u64, retried: Option<u64>) -> Drained {
        let orders = |count| BTreeMap::from([("orders".to_owned(), count)]);
        Drained { at_first: orders(first), at_last: orders(last), retried: retried.map(orders) }
    }

    #[test]
    fn the_report_adds_what_old_sidecars_and_every_drain_have_told() {
        let told = Counted { acknowledged: 40, delivered: Some(30), retried: Some(3) };
        let counted = |told| BTreeMap::from([("orders".to_owned(), told)]);
        let report = |drained: &[Drained], told| topic_report("orders", drained, Some(&counted(told)));
        let all = report(&[drained(10, 0, Some(2)), drained(5, 1, Some(1))], told);
        let expected = TopicReport {
            topic: "orders".to_owned(),
            acknowledged: Some(40),
            delivered: Some(30),
            drained: 14,
            left_over: 1,
            redelivered: Some(6),
        };
        assert_eq!(all, expected);
        assert_eq!(report(&[drained(10, 0, None)], told).redelivered, None, "a drain did not tell");
        let bulk = Counted { delivered: None, retried: None, ..told };
        let of_bulk = report(&[drained(10, 0, Some(2))], bulk);
        assert_eq!((of_bulk.acknowledged, of_bulk.delivered, of_bulk.redelivered), (Some(40), None, None));
        let unknown = topic_report("orders", &[drained(10, 0, Some(2))], None);
        assert_eq!((unknown.acknowledged, unknown.drained, unknown.redelivered), (None, 10, None));
    }
}
