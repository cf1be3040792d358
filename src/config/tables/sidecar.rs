//! `dapr = {…}` of an app. Pure.

use super::environment;
use crate::config::{error::Code, model::SidecarSettings, reader::Table, text::Text, value::Value};

const LOG_LEVELS: [(&str, &str); 5] =
    [("debug", "debug"), ("info", "info"), ("warn", "warn"), ("error", "error"), ("fatal", "fatal")];

/// The flags that sandbox sets itself, and what to do instead.
const OWN_FLAGS: [(&str, &str); 10] = [
    ("app-id", "the app's id is the name of its table"),
    ("app-port", "write `port` in the app's table"),
    ("app-channel-address", "app and sidecar are two containers, and sandbox connects them"),
    ("dapr-http-port", "sandbox publishes the sidecar's port and prints it"),
    ("dapr-grpc-port", "sandbox publishes the sidecar's port and prints it"),
    ("dapr-internal-grpc-port", "sidecars find each other at the port that sandbox gives them"),
    ("resources-path", "write `path` in `[components]`"),
    ("config", "write `config` in `[dapr]`"),
    ("scheduler-host-address", "write `scheduler` in `[dapr]`"),
    ("placement-host-address", "write `placement` in `[dapr]`"),
];

/// The table.
pub(super) fn read(mut table: Table<'_>) -> SidecarSettings {
    let settings = SidecarSettings {
        log_level: table.read("log_level", |value| value.filled()?.choose(&LOG_LEVELS)).map(str::to_owned),
        api_logging: table.read("api_logging", Value::boolean).unwrap_or_default(),
        environment: table.read("env", environment::variables).unwrap_or_default(),
        arguments: table.read("args", arguments).unwrap_or_default(),
    };
    table.finish();
    settings
}

fn arguments(value: &Value<'_>) -> Option<Vec<String>> {
    let texts = value.texts()?;
    texts.iter().for_each(refuse_own_flag);
    Some(texts.into_iter().map(|text| text.value).collect())
}

fn refuse_own_flag(text: &Text<'_>) {
    let bare = text.value.trim_start_matches('-');
    let flag = bare.split(['=', ' ']).next().unwrap_or(bare);
    let own = OWN_FLAGS.iter().find(|(name, _)| bare.len() < text.value.len() && *name == flag);
    if let Some((name, instead)) = own {
        text.report(Code::Conflict, format!("`--{name}` is set by sandbox itself"), *instead);
    }
}
