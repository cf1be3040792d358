//! The project on the broker that is active: a swap lasts until `down`, and only the containers' labels remember it.

use crate::{
    config::LoadRequest,
    docker::Docker,
    engine::project::Project,
    error::Failure,
    plan::{
        active::{self, active},
        observed::Observed,
    },
};

/// The project as its files describe it, on the broker that runs.
///
/// # Errors
/// When `[broker] kind` was edited since, or a swap was cut short; when the engine does not answer.
pub(super) async fn on_active_broker(
    docker: &Docker,
    project: Project,
    load: &LoadRequest,
) -> Result<Project, Failure> {
    if project.broker.is_none() {
        return Ok(project);
    }
    let observed = docker.observe(&project.origin.project, &[]).await?;
    on_broker_of(project, load, &observed)
}

/// The same, of what was observed already.
///
/// # Errors
/// When `[broker] kind` was edited since, or a swap was cut short.
pub(super) fn on_broker_of(project: Project, load: &LoadRequest, observed: &Observed) -> Result<Project, Failure> {
    let Some(broker) = &project.broker else { return Ok(project) };
    match active(observed, &broker.in_file, &project.broker_users())? {
        Some(mark) => Project::load_on(load, Some(&mark.active)),
        None => Ok(project),
    }
}

/// The project on whatever broker its newest sidecar is on: for looking at it, whatever state it is in.
///
/// # Errors
/// When the engine does not answer.
pub async fn as_it_runs(docker: &Docker, project: Project, load: &LoadRequest) -> Result<Project, Failure> {
    let Some(broker) = &project.broker else { return Ok(project) };
    let observed = docker.observe(&project.origin.project, &[]).await?;
    match active::newest(&observed, &project.broker_users()) {
        Some(mark) if mark.active != broker.active => Project::load_on(load, Some(&mark.active)),
        _ => Ok(project),
    }
}
