//! `[components]`. Pure.

use super::{files, words};
use crate::config::{
    model::ComponentsSettings,
    reader::{Context, Table},
    surroundings::DiskEntry,
};

const DEFAULT_FOLDER: &str = "components";

/// The table, or its defaults when the file has none.
pub(super) fn read(context: &Context<'_>, table: Option<Table<'_>>) -> ComponentsSettings {
    let mut settings =
        ComponentsSettings { path: context.around.directory().join(DEFAULT_FOLDER), explicit: false, skip: Vec::new() };
    let Some(mut table) = table else {
        return settings;
    };
    if let Some(path) = table.read("path", |value| files::existing(&value.filled()?, DiskEntry::Folder)) {
        settings.path = path;
        settings.explicit = true;
    }
    settings.skip = table.read("skip", words::filled_list).unwrap_or_default();
    table.refuse("override");
    table.finish();
    settings
}
