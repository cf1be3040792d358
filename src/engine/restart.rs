//! `restart`: a sidecar is handed over, anything else is stopped and started.

use crate::{
    engine::{
        active::on_active_broker,
        project::{self, Project},
        reload::{ReloadRequest, Reloading, reload_once},
        up::{self, Session},
    },
    error::Failure,
    event::EventKind,
    names::ContainerName,
    plan::{
        diff,
        spec::{ContainerSpec, Role},
    },
};
use std::collections::{BTreeMap, BTreeSet};

/// Restarts the containers of these names, as people call them: of an app with replicas, all of them or one.
///
/// # Errors
/// When a name is not there, or something is not ready again.
pub async fn restart(session: &Session, request: &ReloadRequest, names: &[String]) -> Result<(), Failure> {
    let config = project::config(&request.load)?;
    let _lock = session.lock(&config.project, "restart").await?;
    let project = on_active_broker(&session.docker, Project::load(&request.load)?, &request.load).await?;
    let chosen = chosen(&project, names)?;
    let (sidecars, others): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|spec| spec.role == Role::Sidecar);
    let mut outdated = BTreeMap::new();
    if !others.is_empty() {
        outdated = restart_others(session, &project, request, &others).await?;
    }
    let names_of = |specs: &[&ContainerSpec]| specs.iter().map(|spec| spec.name.clone()).collect::<BTreeSet<_>>();
    let mut restart = names_of(&sidecars);
    restart.extend(diff::left_behind(&project.desired, &names_of(&others)));
    restart.extend(outdated.into_keys());
    if restart.is_empty() {
        return Ok(());
    }
    match reload_once(session, &ReloadRequest { restart, ..request.clone() }).await? {
        Reloading::Refused => Err(Failure::Refused),
        Reloading::Live | Reloading::Unchanged => Ok(()),
    }
}

fn chosen<'a>(project: &'a Project, names: &[String]) -> Result<Vec<&'a ContainerSpec>, Failure> {
    let containers = &project.desired.containers;
    let mut chosen: Vec<&ContainerSpec> = Vec::new();
    for wanted in names {
        let is_it = |spec: &&ContainerSpec| spec.display_name() == wanted || spec.short_name.as_str() == wanted;
        let before = chosen.len();
        chosen.extend(containers.iter().filter(is_it));
        if chosen.len() == before {
            let known = containers.iter().map(|spec| spec.display_name().to_owned()).collect();
            return Err(Failure::UnknownContainer { wanted: wanted.clone(), known });
        }
    }
    Ok(chosen)
}

async fn restart_others(
    session: &Session,
    project: &Project,
    request: &ReloadRequest,
    others: &[&ContainerSpec],
) -> Result<BTreeMap<ContainerName, String>, Failure> {
    let which: BTreeSet<ContainerName> = others.iter().map(|spec| spec.name.clone()).collect();
    let observed = session.docker.observe(&project.origin.project, &[]).await?;
    let plan = diff::restart(&project.desired, &observed, &which);
    if plan.steps.is_empty() {
        return Err(Failure::NothingRuns { project: project.origin.project.to_string() });
    }
    let executor = up::executor(session, project, request.wait_timeout);
    up::unless_interrupted(session, executor.run(plan)).await?;
    let names: Vec<_> = others.iter().map(|spec| spec.display_name()).collect();
    let summary = format!("restarted {}", names.join(", "));
    session.reporter.send(EventKind::Finished { elapsed_ms: session.reporter.elapsed_ms(), summary }).await;
    Ok(executor.outdated())
}
