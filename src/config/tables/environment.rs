//! `env` and `env_file`. Pure: files are read through the surroundings. Never shows a line of an environment file.

use super::files;
use crate::config::{
    dotenv,
    error::{Code, Flaw},
    reader::{Key, Table, shortened},
    text::Text,
    value::{Kind, Value},
};
use std::{collections::BTreeMap, io};

/// `env_file` and `env` of a table: later files win over earlier ones, `env` over all of them.
pub(super) fn read(table: &mut Table<'_>) -> BTreeMap<String, String> {
    let files = table.read("env_file", Value::text_or_texts).unwrap_or_default();
    let mut environment = BTreeMap::new();
    for file in files.into_iter().filter_map(Text::filled) {
        environment.extend(from_file(&file).unwrap_or_default());
    }
    environment.extend(table.read("env", variables).unwrap_or_default());
    environment
}

/// A table of variables: texts, numbers or booleans.
pub(super) fn variables(value: &Value<'_>) -> Option<BTreeMap<String, String>> {
    let entries = value.table()?.into_entries();
    Some(entries.filter_map(|(key, value)| Some((name(key, &value)?, scalar(&value)?))).collect())
}

fn name(key: Key<'_>, value: &Value<'_>) -> Option<String> {
    let usable = !key.name.is_empty() && !key.name.contains(['=', '\0']);
    if !usable {
        let message = format!("`{}` cannot be the name of a variable", shortened(key.name));
        value.context.report(Flaw::new(Code::Malformed, message).at(key.span, "empty, or with `=` in it"));
    }
    usable.then(|| key.name.to_owned())
}

/// A text, a number or a switch, as text.
pub(super) fn scalar(value: &Value<'_>) -> Option<String> {
    match value.kind() {
        Kind::Text(text) => Some(text?.value),
        Kind::Integer(Some(integer)) => Some(integer.to_string()),
        Kind::Float(float) => Some(float.to_owned()),
        Kind::Boolean(boolean) => Some(boolean.to_string()),
        Kind::Integer(None) => value.wrong("text, or a smaller number"),
        Kind::Date | Kind::List(_) | Kind::Table(_) => value.wrong("text, a number, true or false"),
    }
}

fn from_file(text: &Text<'_>) -> Option<BTreeMap<String, String>> {
    let path = files::path(text)?;
    let content = (text.place.context.around.disk.read)(&path);
    let shown = text.shown();
    match content {
        Ok(content) => {
            let (variables, wrong_lines) = dotenv::parse(&content);
            for line in wrong_lines {
                let message = format!("line {line} of {shown} is not `NAME=value`");
                let flaw = text.flaw(Code::Malformed, message);
                text.place.context.report(flaw.help("a value with spaces or `#` in it is put in quotes"));
            }
            Some(variables.into_iter().map(|variable| (variable.name, variable.value)).collect())
        }
        Err(error) => {
            let message = match error.kind() {
                io::ErrorKind::NotFound => format!("the file {shown} does not exist"),
                kind => format!("the file {shown} cannot be read: {kind}"),
            };
            text.report(Code::MissingFile, message, "paths start at the folder of `sandbox.toml`");
            None
        }
    }
}
