//! A level first: Python's `LEVEL:name:message`, uvicorn's `INFO:     message`, Redpanda's `INFO  2026-… [shard 0:main] …`,
//! klog's `E1124 12:00:00.123456 …`, `error: message`.

use super::{
    Dialect, Understood,
    words::{after_time, level, shape},
};
use crate::logs::level::Level;
use std::borrow::Cow;

pub(super) fn understand(text: &str) -> Option<Understood<'_>> {
    klog(text).or_else(|| leveled(text))
}

fn leveled(text: &str) -> Option<Understood<'_>> {
    let (level, word, after) = level(text)?;
    let is_upper = word.bytes().all(|byte| byte.is_ascii_uppercase());
    let found = Understood {
        level: Some(level),
        level_word: Some(word),
        dialect: Dialect::Leveled,
        ..Understood::plain(after.trim_start())
    };
    if let Some(rest) = after.strip_prefix(':') {
        return Some(match access(rest) {
            Some(level) => Understood { level: Some(level), message: Cow::Borrowed(rest.trim_start()), ..found },
            None => named(rest, is_upper, found),
        });
    }
    let rest = after.strip_prefix(' ').filter(|_| is_upper)?.trim_start_matches(' ');
    if let Some(rest) = after_time(rest) {
        let untimed = format!("{word:5} {rest}");
        let message = Cow::Borrowed(rest);
        return Some(Understood { message, untimed: Some(Cow::Owned(untimed)), dialect: Dialect::Timed, ..found });
    }
    // `INFO message` and `INFO  [alembic.runtime.migration] message`, but not `ERROR` in a sentence that begins with it.
    Some(Understood { message: Cow::Borrowed(rest), ..found })
}

/// `name:message` of Python's default format. uvicorn pads with blanks instead of a name.
fn named<'a>(rest: &'a str, is_upper: bool, found: Understood<'a>) -> Understood<'a> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    match rest.split_once(':').filter(|(name, _)| is_upper && is_name(name)) {
        Some((name, message)) => {
            Understood { scope: Some(Cow::Borrowed(name)), message: Cow::Borrowed(message), ..found }
        }
        None => Understood { message: Cow::Borrowed(rest.trim_start()), ..found },
    }
}

/// uvicorn's access log says INFO whatever the answer was: `   127.0.0.1:40000 - "GET / HTTP/1.1" 500 Internal Server Error`.
fn access(text: &str) -> Option<Level> {
    let (_, rest) = text.split_once(" - \"")?;
    let (_, status) = rest.split_once(" HTTP/")?.1.split_once("\" ")?;
    shape(status, "ddd")?;
    Some(if status.starts_with('5') { Level::Error } else { Level::Info })
}

/// `E1124 12:00:00.123456       1 file.go:12] message`.
fn klog(text: &str) -> Option<Understood<'_>> {
    let (letter, rest) = text.split_at_checked(1)?;
    let level = match letter {
        "I" => Level::Info,
        "W" => Level::Warn,
        "E" => Level::Error,
        "F" => Level::Fatal,
        _ => return None,
    };
    let rest = shape(rest, "dddd dd:dd:dd.dddddd ")?;
    let message = rest.split_once("] ").map_or(rest, |(_, message)| message);
    Some(Understood {
        level: Some(level),
        level_word: Some(letter),
        dialect: Dialect::Leveled,
        ..Understood::plain(message)
    })
}
