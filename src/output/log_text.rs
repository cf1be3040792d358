//! The text of a log line as a person sees it: shortened, harmless, its level in colour. Pure.

use super::{sanitize::sanitize, style::Paint};
use crate::{
    logs::{
        level::Level,
        shorten::{Short, may_shorten, shorten},
    },
    plan::spec::Role,
};
use std::borrow::Cow;

/// The width of a level's word.
const LEVEL: usize = 5;
const ESCAPE: char = '\u{1b}';

/// Writes a line; gives what must follow on lines of its own: the rest of a message or of a stack trace within JSON.
pub(super) fn write(role: Role, text: &str, paint: Paint, out: &mut String) -> Vec<String> {
    if !paint.enabled && !may_shorten(role, text) {
        out.push_str(&sanitize(text, false));
        return Vec::new();
    }
    match shorten(role, text) {
        Short::Text { text, level, level_word } => {
            as_written(&text, level, level_word, paint, out);
            Vec::new()
        }
        Short::Parts { level, message, fields } => parts(level, &message, &fields, paint, out),
    }
}

/// A line as it was written, the word that says its level in colour. A line that has colours keeps its own.
fn as_written(text: &str, level: Option<Level>, word: Option<&str>, paint: Paint, out: &mut String) {
    let clean = sanitize(text, paint.enabled);
    let place = level.zip(word).filter(|_| paint.enabled && !text.contains(ESCAPE));
    let found = place.and_then(|(level, word)| Some((level, word, clean.find(word)?)));
    let Some((level, word, at)) = found else { return out.push_str(&clean) };
    out.push_str(&clean[..at]);
    push_level(level, word, paint, out);
    out.push_str(&clean[at + word.len()..]);
}

fn parts(
    level: Option<Level>,
    message: &str,
    fields: &[(Cow<'_, str>, Cow<'_, str>)],
    paint: Paint,
    out: &mut String,
) -> Vec<String> {
    if let Some(level) = level {
        push_level(level, level.as_str(), paint, out);
        out.extend(std::iter::repeat_n(' ', LEVEL + 1 - level.as_str().len()));
    }
    let mut lines = message.trim_end().split('\n');
    out.push_str(&sanitize(lines.next().unwrap_or_default(), paint.enabled));
    let mut below: Vec<String> = lines.map(|line| sanitize(line, paint.enabled).into_owned()).collect();
    for (number, (key, value)) in fields.iter().enumerate() {
        if value.contains('\n') {
            below.push(paint.dim(format!("{}:", sanitize(key, false))));
            below.extend(value.trim_end().split('\n').map(|line| sanitize(line, paint.enabled).into_owned()));
            continue;
        }
        out.push_str(if number == 0 { "  " } else { " " });
        push_field(&sanitize(key, false), &sanitize(value, false), paint, out);
    }
    below
}

/// `key=value`, in quotes where its end could not be seen.
fn push_field(key: &str, value: &str, paint: Paint, out: &mut String) {
    if paint.enabled {
        out.push_str(&paint.dim(format_args!("{key}=")));
    } else {
        out.push_str(key);
        out.push('=');
    }
    let needs_quotes = value.is_empty() || value.contains(' ') && !value.contains('"');
    let quote = if needs_quotes { "\"" } else { "" };
    for part in [quote, value, quote] {
        out.push_str(part);
    }
}

fn push_level(level: Level, word: &str, paint: Paint, out: &mut String) {
    match level {
        _ if !paint.enabled => out.push_str(word),
        Level::Trace | Level::Debug => out.push_str(&paint.dim(word)),
        Level::Info => out.push_str(word),
        Level::Warn => out.push_str(&paint.warn(word)),
        Level::Error | Level::Fatal => out.push_str(&paint.bad(word)),
    }
}
