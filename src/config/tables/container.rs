//! `[containers.NAME]`. Pure.

use super::{app::http_path, environment, image, mounts, words};
use crate::config::{
    error::{Code, Flaw},
    model::{ExtraContainer, PublishedPort, ReadySetting},
    reader::{Key, Table},
    relations::{NodeKind, Relations},
    value::{Kind, Value},
};

const READY_HELP: &str = "write `\"exited\"`, `{ http = \"/\", port = 8025 }` or `{ log = \"text\" }`";

/// The table of one container.
pub(super) fn read<'a>(key: Key<'a>, mut table: Table<'a>, relations: &mut Relations<'a>) -> ExtraContainer {
    let source = image::source(&mut table);
    let ports = table.read("ports", |value| mounts::ports(value, relations));
    let depends_on = table.read("depends_on", Value::texts).unwrap_or_default();
    let ready = table.read("ready", |value| ready(value, ports.as_deref().unwrap_or_default()));
    let container = ExtraContainer {
        source,
        command: table.read("command", words::command),
        environment: environment::read(&mut table),
        ports: ports.unwrap_or_default(),
        volumes: table.read("volumes", mounts::volumes).unwrap_or_default(),
        depends_on: depends_on.iter().map(|text| text.value.clone()).collect(),
        ready: ready.unwrap_or(ReadySetting::Auto),
    };
    relations.node(key, NodeKind::Container, depends_on, 1);
    image::check_present(&table);
    table.finish();
    container
}

fn ready(value: &Value<'_>, ports: &[PublishedPort]) -> Option<ReadySetting> {
    match value.kind() {
        Kind::Text(text) => {
            let text = text?;
            let exited = text.value == "exited";
            if !exited {
                let message = format!("`{}` cannot be {}", value.path, text.shown());
                text.report(Code::UnknownValue, message, READY_HELP);
            }
            exited.then_some(ReadySetting::Exited)
        }
        Kind::Table(table) => probe(value, table, ports),
        _ => value.wrong("\"exited\" or a table"),
    }
}

fn probe(value: &Value<'_>, mut table: Table<'_>, ports: &[PublishedPort]) -> Option<ReadySetting> {
    let (http, port, log) = (table.get("http"), table.get("port"), table.get("log"));
    let shape = |why: &str| {
        let flaw = Flaw::new(Code::Malformed, format!("`{}` {why}", value.path)).at(value.span, "here");
        value.context.report(flaw.help(READY_HELP));
        None
    };
    let ready = match (http, log) {
        (Some(http), None) => {
            let path = http.filled().and_then(|path| http_path(&path));
            let port = probed_port(&http, port.as_ref(), ports);
            path.zip(port).map(|(path, port)| ReadySetting::Http { path, port })
        }
        (None, Some(_)) if port.is_some() => shape("has a `port`, which only `http` can use"),
        (None, Some(log)) => log.filled().map(|text| ReadySetting::Log(text.value)),
        (Some(_), Some(_)) => shape("has both `http` and `log`"),
        (None, None) if table.means("http") || table.means("log") => None,
        (None, None) => shape("says neither `http` nor `log`"),
    };
    table.finish();
    ready
}

/// The container's port that is asked: it has to be published, because it is asked from the host.
fn probed_port(http: &Value<'_>, port: Option<&Value<'_>>, ports: &[PublishedPort]) -> Option<u16> {
    let Some(value) = port else {
        let mut distinct: Vec<u16> = ports.iter().map(|port| port.container).collect();
        distinct.dedup();
        if let [only] = distinct[..] {
            return Some(only);
        }
        let message = format!("`{}` does not say which port", http.path);
        let flaw = Flaw::new(Code::Missing, message).at(http.span, "asked at which port?");
        http.context.report(flaw.help("add `port`, one of the container's `ports`"));
        return None;
    };
    let number = value.port()?;
    if ports.iter().any(|port| port.container == number) {
        return Some(number);
    }
    let flaw = value.flaw(Code::UnknownName, format!("`{}` is not among the container's `ports`", value.path));
    value.context.report(flaw.help("readiness is asked through a published port: add it to `ports`"));
    None
}
