//! Sentry's trust anchors: read from its volume, and put into what must know them.

use crate::{
    docker::{Docker, DockerError},
    engine::executor::Executor,
    names::ContainerName,
    plan::{
        desired::Desired,
        spec::{ContainerSpec, Role},
    },
};

/// Where sentry keeps them, in its container.
const FILE: &str = "/var/lock/ca.crt";

/// Puts the trust anchors into everything that trusts them, where sentry has made some already.
///
/// # Errors
/// When the engine does not answer.
pub(super) async fn resolve(docker: &Docker, desired: &mut Desired) -> Result<(), DockerError> {
    if !desired.containers.iter().any(ContainerSpec::lacks_trust_anchors) {
        return Ok(());
    }
    let Some(sentry) = sentry(&desired.containers) else { return Ok(()) };
    match docker.read_file(sentry, FILE).await {
        Ok(anchors) => desired.containers.iter_mut().for_each(|spec| spec.trust(&anchors)),
        Err(error) if error.is_not_found() => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

impl Executor {
    /// The spec with the trust anchors in it, which are there by now.
    ///
    /// # Errors
    /// When they are not.
    pub(super) async fn trusting(&self, spec: &ContainerSpec) -> Result<ContainerSpec, DockerError> {
        let mut spec = spec.clone();
        if spec.lacks_trust_anchors()
            && let Some(sentry) = sentry(&self.desired)
        {
            spec.trust(&self.ready.docker.read_file(sentry, FILE).await?);
        }
        Ok(spec)
    }
}

fn sentry(containers: &[ContainerSpec]) -> Option<&ContainerName> {
    containers.iter().find(|spec| spec.role == Role::Sentry).map(|spec| &spec.name)
}
