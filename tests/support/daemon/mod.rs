//! A stand-in for the Docker engine: the part of its HTTP API that `sandbox` uses, on a Unix socket, over a small world in
//! memory. It refuses what dockerd 20.10 to 29 refuse, in their words, and it can be told to misbehave.
//!
//! | where | what it stands in for |
//! |---|---|
//! | [`world`] | what an engine holds; what a test looks at and prepares |
//! | [`container`], [`create`], [`start`], [`logs`], [`network`], [`volume`], [`image`] | the routes of each |
//! | [`events`] | the engine's event stream |
//! | [`script`], [`peer`] | what a container does and says while it «runs», and what answers at its published ports |
//! | [`fault`] | a broken, slow or refusing engine |
//! | [`call`] | nothing: the record of what was asked |
//!
//! Published ports are real listeners on loopback, so that readiness is asked as it is of real containers. Everything ends
//! when the [`FakeDaemon`] is dropped with the runtime of its test.

pub mod call;
pub mod container;
mod create;
pub mod events;
pub mod fault;
mod image;
mod logs;
pub mod network;
mod peer;
pub mod script;
mod start;
mod volume;
pub mod world;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use call::Call;
use fault::Fault;
use futures_util::{
    Stream, StreamExt,
    stream::{self, BoxStream},
};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::{net::UnixListener, sync::watch};
use world::World;

/// The largest body that is read: a build context.
const MAX_BODY: usize = 64 << 20;
/// Longer than anything takes that a test waits for.
const DEADLINE: Duration = Duration::from_secs(10);

/// A running stand-in and the folder of its socket.
pub struct FakeDaemon {
    /// The world behind it.
    pub daemon: Daemon,
    socket: PathBuf,
    _folder: tempfile::TempDir,
}

/// The world and who waits for it to change. Cheap to clone.
#[derive(Clone)]
pub struct Daemon {
    world: Arc<Mutex<World>>,
    changed: watch::Sender<()>,
}

/// An answer that is an error.
pub struct Refusal(pub StatusCode, pub String);

/// What a route gives.
pub type Answer = Result<Response, Refusal>;

impl FakeDaemon {
    /// Begins to serve a world. Needs a running tokio runtime.
    pub fn serve(world: World) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("docker.sock");
        let daemon = Daemon { world: Arc::new(Mutex::new(world)), changed: watch::Sender::new(()) };
        let routes = Router::new().fallback(answer).with_state(daemon.clone());
        let listener = UnixListener::bind(&socket)?;
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { daemon, socket, _folder: folder })
    }

    /// What `DOCKER_HOST` has to be.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }
}

impl std::ops::Deref for FakeDaemon {
    type Target = Daemon;

    fn deref(&self) -> &Daemon {
        &self.daemon
    }
}

impl Daemon {
    /// The world, to look at and to prepare. Call [`Daemon::tell`] after a change that somebody may wait for.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("nothing panics while it is held")
    }

    /// Wakes everybody who waits for the world to change.
    pub fn tell(&self) {
        self.changed.send_replace(());
    }

    /// From now on, the fault.
    pub fn inject(&self, fault: Fault) {
        self.world().faults.push(fault);
    }

    /// Waits until something is so; ends the test when it is not within [`DEADLINE`].
    pub async fn until(&self, what: &str, is_so: impl Fn(&World) -> bool) -> anyhow::Result<()> {
        let waited = tokio::time::timeout(DEADLINE, self.changed_until(is_so)).await;
        waited.map_err(|_| anyhow::anyhow!("{what} did not come; calls so far:\n{}", self.world().shown_calls()))
    }

    async fn changed_until(&self, is_so: impl Fn(&World) -> bool) {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if is_so(&self.world()) {
                return;
            }
            // The sender lives as long as this handle.
            let _ = changed.changed().await;
        }
    }

    /// Items of the world as they come: `next` gives one and moves its cursor, or says that there is none yet
    /// ([`Next::Later`]) or any more.
    fn follow<T, Cursor: Send + 'static>(
        &self,
        cursor: Cursor,
        next: impl Fn(&World, &mut Cursor) -> Next<T> + Send + 'static,
    ) -> BoxStream<'static, T>
    where
        T: Send + 'static,
    {
        let state = (self.clone(), self.changed.subscribe(), cursor, next);
        stream::unfold(state, |(daemon, mut changed, mut cursor, next)| async move {
            loop {
                changed.borrow_and_update();
                let found = next(&daemon.world(), &mut cursor);
                match found {
                    Next::Item(item) => return Some((item, (daemon, changed, cursor, next))),
                    Next::End => return None,
                    Next::Later => changed.changed().await.ok()?,
                }
            }
        })
        .boxed()
    }
}

/// What [`Daemon::follow`] is told.
enum Next<T> {
    Item(T),
    Later,
    End,
}

async fn answer(State(daemon): State<Daemon>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_BODY).await else { return StatusCode::BAD_REQUEST.into_response() };
    let call = Call::new(&parts.method, &parts.uri, &body);
    let fault = {
        let mut world = daemon.world();
        world.calls.push(call.clone());
        fault::take(&mut world.faults, &call)
    };
    daemon.tell();
    let acting = async { route(&daemon, &call, &body).await.unwrap_or_else(IntoResponse::into_response) };
    fault::around(fault, acting).await
}

async fn route(daemon: &Daemon, call: &Call, body: &Bytes) -> Answer {
    let segments: Vec<&str> = call.path.trim_matches('/').split('/').collect();
    match (call.method.as_str(), segments.as_slice()) {
        ("GET" | "HEAD", ["_ping"]) => Ok("OK".into_response()),
        ("GET", ["version"]) => Ok(json_answer(&json!({"ApiVersion": daemon.world().api_version, "Version": "fake"}))),
        ("GET", ["events"]) => Ok(events::stream(daemon, call)),
        ("GET", ["containers", "json"]) => Ok(json_answer(&container::list(&daemon.world(), call))),
        ("POST", ["containers", "create"]) => create::create(&mut daemon.world(), call, body),
        (_, ["containers", name]) => container::remove(daemon, name, call),
        ("GET", ["containers", name, "json"]) => container::inspect(&daemon.world(), name),
        ("GET", ["containers", name, "stats"]) => container::stats(&mut daemon.world(), name),
        ("GET", ["containers", name, "logs"]) => logs::read(daemon, name, call),
        ("POST", ["containers", name, "start"]) => start::start(daemon, name),
        ("POST", ["containers", name, "stop"]) => container::stop(daemon, name, call).await,
        ("POST", ["containers", name, "kill"]) => container::kill(daemon, name),
        ("POST", ["containers", name, "wait"]) => container::wait(daemon, name),
        ("GET", ["networks"]) => Ok(json_answer(&network::list(&daemon.world(), call))),
        ("POST", ["networks", "create"]) => network::create(&mut daemon.world(), body),
        ("GET", ["networks", name]) => network::inspect(&daemon.world(), name),
        ("DELETE", ["networks", name]) => network::remove(&mut daemon.world(), name),
        ("GET", ["volumes"]) => Ok(json_answer(&volume::list(&daemon.world(), call))),
        ("POST", ["volumes", "create"]) => volume::create(&mut daemon.world(), body),
        ("DELETE", ["volumes", name]) => volume::remove(&mut daemon.world(), name),
        ("POST", ["images", "create"]) => image::pull(daemon, call),
        ("GET", ["images", "json"]) => Ok(json_answer(&image::list(&daemon.world(), call))),
        ("GET", ["images", name @ .., "json"]) => image::inspect(&daemon.world(), &name.join("/")),
        ("DELETE", ["images", name @ ..]) => image::remove(&mut daemon.world(), &name.join("/")),
        ("POST", ["build"]) => image::build(daemon, call),
        _ => Err(Refusal(StatusCode::NOT_FOUND, format!("the fake has no {call}"))),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, json_answer(&json!({"message": self.1}))).into_response()
    }
}

fn json_answer(value: &Value) -> Response {
    ([(CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// JSON lines as they come, as dockerd writes them.
fn json_lines(lines: impl Stream<Item = Value> + Send + 'static) -> Response {
    bytes_answer(lines.map(|line| Bytes::from(format!("{line}\r\n"))))
}

fn bytes_answer(chunks: impl Stream<Item = Bytes> + Send + 'static) -> Response {
    Body::from_stream(chunks.map(Ok::<_, std::io::Error>)).into_response()
}
