//! Load with numbers: a publisher in a container of the project, and subscriber apps that remember what they saw.
//!
//! The programs are in `tests/e2e/load`. The publisher talks to a sidecar's alias on the project's network, as the app itself
//! would, and is told what to do over a published port.

use super::{Context, Numbers, Project, Result, Value, engine, ensure, http, json};
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Write};

/// A project with a publisher, and one subscriber app or several.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// `[broker] kind`.
    pub broker: &'a str,
    /// The subscribers' app ids.
    pub apps: &'a [&'a str],
    /// Their replicas.
    pub replicas: u32,
    /// Their environment, the inside of a TOML table: `TOPICS = "orders", BULK = "1"`; see `tests/e2e/load/subscriber.py`.
    pub environment: &'a str,
    /// Further lines of sandbox.toml before the apps.
    pub further: &'a str,
}

impl Default for Load<'_> {
    fn default() -> Self {
        Self { broker: "redpanda", apps: &["orders"], replicas: 1, environment: "", further: "" }
    }
}

impl Load<'_> {
    /// Writes its sandbox.toml.
    ///
    /// # Errors
    /// When it cannot be written, or the image cannot be built.
    pub fn describe(&self, project: &Project) -> Result<()> {
        engine::warm_load()?;
        let Self { broker, apps, replicas, environment, further } = self;
        let mut text = format!("[broker]\nkind = \"{broker}\"\ncomponent = \"pubsub\"\n{further}\n");
        for app in *apps {
            write!(
                text,
                r#"
[apps.{app}]
image = "{image}"
command = ["serve", "subscriber"]
port = 8000
host_port = 0
health = "/healthz"
replicas = {replicas}
env = {{ {environment} }}
"#,
                image = engine::LOAD,
            )?;
        }
        write!(
            text,
            r#"
[containers.publisher]
image = "{image}"
command = ["serve", "publisher"]
ports = ["0:8000"]
ready = {{ http = "/healthz", port = 8000 }}
"#,
            image = engine::LOAD,
        )?;
        project.describe(&text)
    }
}

/// How the publisher connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One keep-alive connection.
    One,
    /// A new connection for each message.
    New,
    /// Twenty keep-alive connections, in turn.
    Many,
    /// The sample's client, with its retries.
    Sample,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::One, Self::New, Self::Many, Self::Sample];

    /// The publisher's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::New => "new",
            Self::Many => "many",
            Self::Sample => "sample",
        }
    }
}

/// A series of numbers.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    /// Its name; series of different names go on side by side.
    pub name: &'a str,
    /// How it connects.
    pub mode: Mode,
    /// Messages a second.
    pub rate: u32,
    /// How many; none: until it is stopped.
    pub count: Option<u64>,
    /// The app through whose sidecar, by its alias.
    pub through: &'a str,
    /// What it does with each.
    pub work: Work<'a>,
}

/// What is done with a number.
#[derive(Clone, Copy, Debug)]
pub enum Work<'a> {
    /// It is published on a topic of `pubsub`.
    Publish(&'a str),
    /// The app with this id is called; it answers with what it was sent.
    Call(&'a str),
}

impl Default for Series<'_> {
    fn default() -> Self {
        let work = Work::Publish("orders");
        Self { name: "numbers", mode: Mode::One, rate: 200, count: None, through: "orders", work }
    }
}

/// What became of a series, as the publisher saw it.
#[derive(Clone, Debug, Deserialize)]
pub struct Report {
    /// The series.
    pub publisher: String,
    /// How it connected.
    pub mode: String,
    /// Whether it goes on.
    pub is_running: bool,
    /// The publisher's own mistake.
    pub failed: Option<String>,
    /// How long it took.
    pub seconds: f64,
    /// What was tried.
    pub sent: Numbers,
    /// What the sidecar took.
    pub acknowledged: Numbers,
    /// What it did not.
    pub refused: Numbers,
    /// The first of these.
    pub refusals: Vec<Refusal>,
    /// How often which reason was given.
    pub reasons: BTreeMap<String, u64>,
    /// Connections that were used side by side.
    pub lanes: u64,
    /// The most refusals on one of them.
    pub most_refused_on_a_lane: u64,
    /// Between two acknowledgements.
    pub longest_gap_ms: f64,
    /// When it began, in Unix seconds.
    pub longest_gap_at: f64,
    /// Half of the acknowledged publishes took no longer.
    pub p50_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// The slowest.
    pub slowest_ms: f64,
    /// How far behind its schedule it was at worst.
    pub late_ms: f64,
    /// How often the sample's client tried again.
    pub retries: u64,
    /// Acknowledgements by the address that gave them; not known of the sample's client.
    pub peers: BTreeMap<String, u64>,
}

/// A publish that was not acknowledged.
#[derive(Clone, Debug, Deserialize)]
pub struct Refusal {
    /// Its number.
    pub number: u64,
    /// The connection.
    pub lane: u64,
    /// When, in Unix seconds.
    pub at: f64,
    /// The sidecar's words, or where and how the connection failed.
    pub reason: String,
}

/// The publisher of a project.
#[derive(Clone, Debug)]
pub struct Publisher {
    url: String,
}

impl Publisher {
    /// Asks the engine where it is.
    ///
    /// # Errors
    /// When the project has none.
    pub fn of(project: &Project) -> Result<Self> {
        Ok(Self { url: url(&project.container("publisher")?)? })
    }

    /// Begins a series.
    ///
    /// # Errors
    /// When one of that name goes on.
    pub fn start(&self, series: &Series<'_>) -> Result<()> {
        let Series { name, mode, rate, count, through, work } = series;
        let mut plan = json!({
            "publisher": name, "mode": mode.as_str(), "rate": rate, "count": count,
            "endpoint": format!("http://{through}-dapr:3500"),
        });
        match work {
            Work::Publish(topic) => plan["topic"] = json!(topic),
            Work::Call(app) => plan["invoke"] = json!(format!("{app}/echo")),
        }
        let answer = http::post(&format!("{}/start", self.url), &plan)?;
        ensure!(answer.status == 201, "{answer:?}");
        Ok(())
    }

    /// Ends a series, when what is in flight has its answer.
    ///
    /// # Errors
    /// When it was never begun, or the publisher made a mistake.
    pub fn stop(&self, name: &str) -> Result<Report> {
        let answer = http::post(&format!("{}/stop", self.url), &json!({ "publisher": name }))?;
        read(answer)
    }

    /// How a series stands.
    ///
    /// # Errors
    /// When it was never begun, or the publisher made a mistake.
    pub fn report(&self, name: &str) -> Result<Report> {
        read(http::get(&format!("{}/report?publisher={name}", self.url))?)
    }

    /// Waits until all of a series was tried.
    ///
    /// # Errors
    /// When that takes longer than the limit.
    pub fn finished(&self, name: &str, limit: super::Duration) -> Result<Report> {
        super::eventually(limit, || {
            let report = self.report(name)?;
            ensure!(!report.is_running, "`{name}` has sent {}", report.sent);
            Ok(report)
        })
    }
}

fn read(answer: http::Answer) -> Result<Report> {
    ensure!(answer.status == 200, "{answer:?}");
    let report: Report = serde_json::from_value(answer.body).context("a report")?;
    ensure!(report.failed.is_none(), "the publisher failed: {:?}", report.failed);
    Ok(report)
}

/// What all replicas of an app saw of one series.
#[derive(Clone, Debug, Default)]
pub struct Delivered {
    /// The app.
    pub app: String,
    /// The numbers.
    pub numbers: Numbers,
    /// Messages that the app took, repeats too.
    pub taken: u64,
    /// Messages it was given, those that it sent back too.
    pub offered: u64,
    /// Numbers that came after a higher one.
    pub inversions: u64,
    /// Between publish and arrival at worst.
    pub slowest_ms: f64,
}

impl Delivered {
    /// How many were taken again.
    pub fn redelivered(&self) -> u64 {
        self.taken - self.numbers.len()
    }
}

/// The replicas of a subscriber app.
#[derive(Clone, Debug)]
pub struct Subscriber {
    app: String,
    urls: Vec<String>,
}

#[derive(Deserialize)]
struct Stream {
    publisher: String,
    topic: String,
    seen: Numbers,
    taken: u64,
    offered: u64,
    inversions: u64,
    slowest_ms: f64,
}

impl Subscriber {
    /// Asks the engine where they are.
    ///
    /// # Errors
    /// When none runs.
    pub fn of(project: &Project, app: &str) -> Result<Self> {
        let is_ours = |one: &engine::Container| {
            let label = |name: &str| one.labels.get(name).map(String::as_str);
            label("dev.sandbox.app") == Some(app) && label("dev.sandbox.role") == Some("app") && one.is_running
        };
        let containers = project.containers()?.into_iter().filter(is_ours);
        let urls = containers.map(|one| url(&one)).collect::<Result<Vec<_>>>()?;
        ensure!(!urls.is_empty(), "no container of `{app}` runs");
        Ok(Self { app: app.to_owned(), urls })
    }

    /// What they saw of a series on a topic.
    ///
    /// # Errors
    /// When one does not answer.
    pub fn seen(&self, series: &str, topic: &str) -> Result<Delivered> {
        let mut delivered = Delivered { app: self.app.clone(), ..Delivered::default() };
        for url in &self.urls {
            let mut answer = http::get(&format!("{url}/seen"))?.body;
            let streams: Vec<Stream> = serde_json::from_value(answer["streams"].take()).context("streams")?;
            for stream in streams.into_iter().filter(|one| one.publisher == series && one.topic == topic) {
                delivered.numbers.extend(&stream.seen);
                delivered.taken += stream.taken;
                delivered.offered += stream.offered;
                delivered.inversions += stream.inversions;
                delivered.slowest_ms = delivered.slowest_ms.max(stream.slowest_ms);
            }
        }
        Ok(delivered)
    }

    /// Tells them what to do with messages from now on: `{"slow_ms": 100}`, `{"answer": "RETRY", "first": 1}`, `{}`.
    ///
    /// # Errors
    /// When one does not understand.
    pub fn behave(&self, behaviour: &Value) -> Result<()> {
        for url in &self.urls {
            let answer = http::post(&format!("{url}/behave"), behaviour)?;
            ensure!(answer.status == 200, "{answer:?}");
        }
        Ok(())
    }

    /// How many replicas run.
    pub fn replicas(&self) -> usize {
        self.urls.len()
    }
}

fn url(container: &engine::Container) -> Result<String> {
    let published = container.ports.iter().find(|(port, ..)| port == "8000/tcp");
    let (_, host, port) = published.with_context(|| format!("{} publishes no port 8000", container.name))?;
    Ok(format!("http://{host}:{port}"))
}
