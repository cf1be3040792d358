//! What a person sees, and what a program reads, for each kind of event.

mod failures;
mod human;
mod logs;
mod machine;
mod plain;
mod tables;
mod terminal;

use crate::{
    event::{Address, ContainerLine, Event, EventKind, SCHEMA, Saying, Sayings, StepLine, Stream, Utterance},
    logs::{group::Entry, lines::Line, speaker::Speaker},
    names::{ContainerName, ImageReference, ShortName},
    output::{LogSettings, Mode, OutputSettings, Renderer},
    plan::spec::Role,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

/// Bytes that a renderer wrote.
#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Bytes {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no test panics while writing").clone()).expect("output is UTF-8")
    }
}

impl Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics while writing").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A reader that has gone.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(io::ErrorKind::BrokenPipe.into())
    }
}

/// A disk that is full.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn settings(mode: Mode, width: u16, color: bool) -> OutputSettings {
    OutputSettings {
        mode,
        stdout_color: color,
        stderr_color: color,
        stdout_tty: mode == Mode::Human,
        width: Some(width),
        verbose: false,
        animate: false,
    }
}

/// What comes out on stdout and stderr when events are shown.
fn show(settings: OutputSettings, events: &[Event]) -> (String, String) {
    let (out, err) = (Bytes::default(), Bytes::default());
    let mut renderer = Renderer::new(settings, Box::new(out.clone()), Box::new(err.clone()));
    renderer.log_settings(LogSettings { events: true, ..LogSettings::default() });
    for event in events {
        renderer.event(event);
    }
    drop(renderer);
    (out.text(), err.text())
}

/// Escapes made visible, so that a snapshot shows colours.
fn visible(text: &str) -> String {
    text.replace('\u{1b}', "␛")
}

/// A moment so many milliseconds after the beginning.
fn moment(milliseconds: i64) -> Timestamp {
    let beginning: Timestamp = "2026-11-24T10:00:00Z".parse().expect("a valid time");
    beginning + SignedDuration::from_millis(milliseconds)
}

fn at(milliseconds: i64, kind: EventKind) -> Event {
    Event { schema: SCHEMA, time: moment(milliseconds), kind }
}

fn name(name: &str) -> ShortName {
    ShortName::new(name)
}

const PANDA: &str = "docker.redpanda.com/redpandadata/redpanda:v25.3.9";

fn containers() -> Vec<ContainerLine> {
    [
        ("redpanda", Role::Broker, PANDA),
        ("postgres", Role::State, "postgres:17"),
        ("orders", Role::App, "shop-orders:1f"),
        ("orders-dapr", Role::Sidecar, "daprio/daprd:1.18.2"),
    ]
    .map(|(short, role, image)| ContainerLine { name: name(short), role, image: ImageReference::new(image) })
    .to_vec()
}

fn started(command: &'static str) -> EventKind {
    EventKind::Started { project: "shop".to_owned(), command, containers: containers() }
}

fn step(number: usize, action: &'static str, target: &str, short: Option<&str>) -> StepLine {
    StepLine { step: number, action, target: target.to_owned(), name: short.map(name), cause: "missing".to_owned() }
}

fn begin(action: &'static str, short: &str) -> EventKind {
    EventKind::StepStarted(step(1, action, &format!("shop-{short}-1"), Some(short)))
}

fn end(action: &'static str, short: &str, elapsed_ms: u64) -> EventKind {
    EventKind::StepDone { step: step(1, action, &format!("shop-{short}-1"), Some(short)), elapsed_ms }
}

fn pull(megabytes: u64, layers_done: usize) -> EventKind {
    let image = ImageReference::new(PANDA);
    EventKind::PullProgress {
        image,
        current: megabytes * 1_000_000 + 230_000,
        total: 120_000_000,
        layers_done,
        layers: 7,
    }
}

fn waiting(short: &str, reason: &str) -> EventKind {
    EventKind::Waiting { name: name(short), reason: reason.to_owned() }
}

fn ready(short: &str, role: Role, elapsed_ms: u64, detail: Option<&str>) -> EventKind {
    EventKind::ContainerReady { name: name(short), role, elapsed_ms, detail: detail.map(str::to_owned) }
}

fn all_ready(unchanged: bool, elapsed_ms: u64) -> EventKind {
    let address = |short: &str, role, what: &str, address: &str, note: Option<&str>| Address {
        name: name(short),
        role,
        what: what.to_owned(),
        address: address.to_owned(),
        note: note.map(str::to_owned),
    };
    let addresses = vec![
        address("redpanda", Role::Broker, "kafka", "127.0.0.1:19092", None),
        address("postgres", Role::State, "postgres", "127.0.0.1:54320", None),
        address(
            "orders-dapr",
            Role::Sidecar,
            "Dapr HTTP",
            "http://127.0.0.1:3501",
            Some("3500 is taken by dapr, pid 812"),
        ),
        address("orders-dapr", Role::Sidecar, "Dapr gRPC", "127.0.0.1:50001", None),
        address("orders", Role::App, "app", "http://127.0.0.1:8000", None),
    ];
    EventKind::Ready { elapsed_ms, unchanged, addresses }
}

/// A line as containers really say it.
fn log(short: &str, text: &str) -> EventKind {
    let container = ContainerName::new(format!("shop-{short}-1"));
    let speaker = Arc::new(Speaker { container, name: short.to_owned(), role: Role::App, app: None });
    let line = Line { time: moment(0), stream: Stream::Stdout, text: text.to_owned() };
    let utterances = vec![Utterance { speaker, saying: Saying::Entry(Entry::of(line)) }];
    EventKind::Said(Sayings { utterances, turn: None })
}

fn container_failed() -> EventKind {
    EventKind::ContainerFailed {
        name: name("orders"),
        role: Role::App,
        exit_code: Some(1),
        out_of_memory: false,
        cause: Some("ModuleNotFoundError: No module named 'httpx'".to_owned()),
        tail: vec![
            "Traceback (most recent call last):".to_owned(),
            "  File \"/app/main.py\", line 3, in <module>".to_owned(),
            "ModuleNotFoundError: No module named 'httpx'\u{1b}[2J".to_owned(),
        ],
    }
}

fn failed() -> EventKind {
    EventKind::Failed {
        code: "sandbox::ready::exited".to_owned(),
        message: "`orders` exited with code 1 before it was ready: ModuleNotFoundError: No module named 'httpx'"
            .to_owned(),
        help: Some("add httpx to requirements.txt, then `sandbox up`".to_owned()),
    }
}

/// An `up` from nothing, up to the moment when one container is ready.
fn half_way() -> Vec<Event> {
    vec![
        at(0, started("up")),
        at(10, EventKind::StepStarted(step(2, "pull", PANDA, None))),
        at(12, begin("build", "orders")),
        at(20, waiting("orders-dapr", "waiting for redpanda")),
        at(
            40,
            EventKind::BuildOutput {
                name: name("orders"),
                line: "Step 4/7 : RUN pip install -r requirements.txt".to_owned(),
            },
        ),
        at(100, begin("create", "postgres")),
        at(140, end("create", "postgres", 40)),
        at(150, begin("start", "postgres")),
        at(400, end("start", "postgres", 250)),
        at(450, waiting("postgres", "the database is starting up (57P03)")),
        at(1500, pull(45, 3)),
        at(2700, pull(45, 3)),
    ]
}
