//! `[broker]` and `[state]`. Pure.

use super::environment;
use crate::config::{
    error::Code, model::BackendSettings, reader::Table, relations::Relations, size, text::Text, value::Value,
};

/// How the two tables differ.
pub(super) struct Backend {
    kind: &'static str,
    component: &'static str,
    versioned: bool,
}

/// `[broker]`.
pub(super) const BROKER: Backend = Backend { kind: "redpanda", component: "pubsub", versioned: false };
/// `[state]`.
pub(super) const STATE: Backend = Backend { kind: "postgres", component: "statestore", versioned: true };

/// The table; `kinds` are the words that its `kind` can be.
pub(super) fn read<'a>(
    mut table: Table<'a>,
    backend: &Backend,
    kinds: &[String],
    relations: &mut Relations<'a>,
) -> BackendSettings {
    let words: Vec<(&str, &str)> = kinds.iter().map(|kind| (kind.as_str(), kind.as_str())).collect();
    let kind = table.read("kind", |value| value.filled()?.choose(&words));
    let components = table.read("component", |value| components(value, relations));
    let settings = BackendSettings {
        kind: kind.unwrap_or(backend.kind).to_owned(),
        components: components.unwrap_or_else(|| vec![backend.component.to_owned()]),
        version: if backend.versioned { table.read("version", Value::filled).map(|text| text.value) } else { None },
        image: table.read("image", Value::filled).map(|text| text.value),
        port: table.read("port", |value| {
            let port = value.port()?;
            relations.claim(&value.path, value, port);
            Some(port)
        }),
        memory: table.read("memory", size::memory),
        environment: table.read("env", environment::variables).unwrap_or_default(),
    };
    table.finish();
    settings
}

/// `component = "pubsub"` or a list of them.
fn components<'a>(value: &Value<'a>, relations: &mut Relations<'a>) -> Option<Vec<String>> {
    let texts: Vec<Text<'a>> = value.text_or_texts()?.into_iter().filter_map(Text::filled).collect();
    if texts.is_empty() {
        let flaw = value.flaw(Code::Malformed, format!("`{}` names no component", value.path));
        value.context.report(flaw.help("leave it out for the default name"));
        return None;
    }
    let names = texts.iter().map(|text| text.value.clone()).collect();
    relations.components.extend(texts);
    Some(names)
}
