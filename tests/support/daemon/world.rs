//! What an engine holds: stands in for its disk and its running containers.

use super::{
    call::Call,
    container::{Container, State},
    fault::Fault,
    network::Network,
    script::{Peer, Script},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Everything. Tests prepare it and look at it.
#[derive(Debug, Default)]
pub struct World {
    /// What `/version` says.
    pub api_version: String,
    /// Images that are there.
    pub images: BTreeMap<String, Image>,
    /// Images that can be pulled.
    pub registry: BTreeMap<String, Image>,
    /// What a built image does.
    pub built: Script,
    /// What a build fails with.
    pub build_failure: Option<String>,
    /// Containers in the order in which they were made.
    pub containers: Vec<Container>,
    /// Networks.
    pub networks: Vec<Network>,
    /// Labels of volumes by name.
    pub volumes: BTreeMap<String, Value>,
    /// What happened.
    pub events: Vec<Value>,
    /// What was asked.
    pub calls: Vec<Call>,
    /// What goes wrong.
    pub faults: Vec<Fault>,
    ids: u64,
}

/// An image.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// The engine's id.
    pub id: String,
    /// Its labels.
    pub labels: Value,
    /// What its containers do.
    pub script: Script,
}

impl World {
    /// A world with every image that the tests' projects use, and somebody else's container on Dapr's usual ports: two tests
    /// at once would else want the same ones.
    pub fn with_images() -> Self {
        let mut world = Self { api_version: "1.41".to_owned(), ..Self::default() };
        let images = [
            ("redis:8.0", Peer::Redis),
            ("postgres:17", Peer::Postgres),
            ("daprio/scheduler:1.18.2", Peer::Http),
            ("daprio/daprd:1.18.2", Peer::Daprd),
            ("acme/web:1", Peer::Http),
            ("acme/worker:1", Peer::Http),
        ];
        for (name, peer) in images {
            world.add_image(name, Script::of(peer));
        }
        world.add_foreign("devbox", json!({}), &[3500, 50001]);
        world
    }

    /// An image that is there; it replaces one of that name.
    pub fn add_image(&mut self, name: &str, script: Script) {
        let image = Image { id: self.next_id("sha256:"), labels: json!({}), script };
        self.images.insert(name.to_owned(), image);
    }

    /// An image that is not there and can be pulled.
    pub fn only_in_registry(&mut self, name: &str) {
        let image =
            self.images.remove(name).unwrap_or_else(|| Image { id: format!("sha256:{name}"), ..Image::default() });
        self.registry.insert(name.to_owned(), image);
    }

    /// A running container of somebody else. It holds its ports in the engine's books only.
    pub fn add_foreign(&mut self, name: &str, labels: Value, ports: &[u16]) {
        let id = self.next_id("");
        let ports = ports.iter().map(|port| (*port, *port)).collect();
        let body = json!({"Image": "somebody/else:1", "Labels": labels});
        let mut container = Container::new(id, name.to_owned(), body, Image::default());
        (container.state, container.ports) = (State::Running, ports);
        self.containers.push(container);
    }

    /// Whether there is a network of that name.
    pub fn has_network(&self, name: &str) -> bool {
        self.networks.iter().any(|network| network.name == name)
    }

    /// Somebody else's network.
    pub fn add_network(&mut self, name: &str, labels: Value) {
        self.networks.push(Network { name: name.to_owned(), labels });
    }

    /// The image of that name; without a tag, the latest.
    pub(super) fn image(&self, name: &str) -> Option<&Image> {
        self.images.get(name).or_else(|| self.images.get(&format!("{name}:latest")))
    }

    /// The container of that name or id.
    pub fn container(&self, name: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.is(name))
    }

    pub(super) fn container_mut(&mut self, name: &str) -> Option<&mut Container> {
        self.containers.iter_mut().find(|container| container.is(name))
    }

    /// Names of the containers whose name begins so, sorted.
    pub fn names(&self, prefix: &str) -> Vec<&str> {
        let names = self.containers.iter().map(|container| container.name.as_str());
        let mut names: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort_unstable();
        names
    }

    /// Everything that was asked, a line each.
    pub fn shown_calls(&self) -> String {
        self.calls.iter().map(|call| format!("{call}\n")).collect()
    }

    /// What was asked that changes something, a line each.
    pub fn changes(&self) -> Vec<String> {
        self.calls.iter().filter(|call| call.changes()).map(ToString::to_string).collect()
    }

    /// The changes since the last time, and forgets all calls.
    pub fn take_changes(&mut self) -> Vec<String> {
        let changes = self.changes();
        self.calls.clear();
        changes
    }

    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        self.ids += 1;
        format!("{prefix}{:064x}", self.ids)
    }
}

/// Whether labels are as the filters want: `name` or `name=value` each.
pub(super) fn has_labels(labels: &Value, wanted: &[String]) -> bool {
    wanted.iter().all(|wanted| match wanted.split_once('=') {
        Some((name, value)) => labels[name] == value,
        None => labels.get(wanted).is_some(),
    })
}
