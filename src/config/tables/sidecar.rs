//! `dapr = {…}` of an app. Pure.

use super::environment;
use crate::config::{
    error::Code,
    model::{API_TOKEN, APP_TOKEN, SidecarSettings},
    reader::Table,
    text::Text,
    value::Value,
};

const LOG_LEVELS: [(&str, &str); 5] =
    [("debug", "debug"), ("info", "info"), ("warn", "warn"), ("error", "error"), ("fatal", "fatal")];

/// The flags that sandbox sets itself, and what to do instead.
const OWN_FLAGS: [(&str, &str); 13] = [
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
    ("enable-mtls", "write `mtls = true` in `[dapr]`"),
    ("sentry-address", "write `mtls = true` in `[dapr]`"),
    ("control-plane-trust-domain", "write `mtls = true` in `[dapr]`"),
];

/// The table.
pub(super) fn read(mut table: Table<'_>) -> SidecarSettings {
    let tokens = [("api_token", API_TOKEN), ("app_token", APP_TOKEN)]
        .map(|(key, variable)| table.read(key, token).map(|token| (variable.to_owned(), token)));
    let mut settings = SidecarSettings {
        log_level: table.read("log_level", |value| value.filled()?.choose(&LOG_LEVELS)).map(str::to_owned),
        api_logging: table.read("api_logging", Value::boolean).unwrap_or_default(),
        environment: table.read("env", environment::variables).unwrap_or_default(),
        arguments: table.read("args", arguments).unwrap_or_default(),
    };
    table.finish();
    settings.environment.extend(tokens.into_iter().flatten());
    settings
}

/// What can be sent as a header.
fn token(value: &Value<'_>) -> Option<String> {
    let token = value.filled()?;
    if token.value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(token.value);
    }
    let message = format!("`{}` must be letters, digits and signs of ASCII, without blanks", value.path);
    token.report(Code::Malformed, message, "it is sent as a header with every call");
    None
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
