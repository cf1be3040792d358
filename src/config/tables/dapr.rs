//! `[dapr]`. Pure.

use super::files;
use crate::config::{
    error::Code,
    model::{DEFAULT_DAPR_VERSION, DaprSettings, Switch},
    reader::Table,
    surroundings::DiskEntry,
    text::Text,
    value::{Kind, Value},
};

/// The table, or its defaults when the file has none.
pub(super) fn read(table: Option<Table<'_>>) -> DaprSettings {
    let mut settings = DaprSettings {
        version: DEFAULT_DAPR_VERSION.to_owned(),
        mtls: false,
        scheduler: Switch::Auto,
        placement: Switch::Auto,
        config: None,
        image: None,
    };
    let Some(mut table) = table else {
        return settings;
    };
    if let Some(version) = table.read("version", |value| version(&value.filled()?)) {
        settings.version = version;
    }
    settings.scheduler = table.read("scheduler", switch).unwrap_or(Switch::Auto);
    settings.placement = table.read("placement", switch).unwrap_or(Switch::Auto);
    settings.config = table.read("config", |value| files::existing(&value.filled()?, DiskEntry::File));
    settings.image = table.read("image", Value::filled).map(|image| image.value);
    settings.mtls = table.read("mtls", Value::boolean).unwrap_or_default();
    table.finish();
    settings
}

fn switch(value: &Value<'_>) -> Option<Switch> {
    let on = |on: bool| if on { Switch::On } else { Switch::Off };
    match value.kind() {
        Kind::Boolean(boolean) => Some(on(boolean)),
        Kind::Text(text) => {
            let text = text?;
            match text.value.as_str() {
                "auto" => Some(Switch::Auto),
                _ if value.is_literal() => value.wrong("\"auto\", true or false"),
                _ => value.boolean().map(on),
            }
        }
        _ => value.wrong("\"auto\", true or false"),
    }
}

/// A full version of Dapr; whether it is one that can be started, the checks say.
fn version(text: &Text<'_>) -> Option<String> {
    let shown = text.shown();
    if numbers(&text.value).is_none() {
        let message = format!("`dapr.version` must be a full version, not {shown}");
        text.report(Code::Malformed, message, format!("write all three numbers: `{}`", full_form(&text.value)));
        return None;
    }
    Some(text.value.clone())
}

fn numbers(version: &str) -> Option<[u32; 3]> {
    let number = |part: &str| {
        let digits = part.chars().all(|character| character.is_ascii_digit());
        (digits && (part == "0" || !part.starts_with('0'))).then(|| part.parse().ok()).flatten()
    };
    let parts: Option<Vec<u32>> = version.split('.').map(number).collect();
    parts?.try_into().ok()
}

/// The version a person meant by `1.16` or `v1.16.3`; never anything else that the environment may hold.
fn full_form(version: &str) -> String {
    let bare = version.trim_start_matches('v');
    if numbers(bare).is_some() {
        return bare.to_owned();
    }
    match numbers(&format!("{bare}.0")) {
        Some([major, minor, _]) if !DEFAULT_DAPR_VERSION.starts_with(&format!("{major}.{minor}.")) => {
            format!("{major}.{minor}.0")
        }
        _ => DEFAULT_DAPR_VERSION.to_owned(),
    }
}
