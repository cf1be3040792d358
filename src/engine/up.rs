//! `up`: read, look, plan, act, wait until ready, and stay attached where that is asked for.

use crate::{
    config::LoadRequest,
    docker::Docker,
    engine::{
        active,
        attach::Attachment,
        down::{Whose, stop_started},
        executor::Executor,
        hand_over::{hand_over_changed, say_lost_jobs},
        host::{advertised_ports, observe_ports, wanted_ports},
        interrupt::Interrupts,
        lock::{self, ProjectLock},
        logs::{saved, saving::Saving},
        odd,
        project::Project,
        ready::ReadyContext,
        reporter::Reporter,
        reservations::Reservations,
        stay::stay,
        trust,
    },
    error::{Failure, Interruption},
    event::{ContainerLine, EventKind},
    names::{AppId, ContainerName, ImageReference, ProjectName, ShortName},
    plan::{
        Action, Plan,
        addresses::addresses,
        desired::Desired,
        diff::{self, PullPolicy, UpOptions},
        observed::Observed,
    },
    probe::http,
    watch::Method,
};
use std::{collections::BTreeSet, path::PathBuf, time::Duration};

/// What `up` was asked for.
#[derive(Clone, Debug)]
pub struct UpRequest {
    /// Where sandbox.toml is.
    pub load: LoadRequest,
    /// The apps; empty: all.
    pub apps: Vec<String>,
    /// Return when ready.
    pub detach: bool,
    /// Show no logs while attached.
    pub no_logs: bool,
    /// Hold back what brokers and stores say until they are ready.
    pub folds: bool,
    /// How changes of files are learnt of while attached.
    pub watch: Method,
    /// How long one container may take to be ready.
    pub wait_timeout: Duration,
    /// When images are pulled.
    pub pull: PullPolicy,
    /// Build images even where nothing changed.
    pub build: bool,
    /// Show the plan and do nothing.
    pub dry_run: bool,
}

/// What every command that talks to the engine has.
#[derive(Clone, Debug)]
pub struct Session {
    /// The engine.
    pub docker: Docker,
    /// Where it is told what happens.
    pub reporter: Reporter,
    /// Ctrl-C.
    pub interrupts: Interrupts,
    /// Where projects are locked.
    pub lock_folder: PathBuf,
    /// The host ports that it is about to take.
    pub reservations: Reservations,
}

impl Session {
    /// Takes the project's lock for a command, unless that is given up by Ctrl-C before.
    ///
    /// # Errors
    /// When the lock's file cannot be used; the interruption.
    pub(super) async fn lock(&self, project: &ProjectName, command: &str) -> Result<ProjectLock, Failure> {
        let lock = lock::acquire(&self.lock_folder, project, command, &self.reporter);
        Ok(unless_interrupted(self, lock).await?.with(self.reservations.clone()))
    }
}

/// Reads the project and chooses the apps that were asked for: everything that can be wrong without an engine.
///
/// # Errors
/// When a file cannot be used, or an app is not there.
pub fn read(request: &UpRequest) -> Result<Project, Failure> {
    let mut project = Project::load(&request.load)?;
    let apps = chosen_apps(&project, &request.apps)?;
    project.desired = project.desired.only(&apps);
    Ok(project)
}

/// Does it.
///
/// # Errors
/// Whatever keeps the project from being ready; afterwards only an interruption.
pub async fn up(session: &Session, project: &Project, request: &UpRequest) -> Result<(), Failure> {
    let options = UpOptions { pull: request.pull, build: request.build, keep_others: !request.apps.is_empty() };
    if request.dry_run {
        let project = on_active_broker(session, project, request).await?;
        return unless_interrupted(session, show_plan(session, &project, options)).await;
    }
    let lock = session.lock(&project.origin.project, "up").await?;
    let project = on_active_broker(session, project, request).await?;
    start_and_stay(session, &project, request, options, lock).await
}

/// What was read, on the broker that is active.
pub(super) async fn on_active_broker(
    session: &Session,
    project: &Project,
    request: &UpRequest,
) -> Result<Project, Failure> {
    let looking = active::on_active_broker(&session.docker, project.clone(), &request.load);
    let mut project = unless_interrupted(session, looking).await?;
    let apps = chosen_apps(&project, &request.apps)?;
    project.desired = project.desired.only(&apps);
    Ok(project)
}

/// Does what changes nothing, or gives it up at the first Ctrl-C.
pub(super) async fn unless_interrupted<T>(
    session: &Session,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        interruption = session.interrupts.reach(1) => Err(Failure::Interrupted(interruption)),
    }
}

async fn show_plan(session: &Session, project: &Project, options: UpOptions) -> Result<(), Failure> {
    let (desired, observed) = look(session, project).await?;
    let plan = diff::up_gently(&desired, &observed, options, &project.origin.directory)?;
    let plan = diff::shown(plan, &desired, &observed)?;
    say_problems(session, project).await;
    session.reporter.send(EventKind::Planned { steps: plan.lines() }).await;
    Ok(())
}

async fn start_and_stay(
    session: &Session,
    project: &Project,
    request: &UpRequest,
    options: UpOptions,
    lock: ProjectLock,
) -> Result<(), Failure> {
    let executor = executor(session, project, request.wait_timeout);
    project.make_state_directory()?;
    let attachment = if request.detach || request.no_logs {
        None
    } else {
        let attaching = Attachment::begin(session, &project.desired.containers, &executor, request.folds);
        Some(unless_interrupted(session, attaching).await?)
    };
    match start(session, project, options, &executor, attachment.as_ref()).await {
        Ok(()) => {}
        Err(Failure::Interrupted(interruption)) => {
            let whose = if request.detach { Whose::Own } else { Whose::All };
            return interrupted(session, &executor, attachment, interruption, whose).await;
        }
        Err(failure) => {
            if let Some(attachment) = attachment {
                attachment.fail().await;
            }
            return Err(failure);
        }
    }
    project.prune_state_directory(options.keep_others);
    drop(lock);
    if request.detach {
        return Ok(());
    }
    stay(session, project, request, &executor, attachment).await
}

fn chosen_apps(project: &Project, wanted: &[String]) -> Result<Vec<AppId>, Failure> {
    let known: Vec<_> = project.config.apps.keys().map(ToString::to_string).collect();
    match wanted.iter().find(|name| !known.contains(name)) {
        Some(wanted) => Err(Failure::UnknownApp { wanted: wanted.clone(), known }),
        None => Ok(wanted.iter().map(AppId::new).collect()),
    }
}

pub(super) fn executor(session: &Session, project: &Project, limit: Duration) -> Executor {
    let ready = ReadyContext { docker: session.docker.clone(), http: http::client() };
    let containers = &project.desired.containers;
    let saving = Saving::new(project.state_directory.join(saved::FOLDER), &session.reporter);
    let executor = Executor::new(ready, project.origin.clone(), session.reporter.clone(), limit, containers);
    Executor { saving: Some(saving), ..executor }
}

/// Makes everything be there and ready. Can be given up by Ctrl-C, but for the part of a hand-over that must be gone through.
async fn start(
    session: &Session,
    project: &Project,
    options: UpOptions,
    executor: &Executor,
    attachment: Option<&Attachment>,
) -> Result<(), Failure> {
    let mut begun = unless_interrupted(session, begin(session, project, options, executor, attachment)).await?;
    let outdated = executor.outdated();
    begun.unchanged &= outdated.is_empty();
    begun.handed_over.extend(outdated.keys().cloned());
    if !begun.handed_over.is_empty() {
        hand_over_changed(session, project, executor, &begun.handed_over, &outdated).await?;
    }
    unless_interrupted(session, conclude(session, project, &begun)).await
}

/// What was done before the sidecars that are handed over.
struct Begun {
    handed_over: BTreeSet<ContainerName>,
    unchanged: bool,
    builds: bool,
    before: Observed,
}

async fn begin(
    session: &Session,
    project: &Project,
    options: UpOptions,
    executor: &Executor,
    attachment: Option<&Attachment>,
) -> Result<Begun, Failure> {
    let desired = &project.desired;
    let containers = desired.containers.iter().map(|container| ContainerLine {
        name: ShortName::new(container.display_name()),
        role: container.role,
        image: container.image.clone(),
    });
    let project_name = project.origin.project.to_string();
    let started = EventKind::Started { project: project_name, command: "up", containers: containers.collect() };
    session.reporter.send(started).await;
    if options.pull == PullPolicy::Always {
        executor.run(diff::pull_all(desired)).await?;
    }
    let (trusting, before) = look(session, project).await?;
    let plan = diff::up_gently(&trusting, &before, options, &project.origin.directory)?;
    let diff::UpPlan { first: plan, handed_over } = plan;
    let unchanged = plan.only_looks() && handed_over.is_empty();
    say_old_brokers(session, project, &before).await;
    say_differences(session, &plan, project).await;
    say_lost_jobs(session, desired, &before).await;
    let builds = plan.steps.iter().any(|step| matches!(step.action, Action::Build(_)));
    executor.run(plan).await?;
    if let Some(attachment) = attachment {
        // Nobody else watches from here on.
        attachment.watch();
    }
    Ok(Begun { handed_over, unchanged, builds, before })
}

async fn conclude(session: &Session, project: &Project, begun: &Begun) -> Result<(), Failure> {
    let Begun { unchanged, before, .. } = begun;
    let (unchanged, desired) = (*unchanged, &project.desired);
    if begun.builds {
        remove_old_images(session, project).await?;
    }
    let after = session.docker.observe(&project.origin.project, &images(desired)).await?;
    say_stand_ins(session, &after, unchanged).await;
    let addresses = addresses(&desired.containers, &after, &before.held_ports);
    session.reporter.send(EventKind::Ready { elapsed_ms: session.reporter.elapsed_ms(), unchanged, addresses }).await;
    Ok(())
}

/// Looks and plans; sidecars that are changed are made anew like all others.
pub(super) async fn plan(
    session: &Session,
    project: &Project,
    options: UpOptions,
) -> Result<(Plan, Observed), Failure> {
    let (desired, observed) = look(session, project).await?;
    let plan = diff::up(desired, &observed, options, &project.origin.directory)?;
    Ok((plan, observed))
}

/// What there should be, with the trust anchors where there are some already, and what is there of it.
pub(super) async fn look(session: &Session, project: &Project) -> Result<(Desired, Observed), Failure> {
    let mut trusting = project.desired.clone();
    trust::resolve(&session.docker, &mut trusting).await?;
    let desired = &trusting;
    let name = &project.origin.project;
    let images = images(desired);
    let (mut observed, foreign) =
        futures_util::try_join!(session.docker.observe(name, &images), session.docker.foreign_ports(name))?;
    observed.folders = desired.folders.iter().map(|folder| folder.path.clone()).filter(|path| path.is_dir()).collect();
    let (wanted, advertised) = (wanted_ports(desired, &observed), advertised_ports(desired));
    observe_ports(&mut observed, &wanted, foreign, advertised, &session.reservations);
    Ok((trusting, observed))
}

fn images(desired: &Desired) -> Vec<ImageReference> {
    let images: BTreeSet<_> = desired.containers.iter().map(|container| container.image.clone()).collect();
    images.into_iter().collect()
}

/// What is odd in the project's own YAML, and what is different from it here, is said when it is first rendered, not at
/// every `up`.
async fn say_differences(session: &Session, plan: &Plan, project: &Project) {
    if !plan.steps.iter().any(|step| matches!(step.action, Action::WriteFolder(_))) {
        return;
    }
    say_problems(session, project).await;
    for difference in &project.desired.differences {
        let (code, message) = ("sandbox::components::local", difference.clone());
        session.reporter.send(EventKind::Note { code, message }).await;
    }
}

/// A swap may have left a broker that still holds something.
async fn say_old_brokers(session: &Session, project: &Project, observed: &Observed) {
    let Some(mark) = &project.broker else { return };
    for old in diff::old_brokers(&project.desired, observed) {
        let message = format!("`{}` is still there from before the swap to `{}`", old.short_name, mark.active);
        let help = format!("`sandbox swap-broker {}` delivers what is left in it and removes it", mark.active);
        session.reporter.send(EventKind::Notice { code: "sandbox::swap::old_broker", message, help: Some(help) }).await;
    }
}

async fn say_problems(session: &Session, project: &Project) {
    for problem in &project.problems {
        session.reporter.send(odd::notice(problem)).await;
    }
}

async fn say_stand_ins(session: &Session, observed: &Observed, unchanged: bool) {
    let stand_ins: Vec<_> = observed.images.iter().filter(|(_, image)| image.stand_in.is_some()).collect();
    if stand_ins.is_empty() || unchanged {
        return;
    }
    let names: Vec<_> = stand_ins.iter().map(|(image, _)| short_image_name(image)).collect();
    let message = format!("built on this machine in place of the originals: {}", names.join(", "));
    session.reporter.send(EventKind::Note { code: "sandbox::images::stand_in", message }).await;
}

/// `redpanda` of `docker.redpanda.com/redpandadata/redpanda:v25.3.9`.
fn short_image_name(image: &ImageReference) -> &str {
    let name = image.as_str().rsplit('/').next().unwrap_or_default();
    name.split(':').next().unwrap_or_default()
}

/// An image of a context that has changed since is of no use to anybody.
async fn remove_old_images(session: &Session, project: &Project) -> Result<(), Failure> {
    for build in &project.desired.builds {
        let images = session.docker.built_images(&project.origin, &build.short_name).await?;
        for image in images.iter().filter(|image| *image != build.image.as_str()) {
            session.docker.remove_image(image).await;
        }
    }
    Ok(())
}

/// Stops in order; a second time stops at once. Ends with the interruption, which is the exit code.
pub(super) async fn interrupted(
    session: &Session,
    executor: &Executor,
    attachment: Option<Attachment>,
    interruption: Interruption,
    whose: Whose,
) -> Result<(), Failure> {
    session.reporter.send(EventKind::Interrupted { count: 1 }).await;
    if let Some(attachment) = &attachment {
        attachment.stop();
    }
    stop_started(session, executor, whose).await?;
    if let Some(attachment) = attachment {
        attachment.finish().await;
    }
    Err(Failure::Interrupted(interruption))
}
