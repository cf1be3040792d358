//! The text of a `sandbox.toml` → `Config`, or everything that is wrong with it. Pure.

use super::{
    error::{Code, ConfigError, Flaw, Problem},
    model::Config,
    reader::Context,
    surroundings::Surroundings,
    tables,
};
use miette::{NamedSource, SourceSpan};
use std::{collections::BTreeSet, sync::Arc};
use toml::de::DeTable;

/// Parses and checks a whole file.
pub(super) fn parse(text: &str, around: &Surroundings<'_>) -> Result<Config, ConfigError> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let context = Context::new(text, around);
    let config = tables::read(&context, &root);
    let mut flaws = merged(text, syntax_flaws(text, &errors), context.into_flaws());
    if flaws.is_empty() {
        return Ok(config);
    }
    flaws.sort_by_key(Flaw::start);
    let source = Arc::new(NamedSource::new(around.shown, text.to_owned()));
    let problems = flaws.into_iter().map(|flaw| Problem::new(flaw, Arc::clone(&source))).collect();
    Err(ConfigError::Invalid { file: around.file.to_owned(), problems })
}

/// The first syntax error of each line: the rest of a line follows from it.
fn syntax_flaws(text: &str, errors: &[toml::de::Error]) -> Vec<Flaw> {
    let mut errors: Vec<_> = errors.iter().map(|error| (error.span().unwrap_or(0..0), error.message())).collect();
    errors.sort_by_key(|(span, _)| span.start);
    let mut lines = BTreeSet::new();
    errors.retain(|(span, _)| lines.insert(line_of(text, span.start)));
    errors
        .into_iter()
        .map(|(span, message)| {
            let (message, label, help) = in_plain_words(message);
            let flaw = Flaw::new(Code::Syntax, message).at(span.into(), label);
            match help {
                Some(help) => flaw.help(help),
                None => flaw,
            }
        })
        .collect()
}

/// The parser's message, and for the commonest mistakes what to do about them.
fn in_plain_words(message: &str) -> (String, String, Option<&'static str>) {
    let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let help = match what {
        "string values must be quoted" => Some("text is written in quotes: `kind = \"redis\"`"),
        "duplicate key" => Some("a key or table can be there only once"),
        "key with no value" => Some("a line is `key = value`, a table begins with `[name]`"),
        _ => None,
    };
    let label = match help {
        None if !expected.is_empty() && expected != "nothing" => format!("expected {expected}"),
        _ => "here".to_owned(),
    };
    (what.to_owned(), label, help)
}

/// Beside syntax errors only what cannot follow from them: nothing about what is absent, nothing on their lines, and
/// nothing about what the parser made up to go on (it has no place).
fn merged(text: &str, syntax: Vec<Flaw>, mut others: Vec<Flaw>) -> Vec<Flaw> {
    let starts = syntax.iter().filter_map(Flaw::start);
    let broken: BTreeSet<usize> = starts.map(|start| line_of(text, start)).collect();
    if !broken.is_empty() {
        others.retain(|flaw| {
            let absence = matches!(flaw.code, Code::Missing | Code::UnknownName);
            let apart = |span: &SourceSpan| {
                let lines = line_of(text, span.offset())..=line_of(text, span.offset() + span.len());
                !span.is_empty() && broken.range(lines).next().is_none()
            };
            !absence && flaw.labels.iter().all(|(span, _)| apart(span))
        });
    }
    syntax.into_iter().chain(others).collect()
}

/// Counted from 0.
fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
