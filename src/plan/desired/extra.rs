//! `[containers.*]`.

use super::{Builder, Desired};
use crate::{
    config::model::{ExtraContainer, PublishedPort, ReadySetting},
    plan::spec::{HostPort, PortSpec, Readiness, Role},
};

impl Builder<'_> {
    pub(super) fn add_extra_containers(&self, desired: &mut Desired) {
        for (name, extra) in &self.inputs.config.containers {
            let image = self.image(name, &extra.source, desired);
            let mut container = self.blank(name, 1, Role::Other, image);
            container.command.clone_from(&extra.command);
            container.environment.clone_from(&extra.environment);
            container.mounts = self.mounts(&extra.volumes, desired);
            container.ports = extra.ports.iter().map(port).collect();
            container.readiness = readiness(extra);
            desired.containers.push(container);
        }
    }
}

fn port(published: &PublishedPort) -> PortSpec {
    let host = match published.host {
        None => HostPort::Preferred(published.container),
        Some(0) => HostPort::Any,
        Some(number) => HostPort::Fixed(number),
    };
    PortSpec::new(published.container, host, &format!("port {}", published.container), None)
}

fn readiness(extra: &ExtraContainer) -> Readiness {
    match &extra.ready {
        ReadySetting::Auto => Readiness::Engine,
        ReadySetting::Exited => Readiness::Exited,
        ReadySetting::Http { path, port } => Readiness::Http { port: *port, path: path.clone() },
        ReadySetting::Log(text) => Readiness::Log(text.clone()),
    }
}
