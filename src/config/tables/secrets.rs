//! `[secrets]`. Pure.

use super::files;
use crate::{
    config::{
        error::{Code, Flaw},
        model::{SecretFiles, SecretsSettings},
        reader::Table,
        relations::Relations,
        text::Text,
        value::Value,
    },
    pattern::FilePattern,
};

/// What a component without `auth.secretStore` takes its secrets from in a cluster.
const DEFAULT_STORE: &str = "kubernetes";

/// The table.
pub(super) fn read<'a>(mut table: Table<'a>, relations: &mut Relations<'a>) -> SecretsSettings {
    let component = table.read("component", |value| {
        let text = value.filled()?;
        let name = text.value.clone();
        relations.components.push(text);
        Some(name)
    });
    let files = table.read("files", Value::text_or_texts);
    if files.as_ref().is_none_or(Vec::is_empty) && (files.is_some() || !table.means("files")) {
        let flaw = Flaw::new(Code::Missing, "`[secrets]` names no files: `secrets.files` is missing");
        let help = "write for example `files = [\"secrets/*.yaml\", \".env\"]`";
        table.context.report(flaw.at(table.place, "no `files` in it").help(help));
    }
    let files = files.unwrap_or_default().into_iter().filter_map(|text| pattern(&text.filled()?));
    let settings = SecretsSettings {
        component: component.unwrap_or_else(|| DEFAULT_STORE.to_owned()),
        files: files.collect(),
        namespace: table.read("namespace", Value::filled).map(|text| text.value),
    };
    table.finish();
    settings
}

fn pattern(text: &Text<'_>) -> Option<SecretFiles> {
    let context = text.place.context;
    match FilePattern::parse(&files::path(text)?, context.around.directory()) {
        Ok(pattern) => {
            Some(SecretFiles { pattern, written: text.written.to_owned(), line: context.line(text.place.span) })
        }
        Err(reason) => {
            let message = format!("{} is no pattern of files: {reason}", text.shown());
            text.report(Code::Malformed, message, "write for example `secrets/*.yaml` or `.env`");
            None
        }
    }
}
