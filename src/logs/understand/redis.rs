//! Redis and Valkey: `1:M 24 Nov 2026 12:36:33.204 * message`, the level one of `.` `-` `*` `#`.

use super::{Dialect, Understood, words::shape};
use crate::logs::level::Level;
use std::borrow::Cow;

pub(super) fn understand(text: &str) -> Option<Understood<'_>> {
    let (process, rest) = text.split_once(':')?;
    let (role, rest) = rest.split_once(' ')?;
    if !process.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(role, "C" | "M" | "S" | "X" | "signal-handler") {
        return None;
    }
    let rest = shape(rest, "dd ")?;
    let rest = rest.get(3..)?.strip_prefix(' ').filter(|_| rest.as_bytes()[..3].iter().all(u8::is_ascii_alphabetic))?;
    let rest = shape(rest, "dddd dd:dd:dd.ddd ")?;
    let (mark, message) = rest.split_once(' ')?;
    let level = match mark {
        "." => Level::Trace,
        "-" => Level::Debug,
        "*" => Level::Info,
        "#" => Level::Warn,
        _ => return None,
    };
    Some(Understood {
        level: Some(level),
        level_word: Some(mark),
        message: Cow::Borrowed(message),
        untimed: Some(Cow::Borrowed(rest)),
        dialect: Dialect::Timed,
        ..Understood::default()
    })
}
