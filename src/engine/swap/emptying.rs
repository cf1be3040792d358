//! The old brokers, from the moment in which the sidecars of before are asked to end: what these leave in them is delivered, and
//! they are stopped.

use super::{
    Run,
    drain::{Drained, Old, Unfinished, clear},
    groups::Subscriptions,
};
use crate::{
    engine::{
        project::Project,
        reporter::milliseconds,
        up::{self, unless_interrupted},
    },
    error::Failure,
    names::ContainerName,
    plan::{
        Cause,
        diff::{self, Drains},
        observed::{ContainerState, ObservedContainer},
    },
    swap::{SwapFailure, SwapProgress},
};
use std::time::Instant;

/// An old broker, and the drains that are made for it.
struct ToEmpty<'a> {
    container: &'a ObservedContainer,
    old: Old<'a>,
    drains: Drains,
}

impl Run<'_> {
    /// Empties and stops them, once the sidecars of before have ended; what was found in each.
    ///
    /// # Errors
    /// Why something is left in one, which goes on running.
    pub(super) async fn empty_old(
        &self,
        began: Instant,
        ending: &[ObservedContainer],
        subscriptions: &Subscriptions,
    ) -> Result<Vec<Drained>, Failure> {
        let to_empty = |(container, project)| {
            let old = Old { project, subscriptions };
            let drains = if self.request.no_drain { Drains::default() } else { old.drains() };
            ToEmpty { container, old, drains }
        };
        let all: Vec<_> = self.swap.old.iter().map(|(container, project)| to_empty((container, project))).collect();
        // Most of them will be needed, and the sidecars of before take their time to end.
        let make = async {
            for one in &all {
                self.executor.run(one.drains.create.clone()).await?;
            }
            Ok(())
        };
        let (made, ()) = tokio::join!(make, self.all_end(ending));
        let sidecars = self.swap.target.desired.display_names(&self.swap.which);
        if !sidecars.is_empty() {
            let elapsed_ms = milliseconds(began.elapsed());
            self.telling.say(SwapProgress::HandedOver { sidecars, elapsed_ms }).await;
        }
        let emptied = match made {
            Ok(()) => self.empty_each(&all).await,
            Err(failure) => Err(failure),
        };
        if emptied.is_err() {
            self.executor.settled().await;
            for one in &all {
                clear(&self.executor, &one.drains).await?;
            }
        }
        emptied
    }

    /// Waits until the sidecars of before have ended: what they had in hand is back in the old broker then.
    async fn all_end(&self, ending: &[ObservedContainer]) {
        for one in ending {
            let _ = self.session.docker.wait_until_gone(&ContainerName::new(&one.id)).await;
        }
    }

    async fn empty_each(&self, all: &[ToEmpty<'_>]) -> Result<Vec<Drained>, Failure> {
        let mut found = Vec::new();
        for one in all {
            match self.drain(one).await {
                Ok(drained) => found.extend(drained),
                Err(_) if self.request.no_drain => {}
                Err(unfinished) => return Err(self.unfinished(one.old.project, unfinished).await),
            }
            // The drains have ended.
            tokio::try_join!(clear(&self.executor, &one.drains), self.stop(one))?;
        }
        Ok(found)
    }

    async fn drain(&self, one: &ToEmpty<'_>) -> Result<Option<Drained>, Unfinished> {
        let ToEmpty { container, old, drains } = one;
        let Self { session, executor, telling, request, swap, .. } = self;
        if container.state != ContainerState::Running {
            // With it, it would only be asked what stays in it.
            if request.no_drain {
                return Ok(None);
            }
            self.start_again(one).await?;
        }
        let may_end = swap.is_half_done && !request.no_drain;
        let drained = tokio::select! {
            drained = old.drain(session, executor, telling, request, drains) => drained.map(Some),
            ended = session.docker.wait_until_ended(&container.name), if may_end => {
                ended.map_err(Failure::from)?;
                Ok(None)
            }
        };
        // Who was killed before had asked it to end.
        let has_ended = match &drained {
            Ok(drained) => drained.is_none(),
            Err(Unfinished::Failed(Failure::Interrupted(_)) | Unfinished::NoProgress(_)) => false,
            Err(Unfinished::Failed(_)) => may_end && !self.runs(&container.name).await,
        };
        if !has_ended {
            return drained;
        }
        executor.settled().await;
        self.start_again(one).await?;
        old.drain(session, executor, telling, request, drains).await.map(Some)
    }

    async fn runs(&self, name: &ContainerName) -> bool {
        self.session.docker.inspect(name).await.is_ok_and(|looked| looked.running)
    }

    /// Starts an old broker that was stopped with messages in it, or died. Its image was not looked for yet.
    async fn start_again(&self, one: &ToEmpty<'_>) -> Result<(), Failure> {
        let project = one.old.project;
        let (desired, observed) = unless_interrupted(self.session, up::look(self.session, project)).await?;
        let there = diff::target(&desired, &observed, &project.origin.directory)?;
        unless_interrupted(self.session, self.executor.run(there.start)).await
    }

    async fn unfinished(&self, project: &Project, unfinished: Unfinished) -> Failure {
        let broker = kind(project);
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

    async fn stop(&self, one: &ToEmpty<'_>) -> Result<(), Failure> {
        if self.request.keep_old {
            return Ok(());
        }
        let began = Instant::now();
        self.executor.run(diff::removal([one.container], &Cause::Drained)).await?;
        let (broker, elapsed_ms) = (kind(one.old.project), milliseconds(began.elapsed()));
        self.telling.say(SwapProgress::Stopped { broker, elapsed_ms }).await;
        Ok(())
    }

    /// What goes on running of them.
    pub(super) fn kept(&self) -> Vec<String> {
        let old = self.swap.old.iter().filter(|_| self.request.keep_old);
        old.map(|(_, project)| kind(project)).collect()
    }
}

fn kind(project: &Project) -> String {
    project.broker.as_ref().map(|mark| mark.active.clone()).unwrap_or_default()
}
