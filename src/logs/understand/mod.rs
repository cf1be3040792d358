//! What a line says: its level, its message and its fields, in whatever dialect it is written. Pure; nothing panics.

mod dated;
mod json;
mod logfmt;
mod python;
mod redis;
mod stack;
#[cfg(test)]
mod tests;
mod words;

pub(super) use stack::{Trace, explains, follows};
pub(super) use words::without_colors;

use super::level::Level;
use crate::plan::spec::Role;
use std::borrow::Cow;

/// The way in which a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// `time="…" level=info msg="…" key=value`: daprd, Go's slog.
    Logfmt,
    /// One JSON object.
    Json,
    /// Its own time, a level and a message: Postgres, Kafka, Redpanda, RabbitMQ, Redis, Python and many others.
    Timed,
    /// A level first: uvicorn, Python's `LEVEL:name:message`.
    Leveled,
    /// Part of a stack trace, or the beginning of one.
    Stack,
    /// None that is known: the message is the whole line.
    #[default]
    Plain,
}

/// A line's parts. What is not known of it is `None`, and then its message is its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Understood<'a> {
    /// How serious it is.
    pub level: Option<Level>,
    /// The word in the text that says so.
    pub level_word: Option<&'a str>,
    /// What it says.
    pub message: Cow<'a, str>,
    /// The rest of a structured line, in its order.
    pub fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// The part of the program that says it.
    pub scope: Option<Cow<'a, str>>,
    /// Whether it belongs to the line before it: part of a stack trace, Postgres' `DETAIL`.
    pub continues: bool,
    /// The line without its own time.
    pub untimed: Option<Cow<'a, str>>,
    /// How it is written.
    pub dialect: Dialect,
}

impl<'a> Understood<'a> {
    /// A line of which nothing is known.
    fn plain(text: &'a str) -> Self {
        Self { message: Cow::Borrowed(text), ..Self::default() }
    }

    /// A field's value.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_ref())
    }
}

/// Understands a line of a container of some role. Colours in it do not matter.
pub fn understand(role: Role, text: &str) -> Understood<'_> {
    if text.contains('\u{1b}') { colored(role, text) } else { uncolored(role, text) }
}

fn uncolored(role: Role, text: &str) -> Understood<'_> {
    let known = match text.as_bytes() {
        [] => None,
        [b'{', ..] => json::understand(text),
        [b' ' | b'\t', ..] => Some(Understood { continues: true, dialect: Dialect::Stack, ..Understood::plain(text) }),
        [b'0'..=b'9', ..] => dated::understand(text).or_else(|| redis::understand(text)),
        [b'[', ..] => dated::bracketed(text),
        [b'=', ..] => dated::erlang_report(text),
        [b'a'..=b'z', ..] => logfmt::understand(text),
        _ => None,
    };
    known
        .or_else(|| stack::understand(text))
        .or_else(|| if role == Role::State { dated::unstamped(text) } else { None })
        .or_else(|| python::understand(text))
        .unwrap_or_else(|| Understood::plain(text))
}

/// The level of a coloured line; its message stays as coloured as it was written.
fn colored(role: Role, text: &str) -> Understood<'_> {
    let stripped = words::without_colors(text);
    let found = uncolored(role, &stripped);
    let level_word = found.level_word.and_then(|word| text.find(word).and_then(|at| text.get(at..at + word.len())));
    Understood {
        level: found.level,
        level_word,
        continues: found.continues,
        dialect: match found.dialect {
            Dialect::Stack => Dialect::Stack,
            _ => Dialect::Plain,
        },
        ..Understood::plain(text)
    }
}
