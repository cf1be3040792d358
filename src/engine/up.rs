//! `up`: read, look, plan, act, wait until ready, and stay attached where that is asked for.

use crate::{
    config::LoadRequest,
    docker::Docker,
    engine::{
        attach::Attachment,
        down::{Whose, stop_started},
        executor::Executor,
        host::observe_ports,
        interrupt::Interrupts,
        lock::{self, ProjectLock},
        project::Project,
        ready::ReadyContext,
        reporter::Reporter,
    },
    error::{Failure, Interruption},
    event::{ContainerLine, EventKind},
    names::{AppId, ImageReference, ShortName},
    plan::{
        Action, Plan,
        addresses::addresses,
        desired::Desired,
        diff::{self, PullPolicy, UpOptions},
        observed::Observed,
        spec::HostPort,
    },
    probe::http,
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
        return unless_interrupted(session, show_plan(session, project, options)).await;
    }
    let name = &project.origin.project;
    let locking = lock::acquire(&session.lock_folder, name, "up", &session.reporter);
    let lock = unless_interrupted(session, locking).await?;
    start_and_stay(session, project, request, options, lock).await
}

/// Does what changes nothing, or gives it up at the first Ctrl-C.
async fn unless_interrupted<T>(
    session: &Session,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        interruption = session.interrupts.reach(1) => Err(Failure::Interrupted(interruption)),
    }
}

async fn show_plan(session: &Session, project: &Project, options: UpOptions) -> Result<(), Failure> {
    let (plan, _) = plan(session, project, options).await?;
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
    let attachment = (!request.detach && !request.no_logs).then(|| {
        Attachment::begin(&session.docker, &project.origin.project, &project.desired.containers, &session.reporter)
    });
    let started = tokio::select! {
        started = start(session, project, options, &executor, attachment.as_ref()) => started,
        interruption = session.interrupts.reach(1) => Err(Failure::Interrupted(interruption)),
    };
    match started {
        Ok(()) => {}
        Err(Failure::Interrupted(interruption)) => {
            let whose = if request.detach { Whose::Own } else { Whose::All };
            return interrupted(session, &executor, attachment, interruption, whose).await;
        }
        Err(failure) => return Err(failure),
    }
    project.prune_state_directory();
    drop(lock);
    match attachment {
        Some(attachment) => stay(session, &executor, attachment).await,
        None if request.detach => Ok(()),
        None => {
            let interruption = session.interrupts.reach(1).await;
            interrupted(session, &executor, None, interruption, Whose::All).await
        }
    }
}

/// Stays until Ctrl-C, until somebody else has stopped the project, or until nobody reads any more.
async fn stay(session: &Session, executor: &Executor, mut attachment: Attachment) -> Result<(), Failure> {
    tokio::select! {
        interruption = session.interrupts.reach(1) => {
            interrupted(session, executor, Some(attachment), interruption, Whose::All).await
        }
        () = attachment.ended() => {
            let summary = "everything has ended".to_owned();
            session.reporter.send(EventKind::Finished { elapsed_ms: session.reporter.elapsed_ms(), summary }).await;
            Ok(())
        }
        // `sandbox up | head`: whoever read the lines has gone. What runs goes on, as after `up -d`.
        () = session.reporter.closed() => Ok(()),
    }
}

fn chosen_apps(project: &Project, wanted: &[String]) -> Result<Vec<AppId>, Failure> {
    let known: Vec<_> = project.config.apps.keys().map(ToString::to_string).collect();
    match wanted.iter().find(|name| !known.contains(name)) {
        Some(wanted) => Err(Failure::UnknownApp { wanted: wanted.clone(), known }),
        None => Ok(wanted.iter().map(AppId::new).collect()),
    }
}

fn executor(session: &Session, project: &Project, limit: Duration) -> Executor {
    let ready = ReadyContext { docker: session.docker.clone(), http: http::client() };
    Executor::new(ready, project.origin.clone(), session.reporter.clone(), limit, &project.desired.containers)
}

async fn start(
    session: &Session,
    project: &Project,
    options: UpOptions,
    executor: &Executor,
    attachment: Option<&Attachment>,
) -> Result<(), Failure> {
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
    let (plan, before) = plan(session, project, options).await?;
    let unchanged = plan.only_looks();
    say_differences(session, &plan, desired).await;
    let builds = plan.steps.iter().any(|step| matches!(step.action, Action::Build(_)));
    executor.run(plan).await?;
    if let Some(attachment) = attachment {
        // Nobody else watches from here on.
        attachment.expect_endings(false);
    }
    if builds {
        remove_old_images(session, project).await?;
    }
    let after = session.docker.observe(&project.origin.project, &images(desired)).await?;
    say_stand_ins(session, &after, unchanged).await;
    let addresses = addresses(&desired.containers, &after, &before.held_ports);
    session.reporter.send(EventKind::Ready { elapsed_ms: session.reporter.elapsed_ms(), unchanged, addresses }).await;
    Ok(())
}

/// Looks and plans.
async fn plan(session: &Session, project: &Project, options: UpOptions) -> Result<(Plan, Observed), Failure> {
    let desired = &project.desired;
    let name = &project.origin.project;
    let images = images(desired);
    let (mut observed, foreign) =
        futures_util::try_join!(session.docker.observe(name, &images), session.docker.foreign_ports(name))?;
    observed.folders = desired.folders.iter().map(|folder| folder.path.clone()).filter(|path| path.is_dir()).collect();
    let advertised = ports_of(desired, |host| matches!(host, HostPort::Advertised)).len();
    let wanted = wanted_ports(desired, &observed);
    observe_ports(&mut observed, &wanted, foreign, advertised);
    let plan = diff::up(desired.clone(), &observed, options, &project.origin.directory)?;
    Ok((plan, observed))
}

fn images(desired: &Desired) -> Vec<ImageReference> {
    let images: BTreeSet<_> = desired.containers.iter().map(|container| container.image.clone()).collect();
    images.into_iter().collect()
}

/// The numbers that somebody asks for, or had when it was made.
fn wanted_ports(desired: &Desired, observed: &Observed) -> BTreeSet<u16> {
    let asked = ports_of(desired, |host| matches!(host, HostPort::Fixed(_) | HostPort::Preferred(_)));
    let asked = asked.into_iter().filter_map(|host| match host {
        HostPort::Fixed(port) | HostPort::Preferred(port) => Some(port),
        HostPort::Any | HostPort::Advertised => None,
    });
    asked.chain(observed.containers.iter().flat_map(|container| container.assigned_ports.values().copied())).collect()
}

fn ports_of(desired: &Desired, wanted: impl Fn(&HostPort) -> bool) -> Vec<HostPort> {
    let ports = desired.containers.iter().flat_map(|container| &container.ports);
    ports.map(|port| port.host).filter(|host| wanted(host)).collect()
}

/// What is different here from the project's own YAML is said when it is first rendered, not at every `up`.
async fn say_differences(session: &Session, plan: &Plan, desired: &Desired) {
    let renders = plan.steps.iter().any(|step| matches!(step.action, Action::WriteFolder(_)));
    for difference in desired.differences.iter().filter(|_| renders) {
        let (code, message) = ("sandbox::components::local", difference.clone());
        session.reporter.send(EventKind::Note { code, message }).await;
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
async fn interrupted(
    session: &Session,
    executor: &Executor,
    attachment: Option<Attachment>,
    interruption: Interruption,
    whose: Whose,
) -> Result<(), Failure> {
    session.reporter.send(EventKind::Interrupted { count: 1 }).await;
    if let Some(attachment) = &attachment {
        attachment.expect_endings(true);
    }
    stop_started(session, executor, whose).await?;
    if let Some(attachment) = attachment {
        attachment.finish().await;
    }
    Err(Failure::Interrupted(interruption))
}
