//! Words and numbers at the beginning of a text.

use crate::logs::level::Level;
use std::borrow::Cow;

/// A level's word at the beginning, and what follows it. The word ends where letters and digits end.
pub(super) fn level(text: &str) -> Option<(Level, &str, &str)> {
    let end = text
        .bytes()
        .take(12)
        .position(|byte| !byte.is_ascii_alphanumeric())
        .or((text.len() < 12).then_some(text.len()))?;
    let (word, rest) = text.split_at_checked(end)?;
    Some((Level::from_word(word)?, word, rest))
}

/// A level's word that is written in one case or with a capital, as loggers do and prose does not: `INFO`, `info`, not `iNfo`.
pub(super) fn upper_level(text: &str) -> Option<(Level, &str, &str)> {
    level(text).filter(|(_, word, _)| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()))
}

/// `2026-11-24 12:36:51.608 UTC`, `2026-11-24T12:36:51,608Z`, `2026/11/24 12:36:51`, `12:36:51.608` at the beginning; gives what follows it
/// and the blanks after it.
pub(super) fn after_time(text: &str) -> Option<&str> {
    let date = shape(text, "dddd-dd-dd").or_else(|| shape(text, "dddd/dd/dd"));
    let mut rest = shape(date.map_or(Some(text), |date| date.strip_prefix([' ', 'T']))?, "dd:dd:dd")?;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        rest = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
    }
    let zone = after_zone(rest.strip_prefix(' ').unwrap_or(rest)).unwrap_or(rest);
    Some(zone.trim_start_matches(' '))
}

/// `Z`, `UTC`, `CET`, `+01:00`, `-0500`, `+00`.
fn after_zone(text: &str) -> Option<&str> {
    let ends = |rest: &str| rest.is_empty() || rest.starts_with([' ', ']', '\t']);
    if let Some(rest) = text.strip_prefix(['+', '-']) {
        return ["dd:dd", "dddd", "dd"].into_iter().find_map(|form| shape(rest, form)).filter(|rest| ends(rest));
    }
    let letters = text.bytes().take_while(u8::is_ascii_uppercase).count();
    let (zone, rest) = text.split_at_checked(letters)?;
    (matches!(letters, 1..=4) && ends(rest) && Level::from_word(zone).is_none()).then_some(rest)
}

/// What follows a text of this form, in which `d` is a digit.
pub(super) fn shape<'a>(text: &'a str, form: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(form.len())?;
    let fits = |(byte, wanted): (u8, u8)| if wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted };
    head.bytes().zip(form.bytes()).all(fits).then_some(rest)
}

/// Without colours and other CSI sequences.
pub(in crate::logs) fn without_colors(text: &str) -> Cow<'_, str> {
    let Some(first) = text.find("\u{1b}[") else { return Cow::Borrowed(text) };
    let mut stripped = text[..first].to_owned();
    let mut rest = &text[first..];
    while let Some(sequence) = rest.strip_prefix("\u{1b}[") {
        let end = sequence.find(|one: char| ('@'..='~').contains(&one)).map_or(sequence.len(), |end| end + 1);
        rest = &sequence[end..];
        let next = rest.find("\u{1b}[").unwrap_or(rest.len());
        stripped.push_str(&rest[..next]);
        rest = &rest[next..];
    }
    Cow::Owned(stripped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_many_forms_are_passed() {
        for time in [
            "2026-11-24 12:36:51.608 UTC",
            "2026-11-24 12:36:52.987389+00:00",
            "2026-11-24T12:36:52Z",
            "2026-11-24 12:36:34,201",
            "2026/11/24 12:36:34",
            "2026-11-24 12:00:00 +0000",
            "2026-11-24 12:00:00.000 CET",
            "12:00:00.123",
        ] {
            assert_eq!(after_time(&format!("{time} text")), Some("text"), "{time}");
        }
        assert_eq!(after_time("2026-11-24 12:36:34,201 INFO x"), Some("INFO x"));
        assert_eq!(after_time("2026-11-24 12:36:34 ERR x"), Some("ERR x"));
        for text in ["2026-11-24", "2026-11-24 12:36", "1:M 24 Nov", "é026-11-24 12:36:34", ""] {
            assert_eq!(after_time(text), None, "{text}");
        }
    }

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(without_colors("\u{1b}[2mtime\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m x"), "time  INFO x");
        assert_eq!(without_colors("none"), "none");
        assert_eq!(without_colors("cut \u{1b}[3"), "cut ");
    }
}
