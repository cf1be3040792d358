//! `down`, and the stop that Ctrl-C asks for.

use crate::{
    docker::labels::Origin,
    engine::{executor::Executor, lock, ready::ReadyContext, up::Session},
    error::Failure,
    event::{ContainerLine, EventKind},
    names::ProjectName,
    plan::{
        Action, Plan, Urgency,
        diff::{down as plan_down, stop},
        observed::Observed,
    },
    probe::http,
};
use futures_util::future::join_all;
use std::{collections::BTreeSet, path::PathBuf, time::Duration};

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
        // Rendered files hold nothing that the next `up` does not write again.
        let _ = std::fs::remove_dir_all(folder.join("resources"));
        let _ = std::fs::remove_dir_all(folder.join("configuration"));
    }
    drop(lock);
    session.reporter.send(EventKind::Finished { elapsed_ms: session.reporter.elapsed_ms(), summary }).await;
    Ok(())
}

/// Stops everything of the executor's project in order but the containers that are spared, by their ids; at once when there is
/// a second Ctrl-C.
pub(super) async fn stop_started(
    session: &Session,
    executor: &Executor,
    spared: &BTreeSet<String>,
) -> Result<(), Failure> {
    let began = session.reporter.elapsed_ms();
    let looking = session.docker.observe(&executor.origin.project, &[]);
    let mut observed = tokio::select! {
        looked = looking => looked?,
        // An engine that does not even list what there is stops nothing either.
        _ = session.interrupts.reach(2) => return Ok(()),
    };
    observed.containers.retain(|container| !spared.contains(&container.id));
    let plan = stop(&observed);
    let count = plan.steps.len();
    tokio::select! {
        stopped = executor.run(plan) => stopped?,
        _ = session.interrupts.reach(2) => {
            session.reporter.send(EventKind::Interrupted { count: 2 }).await;
            kill(session, &observed).await;
        }
    }
    let summary = format!("stopped {}", plural(count, "container"));
    let elapsed_ms = session.reporter.elapsed_ms().saturating_sub(began);
    session.reporter.send(EventKind::Finished { elapsed_ms, summary }).await;
    let message = "`sandbox up` starts them again, `sandbox down` removes them".to_owned();
    session.reporter.send(EventKind::Note { code: "sandbox::up::stopped", message }).await;
    Ok(())
}

async fn kill(session: &Session, observed: &Observed) {
    let kills =
        observed.containers.iter().map(|container| session.docker.stop_container(&container.name, Urgency::AtOnce));
    // Whoever asks twice wants to leave; what is left over is found by the next command.
    join_all(kills).await;
}

fn bare_executor(session: &Session, project: &ProjectName) -> Executor {
    let origin = Origin { project: project.clone(), file: PathBuf::new(), directory: PathBuf::new() };
    let ready = ReadyContext { docker: session.docker.clone(), http: http::client() };
    Executor { ready, origin, reporter: session.reporter.clone(), limit: Duration::ZERO }
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
