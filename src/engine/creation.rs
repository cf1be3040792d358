//! Creating and starting a container in a world where others create and start too.

use crate::{
    engine::{executor::Executor, host::free_port},
    error::Failure,
    plan::{Action, Plan, Target, spec::ContainerSpec},
};
use std::sync::Arc;

/// How often a container is given other host ports when somebody has taken them.
const PORT_ATTEMPTS: usize = 5;

impl Executor {
    /// Creates a container. Another `up` that was killed may have asked for it just before, and the engine finishes what it was
    /// asked for: what is ours by then is taken as it is, or makes room.
    pub(super) async fn create(&self, spec: &ContainerSpec) -> Result<(), Failure> {
        let (docker, project) = (&self.ready.docker, &self.origin.project);
        let created = docker.create_container(spec, project.as_str(), &self.origin).await;
        let Err(error) = created else { return Ok(()) };
        if !error.is_conflict() {
            return Err(error.into());
        }
        let observed = docker.observe(project, &[]).await?;
        match observed.container(&spec.name) {
            None => Err(error.into()),
            Some(there) if there.spec_hash == spec.hash() => Ok(()),
            Some(_) => {
                docker.remove_container(&spec.name).await?;
                Ok(docker.create_container(spec, project.as_str(), &self.origin).await?)
            }
        }
    }

    /// The engine starts what it was asked to start, whether or not the walk is given up meanwhile.
    pub(super) async fn start_whatever_happens(&self, plan: &Arc<Plan>, target: &Target) -> Result<(), Failure> {
        self.started.lock().expect("nothing panics while it is held").insert(target.name.clone());
        let (executor, plan, target) = (self.clone(), Arc::clone(plan), target.clone());
        let starting = self.under_way.spawn(async move { executor.start(&plan, &target).await });
        starting.await.expect("starting does not panic")
    }

    /// Between looking at ports and starting, somebody else can take one, another `up` for example: then the container is made
    /// anew with others, unless sandbox.toml names them. A network that two commands made at once is made one.
    async fn start(&self, plan: &Plan, target: &Target) -> Result<(), Failure> {
        let docker = &self.ready.docker;
        let mut spec = plan.steps.iter().find_map(|step| match &step.action {
            Action::Create(spec) if spec.name == target.name => Some((**spec).clone()),
            _ => None,
        });
        for _ in 0..PORT_ATTEMPTS {
            let Err(error) = docker.start_container(&target.name).await else { return Ok(()) };
            if error.is_ambiguous() {
                docker.leave_one_network(self.origin.project.as_str()).await?;
                continue;
            }
            let Some(spec) = spec.as_mut().filter(|_| error.is_port_taken()) else { return Err(error.into()) };
            let left = spec.ports.iter_mut().filter_map(|port| port.leave(free_port).then_some(())).count();
            if left == 0 {
                return Err(error.into());
            }
            docker.remove_container(&target.name).await?;
            docker.create_container(spec, self.origin.project.as_str(), &self.origin).await?;
        }
        Ok(docker.start_container(&target.name).await?)
    }
}
