//! A program that reads JSON lines.

use super::*;
use serde_json::Value;

fn lines(events: &[Event]) -> Vec<Value> {
    let (data, talk) = show(settings(Mode::Json, 80, true), events);
    assert_eq!(talk, "", "with --json everything is on stdout");
    data.lines().map(|line| serde_json::from_str(line).expect("each line is one object")).collect()
}

#[test]
fn each_event_is_one_object_with_schema_time_and_event() {
    let mut events = half_way();
    events.extend([
        at(3, ready("orders", Role::App, 62, None)),
        at(4, all_ready(false, 5)),
        at(5, log("orders", "a\u{1b}[2Jb")),
        at(6, container_failed()),
        at(7, failed()),
    ]);
    let lines = lines(&events);
    assert_eq!(lines.len(), events.len());
    for line in &lines {
        assert_eq!(line["schema"], 1);
        assert!(line["time"].as_str().is_some_and(|time| time.parse::<Timestamp>().is_ok()));
        assert!(line["event"].is_string());
    }
    let names: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(names[..3], ["started", "step-started", "step-started"]);
    assert_eq!(names[14..], ["log", "container-failed", "failed"]);
    assert_eq!(lines[14]["text"], "a\u{1b}[2Jb", "programs get what was written");
    assert_eq!(lines[15]["exit_code"], 1);
    let last = lines.last().expect("there are lines");
    assert_eq!((last["code"].as_str(), last["help"].is_string()), (Some("sandbox::ready::exited"), true));
}

#[test]
fn fields_of_a_step_are_flat() {
    let lines = lines(&[at(0, end("create", "orders", 12)), at(1, pull(45, 3))]);
    assert_eq!(
        (&lines[0]["action"], &lines[0]["name"], &lines[0]["elapsed_ms"]),
        (&"create".into(), &"orders".into(), &12.into())
    );
    assert_eq!((&lines[1]["layers_done"], &lines[1]["total"]), (&3.into(), &120_000_000.into()));
}
