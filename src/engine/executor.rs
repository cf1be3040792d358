//! Walks a plan: each step the moment what it waits for is done. Decides nothing; the first failure ends the walk.

use crate::{
    docker::{Docker, DockerError, labels::Origin},
    engine::{
        folders,
        logs::saving::Saving,
        ready::{self, ReadyContext},
        reporter::{Reporter, milliseconds},
        tail::last_lines,
    },
    error::{ContainerEnded, Failure},
    event::EventKind,
    logs::cause::{find_cause, misses_its_sidecar},
    names::ContainerName,
    plan::{
        Action, Cause, Plan, Step, StepId, Target,
        diff::is_trial,
        spec::{ContainerSpec, Readiness, Role},
    },
    probe::NotYet,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::task::TaskTracker;

/// The end of a container is waited for again this long after the waiting broke off.
const WAIT_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// After a walk was given up, a creation that is under way is waited for no longer than this.
const CREATED_WITHIN: Duration = Duration::from_secs(3);

/// What a walk needs.
#[derive(Clone, Debug)]
pub struct Executor {
    /// The engine and the probes.
    pub ready: ReadyContext,
    /// Whose containers they are.
    pub origin: Origin,
    /// Where it is told what happens.
    pub reporter: Reporter,
    /// How long a started container may take to be ready.
    pub limit: Duration,
    /// Where what removed containers had said is kept; `None` where nobody will want it.
    pub(super) saving: Option<Saving>,
    /// What containers are made from, should one that was only to be started have gone.
    pub(super) desired: Arc<[ContainerSpec]>,
    /// Calls that the engine finishes even when nobody waits for their answer any more.
    pub(super) under_way: TaskTracker,
    /// The same of creations, which are not worth waiting for without end: what they leave over is found by the next command.
    pub(super) creations: TaskTracker,
    /// Held by whoever makes one network out of two.
    pub(super) mending_network: Arc<tokio::sync::Mutex<()>>,
    /// What is ready.
    pub(super) ready_so_far: Arc<watch::Sender<BTreeSet<ContainerName>>>,
    /// What was started.
    pub(super) started: Arc<Mutex<BTreeSet<ContainerName>>>,
    /// Sidecars that run and must be replaced, and why.
    pub(super) outdated: Arc<Mutex<BTreeMap<ContainerName, String>>>,
}

impl Executor {
    /// An executor that has started nothing yet.
    pub fn new(
        ready: ReadyContext,
        origin: Origin,
        reporter: Reporter,
        limit: Duration,
        desired: &[ContainerSpec],
    ) -> Self {
        Self {
            ready,
            origin,
            reporter,
            limit,
            saving: None,
            desired: desired.into(),
            under_way: TaskTracker::new(),
            creations: TaskTracker::new(),
            mending_network: Arc::default(),
            ready_so_far: Arc::new(watch::Sender::default()),
            started: Arc::default(),
            outdated: Arc::default(),
        }
    }

    /// Waits, after a walk was given up, until the engine has finished what it was asked for. Only then can be seen what runs.
    pub async fn settled(&self) {
        self.under_way.close();
        self.under_way.wait().await;
        self.creations.close();
        let _ = tokio::time::timeout(CREATED_WITHIN, self.creations.wait()).await;
    }

    /// The containers that walks of this executor have started, or were about to.
    pub fn started(&self) -> BTreeSet<ContainerName> {
        self.started.lock().expect("nothing panics while it is held").clone()
    }

    /// The running sidecars that walks have found to have other subscriptions than their apps ask for, and how they differ.
    pub fn outdated(&self) -> BTreeMap<ContainerName, String> {
        self.outdated.lock().expect("nothing panics while it is held").clone()
    }

    /// Walks the plan.
    ///
    /// # Errors
    /// The first step that failed, or the first container that ended while others were still waited for. Steps that were under
    /// way are given up; what they had done stays and is found by the next command.
    pub async fn run(&self, plan: Plan) -> Result<(), Failure> {
        let plan = Arc::new(plan);
        let mut waits: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (index, step) in plan.steps.iter().enumerate() {
            waits.insert(index, step.after.iter().map(|id| id.0).collect());
        }
        let mut running = JoinSet::new();
        let mut endings = JoinSet::new();
        loop {
            let free: Vec<_> = waits.iter().filter(|(_, after)| after.is_empty()).map(|(index, _)| *index).collect();
            for index in free {
                waits.remove(&index);
                running.spawn(self.clone().step(Arc::clone(&plan), index));
            }
            let index = tokio::select! {
                Some(done) = running.join_next() => done.expect("steps do not panic")?,
                Some(ended) = endings.join_next() => { ended.expect("watches do not panic")?; continue }
                else => return Ok(()),
            };
            waits.values_mut().for_each(|after| {
                after.remove(&index);
            });
            if let Some((target, readiness)) = watched(&plan, index) {
                endings.spawn(self.clone().watch(target, readiness));
            }
            if waits.is_empty() && running.is_empty() {
                return Ok(());
            }
        }
    }

    async fn step(self, plan: Arc<Plan>, index: usize) -> Result<usize, Failure> {
        let step = &plan.steps[index];
        let line = step.line(StepId(index));
        self.reporter.send(EventKind::StepStarted(line.clone())).await;
        let began = Instant::now();
        self.act(&plan, step).await?;
        let elapsed_ms = milliseconds(began.elapsed());
        self.reporter.send(EventKind::StepDone { step: line, elapsed_ms }).await;
        Ok(index)
    }

    async fn act(&self, plan: &Arc<Plan>, step: &Step) -> Result<(), Failure> {
        let docker = &self.ready.docker;
        match &step.action {
            Action::CreateNetwork(spec) => docker.create_network(spec, &self.origin).await?,
            Action::CreateVolume(spec) => docker.create_volume(spec, &self.origin).await?,
            Action::WriteFolder(folder) => folders::write(folder)?,
            Action::Pull(image) => self.pull(image).await?,
            Action::Build(build) => self.build(build).await?,
            Action::Create(spec) => self.create_whatever_happens(spec).await?,
            Action::Start(target) => self.start_whatever_happens(plan, target).await?,
            Action::AwaitReady(target, readiness) => self.await_ready(target, readiness, &step.cause).await?,
            Action::AwaitCallable(target) => self.await_callable(target).await?,
            Action::Stop(target, urgency) => docker.stop_container(&target.name, *urgency).await?,
            Action::Rename(target, name) => docker.rename_container(&target.name, name).await?,
            Action::Remove(target) => self.remove(target).await?,
            Action::RemoveNetwork(name) => {
                if !docker.remove_network(name).await? {
                    self.say_kept_network(name).await;
                }
            }
            Action::RemoveVolume(name) => docker.remove_volume(name).await?,
        }
        Ok(())
    }

    async fn say_kept_network(&self, name: &str) {
        let message = format!("Docker keeps the network `{name}`: it counts a container on it that has gone");
        let help = "the next `sandbox up` uses it; when Docker has been restarted, `sandbox down` removes it";
        let code = "sandbox::down::network_kept";
        self.reporter.send(EventKind::Notice { code, message, help: Some(help.to_owned()) }).await;
    }

    async fn remove(&self, target: &Target) -> Result<(), Failure> {
        // What a trial has found is told by whoever tried.
        if let Some(saving) = self.saving.as_ref().filter(|_| !is_trial(&target.name)) {
            saving.save(&self.ready.docker, &self.origin.project, target).await;
        }
        Ok(self.ready.docker.remove_container(&target.name).await?)
    }

    async fn pull(&self, image: &crate::names::ImageReference) -> Result<(), Failure> {
        let report = |progress: crate::docker::PullProgress| {
            let crate::docker::PullProgress { current, total, layers_done, layers } = progress;
            self.reporter.offer(EventKind::PullProgress { image: image.clone(), current, total, layers_done, layers });
        };
        self.ready.docker.pull(image, report).await.map_err(|error| match error {
            DockerError::Call { reason, .. } => Failure::Pull { image: image.clone(), reason },
            unreachable => unreachable.into(),
        })
    }

    async fn build(&self, build: &crate::plan::spec::BuildSpec) -> Result<(), Failure> {
        // Whoever prints keeps the lines, and shows them when the build fails.
        let report = |line| self.reporter.offer(EventKind::BuildOutput { name: build.short_name.clone(), line });
        let Err(error) = self.ready.docker.build(build, &self.origin, report).await else { return Ok(()) };
        let failed = EventKind::ContainerFailed {
            name: build.short_name.clone(),
            role: Role::App,
            exit_code: None,
            out_of_memory: false,
            cause: Some("its image could not be built".to_owned()),
            tail: Vec::new(),
        };
        self.reporter.send(failed).await;
        Err(error.into())
    }

    async fn await_ready(&self, target: &Target, readiness: &Readiness, cause: &Cause) -> Result<(), Failure> {
        let began = Instant::now();
        let mut last = NotYet::waiting("it was not asked yet");
        let has_run = *cause == Cause::Recheck;
        let waiting = ready::until_ready(&self.ready, target, readiness, has_run, |not_yet| {
            last = not_yet.clone();
            self.say_waiting(target, not_yet);
        });
        let Ok(readied) = tokio::time::timeout(self.limit, waiting).await else {
            return Err(self.not_ready(target, last).await);
        };
        if let Some(reason) = readied.outdated {
            self.outdated.lock().expect("nothing panics while it is held").insert(target.name.clone(), reason);
            return Ok(());
        }
        self.ready_so_far.send_modify(|ready| {
            ready.insert(target.name.clone());
        });
        let elapsed_ms = milliseconds(began.elapsed());
        let (name, role) = (target.short_name.clone(), target.role);
        // What was running all along is no news.
        let detail = readied.detail.filter(|_| !has_run);
        self.reporter.send(EventKind::ContainerReady { name, role, elapsed_ms, detail }).await;
        Ok(())
    }

    async fn await_callable(&self, target: &Target) -> Result<(), Failure> {
        let mut last = NotYet::waiting("it was not asked yet");
        let waiting = ready::until_callable(&self.ready, target, |not_yet| {
            last = not_yet.clone();
            self.say_waiting(target, not_yet);
        });
        match tokio::time::timeout(self.limit, waiting).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.not_ready(target, last).await),
        }
    }

    fn say_waiting(&self, target: &Target, not_yet: &NotYet) {
        let name = target.short_name.clone();
        self.reporter.offer(EventKind::Waiting { name, reason: not_yet.reason.clone() });
    }

    async fn not_ready(&self, target: &Target, not_yet: NotYet) -> Failure {
        let tail = last_lines(&self.ready.docker, &target.name).await;
        Failure::NotReady {
            short_name: target.short_name.clone(),
            role: target.role,
            limit: self.limit,
            help: ready::help(target, not_yet.kind),
            reason: not_yet.reason,
            tail,
        }
    }

    /// Ends with an error when the container does, unless that is what it is there for.
    async fn watch(self, target: Target, readiness: Readiness) -> Result<(), Failure> {
        let ending = loop {
            let waited = self.ready.docker.wait_until_ended(&target.name).await;
            let looked = self.ready.docker.inspect(&target.name).await?;
            match (looked.ending, waited) {
                (Some(ending), _) => break ending,
                (None, Ok(())) => return Ok(()),
                // The connection broke, the container did not.
                (None, Err(_)) => tokio::time::sleep(WAIT_AGAIN_AFTER).await,
            }
        };
        let may_end = matches!(readiness, Readiness::Exited | Readiness::Running | Readiness::Engine);
        if ending.exit_code == 0 && may_end {
            return Ok(());
        }
        let tail = last_lines(&self.ready.docker, &target.name).await;
        let cause = find_cause(target.role, &tail);
        Err(Box::new(ContainerEnded {
            help: ending_help(&target, ending.out_of_memory, &tail),
            short_name: target.short_name,
            role: target.role,
            exit_code: ending.exit_code,
            out_of_memory: ending.out_of_memory,
            cause,
            tail,
        })
        .into())
    }
}

/// The container that a done step leaves running, and when it counts as ready.
fn watched(plan: &Plan, done: usize) -> Option<(Target, Readiness)> {
    let started = match &plan.steps[done] {
        Step { action: Action::Start(target), .. } => target,
        Step { action: Action::AwaitReady(target, _), cause: Cause::Recheck, .. } => target,
        _ => return None,
    };
    plan.steps.iter().find_map(|step| match &step.action {
        Action::AwaitReady(target, readiness) if target == started => Some((target.clone(), readiness.clone())),
        _ => None,
    })
}

fn ending_help(target: &Target, out_of_memory: bool, tail: &[String]) -> String {
    let name = &target.short_name;
    if out_of_memory {
        let table = match target.role {
            Role::Broker => "[broker]",
            Role::State => "[state]",
            _ => return format!("give Docker more memory, or look at what `{name}` needs"),
        };
        return format!("say a larger `memory` in {table}, as `memory = \"2GB\"`, or look at what `{name}` needs");
    }
    match target.role {
        Role::App if misses_its_sidecar(tail, &format!("{name}-dapr")) => format!(
            "it called its sidecar before that took calls; set `wait_for_sidecar = true` in [apps.{name}], or let it try again"
        ),
        Role::App => format!("mend it and run `sandbox up` again; `sandbox logs {name}` has all it said"),
        Role::Sidecar => "mend the component that the message names, in the components folder or in sandbox.toml, and run `sandbox up` again".to_owned(),
        Role::Broker | Role::State | Role::Scheduler | Role::Placement | Role::Sentry => format!(
            "`sandbox logs {name}` has all it said; if its data is of another version, or its first start was cut short, `sandbox down \
             -v` removes it"
        ),
        Role::Other => format!("`sandbox logs {name}` has all it said"),
    }
}

/// The engine of an executor.
impl AsRef<Docker> for Executor {
    fn as_ref(&self) -> &Docker {
        &self.ready.docker
    }
}
