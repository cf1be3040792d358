//! What is left in an old broker is delivered from it, until the broker itself says that nothing is.

use super::{
    SwapRequest,
    groups::{Subscriptions, broker_at, groups},
    report::topics_of,
    telling::Telling,
};
use crate::{
    broker::{BrokerAt, Group, Left},
    catalog::Catalog,
    dapr::{drain, metrics::TopicMetrics},
    engine::{executor::Executor, project::Project, reporter::milliseconds, tail::last_lines, up::Session},
    error::{ContainerEnded, Failure},
    logs::cause::find_cause,
    names::ContainerName,
    plan::{
        Target,
        diff::{DrainSidecar, Drains, drains},
        spec::{ContainerSpec, Role},
    },
    probe::NotYet,
    swap::{SwapFailure, SwapProgress, TopicLeft},
};
use futures_util::future::join_all;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

/// The broker is asked again this long after it has answered.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// Where a drain takes longer, it does not matter that the broker learns a little later that it is done.
const SHORT: Duration = Duration::from_secs(5);
/// Progress is told no more often.
const TELL_EVERY: Duration = Duration::from_millis(500);
/// Whether a drain still runs is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// An old broker, with what is needed to drain it.
pub(super) struct Old<'a> {
    /// The project as it is rendered for it.
    pub project: &'a Project,
    /// Who reads what.
    pub subscriptions: &'a Subscriptions,
}

/// What a drain has found and done, by topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drained {
    /// Left when the old sidecars had gone.
    pub at_first: BTreeMap<String, u64>,
    /// Left in the end.
    pub at_last: BTreeMap<String, u64>,
    /// Attempts of the drains after which a message came again; `None` when one did not tell.
    pub retried: Option<BTreeMap<String, u64>>,
}

impl Drained {
    /// Before anything was delivered.
    fn nothing_yet(left: &[Left]) -> Self {
        Self { at_first: by_topic(left), at_last: by_topic(left), retried: Some(BTreeMap::new()) }
    }

    fn add_retried(&mut self, told: Option<Vec<TopicMetrics>>) {
        let Some((sums, told)) = self.retried.as_mut().zip(told) else {
            self.retried = None;
            return;
        };
        for topic in told {
            *sums.entry(topic.topic).or_default() += topic.retried;
        }
    }
}

/// Why it was not finished.
pub(super) enum Unfinished {
    /// Nothing has moved for so long.
    NoProgress(Drained),
    /// Something failed.
    Failed(Failure),
}

impl From<Failure> for Unfinished {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Old<'_> {
    fn kind(&self) -> &str {
        self.project.broker.as_ref().map_or("", |mark| mark.active.as_str())
    }

    fn sidecars(&self) -> impl Iterator<Item = &ContainerSpec> {
        self.project.desired.sidecars_with(self.project.broker_components())
    }

    /// Drains it; with `--no-drain` it is only asked what is left. `drains` are made, and for the caller to clear.
    ///
    /// # Errors
    /// When that cannot be finished, or was interrupted; the broker is as it was then, but for what was delivered.
    pub(super) async fn drain(
        &self,
        session: &Session,
        executor: &Executor,
        telling: &Telling,
        request: &SwapRequest,
        drains: &Drains,
    ) -> Result<Drained, Unfinished> {
        let began = Instant::now();
        let all: BTreeSet<Group> = self.sidecars().flat_map(|spec| groups(spec, self.subscriptions)).collect();
        let all: Vec<_> = all.into_iter().collect();
        let Some(broker) = broker_at(executor, self.project).await.map_err(|not_yet| self.silent(not_yet))? else {
            return Ok(Drained::nothing_yet(&[]));
        };
        let mut drain = Drain { old: self, broker, groups: all, telling, told: None, limit: request.drain_timeout };
        let first = drain.left().await?;
        let mut drained = Drained::nothing_yet(&first);
        if request.no_drain {
            return Ok(drained);
        }
        if !drain.is_empty_still(&first).await? {
            // Whoever had something in hand has ended. What is not taken from them now comes by itself, in its time.
            let _ = drain.broker.release(&drain.groups).await;
            tokio::select! {
                emptied = drain.until_empty(executor, drains, &mut drained) => emptied?,
                interruption = session.interrupts.reach(1) => return Err(Failure::Interrupted(interruption).into()),
            }
        }
        let (broker, drained_in_all) = (self.kind().to_owned(), drained.at_first.values().sum());
        let elapsed_ms = milliseconds(began.elapsed());
        telling.say(SwapProgress::Drained { broker, drained: drained_in_all, elapsed_ms }).await;
        Ok(drained)
    }

    /// A drain for each sidecar that reads something.
    pub(super) fn drains(&self) -> Drains {
        let catalog = Catalog::embedded();
        let settings = catalog.brokers.get(self.kind()).map(|entry| entry.description.component.drain.clone());
        let settings = settings.unwrap_or_default();
        let reads = |spec: &&ContainerSpec| !groups(spec, self.subscriptions).is_empty();
        let wanted = self.sidecars().filter(reads).map(|spec| DrainSidecar {
            spec,
            files: drain::files(&self.project.resources_of(spec), self.project.broker_components(), &settings),
        });
        drains(&wanted.collect::<Vec<_>>(), &self.project.trial_folder())
    }

    /// The sidecars of apps that something is left for.
    fn have_left(&self, left: &[Left]) -> BTreeSet<ContainerName> {
        let has_left = |spec: &&ContainerSpec| {
            let own = groups(spec, self.subscriptions);
            left.iter().any(|left| left.total() > 0 && own.contains(&left.group))
        };
        self.sidecars().filter(has_left).map(|spec| spec.name.clone()).collect()
    }

    /// What the drains for these sidecars have counted; `None` when one does not tell.
    async fn counted(
        &self,
        executor: &Executor,
        drains: &Drains,
        of: &BTreeSet<ContainerName>,
    ) -> Option<Vec<TopicMetrics>> {
        let wanted = drains.sidecars.iter().filter(|(name, _)| of.contains(*name));
        let told = join_all(wanted.map(|(_, sidecar)| topics_of(executor, &sidecar.name, &[]))).await;
        told.into_iter().collect::<Option<Vec<_>>>().map(|all| all.concat())
    }

    fn silent(&self, not_yet: NotYet) -> Failure {
        SwapFailure::Silent { broker: self.kind().to_owned(), reason: not_yet.reason }.into()
    }
}

/// Takes drains away, started or not: what they had in hand is acknowledged, or comes again.
///
/// # Errors
/// When the engine does not do it; the next command does then.
pub(super) async fn clear(executor: &Executor, drains: &Drains) -> Result<(), Failure> {
    let cleared = executor.run(drains.clear.clone()).await;
    for folder in &drains.folders {
        // What cannot be removed is left for the next time.
        let _ = fs::remove_dir_all(folder);
    }
    cleared
}

struct Drain<'a> {
    old: &'a Old<'a>,
    broker: BrokerAt,
    groups: Vec<Group>,
    telling: &'a Telling,
    told: Option<(BTreeMap<String, u64>, Instant)>,
    limit: Duration,
}

impl Drain<'_> {
    async fn left(&mut self) -> Result<Vec<Left>, Failure> {
        let asked = Instant::now();
        loop {
            match self.broker.left(&self.groups).await {
                Ok(left) => {
                    self.tell(&left).await;
                    return Ok(left);
                }
                Err(not_yet) if asked.elapsed() >= self.limit => return Err(self.old.silent(not_yet)),
                Err(_) => tokio::time::sleep(ASK_EVERY).await,
            }
        }
    }

    /// What was handled meanwhile may have left a dead letter in a topic that had been looked at before.
    async fn is_empty_still(&mut self, left: &[Left]) -> Result<bool, Failure> {
        Ok(total(left) == 0 && total(&self.left().await?) == 0)
    }

    /// Lets the drains deliver until nothing is left; they have ended then.
    async fn until_empty(
        &mut self,
        executor: &Executor,
        drains: &Drains,
        drained: &mut Drained,
    ) -> Result<(), Unfinished> {
        let mut running = BTreeSet::new();
        let began = Instant::now();
        let mut to_take = Some(drained.at_first.values().sum()).filter(|count| *count > 0 && self.broker.learns_late());
        let (mut least, mut since, mut looked) = (u64::MAX, Instant::now(), Instant::now());
        loop {
            let left = self.left().await?;
            drained.at_last = by_topic(&left);
            if self.is_empty_still(&left).await? {
                drained.add_retried(self.old.counted(executor, drains, &running).await);
                executor.run(drains.stop(&running)).await?;
                return Ok(());
            }
            // Dead letters may be left for others than at first.
            let missing: BTreeSet<_> = &self.old.have_left(&left) - &running;
            if !missing.is_empty() {
                executor.run(drains.start(&missing)).await?;
                running.extend(missing);
            }
            if total(&left) < least {
                (least, since) = (total(&left), Instant::now());
            }
            if since.elapsed() >= self.limit {
                return Err(Unfinished::NoProgress(drained.clone()));
            }
            if looked.elapsed() >= LOOK_EVERY {
                looked = Instant::now();
                for sidecar in drains.sidecars.iter().filter(|(name, _)| running.contains(*name)) {
                    still_runs(executor, sidecar.1).await?;
                }
            }
            if let Some(count) = to_take.filter(|_| began.elapsed() < SHORT)
                && let Some(told) = self.old.counted(executor, drains, &running).await
                && told.iter().map(|topic| topic.delivered + topic.dropped).sum::<u64>() >= count
            {
                drained.add_retried(Some(told));
                // All of it: they commit what they have handled when they end, and by themselves up to a second later.
                executor.run(drains.stop(&running)).await?;
                running.clear();
                to_take = None;
                continue;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    async fn tell(&mut self, left: &[Left]) {
        let topics = by_topic(left);
        let is_news = self.told.as_ref().is_none_or(|(told, at)| *told != topics && at.elapsed() >= TELL_EVERY);
        if !is_news || (self.told.is_none() && total(left) == 0) {
            return;
        }
        let told = topics.iter().map(|(topic, left)| TopicLeft { topic: topic.clone(), left: *left }).collect();
        let (broker, left) = (self.old.kind().to_owned(), total(left));
        self.telling.say(SwapProgress::Draining { broker, left, topics: told }).await;
        self.told = Some((topics, Instant::now()));
    }
}

async fn still_runs(executor: &Executor, sidecar: &Target) -> Result<(), Failure> {
    let looked = executor.ready.docker.inspect(&sidecar.name).await?;
    let Some(ending) = looked.ending else { return Ok(()) };
    let tail = last_lines(&executor.ready.docker, &sidecar.name).await;
    Err(Box::new(ContainerEnded {
        short_name: sidecar.short_name.clone(),
        role: Role::Sidecar,
        exit_code: ending.exit_code,
        out_of_memory: ending.out_of_memory,
        cause: find_cause(Role::Sidecar, &tail),
        tail,
        help: "what it says keeps the old broker from being drained".to_owned(),
    })
    .into())
}

fn total(left: &[Left]) -> u64 {
    left.iter().map(Left::total).sum()
}

fn by_topic(left: &[Left]) -> BTreeMap<String, u64> {
    let mut topics = BTreeMap::new();
    for one in left {
        *topics.entry(one.group.topic.clone()).or_default() += one.total();
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drains_gave_again_is_added_up_as_long_as_all_of_them_tell() {
        let told =
            |retried| Some(vec![TopicMetrics { topic: "orders".to_owned(), retried, ..TopicMetrics::default() }]);
        let mut drained = Drained::nothing_yet(&[]);
        drained.add_retried(told(2));
        drained.add_retried(told(3));
        assert_eq!(drained.retried, Some([("orders".to_owned(), 5)].into()));
        drained.add_retried(None);
        drained.add_retried(told(1));
        assert_eq!(drained.retried, None);
    }
}
