//! Creating and starting a container in a world where others create and start too.

use crate::{
    engine::{executor::Executor, host::free_port},
    error::Failure,
    plan::{Action, Plan, Target, spec::ContainerSpec},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long the engine may go on making a container for a command that was killed, and how often its name is tried.
const NAME_LIMIT: Duration = Duration::from_secs(5);
const NAME_AGAIN_AFTER: Duration = Duration::from_millis(25);

/// How often a container is made anew because others had been in the way.
const START_ATTEMPTS: usize = 5;

impl Executor {
    /// Creates a container. The engine may still be making one for an `up` that was killed just before: its name is taken before it
    /// can be seen, and it can disappear again, for nobody waits for the answer. So it makes room, once it is there.
    async fn create(&self, spec: &ContainerSpec) -> Result<(), Failure> {
        let (docker, project) = (&self.ready.docker, &self.origin.project);
        let began = Instant::now();
        let spec = &self.trusting(spec).await?;
        loop {
            let created = docker.create_container(spec, project.as_str(), &self.origin).await;
            let Err(error) = created else { return Ok(()) };
            if !error.is_conflict() || began.elapsed() > NAME_LIMIT {
                return Err(error.into());
            }
            if docker.observe(project, &[]).await?.container(&spec.name).is_some() {
                docker.remove_container(&spec.name).await?;
            } else if docker.inspect(&spec.name).await.is_ok() {
                // Somebody else's.
                return Err(error.into());
            }
            tokio::time::sleep(NAME_AGAIN_AFTER).await;
        }
    }

    /// What a container is made from: as the plan makes it, or, where the plan only starts it, as it would be made now.
    fn spec(&self, plan: &Plan, target: &Target) -> Option<ContainerSpec> {
        let planned = plan.steps.iter().find_map(|step| match &step.action {
            Action::Create(spec) if spec.name == target.name => Some((**spec).clone()),
            _ => None,
        });
        planned.or_else(|| {
            let mut spec = self.desired.iter().find(|spec| spec.name == target.name)?.clone();
            spec.ports.iter_mut().for_each(|port| port.assign_wanted(free_port));
            Some(spec)
        })
    }

    /// The engine makes what it was asked to make, whether or not the walk is given up meanwhile: only then can it be removed.
    pub(super) async fn create_whatever_happens(&self, spec: &ContainerSpec) -> Result<(), Failure> {
        let (executor, spec) = (self.clone(), spec.clone());
        let creating = self.creations.spawn(async move { executor.create(&spec).await });
        creating.await.expect("creating does not panic")
    }

    /// The engine starts what it was asked to start, whether or not the walk is given up meanwhile.
    pub(super) async fn start_whatever_happens(&self, plan: &Arc<Plan>, target: &Target) -> Result<(), Failure> {
        self.started.lock().expect("nothing panics while it is held").insert(target.name.clone());
        let (executor, plan, target) = (self.clone(), Arc::clone(plan), target.clone());
        let starting = self.under_way.spawn(async move { executor.start(&plan, &target).await });
        starting.await.expect("starting does not panic")
    }

    /// Between looking and starting, another `up` may take a host port, or make the network a second time: then the container is
    /// made anew, with other ports unless sandbox.toml names them, on the network that is left.
    async fn start(&self, plan: &Plan, target: &Target) -> Result<(), Failure> {
        let docker = &self.ready.docker;
        let mut spec = self.spec(plan, target);
        for _ in 0..START_ATTEMPTS {
            let Err(error) = docker.start_container(&target.name).await else { return Ok(()) };
            let Some(spec) = spec.as_mut() else { return Err(error.into()) };
            if error.is_port_taken() {
                let left = spec.ports.iter_mut().filter_map(|port| port.leave(free_port).then_some(())).count();
                if left == 0 {
                    return Err(error.into());
                }
            } else if error.is_ambiguous() {
                // One at a time: two that look at the same pair would each remove another one.
                let _alone = self.mending_network.lock().await;
                docker.leave_one_network(self.origin.project.as_str()).await?;
            } else if !error.is_not_found() {
                // Not found: the container, or the network that it was made for.
                return Err(error.into());
            }
            docker.remove_container(&target.name).await?;
            self.create(spec).await?;
        }
        Ok(docker.start_container(&target.name).await?)
    }
}
