//! A person at a terminal.

use super::*;
use insta::assert_snapshot;
use terminal::screen;

/// What a person sees on the terminal, stdout and stderr together, while the renderer still runs.
fn seen(settings: OutputSettings, events: &[Event]) -> String {
    let bytes = Bytes::default();
    let mut renderer = Renderer::new(settings, Box::new(bytes.clone()), Box::new(bytes.clone()));
    for event in events {
        renderer.event(event);
    }
    let text = bytes.text();
    screen(&text, usize::from(settings.width.expect("tests fix the width")))
}

fn whole_up() -> Vec<Event> {
    let mut events = half_way();
    events.extend([
        at(3000, ready("postgres", Role::State, 2850, None)),
        at(5100, ready("redpanda", Role::Broker, 2100, None)),
        at(5200, ready("orders", Role::App, 62, None)),
        at(6300, ready("orders-dapr", Role::Sidecar, 1049, Some("components pubsub, statestore"))),
        at(6301, all_ready(false, 6301)),
    ]);
    events
}

#[test]
fn the_block_shows_what_each_container_waits_for() {
    assert_snapshot!(seen(settings(Mode::Human, 80, false), &half_way()), @r#"
    ⠋ redpanda     pulling 45.2/120.0 MB, 3/7 layers
    ⠋ postgres     starting 2 s  the database is starting up (57P03)
    ⠋ orders       building 2 s  Step 4/7 : RUN pip install -r requirements.txt
    · orders-dapr  waiting for redpanda
    "#);
    assert_snapshot!(seen(settings(Mode::Human, 40, false), &half_way()), @r#"
    ⠋ redpanda     pulling 45.2/120.0 MB, …
    ⠋ postgres     starting 2 s  the datab…
    ⠋ orders       building 2 s  Step 4/7 …
    · orders-dapr  waiting for redpanda
    "#);
}

#[test]
fn a_log_line_passes_above_the_block() {
    let mut events = half_way();
    events.push(at(2800, log("postgres", "database system is ready to accept connections")));
    events.push(at(2900, ready("postgres", Role::State, 2750, None)));
    events.push(at(2910, begin("start", "orders")));
    assert_snapshot!(seen(settings(Mode::Human, 80, false), &events), @r#"
    postgres    | database system is ready to accept connections
    ⠋ redpanda     pulling 45.2/120.0 MB, 3/7 layers
    ✔ postgres     ready 2.7 s
    ⠋ orders       starting
    · orders-dapr  waiting for redpanda
    "#);
}

#[test]
fn an_echoed_interrupt_does_not_tear_the_block() {
    let bytes = Bytes::default();
    let mut renderer =
        Renderer::new(settings(Mode::Human, 80, false), Box::new(bytes.clone()), Box::new(bytes.clone()));
    for event in half_way() {
        renderer.event(&event);
    }
    bytes.clone().write_all(b"^C").expect("bytes take everything");
    renderer.event(&at(2800, EventKind::Interrupted { count: 1 }));
    assert_snapshot!(screen(&bytes.text(), 80), @r#"
    stopping in order; Ctrl-C again stops at once
    ⠋ redpanda     pulling 45.2/120.0 MB, 3/7 layers
    ⠋ postgres     starting 2 s  the database is starting up (57P03)
    ⠋ orders       building 2 s  Step 4/7 : RUN pip install -r requirements.txt
    · orders-dapr  waiting for redpanda
    "#);
}

#[test]
fn the_block_is_replaced_by_one_that_stays() {
    assert_snapshot!(seen(settings(Mode::Human, 80, false), &whole_up()), @r#"
    ✔ redpanda       2.1 s
    ✔ postgres       2.8 s
    ✔ orders         62 ms
    ✔ orders-dapr    1.0 s  components pubsub, statestore

    shop ready in 6.3 s

      orders       http://127.0.0.1:8000  app
      orders-dapr  http://127.0.0.1:3501  Dapr HTTP
                   (3500 is taken by dapr, pid 812)
                   127.0.0.1:50001        Dapr gRPC
      redpanda     127.0.0.1:19092        kafka
      postgres     127.0.0.1:54320
    "#);
    let wide = seen(settings(Mode::Human, 200, false), &whole_up());
    assert!(wide.contains("3501  Dapr HTTP  (3500 is taken by dapr, pid 812)\n"));
    assert_eq!(seen(settings(Mode::Human, 200, true), &whole_up()), wide, "colours change nothing else");
}

#[test]
fn colours_of_the_block_that_stays() {
    let (_, talk) = show(settings(Mode::Human, 200, true), &whole_up());
    let last = talk.rsplit("\u{1b}[J").next().expect("the live block was cleared");
    assert_snapshot!(visible(last), @r#"
    ␛[32m✔␛[0m redpanda       2.1 s
    ␛[32m✔␛[0m postgres       2.8 s
    ␛[32m✔␛[0m orders         62 ms
    ␛[32m✔␛[0m orders-dapr    1.0 s  ␛[2mcomponents pubsub, statestore␛[0m

    ␛[1mshop␛[0m ready in 6.3 s

      orders       ␛[36mhttp://127.0.0.1:8000␛[0m  app
      orders-dapr  ␛[36mhttp://127.0.0.1:3501␛[0m  Dapr HTTP  ␛[2m(3500 is taken by dapr, pid 812)␛[0m
                   ␛[36m127.0.0.1:50001␛[0m        Dapr gRPC
      redpanda     ␛[36m127.0.0.1:19092␛[0m        kafka
      postgres     ␛[36m127.0.0.1:54320␛[0m
    "#);
}

#[test]
fn nothing_to_change_prints_little() {
    let events = [at(0, started("up")), at(30, ready("redpanda", Role::Broker, 20, None)), at(62, all_ready(true, 62))];
    assert_snapshot!(seen(settings(Mode::Human, 80, false), &events), @r#"
    ✔ nothing to change, ready in 62 ms

      orders       http://127.0.0.1:8000  app
      orders-dapr  http://127.0.0.1:3501  Dapr HTTP
                   (3500 is taken by dapr, pid 812)
                   127.0.0.1:50001        Dapr gRPC
      redpanda     127.0.0.1:19092        kafka
      postgres     127.0.0.1:54320
    "#);
    let (_, talk) = show(settings(Mode::Human, 80, false), &events);
    assert!(!talk.contains("redpanda  ready"), "a quick command shows no block");
}

#[test]
fn down_is_short() {
    let mut events = vec![
        at(0, started("down")),
        at(10, begin("stop", "orders-dapr")),
        at(900, end("stop", "orders-dapr", 890)),
        at(910, begin("remove", "orders-dapr")),
        at(950, end("remove", "orders-dapr", 40)),
        at(960, begin("stop", "orders")),
        at(1100, EventKind::Interrupted { count: 1 }),
    ];
    assert_snapshot!(seen(settings(Mode::Human, 80, false), &events), @r#"
    stopping in order; Ctrl-C again stops at once
    · redpanda
    · postgres
    ⠋ orders       stopping
    ✔ orders-dapr  removed
    "#);
    events.push(at(
        1900,
        EventKind::Finished { elapsed_ms: 1900, summary: "removed 4 containers and the network".to_owned() },
    ));
    assert_snapshot!(seen(settings(Mode::Human, 80, false), &events), @r#"
    stopping in order; Ctrl-C again stops at once
    ✔ removed 4 containers and the network in 1.9 s
    "#);
}

#[test]
fn a_failure_ends_with_its_cause() {
    let mut events = half_way();
    events.push(at(3000, ready("postgres", Role::State, 2850, None)));
    events.push(at(3100, container_failed()));
    events.push(at(3200, failed()));
    assert_snapshot!(seen(settings(Mode::Human, 100, false), &events), @r#"
    · redpanda     pulling 45.2/120.0 MB, 3/7 layers
    ✔ postgres     ready 2.8 s
    ✘ orders       exited (1): ModuleNotFoundError: No module named 'httpx'
    · orders-dapr  waiting for redpanda

      orders | Traceback (most recent call last):
      orders |   File "/app/main.py", line 3, in <module>
      orders | ModuleNotFoundError: No module named 'httpx'

    error: `orders` exited with code 1 before it was ready: ModuleNotFoundError: No module named 'httpx'
      help: add httpx to requirements.txt, then `sandbox up`
    "#);
}

#[test]
fn after_ready_things_are_told_line_by_line() {
    let mut events = whole_up();
    let before = seen(settings(Mode::Human, 80, false), &events);
    events.extend([
        at(9000, log("orders", "INFO:     Uvicorn running on http://0.0.0.0:8000")),
        at(9001, log("orders-dapr", "dapr initialized")),
        at(
            9002,
            EventKind::Exited {
                name: name("orders"),
                role: Role::App,
                exit_code: 137,
                cause: Some("Killed".to_owned()),
                tail: Vec::new(),
            },
        ),
        at(9003, waiting("orders", "the app does not listen on port 8000 yet")),
        at(9004, ready("orders", Role::App, 1200, None)),
        at(
            9005,
            EventKind::Notice {
                code: "sandbox::x",
                message: "`postgres:17` is a stand-in".to_owned(),
                help: Some("pull it where a registry answers".to_owned()),
            },
        ),
    ]);
    let after = seen(settings(Mode::Human, 80, false), &events);
    assert_snapshot!(after.strip_prefix(&before).expect("what stays, stays").trim_start(), @r#"
    orders      | INFO:     Uvicorn running on http://0.0.0.0:8000
    orders-dapr | dapr initialized
    ✘ orders exited (137): Killed
    · orders is not ready: the app does not listen on port 8000 yet
    ✔ orders ready in 1.2 s
    warning: `postgres:17` is a stand-in
      help: pull it where a registry answers
    "#);
}

#[test]
fn what_containers_and_builds_say_cannot_leave_its_line() {
    let events = [
        at(0, started("up")),
        at(1, begin("start", "postgres")),
        at(2, waiting("postgres", "said\n\u{1b}[2J\u{1b}[31mred")),
        at(3, begin("build", "orders")),
        at(2000, EventKind::BuildOutput { name: name("orders"), line: "\t12 %\r\u{1b}[1A 13 %".to_owned() }),
    ];
    assert_snapshot!(seen(settings(Mode::Human, 80, false), &events), @r#"
    · redpanda     waiting
    ⠋ postgres     starting 1 s  said^Jred
    ⠋ orders       building 1 s  12 % 13 %
    · orders-dapr  waiting
    "#);
}

#[test]
fn a_container_that_ran_before_is_checked() {
    let check = EventKind::StepStarted(step(1, "await", "shop-postgres-1", Some("postgres")));
    let events = [
        at(0, started("up")),
        at(1, check),
        at(300, begin("start", "orders-dapr")),
        at(400, begin("await-callable", "orders-dapr")),
    ];
    assert_snapshot!(seen(settings(Mode::Human, 80, false), &events), @r#"
    · redpanda     waiting
    ⠋ postgres     checking
    · orders       waiting
    ⠋ orders-dapr  starting
    "#);
}
