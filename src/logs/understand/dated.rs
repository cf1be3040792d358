//! Lines that begin with their own time and then say a level, each server in its way: Postgres, RabbitMQ, Kafka (log4j),
//! gunicorn, Python, Rust's tracing, Java's logback.

use super::{
    Dialect, Understood,
    words::{after_time, level, upper_level},
};
use crate::logs::level::Level;
use std::borrow::Cow;

/// What Postgres writes in a level's place on lines that go on with the message before them.
const FURTHER: [&str; 6] = ["DETAIL", "HINT", "STATEMENT", "CONTEXT", "QUERY", "LOCATION"];

/// `2026-11-24 12:36:51.608 UTC [51] ERROR:  …` and everything else that begins with a time.
pub(super) fn understand(text: &str) -> Option<Understood<'_>> {
    let rest = after_time(text)?;
    let found = postgres(rest).or_else(|| leveled(rest));
    Some(Understood { untimed: Some(Cow::Borrowed(rest)), ..found.unwrap_or_else(|| Understood::plain(rest)) })
        .map(|found| Understood { dialect: Dialect::Timed, ..found })
}

/// Kafka's `[2026-11-24 12:36:34,201] INFO …`, gunicorn's `[2026-11-24 12:00:00 +0000] [1] [INFO] …`, and `[INFO] …`.
pub(super) fn bracketed(text: &str) -> Option<Understood<'_>> {
    let inner = text.strip_prefix('[')?;
    let Some(rest) = after_time(inner).and_then(|rest| rest.strip_prefix(']')) else {
        return in_brackets(text).map(|found| Understood { dialect: Dialect::Leveled, ..found });
    };
    let rest = rest.trim_start_matches(' ');
    let found = leveled(rest).unwrap_or_else(|| Understood::plain(rest));
    Some(Understood { untimed: Some(Cow::Borrowed(rest)), dialect: Dialect::Timed, ..found })
}

/// Postgres before its log settings hold, and without a time: `LOG:  …`, `HINT:  …`.
pub(super) fn unstamped(text: &str) -> Option<Understood<'_>> {
    postgres(text).map(|found| Understood { dialect: Dialect::Leveled, ..found })
}

/// `=ERROR REPORT==== 24-Nov-2026::12:36:51.375338 ===`: Erlang before RabbitMQ's own logger runs.
pub(super) fn erlang_report(text: &str) -> Option<Understood<'_>> {
    let (word, _) = text.strip_prefix('=')?.split_once(" REPORT====")?;
    let level = match word {
        "CRASH" | "SUPERVISOR" => Level::Error,
        word => Level::from_word(word)?,
    };
    let level_word = (word.len() > 1).then_some(word);
    Some(Understood { level: Some(level), level_word, dialect: Dialect::Leveled, ..Understood::plain(text) })
}

/// `[51] ERROR:  message`, `[51] postgres@shop DETAIL:  message`.
fn postgres(text: &str) -> Option<Understood<'_>> {
    let colon = text.find(":  ")?;
    let head = text.get(..colon)?;
    let word = head.rsplit(' ').next()?;
    let is_head = head.len() == word.len() || head.starts_with('[');
    if !is_head || !word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) {
        return None;
    }
    let message = Cow::Borrowed(text.get(colon + 3..)?);
    if FURTHER.contains(&word) {
        return Some(Understood { continues: true, message, ..Understood::default() });
    }
    let level = Level::from_word(word)?;
    Some(Understood { level: Some(level), level_word: Some(word), message, ..Understood::default() })
}

/// A level among the first words: `INFO msg`, `[info] <0.1.0> msg`, `[1] [INFO] msg`, `INFO name: msg`, `name - INFO - msg`,
/// `[main] INFO  class - msg`, `1 INFO msg`, `INFO:msg`, `| INFO | msg`.
fn leveled(text: &str) -> Option<Understood<'_>> {
    if let Some(found) = direct(text).or_else(|| in_brackets(text)) {
        return Some(found);
    }
    let mut rest = text;
    for _ in 0..5 {
        let (_, after) = rest.split_once(' ')?;
        rest = after.trim_start_matches(' ');
        let found =
            upper_level(rest).filter(|(_, _, after)| after.is_empty() || after.starts_with([' ', ':', ']', '|']));
        if let Some((level, word, after)) = found {
            return Some(leveled_as(level, word, after));
        }
        if let Some(found) = in_brackets(rest) {
            return Some(found);
        }
    }
    None
}

/// `INFO msg`, `info: msg`.
fn direct(text: &str) -> Option<Understood<'_>> {
    let (level, word, after) = level(text)?;
    let is_marked = word.bytes().all(|byte| byte.is_ascii_uppercase()) || after.starts_with(':');
    (is_marked && (after.is_empty() || after.starts_with([' ', ':', '|', '\t'])))
        .then(|| leveled_as(level, word, after))
}

/// `[info] msg`, `[WARNING ] msg`.
fn in_brackets(text: &str) -> Option<Understood<'_>> {
    let (level, word, after) = level(text.strip_prefix('[')?)?;
    let after = after.trim_start_matches(' ').strip_prefix(']')?;
    Some(leveled_as(level, word, after))
}

fn leveled_as<'a>(level: Level, word: &'a str, after: &'a str) -> Understood<'a> {
    let message = after.trim_start_matches([' ', ':', '-', '|', ']', '\t']);
    Understood { level: Some(level), level_word: Some(word), message: Cow::Borrowed(message), ..Understood::default() }
}
