//! `time="…" level=info msg="…" key=value`: daprd's logrus without a terminal, Go's slog, and others that write `key=value`.

use super::{Dialect, Understood};
use crate::logs::level::Level;
use std::borrow::Cow;

/// A line is of this dialect when it begins with one of these and has a message.
const FIRST: [&str; 6] = ["time=", "level=", "ts=", "lvl=", "msg=", "t="];

pub(super) fn understand(text: &str) -> Option<Understood<'_>> {
    if !FIRST.iter().any(|key| text.starts_with(key)) {
        return None;
    }
    let mut found = Understood { dialect: Dialect::Logfmt, fields: Vec::with_capacity(6), ..Understood::default() };
    let mut message = None;
    let mut rest = text;
    while let Some((key, raw, value, after)) = pair(rest) {
        match key {
            "time" | "ts" | "t" => {}
            "level" | "lvl" if found.level.is_none() => {
                found.level = Level::from_word(&value);
                found.level_word = found.level.map(|_| raw);
            }
            "msg" | "message" if message.is_none() => message = Some(value),
            "scope" | "logger" => found.scope = Some(value),
            _ => found.fields.push((Cow::Borrowed(key), value)),
        }
        rest = after;
    }
    // Nothing may get lost: what cannot be read is shown as it is.
    if !rest.trim().is_empty() {
        return None;
    }
    found.message = message?;
    Some(found)
}

/// The next pair: key, value as written, value, rest.
fn pair(text: &str) -> Option<(&str, &str, Cow<'_, str>, &str)> {
    let text = text.trim_start_matches(' ');
    let equals = text.bytes().position(|byte| matches!(byte, b'=' | b' ' | b'"'))?;
    let (key, rest) = text.split_at_checked(equals)?;
    let rest = rest.strip_prefix('=')?;
    if key.is_empty() {
        return None;
    }
    if rest.starts_with('"') {
        let (value, after) = quoted(rest)?;
        return Some((key, &rest[..rest.len() - after.len()], value, after));
    }
    let end = rest.find(' ').unwrap_or(rest.len());
    let (value, after) = rest.split_at_checked(end)?;
    Some((key, value, Cow::Borrowed(value), after))
}

/// A value in quotes, as Go's `%q` writes it, and the rest.
fn quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.strip_prefix('"')?;
    let special = inner.bytes().position(|byte| matches!(byte, b'"' | b'\\'))?;
    if inner.as_bytes()[special] == b'"' {
        return Some((Cow::Borrowed(&inner[..special]), &inner[special + 1..]));
    }
    let mut value = inner[..special].to_owned();
    let mut characters = inner[special..].char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((Cow::Owned(value), &inner[special + at + 1..])),
            '\\' => value.push(escape(&mut characters)?),
            other => value.push(other),
        }
    }
    None
}

/// The character that an escape stands for.
fn escape(characters: &mut std::str::CharIndices<'_>) -> Option<char> {
    let (_, kind) = characters.next()?;
    let digits = match kind {
        'x' => 2,
        'u' => 4,
        'U' => 8,
        'n' => return Some('\n'),
        't' => return Some('\t'),
        'r' => return Some('\r'),
        'a' => return Some('\u{7}'),
        'b' => return Some('\u{8}'),
        'f' => return Some('\u{c}'),
        'v' => return Some('\u{b}'),
        other => return Some(other),
    };
    let mut code: u32 = 0;
    for _ in 0..digits {
        code = code.checked_mul(16)?.checked_add(characters.next()?.1.to_digit(16)?)?;
    }
    Some(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
}
