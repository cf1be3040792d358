//! `reload`: what the files say now becomes live in the sidecars that run, or is refused and changes nothing.

use crate::{
    config::{LoadRequest, model::Config},
    dapr::{
        changes::ResourceChange,
        decision::{self, Decision},
        sidecar::RESOURCES_PATH,
        versions::DaprVersion,
    },
    engine::{
        active::on_broker_of,
        bulk::killed_at_their_end,
        executor::Executor,
        hand_over::{hand_over, say_what_is_lost},
        in_place::{InPlace, in_place},
        odd,
        project::{self, Project},
        refused,
        reporter::milliseconds,
        sidecar_change::{self, SidecarChange},
        trust,
        up::{self, Session},
    },
    error::Failure,
    event::{EventKind, ReloadHow},
    names::{AppId, ContainerName},
    plan::{
        Action, Plan, Target,
        desired::Desired,
        diff::{self, Mounted, UpOptions, obstacle},
        observed::{ContainerState, Observed},
        spec::{Readiness, Role},
    },
    refusal::Refusal,
};
use jiff::Timestamp;
use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// What `reload` was asked for.
#[derive(Clone, Debug)]
pub struct ReloadRequest {
    /// Where sandbox.toml is.
    pub load: LoadRequest,
    /// How long a new sidecar may take to be ready.
    pub wait_timeout: Duration,
    /// Sidecars to replace whether or not something changed.
    pub restart: BTreeSet<ContainerName>,
}

/// How a reload ended when nothing failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reloading {
    /// The sidecars have what the files say.
    Unchanged,
    /// They have it now.
    Live,
    /// The files were refused; what runs goes on as it was.
    Refused,
}

/// Does it once, as a command of its own.
///
/// # Errors
/// When the files are refused, or the engine does not do it.
pub async fn reload(session: &Session, request: &ReloadRequest) -> Result<(), Failure> {
    let config = project::config(&request.load)?;
    let _lock = session.lock(&config.project, "reload").await?;
    // What cannot be used at all is said where it is refused.
    for notice in Project::load(&request.load).iter().flat_map(|project| odd::new_warnings(&project.problems, &[])) {
        session.reporter.send(notice).await;
    }
    match reload_once(session, request).await? {
        Reloading::Refused => Err(Failure::Refused),
        Reloading::Live => Ok(()),
        Reloading::Unchanged => {
            let summary = "every sidecar has what the files say; looked at".to_owned();
            let elapsed_ms = session.reporter.elapsed_ms();
            session.reporter.send(EventKind::Finished { elapsed_ms, summary }).await;
            Ok(())
        }
    }
}

/// Reads the files, and makes them live where they differ from what runs. The project's lock is held by the caller.
///
/// # Errors
/// When the engine does not do it; files that cannot be used are [`Reloading::Refused`].
pub(super) async fn reload_once(session: &Session, request: &ReloadRequest) -> Result<Reloading, Failure> {
    let began = Instant::now();
    let mut project = match Project::load(&request.load) {
        Ok(project) => project,
        Err(failure) if failure.is_about_files() => return refuse_files(session, request, &failure).await,
        Err(failure) => return Err(failure),
    };
    let there = session.docker.observe(&project.origin.project, &[]).await?;
    project = on_broker_of(project, &request.load, &there)?;
    let is_there = |app: &&AppId| there.containers.iter().any(|container| container.app.as_ref() == Some(*app));
    let apps: Vec<_> = project.config.apps.keys().filter(is_there).cloned().collect();
    project.desired = project.desired.only(&apps);
    trust::resolve(&session.docker, &mut project.desired).await?;
    let (plan, observed) = up::plan(session, &project, UpOptions { keep_others: true, ..UpOptions::default() }).await?;
    if !observed.containers.iter().any(|container| container.state == ContainerState::Running) {
        return Err(Failure::NothingRuns { project: project.origin.project.to_string() });
    }
    say_what_else(session, &plan, &project.desired).await;
    let which = sidecars(&plan, &request.restart);
    if which.is_empty() {
        if refused::forget(&project.state_directory) {
            let message = "what was refused is mended: the files are what runs".to_owned();
            session.reporter.send(EventKind::Note { code: "sandbox::reload::mended", message }).await;
        }
        return Ok(Reloading::Unchanged);
    }
    let sidecars = sidecar_change::of(&session.docker, &project, &which).await;
    let changes = sidecar_change::all(&sidecars);
    project.make_state_directory()?;
    let mut executor = up::executor(session, &project, request.wait_timeout);
    // One event tells of it all; a failure still has what it needs.
    executor.reporter = session.reporter.silent();
    let mut reload = Reload { session, project, executor, observed, which };
    let done = match decide(&reload, request, &sidecars, &changes) {
        Decision::InPlace(why) => reload.in_place(&sidecars, why).await,
        Decision::HandOver(why) => reload.hand_over(why).await,
        Decision::Nothing => reload.hand_over("its files are others".to_owned()).await,
    };
    let Reload { project, observed, which, .. } = reload;
    match done {
        Ok(Done { how, why, clearing }) => {
            refused::forget(&project.state_directory);
            let sidecars = project.desired.containers.iter().filter(|spec| which.contains(&spec.name));
            let sidecars = sidecars.map(|spec| spec.display_name().to_owned()).collect();
            let elapsed_ms = milliseconds(began.elapsed());
            let reloaded = EventKind::Reloaded { sidecars, changes, how, why, elapsed_ms };
            session.reporter.send(reloaded).await;
            if let Some(clearing) = clearing {
                clearing.await.expect("clearing does not panic")?;
            }
            project.prune_state_directory(true);
            Ok(Reloading::Live)
        }
        Err(failure @ (Failure::Ended(_) | Failure::NotReady { .. })) => {
            let problems = vec![refused::of_sidecar(&failure, &changes, &project)];
            let refusal = Refusal { problems, serving_since: serving_since(session, &observed, &which).await };
            refuse(session, &project.config, refusal).await;
            Ok(Reloading::Refused)
        }
        Err(failure) => Err(failure),
    }
}

/// Everything that both ways need.
struct Reload<'a> {
    session: &'a Session,
    project: Project,
    executor: Executor,
    observed: Observed,
    which: BTreeSet<ContainerName>,
}

/// What was done.
struct Done {
    how: ReloadHow,
    why: String,
    /// What still goes on and is to be waited for.
    clearing: Option<JoinHandle<Result<(), Failure>>>,
}

impl Reload<'_> {
    async fn hand_over(&self, why: String) -> Result<Done, Failure> {
        let mut made = diff::hand_over(&self.project.desired, &self.observed, &self.which)?;
        let killed = killed_at_their_end(&self.executor.ready, &self.project, &self.which).await;
        made.kill_old(&killed);
        made.kill_bridges(&killed);
        say_what_is_lost(self.session, &self.project.desired, &self.observed, &self.which).await;
        hand_over(self.session, &self.executor, made).await?;
        Ok(Done { how: ReloadHow::HandOver, why, clearing: None })
    }

    /// Leaves it to daprd; where that does not follow, by hand-over after all.
    async fn in_place(&mut self, sidecars: &[SidecarChange], why: String) -> Result<Done, Failure> {
        // What a throw-away sidecar says is told where it matters: when it refuses.
        let executor = Executor { saving: None, ..self.executor.clone() };
        let InPlace { is_live, clearing } =
            in_place(self.session, &executor, sidecars, &self.project.trial_folder()).await?;
        if matches!(is_live, Ok(true)) {
            for sidecar in sidecars {
                if let Some(wanted) = sidecar.wanted_folder() {
                    self.project.desired.keep_folder(wanted, &sidecar.folder);
                }
            }
            return Ok(Done { how: ReloadHow::InPlace, why, clearing: Some(clearing) });
        }
        clearing.await.expect("clearing does not panic")?;
        is_live?;
        let options = UpOptions { keep_others: true, ..UpOptions::default() };
        (_, self.observed) = up::plan(self.session, &self.project, options).await?;
        self.hand_over("daprd has not reloaded by itself".to_owned()).await
    }
}

/// How it becomes live.
fn decide(
    reload: &Reload<'_>,
    request: &ReloadRequest,
    sidecars: &[SidecarChange],
    changes: &[ResourceChange],
) -> Decision {
    if !request.restart.is_empty() {
        return Decision::HandOver("it was asked for".to_owned());
    }
    if let Some(reason) = decision::needs_new_sidecar(changes) {
        return Decision::HandOver(reason);
    }
    let obstacle = sidecars.iter().find_map(|sidecar| {
        let mounted = Mounted { spec: &sidecar.spec, folder: &sidecar.folder };
        Some((sidecar.spec.display_name(), obstacle(mounted, &reload.observed)?))
    });
    if let Some((name, obstacle)) = obstacle {
        return Decision::HandOver(format!("{name}: {obstacle}"));
    }
    if sidecars.len() < reload.which.len() {
        return Decision::HandOver("a sidecar is not there".to_owned());
    }
    let version = DaprVersion::of(&reload.project.config.dapr.version);
    decision::decide(changes, version, reload.project.hot_reload_is_off)
}

/// The sidecars that are not what the files say, and those that are to be replaced anyway.
fn sidecars(plan: &Plan, restart: &BTreeSet<ContainerName>) -> BTreeSet<ContainerName> {
    let mut which = BTreeSet::new();
    for step in &plan.steps {
        if let Action::Create(spec) = &step.action {
            which.extend((spec.role == Role::Sidecar).then(|| spec.name.clone()));
        }
        if let Action::Start(target) = &step.action {
            which.extend((target.role == Role::Sidecar).then(|| target.name.clone()));
        }
    }
    which.extend(restart.iter().cloned());
    which
}

/// What `up` would do beyond the sidecars is named and left alone.
async fn say_what_else(session: &Session, plan: &Plan, desired: &Desired) {
    let others = what_else(plan, desired);
    if others.is_empty() {
        return;
    }
    let names: Vec<_> = others.iter().map(|name| format!("`{name}`")).collect();
    let message = format!("{} would be changed by `up` too", names.join(", "));
    let help = Some("`sandbox plan` shows what would be done, `sandbox up -d` does it".to_owned());
    session.reporter.send(EventKind::Notice { code: "sandbox::reload::others", message, help }).await;
}

fn what_else(plan: &Plan, desired: &Desired) -> BTreeSet<String> {
    // What has done its work would do it again, and that is no change.
    let has_ended = |target: &Target| {
        let mut specs = desired.containers.iter();
        specs.any(|spec| spec.name == target.name && matches!(spec.readiness, Readiness::Exited))
    };
    let others = plan.steps.iter().filter(|step| match &step.action {
        Action::Create(spec) => spec.role != Role::Sidecar,
        Action::Start(target) => target.role != Role::Sidecar && !has_ended(target),
        Action::Remove(target) => target.role != Role::Sidecar,
        Action::Build(_) => true,
        _ => false,
    });
    others.filter_map(|step| step.action.short_name().map(ToString::to_string)).collect()
}

/// When the oldest of the sidecars that go on serving got what it serves: when it was made, or when its folder was changed since.
async fn serving_since(session: &Session, observed: &Observed, which: &BTreeSet<ContainerName>) -> Option<Timestamp> {
    let mut oldest = None;
    for container in observed.containers.iter().filter(|one| which.contains(&one.name)) {
        let made = Timestamp::from_second(container.created).ok();
        let folder = session.docker.inspect(&container.name).await.ok().and_then(|mut looked| {
            let folder = looked.mounts.remove(RESOURCES_PATH)?;
            fs::metadata(folder).ok()?.modified().ok()?.try_into().ok()
        });
        let since = made.max(folder);
        oldest = if oldest.is_none() { since } else { oldest.min(since) };
    }
    oldest
}

/// Files that cannot be used: every running sidecar goes on as it is.
async fn refuse_files(session: &Session, request: &ReloadRequest, failure: &Failure) -> Result<Reloading, Failure> {
    let mut refusal = Refusal { problems: refused::of_files(failure), serving_since: None };
    let Ok(config) = project::config(&request.load) else {
        // sandbox.toml itself; `status` says so by itself.
        session.reporter.send(EventKind::Refused(refusal)).await;
        return Ok(Reloading::Refused);
    };
    let observed = session.docker.observe(&config.project, &[]).await?;
    let sidecars = observed.containers.iter().filter(|one| one.role == Role::Sidecar);
    refusal.serving_since = serving_since(session, &observed, &sidecars.map(|one| one.name.clone()).collect()).await;
    refuse(session, &config, refusal).await;
    Ok(Reloading::Refused)
}

async fn refuse(session: &Session, config: &Config, refusal: Refusal) {
    let fingerprint = refused::fingerprint(config);
    refused::keep(&config.directory.join(project::STATE_DIRECTORY), &fingerprint, &refusal);
    session.reporter.send(EventKind::Refused(refusal)).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Cause;
    use std::collections::BTreeMap;

    #[test]
    fn a_container_that_has_done_its_work_is_no_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let toml = "name = \"shop\"\n[apps.web]\nimage = \"web:1\"\nport = 8000\n\
            [containers.migrate]\nimage = \"web:1\"\nready = \"exited\"\n[containers.mail]\nimage = \"mail:1\"\n";
        fs::write(folder.path().join("sandbox.toml"), toml).expect("written");
        let (directory, environment) = (folder.path().to_owned(), BTreeMap::new());
        let project = Project::load(&LoadRequest { file: None, directory, project_name: None, environment });
        let desired = project.expect("a project").desired;
        let mut plan = Plan::default();
        for spec in &desired.containers {
            plan.push(Action::Start(Target::of(spec)), Cause::Requested, vec![]);
        }
        let others: Vec<_> = what_else(&plan, &desired).into_iter().collect();
        assert_eq!(others, ["mail", "scheduler", "web"]);
    }
}
