//! Log lines: what a person sees of each kind, with and without colour, at 80 and 200 columns; and `logs --json`.

use super::*;
use crate::{
    event::{Saying, Sayings, Utterance},
    logs::{
        group::Entry,
        lines::{Line, LineAssembler},
        speaker::Speaker,
    },
    names::AppId,
    output::LogSettings,
};
use insta::assert_snapshot;
use jiff::tz::TimeZone;
use std::sync::Arc;

fn speaker(name: &str, role: Role) -> Speaker {
    let app = matches!(role, Role::App | Role::Sidecar).then(|| AppId::new(name.trim_end_matches("-dapr")));
    Speaker { container: ContainerName::new(format!("shop-{name}-1")), name: name.to_owned(), role, app }
}

fn entry(text: &str) -> Entry {
    let line = |text: &str| Line { time: moment(1), stream: Stream::Stdout, text: text.to_owned() };
    let mut lines = text.split('|').map(line);
    let first = Entry::of(lines.next().expect("split gives one"));
    Entry { rest: lines.collect(), ..first }
}

/// A line of each kind.
fn samples() -> Vec<(Speaker, Entry)> {
    [
        ("reminders", Role::App, "INFO:     127.0.0.1:40000 - \"GET /healthz HTTP/1.1\" 200 OK"),
        ("reminders", Role::App, "ERROR    it broke|Traceback (most recent call last):|  File \"main.py\", line 3|ValueError: no"),
        ("reminders", Role::App, ""),
        ("reminders", Role::App, "\u{1b}[32mgreen\u{1b}[0m \u{1b}[2J\u{7}bell"),
        ("reminders", Role::App, r#"{"level":"error","msg":"could not order","order":17,"exc_info":"Traceback:\n  File x\nValueError: no"}"#),
        ("reminders-with-a-long-name-dapr", Role::Sidecar, r#"time="2026-11-24T12:36:34.883980323Z" level=warning msg="Component a references \"x\"" app_id=orders component="nr (mdns/v1)" instance=80e9869935f8 scope=dapr.contrib type=log ver=1.18.2"#),
        ("reminders-with-a-long-name-dapr", Role::Sidecar, r#"time="2026-11-24T12:37:02.9Z" level=info msg="HTTP API Called" app_id=orders code=404 duration=3 instance=80e9869935f8 method="POST /v1.0/publish/pubsub/orders" scope=dapr.runtime.http-info size=206 type=log useragent=curl/7.88.1 ver=1.18.2"#),
        ("reminders-with-a-long-name-dapr", Role::Sidecar, r#"time="2026-11-24T12:37:02.9Z" level=fatal msg="Fatal error from runtime: no\nsuch host" app_id=orders"#),
        ("reminders-with-a-long-name-dapr", Role::Sidecar, "unknown flag: --nope"),
        ("redpanda", Role::Broker, "WARN  2026-11-24 12:36:36,369 [shard 0:main] seastar - stalled"),
        ("redpanda", Role::Broker, "[2026-11-24 12:36:34,201] DEBUG Registered (kafka.X)"),
        ("postgres", Role::State, "2026-11-24 12:36:51.608 UTC [51] ERROR:  division by zero|2026-11-24 12:36:51.608 UTC [51] STATEMENT:  select 1/0;"),
        ("scheduler", Role::Scheduler, r#"{"instance":"c1","level":"info","msg":"Log level set to: info","scope":"dapr.scheduler","time":"x","type":"log","ver":"1.18.2"}"#),
        ("reminders-with-a-long-name-dapr", Role::Sidecar, r#"{"app_id":"orders","instance":"80e9869935f8","level":"error","msg":"Failed to init component pubsub (pubsub.kafka/v1): no such host","scope":"dapr.runtime.processor","time":"2026-11-24T12:36:34.883980323Z","type":"log","ver":"1.18.2"}"#),
        ("reminders", Role::App, "2026-11-24 13:59:08,398 WARNING orders.api: slow call"),
        ("reminders", Role::App, LONG),
        ("rabbitmq", Role::Broker, "2026-11-24 12:36:34.883980+00:00 [info] <0.9.0> Server startup complete; 4 plugins started."),
        ("rabbitmq", Role::Broker, "2026-11-24 12:36:34.883980+00:00 [error] <0.731.0> closing AMQP connection|2026-11-24 12:36:34.883980+00:00 [error] <0.731.0> {handshake_timeout,header}"),
        ("redis", Role::State, "1:M 24 Nov 2026 12:36:34.123 * Ready to accept connections tcp"),
        ("redis", Role::State, "1:M 24 Nov 2026 12:36:34.120 # WARNING Memory overcommit must be enabled!"),
        ("postgres", Role::State, "2026-11-24 12:36:51.608 UTC [1] LOG:  database system is ready to accept connections"),
    ]
    .map(|(name, role, text)| (speaker(name, role), entry(text)))
    .into_iter()
    .chain(as_written().map(|entry| (speaker("reminders", Role::App), entry)))
    .collect()
}

/// Longer than any terminal is wide.
const LONG: &str = "INFO: a very long line: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx the end";

/// A progress bar, what is no UTF-8, and a last line without an end: as the engine gives it.
fn as_written() -> impl Iterator<Item = Entry> {
    let mut assembler = LineAssembler::of_engine();
    let mut lines = Vec::new();
    for text in [&b"pulling 0%\rpulling 50%\rpulling 100%\r\n"[..], b"caf\xc3\xa9 \xff\n", b"no end"] {
        let piece = [format!("{:.9} ", moment(2)).as_bytes(), text].concat();
        lines.extend(assembler.push(Stream::Stdout, &piece));
    }
    lines.extend(assembler.finish());
    lines.into_iter().map(Entry::of)
}

fn shown(mode: Mode, color: bool, width: Option<u16>, settings: LogSettings) -> String {
    let (out, err) = (Bytes::default(), Bytes::default());
    let output = OutputSettings {
        mode,
        stdout_color: color,
        stderr_color: color,
        stdout_tty: width.is_some(),
        width,
        verbose: false,
        animate: false,
    };
    let mut renderer = Renderer::new(output, Box::new(out.clone()), Box::new(err.clone()));
    renderer.log_settings(settings);
    let samples = samples();
    renderer.expect_names(samples.iter().map(|(speaker, _)| speaker.name.as_str()));
    for (speaker, entry) in &samples {
        renderer.entry(speaker, entry);
    }
    renderer.dropped(&samples[0].0, 1234);
    if mode != Mode::Json {
        renderer.folded(&samples[9].0, 214);
    }
    renderer.finish();
    assert_eq!(err.text(), "");
    out.text().replace('\u{1b}', "ESC")
}

#[test]
fn lines_at_80_columns() {
    assert_snapshot!(shown(Mode::Plain, false, Some(80), LogSettings::default()));
}

#[test]
fn lines_at_200_columns() {
    assert_snapshot!(shown(Mode::Plain, false, Some(200), LogSettings::default()));
}

#[test]
fn lines_at_80_columns_in_colour() {
    assert_snapshot!(shown(Mode::Plain, true, Some(80), LogSettings::default()));
}

#[test]
fn lines_at_200_columns_in_colour() {
    assert_snapshot!(shown(Mode::Plain, true, Some(200), LogSettings::default()));
}

#[test]
fn lines_in_a_file_with_times() {
    let settings = LogSettings { timestamps: Some(TimeZone::UTC), ..LogSettings::default() };
    assert_snapshot!(shown(Mode::Plain, false, None, settings));
}

#[test]
fn lines_without_names() {
    let settings = LogSettings { no_prefix: true, ..LogSettings::default() };
    assert_snapshot!(shown(Mode::Quiet, false, None, settings));
}

#[test]
fn raw_lines_are_as_they_were_written() {
    let settings = LogSettings { raw: true, ..LogSettings::default() };
    assert_snapshot!(shown(Mode::Plain, true, Some(80), settings));
}

/// What happens to containers, in its place among their lines, and what stands for lines that are not there.
#[test]
fn what_happens_stands_among_the_lines() {
    let mut told = String::new();
    for (color, width) in [(false, 80), (false, 200), (true, 80), (true, 200)] {
        let both = Bytes::default();
        let output = OutputSettings {
            mode: Mode::Plain,
            stdout_color: color,
            stderr_color: color,
            stdout_tty: true,
            width: Some(width),
            verbose: false,
            animate: false,
        };
        let mut renderer = Renderer::new(output, Box::new(both.clone()), Box::new(both.clone()));
        let (web, dapr) = (speaker("web", Role::App), speaker("web-dapr", Role::Sidecar));
        let mut tell = |kind| renderer.event(&Event { schema: SCHEMA, time: moment(1), kind });
        let said = |speaker: &Speaker, saying| {
            let utterances = vec![Utterance { speaker: Arc::new(speaker.clone()), saying }];
            EventKind::Said(Sayings { utterances, turn: None })
        };
        let exited = |name: &str, exit_code, role, cause: Option<&str>, tail: &[&str]| EventKind::Exited {
            name: ShortName::new(name),
            exit_code,
            role,
            cause: cause.map(ToOwned::to_owned),
            tail: tail.iter().map(|line| (*line).to_owned()).collect(),
        };
        let restarted = |name: &str, replaced| EventKind::Restarted { name: ShortName::new(name), replaced };
        tell(said(&web, Saying::Cut));
        tell(said(&web, Saying::Entry(entry("INFO: before"))));
        tell(exited("web", 3, Role::App, Some("ValueError: no list"), &[]));
        tell(restarted("web", false));
        tell(said(&web, Saying::Entry(entry("INFO: after"))));
        tell(exited("web", 0, Role::App, None, &[]));
        tell(restarted("web", true));
        tell(said(&dapr, Saying::Folded(58)));
        tell(said(&dapr, Saying::Dropped(1)));
        let tail = ["time=\"x\" level=info msg=\"Loading components…\"", "time=\"x\" level=fatal msg=\"no such host\""];
        tell(exited("web-dapr", 1, Role::Sidecar, Some("no such host"), &tail));
        renderer.finish();
        told.push_str(&format!("── {width} columns{}\n", if color { ", colour" } else { "" }));
        told.push_str(&both.text().replace('\u{1b}', "ESC"));
    }
    assert_snapshot!(told);
}

#[test]
fn who_was_told_to_end_has_not_failed() {
    let both = Bytes::default();
    let output = OutputSettings {
        mode: Mode::Plain,
        stdout_color: false,
        stderr_color: false,
        stdout_tty: false,
        width: None,
        verbose: false,
        animate: false,
    };
    let mut renderer = Renderer::new(output, Box::new(both.clone()), Box::new(both.clone()));
    for exit_code in [143, 137] {
        let (name, role) = (ShortName::new("kafka"), Role::Broker);
        let kind = EventKind::Exited { name, exit_code, role, cause: None, tail: Vec::new() };
        renderer.event(&Event { schema: SCHEMA, time: moment(1), kind });
    }
    renderer.finish();
    assert_eq!(both.text(), "· kafka exited (143)\n✘ kafka exited (137)\n");
}

#[test]
fn lines_for_a_program() {
    let told = shown(Mode::Json, false, None, LogSettings::default());
    for line in told.lines() {
        let _: serde_json::Value = serde_json::from_str(line).expect("JSON");
    }
    assert_snapshot!(told);
}

#[test]
fn lines_and_events_keep_their_order() {
    let (out, err) = (Bytes::default(), Bytes::default());
    let output = OutputSettings {
        mode: Mode::Plain,
        stdout_color: false,
        stderr_color: false,
        stdout_tty: false,
        width: None,
        verbose: false,
        animate: false,
    };
    let mut renderer = Renderer::new(output, Box::new(out.clone()), Box::new(err));
    renderer.entry(&speaker("a", Role::App), &entry("one"));
    assert_eq!(out.text(), "", "many lines are written at once");
    renderer.data("two");
    renderer.entry(&speaker("a", Role::App), &entry(&"x".repeat(70_000)));
    renderer.entry(&speaker("a", Role::App), &entry("four"));
    renderer.flush();
    let told = out.text();
    let lines: Vec<&str> = told.lines().map(|line| &line[..line.len().min(8)]).collect();
    assert_eq!(lines, ["a | one", "two", "a | xxxx", "a | four"]);
}
