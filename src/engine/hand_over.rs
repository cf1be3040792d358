//! Puts other sidecars in the place of running ones, or leaves everything as it was.

use crate::{
    dapr::{
        changes::{FieldChange, ResourceChange, What},
        versions::DaprVersion,
    },
    engine::{
        bulk::killed_at_their_end,
        executor::Executor,
        project::Project,
        reporter::milliseconds,
        sidecar_change,
        up::{self, Session},
    },
    error::Failure,
    event::{EventKind, ReloadHow},
    names::ContainerName,
    plan::{
        desired::Desired,
        diff::{self, HandOver},
        observed::{ContainerState, Observed},
        spec::{Readiness, Role},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

/// Hands over the sidecars that `up` has found changed while all around them stays: another Dapr, another component; or outdated,
/// with the reason.
///
/// # Errors
/// As [`hand_over`]; when the new ones are not ready, the old ones go on, which is said.
pub(super) async fn hand_over_changed(
    session: &Session,
    project: &Project,
    executor: &Executor,
    which: &BTreeSet<ContainerName>,
    outdated: &BTreeMap<ContainerName, String>,
) -> Result<(), Failure> {
    let began = Instant::now();
    let (desired, observed) = up::unless_interrupted(session, up::look(session, project)).await?;
    let sidecars = sidecar_change::of(&session.docker, project, which).await;
    let mut changes = images(&desired, &observed, which);
    changes.extend(sidecar_change::all(&sidecars));
    let mut made = diff::hand_over(&desired, &observed, which)?;
    let killed = killed_at_their_end(&executor.ready, project, which).await;
    made.kill_old(&killed);
    made.kill_bridges(&killed);
    say_what_is_lost(session, &desired, &observed, which).await;
    // One event tells of it all; a failure still has what it needs.
    let quiet = Executor { reporter: session.reporter.silent(), ..executor.clone() };
    if let Err(failure) = hand_over(session, &quiet, made).await {
        let names = desired.display_names(which).join(", ");
        let message = format!("{names}: what was to take over is gone, and what ran before goes on");
        session.reporter.send(EventKind::Note { code: "sandbox::up::kept", message }).await;
        return Err(failure);
    }
    let reasons: BTreeSet<_> = outdated.values().cloned().collect();
    let why = match reasons.len() {
        0 => "all else is as it was".to_owned(),
        _ => reasons.into_iter().collect::<Vec<_>>().join("; "),
    };
    let sidecars = desired.display_names(which);
    let elapsed_ms = milliseconds(began.elapsed());
    let how = ReloadHow::HandOver;
    session.reporter.send(EventKind::Reloaded { sidecars, changes, how, why, elapsed_ms }).await;
    Ok(())
}

/// The images that are others now, each once.
fn images(desired: &Desired, observed: &Observed, which: &BTreeSet<ContainerName>) -> Vec<ResourceChange> {
    let mut changes = Vec::new();
    for spec in desired.containers.iter().filter(|spec| which.contains(&spec.name)) {
        let Some(old) = observed.container(&spec.name).filter(|old| old.image != spec.image.as_str()) else { continue };
        let (before, after) = (Some(old.image.clone()), Some(spec.image.to_string()));
        let fields = vec![FieldChange { field: "image".to_owned(), before, after }];
        let (kind, name) = ("Sidecar".to_owned(), spec.display_name().to_owned());
        changes.push(ResourceChange { kind, name, what: What::Changed { fields }, component: None });
    }
    changes
}

/// A scheduler that is replaced by one that does not know its jobs.
pub(super) async fn say_lost_jobs(session: &Session, desired: &Desired, observed: &Observed) {
    let is_scheduler = |role: Role| role == Role::Scheduler;
    let old = observed.containers.iter().find(|one| is_scheduler(one.role)).map(|one| one.image.as_str());
    let new = desired.containers.iter().find(|spec| is_scheduler(spec.role)).map(|spec| spec.image.as_str());
    let version = |image: &str| DaprVersion::parse(image.rsplit(':').next().unwrap_or_default());
    let (Some(old), Some(new)) = (old.and_then(version), new.and_then(version)) else { return };
    if !new.knows_jobs_of(old) {
        let message = format!("jobs that are scheduled already will not fire: Dapr {new} does not know those of {old}");
        let notice = EventKind::Notice { code: "sandbox::up::jobs_lost", message, help: None };
        session.reporter.send(notice).await;
    }
}

/// What is in the memory of a sidecar that runs goes with it.
pub(super) async fn say_what_is_lost(
    session: &Session,
    desired: &Desired,
    observed: &Observed,
    which: &BTreeSet<ContainerName>,
) {
    let runs = |name| observed.container(name).is_some_and(|one| one.state == ContainerState::Running);
    let mut lost = BTreeSet::new();
    for spec in desired.containers.iter().filter(|spec| which.contains(&spec.name)) {
        let Readiness::Sidecar(readiness) = &spec.readiness else { continue };
        let in_memory = readiness.components.iter().filter(|one| one.component_type.ends_with(".in-memory"));
        lost.extend(in_memory.filter(|_| runs(&spec.name)).map(|one| format!("`{}`", one.name)));
    }
    if !lost.is_empty() {
        let names = lost.into_iter().collect::<Vec<_>>().join(", ");
        let message = format!("{names} is in the sidecar's memory: what it holds is gone with the old sidecar");
        let notice = EventKind::Notice { code: "sandbox::reload::in_memory", message, help: None };
        session.reporter.send(notice).await;
    }
}

/// Walks a hand-over. Until the new sidecars are ready it can be given up, by Ctrl-C too; from then on it is gone through whole.
/// Where no old one runs, it can be given up all the time.
///
/// # Errors
/// Why the new ones are not ready; then nothing has happened. Or why the engine did not do the rest, which `sandbox up -d` mends.
pub(super) async fn hand_over(session: &Session, executor: &Executor, made: HandOver) -> Result<(), Failure> {
    let serves = !made.give_up.steps.is_empty();
    let prepared = tokio::select! {
        prepared = executor.run(made.prepare) => prepared,
        interruption = session.interrupts.reach(1) => Err(Failure::Interrupted(interruption)),
    };
    if let Err(failure) = prepared {
        executor.settled().await;
        executor.run(made.give_up).await?;
        return Err(failure);
    }
    if !serves {
        // Nobody loses anything when a sidecar that is made in the place of a dead one is not waited for.
        return tokio::select! {
            completed = executor.run(made.complete) => completed,
            interruption = session.interrupts.reach(1) => {
                executor.settled().await;
                Err(Failure::Interrupted(interruption))
            }
        };
    }
    executor.run(made.complete).await
}
