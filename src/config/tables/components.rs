//! `[components]`. Pure.

use super::{environment, files, words};
use crate::config::{
    error::{Code, Flaw},
    model::{ComponentOverride, ComponentsSettings},
    reader::{Context, Table},
    surroundings::DiskEntry,
    value::Value,
};
use indexmap::IndexMap;

const DEFAULT_FOLDER: &str = "components";

/// The table, or its defaults when the file has none.
pub(super) fn read(context: &Context<'_>, table: Option<Table<'_>>) -> ComponentsSettings {
    let mut settings = ComponentsSettings {
        path: context.around.directory().join(DEFAULT_FOLDER),
        explicit: false,
        skip: Vec::new(),
        overrides: IndexMap::new(),
    };
    let Some(mut table) = table else {
        return settings;
    };
    if let Some(path) = table.read("path", |value| files::existing(&value.filled()?, DiskEntry::Folder)) {
        settings.path = path;
        settings.explicit = true;
    }
    settings.skip = table.read("skip", words::filled_list).unwrap_or_default();
    settings.overrides = table.read("override", overrides).unwrap_or_default();
    table.finish();
    settings
}

/// A table a component, of texts, numbers and switches.
fn overrides(value: &Value<'_>) -> Option<IndexMap<String, ComponentOverride>> {
    let mut overrides = IndexMap::new();
    for (key, value) in value.table()?.into_entries() {
        let Some(table) = value.table() else { continue };
        let entries = table.into_entries();
        let metadata = entries.filter_map(|(key, value)| {
            if key.name.is_empty() {
                let flaw = Flaw::new(Code::Malformed, "a metadata without a name");
                value.context.report(flaw.at(key.span, "empty"));
            }
            Some((key.name.to_owned(), environment::scalar(&value)?))
        });
        let metadata = metadata.collect();
        let line = value.context.line(key.span);
        overrides.insert(key.name.to_owned(), ComponentOverride { line, metadata });
    }
    Some(overrides)
}
