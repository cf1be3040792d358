//! Stands in for the engine's event stream: what happened since a time, then what happens. dockerd 20.10–29: `create`; `start`
//! for every start; `kill` before a `die` that somebody asked for; `stop` after it; `destroy`.

use super::{
    Daemon, Next,
    call::Call,
    container::Container,
    json_lines,
    world::{World, has_labels},
};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Writes down that something happened to a container.
pub(super) fn note(events: &mut Vec<Value>, container: &Container, action: &str) {
    let now = Timestamp::now();
    let mut attributes = container.body["Labels"].clone();
    if attributes.is_null() {
        attributes = json!({});
    }
    attributes["name"] = json!(container.name);
    attributes["image"] = container.body["Image"].clone();
    if action == "die" {
        attributes["exitCode"] = json!(container.exit_code().to_string());
    }
    events.push(json!({
        "Type": "container",
        "Action": action,
        "Actor": {"ID": container.id, "Attributes": attributes},
        "scope": "local",
        "time": now.as_second(),
        "timeNano": nanoseconds_of(now),
    }));
}

fn nanoseconds_of(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}

/// `1764000000` or `1764000000.000000001`.
fn nanoseconds(text: &str) -> Option<i64> {
    let (seconds, rest) = text.split_once('.').unwrap_or((text, "0"));
    Some(seconds.parse::<i64>().ok()? * 1_000_000_000 + rest.parse::<i64>().ok()?)
}

pub(super) fn stream(daemon: &Daemon, call: &Call) -> Response {
    let (labels, actions, types) = (call.filter("label"), call.filter("event"), call.filter("type"));
    let since = call.value("since").and_then(nanoseconds).unwrap_or_else(|| nanoseconds_of(Timestamp::now()));
    let has = |wanted: &[String], value: &Value| wanted.is_empty() || wanted.iter().any(|wanted| value == wanted);
    let is_wanted = move |event: &Value| {
        has(&types, &event["Type"])
            && has(&actions, &event["Action"])
            && has_labels(&event["Actor"]["Attributes"], &labels)
            && event["timeNano"].as_i64().is_some_and(|time| time >= since)
    };
    let next = move |world: &World, seen: &mut usize| {
        while let Some(event) = world.events.get(*seen) {
            *seen += 1;
            if is_wanted(event) {
                return Next::Item(event.clone());
            }
        }
        Next::Later
    };
    json_lines(daemon.follow(0, next))
}
