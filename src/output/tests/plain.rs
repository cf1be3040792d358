//! A file, CI, a dumb terminal; and the quiet mode.

use super::*;
use insta::assert_snapshot;

fn up() -> Vec<Event> {
    let mut events = half_way();
    events.extend([
        at(2800, pull(70, 4)),
        at(2810, pull(99, 5)),
        at(4000, pull(119, 7)),
        at(4100, EventKind::StepDone { step: step(2, "pull", PANDA, None), elapsed_ms: 4090 }),
        at(4200, end("build", "orders", 4188)),
        at(4300, begin("start", "redpanda")),
        at(5000, ready("postgres", Role::State, 2850, None)),
        at(6400, ready("orders-dapr", Role::Sidecar, 1049, Some("components pubsub, statestore"))),
        at(6401, all_ready(false, 6401)),
        at(6500, log("orders", "\u{1b}[32mINFO\u{1b}[0m:  started\r")),
        at(6501, log("orders-dapr", "ready\u{1b}[2J\u{7}")),
        at(6502, EventKind::Interrupted { count: 1 }),
        at(6600, end("stop", "orders", 90)),
        at(7000, EventKind::Finished { elapsed_ms: 500, summary: "stopped 4 containers".to_owned() }),
    ]);
    events
}

#[test]
fn one_line_for_each_thing_that_matters() {
    let (data, talk) = show(settings(Mode::Plain, 80, false), &up());
    assert_snapshot!(talk, @r#"
    up shop: 4 containers
    docker.redpanda.com/redpandadata/redpanda:v25.3.9: pulling
    orders: building
    postgres: starting
    orders-dapr: waiting for redpanda
    postgres: waiting: the database is starting up (57P03)
    docker.redpanda.com/redpandadata/redpanda:v25.3.9: 37 %, 45.2/120.0 MB, 3/7 layers
    docker.redpanda.com/redpandadata/redpanda:v25.3.9: 58 %, 70.2/120.0 MB, 4/7 layers
    docker.redpanda.com/redpandadata/redpanda:v25.3.9: 99 %, 119.2/120.0 MB, 7/7 layers
    docker.redpanda.com/redpandadata/redpanda:v25.3.9: pulled in 4.0 s
    orders: built in 4.1 s
    redpanda: starting
    ✔ postgres: ready in 2.8 s
    ✔ orders-dapr: ready in 1.0 s, components pubsub, statestore
    ✔ shop: ready in 6.4 s
      orders       http://127.0.0.1:8000  app
      orders-dapr  http://127.0.0.1:3501  Dapr HTTP  (3500 is taken by dapr, pid 812)
                   127.0.0.1:50001        Dapr gRPC
      redpanda     127.0.0.1:19092        kafka
      postgres     127.0.0.1:54320
    stopping in order; Ctrl-C again stops at once
    orders: stopped
    ✔ stopped 4 containers in 500 ms
    "#);
    assert_snapshot!(data, @r#"
    orders      | INFO:  started
    orders-dapr | ready^G
    "#);
    assert!(!format!("{data}{talk}").contains(['\u{1b}', '\r']));
}

#[test]
fn colours_where_they_are_asked_for() {
    let (data, talk) = show(settings(Mode::Plain, 80, true), &[&up()[..1], &up()[12..]].concat());
    assert_snapshot!(visible(&talk), @r#"
    up shop: 4 containers
    docker.redpanda.com/redpandadata/redpanda:v25.3.9: 58 %, 70.2/120.0 MB, 4/7 layers
    docker.redpanda.com/redpandadata/redpanda:v25.3.9: 99 %, 119.2/120.0 MB, 7/7 layers
    docker.redpanda.com/redpandadata/redpanda:v25.3.9: pulled in 4.0 s
    orders: built in 4.1 s
    redpanda: starting
    ␛[32m✔␛[0m postgres: ready in 2.8 s
    ␛[32m✔␛[0m orders-dapr: ready in 1.0 s, components pubsub, statestore
    ␛[32m✔␛[0m shop: ready in 6.4 s
      orders       ␛[36mhttp://127.0.0.1:8000␛[0m  app
      orders-dapr  ␛[36mhttp://127.0.0.1:3501␛[0m  Dapr HTTP  ␛[2m(3500 is taken by dapr, pid 812)␛[0m
                   ␛[36m127.0.0.1:50001␛[0m        Dapr gRPC
      redpanda     ␛[36m127.0.0.1:19092␛[0m        kafka
      postgres     ␛[36m127.0.0.1:54320␛[0m
    stopping in order; Ctrl-C again stops at once
    orders: stopped
    ␛[32m✔␛[0m stopped 4 containers in 500 ms
    "#);
    assert_snapshot!(visible(&data), @r#"
    ␛[38;5;28morders      |␛[0m ␛[32mINFO␛[0m:  started␛[0m
    ␛[38;5;64morders-dapr |␛[0m ready^G
    "#);
}

#[test]
fn verbose_tells_steps_and_build_output() {
    let (_, talk) = show(OutputSettings { verbose: true, ..settings(Mode::Plain, 80, false) }, &half_way());
    assert_snapshot!(talk, @r#"
    up shop: 4 containers
      pull docker.redpanda.com/redpandadata/redpanda:v25.3.9: missing
      build shop-orders-1: missing
      orders | Step 4/7 : RUN pip install -r requirements.txt
      create shop-postgres-1: missing
      create shop-postgres-1: done in 40 ms
      start shop-postgres-1: missing
      start shop-postgres-1: done in 250 ms
    orders-dapr: waiting for redpanda
    postgres: waiting: the database is starting up (57P03)
    docker.redpanda.com/redpandadata/redpanda:v25.3.9: 37 %, 45.2/120.0 MB, 3/7 layers
    "#);
}

#[test]
fn a_reason_is_told_when_it_lasts_even_if_nothing_else_happens() {
    let bytes = Bytes::default();
    let mut renderer =
        Renderer::new(settings(Mode::Plain, 80, false), Box::new(Bytes::default()), Box::new(bytes.clone()));
    renderer.event(&at(0, waiting("orders", "the app does not listen on port 8000 yet")));
    renderer.tick(moment(999));
    assert_eq!(bytes.text(), "");
    renderer.tick(moment(1000));
    renderer.tick(moment(2000));
    assert_eq!(bytes.text(), "orders: waiting: the app does not listen on port 8000 yet\n");
}

#[test]
fn quiet_keeps_warnings_failures_and_data() {
    let mut events = up();
    events.push(at(8000, EventKind::Notice { code: "sandbox::x", message: "not watched".to_owned(), help: None }));
    events.push(at(8001, container_failed()));
    events.push(at(8002, failed()));
    let (data, talk) = show(settings(Mode::Quiet, 80, false), &events);
    assert_snapshot!(talk, @r#"
    warning: not watched

      orders | Traceback (most recent call last):
      orders |   File "/app/main.py", line 3, in <module>
      orders | ModuleNotFoundError: No module named 'httpx'

    error: `orders` exited with code 1 before it was ready: ModuleNotFoundError: No module named 'httpx'
      help: add httpx to requirements.txt, then `sandbox up`
    "#);
    assert_eq!(data.lines().count(), 2);
}

#[test]
fn a_failed_build_shows_all_it_printed() {
    let build = |line: &str| EventKind::BuildOutput { name: name("orders"), line: line.to_owned() };
    let build_failed = EventKind::ContainerFailed {
        name: name("orders"),
        role: Role::App,
        exit_code: None,
        out_of_memory: false,
        cause: None,
        tail: Vec::new(),
    };
    let events = [
        at(1, begin("build", "orders")),
        at(2, build("Step 1/7 : FROM python:3.13")),
        at(3, build("unable to resolve")),
        at(4, build_failed),
        at(5, failed()),
    ];
    let (_, talk) = show(settings(Mode::Plain, 80, false), &events);
    assert_snapshot!(talk, @r#"
    orders: building
    ✘ orders: not ready

      orders | Step 1/7 : FROM python:3.13
      orders | unable to resolve

    error: `orders` exited with code 1 before it was ready: ModuleNotFoundError: No module named 'httpx'
      help: add httpx to requirements.txt, then `sandbox up`
    "#);
}

#[test]
fn a_reader_that_has_gone_is_noticed_and_no_panic() {
    for mode in [Mode::Human, Mode::Plain, Mode::Json, Mode::Quiet] {
        let mut renderer = Renderer::new(settings(mode, 80, false), Box::new(Gone), Box::new(Gone));
        assert!(!renderer.is_closed());
        for event in up() {
            renderer.event(&event);
        }
        assert!(renderer.is_closed(), "{mode:?}");
        assert!(!renderer.has_failed(), "a closed pipe ends quietly");
        renderer.finish();
    }
}

#[test]
fn a_full_disk_is_told() {
    let talk = Bytes::default();
    let mut renderer = Renderer::new(settings(Mode::Plain, 80, false), Box::new(Full), Box::new(talk.clone()));
    renderer.event(&at(0, log("orders", "one")));
    renderer.event(&at(0, log("orders", "two")));
    renderer.flush();
    assert!(renderer.is_closed() && renderer.has_failed());
    assert_snapshot!(talk.text(), @"error: cannot write to standard output: no storage space");
}
