//! `env` and `env_file`. Pure: files are read through the surroundings. Never shows a line of an environment file.

use super::files;
use crate::config::{
    error::{Code, Flaw},
    reader::{Key, Table, shortened},
    text::Text,
    value::{Kind, Value},
};
use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{self, Read},
};

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

fn scalar(value: &Value<'_>) -> Option<String> {
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
            let (variables, wrong_lines) = parse(&content);
            for line in wrong_lines {
                let message = format!("line {line} of {shown} is not `NAME=value`");
                let flaw = text.flaw(Code::Malformed, message);
                text.place.context.report(flaw.help("a value with spaces or `#` in it is put in quotes"));
            }
            Some(variables)
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

/// The variables of an environment file, and the numbers of the lines that are wrong.
pub(super) fn parse(content: &str) -> (BTreeMap<String, String>, Vec<usize>) {
    let begun = Cell::new(0);
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let lines = LineByLine { rest: content.as_bytes(), at_start: true, begun: &begun };
    let (mut variables, mut wrong) = (BTreeMap::new(), Vec::new());
    for item in dotenvy::Iter::new(lines) {
        match item {
            Ok((name, value)) => {
                variables.insert(name, value);
            }
            // Only the number goes on: the line may hold a secret.
            Err(dotenvy::Error::LineParse(text, _)) => wrong.push(begun.get() + 1 - text.lines().count().max(1)),
            Err(_) => wrong.push(begun.get()),
        }
    }
    (variables, wrong)
}

/// Hands out a text one line at a time and counts them, because dotenvy does not say where an error is.
struct LineByLine<'a> {
    rest: &'a [u8],
    at_start: bool,
    begun: &'a Cell<usize>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |end| end + 1);
        let length = line.min(buffer.len());
        if length > 0 && self.at_start {
            self.begun.set(self.begun.get() + 1);
        }
        let (now, later) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.at_start = now.ends_with(b"\n");
        self.rest = later;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_its_variables_and_the_numbers_of_its_wrong_lines() {
        let content =
            "\u{feff}# shop\nA=1\nexport B='two words' # why\n\nbad line\nC=\"x\ny\"\nD=two words\nE=last\nF='open\n\n";
        let (variables, wrong) = parse(content);
        let of = |name: &str| variables.get(name).map(String::as_str);
        assert_eq!((of("A"), of("B"), of("C"), of("E")), (Some("1"), Some("two words"), Some("x\ny"), Some("last")));
        assert_eq!(wrong, [5, 8, 10]);
        assert_eq!(parse("A=1\nnonsense").1, [2]);
        assert_eq!(parse(""), (BTreeMap::new(), vec![]));
        assert_eq!(parse(&format!("A={}\n?\n", "x".repeat(20_000))).1, [2]);
    }
}
