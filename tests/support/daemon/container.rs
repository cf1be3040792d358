//! Stands in for the engine's containers. One that runs has real listeners at its published ports and does what its
//! [`Script`](super::script::Script) says; no process is behind it.

use super::{
    Answer, DEADLINE, Daemon, Next, Refusal,
    call::Call,
    events, json_answer, json_lines,
    logs::Piece,
    world::{Image, World, has_labels},
};
use axum::{http::StatusCode, response::IntoResponse};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// A container.
#[derive(Debug)]
pub struct Container {
    /// The engine's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it was created with.
    pub body: Value,
    /// What it was created from.
    pub image: Image,
    /// Whether it runs.
    pub state: State,
    /// Host port by port in it, while it runs.
    pub ports: BTreeMap<u16, u16>,
    /// How often somebody asked what it uses.
    pub(super) measured: i64,
    pub(super) log: Vec<Piece>,
    /// How many pieces of its log were sent to whoever has read furthest.
    pub(super) sent: watch::Sender<usize>,
    /// When it was made.
    pub created: Timestamp,
    pub(super) started: Option<Timestamp>,
    finished: Option<Timestamp>,
    pub(super) listeners: JoinSet<()>,
}

/// Whether a container runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has never run.
    Created,
    /// It runs.
    Running,
    /// It has ended, with this exit code.
    Exited(i64),
}

impl Container {
    pub(super) fn new(id: String, name: String, body: Value, image: Image) -> Self {
        Self {
            id,
            name,
            body,
            image,
            state: State::Created,
            ports: BTreeMap::new(),
            measured: 0,
            log: Vec::new(),
            sent: watch::Sender::new(0),
            created: Timestamp::now(),
            started: None,
            finished: None,
            listeners: JoinSet::new(),
        }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name || self.id == name
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.state == State::Running
    }

    pub(super) fn exit_code(&self) -> i64 {
        match self.state {
            State::Exited(code) => code,
            State::Created | State::Running => 0,
        }
    }

    pub(super) fn network(&self) -> Option<&str> {
        self.body["HostConfig"]["NetworkMode"].as_str()
    }

    pub(super) fn uses_volume(&self, volume: &str) -> bool {
        mounts(&self.body).any(|mount| mount["Type"] == "volume" && mount["Source"] == volume)
    }

    /// The folder of the host that is mounted there.
    pub(super) fn mounted_at(&self, target: &str) -> Option<PathBuf> {
        let mut there = mounts(&self.body).filter(|mount| mount["Target"] == target);
        there.find_map(|mount| mount["Source"].as_str()).map(PathBuf::from)
    }

    /// The ports it wants published: `""` leaves the choice to the engine.
    pub(super) fn bindings(&self) -> Vec<(u16, u16)> {
        let bindings = self.body["HostConfig"]["PortBindings"].as_object().cloned().unwrap_or_default();
        let bound = |(port, binding): (String, Value)| {
            let port = port.strip_suffix("/tcp")?.parse().ok()?;
            Some((port, binding[0]["HostPort"].as_str()?.parse().unwrap_or(0)))
        };
        bindings.into_iter().filter_map(bound).collect()
    }

    pub(super) fn end(&mut self, code: i64) {
        self.state = State::Exited(code);
        self.finished = Some(Timestamp::now());
        self.ports.clear();
        self.listeners.abort_all();
    }
}

pub(super) fn mounts(body: &Value) -> impl Iterator<Item = &Value> {
    body["HostConfig"]["Mounts"].as_array().into_iter().flatten()
}

pub(super) fn find<'a>(world: &'a World, name: &str) -> Result<&'a Container, Refusal> {
    world.container(name).ok_or_else(|| unknown(name))
}

pub(super) fn unknown(name: &str) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, format!("No such container: {name}"))
}

pub(super) fn list(world: &World, call: &Call) -> Value {
    let wanted = call.filter("label");
    let all = call.value("all") == Some("true");
    let listed = world.containers.iter().filter(|one| all || one.is_running());
    listed.filter(|one| has_labels(&one.body["Labels"], &wanted)).map(summary).collect()
}

fn summary(container: &Container) -> Value {
    let port = |(inner, host): (&u16, &u16)| json!({"IP": "127.0.0.1", "PrivatePort": inner, "PublicPort": host, "Type": "tcp"});
    json!({
        "Id": container.id,
        "Names": [format!("/{}", container.name)],
        "Image": container.body["Image"],
        "ImageID": container.image.id,
        "Created": container.created.as_second(),
        "Labels": container.body["Labels"],
        "State": state_word(container),
        "Status": "",
        "Ports": container.ports.iter().map(port).collect::<Vec<_>>(),
    })
}

fn state_word(container: &Container) -> &'static str {
    match container.state {
        State::Created => "created",
        State::Running => "running",
        State::Exited(_) => "exited",
    }
}

pub(super) fn inspect(world: &World, name: &str) -> Answer {
    let container = find(world, name)?;
    let time = |time: Option<Timestamp>| time.map_or("0001-01-01T00:00:00Z".to_owned(), |time| time.to_string());
    let published = |(inner, host): (&u16, &u16)| {
        (format!("{inner}/tcp"), json!([{"HostIp": "127.0.0.1", "HostPort": host.to_string()}]))
    };
    let ports: Map<_, _> = container.ports.iter().map(published).collect();
    Ok(json_answer(&json!({
        "Id": container.id,
        "Name": format!("/{}", container.name),
        "Image": container.image.id,
        "RestartCount": 0,
        "HostConfig": container.body["HostConfig"],
        "State": {
            "Status": state_word(container),
            "Running": container.is_running(),
            "OOMKilled": container.image.script.out_of_memory && !container.is_running(),
            "ExitCode": container.exit_code(),
            "StartedAt": time(container.started),
            "FinishedAt": time(container.finished),
        },
        "NetworkSettings": {"Ports": ports},
    })))
}

/// As the engine answers `stream=false&one-shot=true`: one that runs computes for 50 ms a second, and is asked once a second.
pub(super) fn stats(world: &mut World, name: &str) -> Answer {
    let container = world.container_mut(name).ok_or_else(|| unknown(name))?;
    if !container.is_running() {
        return Ok(json_answer(
            &json!({"read": "0001-01-01T00:00:00Z", "cpu_stats": {"cpu_usage": {"total_usage": 0}}, "memory_stats": {}}),
        ));
    }
    container.measured += 1;
    let read = container.started.unwrap_or_default() + jiff::SignedDuration::from_secs(container.measured);
    Ok(json_answer(&json!({
        "read": read.to_string(),
        "cpu_stats": {"cpu_usage": {"total_usage": 50_000_000 * container.measured}, "online_cpus": 2},
        "precpu_stats": {"cpu_usage": {"total_usage": 0}},
        "memory_stats": {"usage": 64_000_000, "limit": 8_000_000_000_u64, "stats": {"inactive_file": 4_000_000}},
    })))
}

/// A container that hears ends at once; a deaf one is killed after its grace. The answer comes when it has ended.
pub(super) async fn stop(daemon: &Daemon, name: &str, call: &Call) -> Answer {
    let (is_deaf, grace) = {
        let mut world = daemon.world();
        let World { containers, events, .. } = &mut *world;
        let container = containers.iter_mut().find(|container| container.is(name)).ok_or_else(|| unknown(name))?;
        if !container.is_running() {
            return Ok(StatusCode::NOT_MODIFIED.into_response());
        }
        events::note(events, container, "kill");
        let script = container.image.script.clone();
        container.log.extend(script.last_words.into_iter().map(Piece::now));
        let own = container.body["StopTimeout"].as_u64();
        let asked = call.value("t").and_then(|grace| grace.parse().ok());
        (script.is_deaf, asked.or(own).unwrap_or(10))
    };
    daemon.tell();
    if is_deaf {
        let grace = Duration::from_secs(grace);
        let ended = daemon.changed_until(|world| !world.container(name).is_some_and(Container::is_running));
        if tokio::time::timeout(grace, ended).await.is_err() {
            end(daemon, name, 137, "stop");
        }
    } else {
        end(daemon, name, 0, "stop");
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) fn kill(daemon: &Daemon, name: &str) -> Answer {
    if !find(&daemon.world(), name)?.is_running() {
        let message = format!("Cannot kill container: {name}: Container {name} is not running");
        return Err(Refusal(StatusCode::CONFLICT, message));
    }
    end(daemon, name, 137, "kill");
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends a container that runs, as if by itself or by whoever asked; `why` is noted too.
fn end(daemon: &Daemon, name: &str, code: i64, why: &str) {
    {
        let mut world = daemon.world();
        let World { containers, events, .. } = &mut *world;
        let running = containers.iter_mut().find(|container| container.is(name) && container.is_running());
        if let Some(container) = running {
            container.end(code);
            events::note(events, container, "die");
            events::note(events, container, why);
        }
    }
    daemon.tell();
}

impl Daemon {
    /// A container dies by itself.
    pub fn let_die(&self, name: &str, code: i64) {
        end(self, name, code, "exited");
    }

    /// Waits until so much of a container's log was taken by a reader.
    pub async fn until_log_read(&self, name: &str, pieces: usize) -> anyhow::Result<()> {
        let sent = self.world().container(name).map(|one| one.sent.subscribe());
        let mut sent = sent.ok_or_else(|| anyhow::anyhow!("{name} is not there"))?;
        let waited = tokio::time::timeout(DEADLINE, sent.wait_for(|sent| *sent >= pieces)).await;
        waited.map_err(|_| anyhow::anyhow!("nobody reads the log of {name} any more"))??;
        Ok(())
    }

    /// A container writes something.
    pub fn say(&self, name: &str, text: &str) {
        let said = super::script::Said { stream: 1, text: text.to_owned() };
        if let Some(container) = self.world().container_mut(name) {
            container.log.push(Piece::now(said));
        }
        self.tell();
    }
}

pub(super) fn remove(daemon: &Daemon, name: &str, call: &Call) -> Answer {
    let is_running = find(&daemon.world(), name)?.is_running();
    if is_running && call.value("force") != Some("true") {
        let message = format!(
            "You cannot remove a running container {name}. Stop the container before attempting removal or force remove"
        );
        return Err(Refusal(StatusCode::CONFLICT, message));
    }
    end(daemon, name, 137, "kill");
    let mut world = daemon.world();
    let World { containers, events, .. } = &mut *world;
    if let Some(place) = containers.iter().position(|container| container.is(name)) {
        events::note(events, &containers.remove(place), "destroy");
    }
    drop(world);
    daemon.tell();
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The head at once, the exit code when the container does not run.
pub(super) fn wait(daemon: &Daemon, name: &str) -> Answer {
    let id = find(&daemon.world(), name)?.id.clone();
    let next = move |world: &World, told: &mut bool| match world.container(&id) {
        Some(container) if container.is_running() => Next::Later,
        _ if *told => Next::End,
        container => {
            *told = true;
            Next::Item(json!({"StatusCode": container.map_or(137, Container::exit_code)}))
        }
    };
    Ok(json_lines(daemon.follow(false, next)))
}
