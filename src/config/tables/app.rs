//! `[apps.ID]`. Pure.

use super::{environment, image, mounts, sidecar, words};
use crate::config::{
    error::{Code, Flaw},
    model::{AppProtocol, AppSettings},
    reader::{Key, Table},
    relations::{NodeKind, Relations},
    text::Text,
    value::Value,
};

/// More pairs of app and sidecar than a laptop carries.
const MOST_REPLICAS: i64 = 50;

/// The table of one app.
pub(super) fn read<'a>(key: Key<'a>, mut table: Table<'a>, relations: &mut Relations<'a>) -> AppSettings {
    let source = image::source(&mut table);
    let port = table.read("port", Value::port);
    let health = table.read("health", health);
    let replicas = table.read("replicas", |value| value.number(1..=MOST_REPLICAS)).unwrap_or(1);
    let depends_on = table.read("depends_on", Value::texts).unwrap_or_default();
    let settings = AppSettings {
        source,
        port,
        protocol: table
            .read("protocol", |value| value.filled()?.choose(&AppProtocol::ALL))
            .unwrap_or(AppProtocol::Http),
        health,
        replicas,
        host_port: table.read("host_port", |value| host_port(value, relations)),
        wait_for_sidecar: table.read("wait_for_sidecar", Value::boolean).unwrap_or_default(),
        command: table.read("command", words::command),
        environment: environment::read(&mut table),
        volumes: table.read("volumes", mounts::volumes).unwrap_or_default(),
        depends_on: depends_on.iter().map(|text| text.value.clone()).collect(),
        sidecar: table.read("dapr", Value::table).map(sidecar::read).unwrap_or_default(),
    };
    relations.node(key, NodeKind::App, depends_on, replicas);
    image::check_present(&table);
    check_port_given(&mut table);
    table.finish();
    settings
}

fn health(value: &Value<'_>) -> Option<String> {
    let path = value.filled()?;
    http_path(&path)
}

/// A path that can be asked for over HTTP.
pub(super) fn http_path(path: &Text<'_>) -> Option<String> {
    if path.value.starts_with('/') {
        return Some(path.value.clone());
    }
    let message = format!("`{}` must begin with `/`, and {} does not", path.place.path, path.shown());
    path.report(Code::Malformed, message, "it is a path of the app, not an address: `/healthz`");
    None
}

fn host_port<'a>(value: &Value<'a>, relations: &mut Relations<'a>) -> Option<u16> {
    let port = value.number(0..=65535)?;
    relations.claim(&value.path, value, port);
    Some(port)
}

/// What speaks to an app needs to know where it listens.
fn check_port_given(table: &mut Table<'_>) {
    if table.means("port") {
        return;
    }
    for key in ["health", "host_port", "protocol"] {
        if let Some(value) = table.get(key) {
            let flaw = Flaw::new(Code::Missing, format!("`{}` needs `port`", value.path));
            let flaw = flaw.at(value.key, "the app listens nowhere");
            table.context.report(flaw.help("say where the app listens: `port = 8000`"));
        }
    }
}
