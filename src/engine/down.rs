//! `down`, and the stop that Ctrl-C asks for.

use crate::{
    docker::labels::Origin,
    engine::{executor::Executor, folders, lock, logs::saved, ready::ReadyContext, up::Session},
    error::Failure,
    event::{ContainerLine, EventKind},
    names::ProjectName,
    plan::{
        Action, Plan, Urgency,
        diff::{down as plan_down, stop},
        observed::Observed,
        spec::Role,
    },
    probe::http,
};
use futures_util::future::join_all;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a second Ctrl-C waits for starts that are under way.
const SETTLING: Duration = Duration::from_secs(2);

/// What `down` was asked for.
#[derive(Clone, Debug)]
pub struct DownRequest {
    /// The project.
    pub project: ProjectName,
    /// Its volumes too.
    pub volumes: bool,
    /// `.sandbox/`, where sandbox.toml can be found.
    pub state_directory: Option<PathBuf>,
}

/// Removes what carries the project's label.
///
/// # Errors
/// When the engine refuses.
pub async fn down(session: &Session, request: &DownRequest) -> Result<(), Failure> {
    tokio::select! {
        done = remove_all(session, request) => done,
        interruption = session.interrupts.reach(1) => Err(Failure::Interrupted(interruption)),
    }
}

async fn remove_all(session: &Session, request: &DownRequest) -> Result<(), Failure> {
    let lock = lock::acquire(&session.lock_folder, &request.project, "down", &session.reporter).await?;
    let observed = session.docker.observe(&request.project, &[]).await?;
    let containers = observed.containers.iter().map(|container| ContainerLine {
        name: container.short_name.clone(),
        role: container.role,
        image: crate::names::ImageReference::new(&container.image),
    });
    let (project, containers) = (request.project.to_string(), containers.collect());
    session.reporter.send(EventKind::Started { project, command: "down", containers }).await;
    let plan = plan_down(&observed, request.volumes);
    let summary = summary(&plan, &request.project);
    bare_executor(session, &request.project).run(plan).await?;
    if let Some(folder) = &request.state_directory {
        saved::remove(&folder.join(saved::FOLDER), &request.project);
        remove_rendered(session, folder).await?;
    }
    drop(lock);
    session.reporter.send(EventKind::Finished { elapsed_ms: session.reporter.elapsed_ms(), summary }).await;
    Ok(())
}

/// Rendered files hold nothing that the next `up` does not write again; but a project of another name may live in that folder too.
async fn remove_rendered(session: &Session, state_directory: &Path) -> Result<(), Failure> {
    let is_mounted = match state_directory.parent() {
        Some(directory) => session.docker.has_project_in(directory).await?,
        None => true,
    };
    if !is_mounted {
        for kind in folders::KINDS {
            let _ = std::fs::remove_dir_all(state_directory.join(kind));
        }
    }
    Ok(())
}

/// Which containers a stop is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// All of the project.
    All,
    /// What the executor has started: what ran before an `up -d` goes on.
    Own,
}

/// Stops what runs of the executor's project in order; at once when there is a second Ctrl-C.
pub(super) async fn stop_started(session: &Session, executor: &Executor, whose: Whose) -> Result<(), Failure> {
    let began = session.reporter.elapsed_ms();
    let in_order = async {
        executor.settled().await;
        let plan = stop(&still_there(session, executor, whose).await?);
        let count = plan.steps.len();
        executor.run(plan).await.map(|()| count)
    };
    let count = tokio::select! {
        stopped = in_order => stopped?,
        _ = session.interrupts.reach(2) => {
            session.reporter.send(EventKind::Interrupted { count: 2 }).await;
            // Whoever asks twice wants to leave: what the engine takes long to start is left over.
            let _ = tokio::time::timeout(SETTLING, executor.settled()).await;
            // An engine that does not even list what there is stops nothing either.
            let Ok(observed) = tokio::time::timeout(SETTLING, still_there(session, executor, whose)).await else {
                return Ok(());
            };
            let observed = observed?;
            kill(session, &observed).await;
            observed.containers.len()
        }
    };
    let summary = format!("stopped {}", plural(count, "container"));
    let elapsed_ms = session.reporter.elapsed_ms().saturating_sub(began);
    session.reporter.send(EventKind::Finished { elapsed_ms, summary }).await;
    let message = "`sandbox up` starts them again, `sandbox down` removes them".to_owned();
    session.reporter.send(EventKind::Note { code: "sandbox::up::stopped", message }).await;
    Ok(())
}

async fn still_there(session: &Session, executor: &Executor, whose: Whose) -> Result<Observed, Failure> {
    let mut observed = session.docker.observe(&executor.origin.project, &[]).await?;
    if whose == Whose::Own {
        let own = executor.started();
        observed.containers.retain(|container| own.contains(&container.name));
    }
    Ok(observed)
}

async fn kill(session: &Session, observed: &Observed) {
    let kills = observed.containers.iter().map(|container| {
        // A scheduler that is killed keeps its lease, and the next one waits twenty seconds for it; asked to end, it does so in a
        // quarter of one (seen with 1.18.2).
        let urgency = if container.role == Role::Scheduler { Urgency::InOrder } else { Urgency::AtOnce };
        session.docker.stop_container(&container.name, urgency)
    });
    // Whoever asks twice wants to leave; what is left over is found by the next command.
    join_all(kills).await;
}

fn bare_executor(session: &Session, project: &ProjectName) -> Executor {
    let origin = Origin { project: project.clone(), file: PathBuf::new(), directory: PathBuf::new() };
    let ready = ReadyContext { docker: session.docker.clone(), http: http::client() };
    Executor::new(ready, origin, session.reporter.clone(), Duration::ZERO, &[])
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn summary(plan: &Plan, project: &ProjectName) -> String {
    let count = |wanted: fn(&Action) -> bool| plan.steps.iter().filter(|step| wanted(&step.action)).count();
    let containers = count(|action| matches!(action, Action::Remove(_)));
    let volumes = count(|action| matches!(action, Action::RemoveVolume(_)));
    let networks = count(|action| matches!(action, Action::RemoveNetwork(_)));
    let mut parts = Vec::new();
    for (count, what) in [(containers, "container"), (volumes, "volume"), (networks, "network")] {
        if count > 0 {
            parts.push(plural(count, what));
        }
    }
    if parts.is_empty() { format!("nothing of `{project}` was there") } else { format!("removed {}", parts.join(", ")) }
}
