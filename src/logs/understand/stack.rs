//! Stack traces of Python, Go, Rust, Java and Node: where they begin, and how far they go.

use super::{Dialect, Understood};
use crate::logs::level::Level;
use std::borrow::Cow;

/// A stack trace of which the first line was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::logs) enum Trace {
    /// `Traceback (most recent call last):`, up to the exception's own line; then another may follow.
    Python {
        /// The exception's own line was seen.
        named: bool,
    },
    /// `panic: …`, then goroutines.
    Go,
    /// `thread 'main' panicked at …`, then what it says, then perhaps a backtrace.
    Rust {
        /// What it says was seen.
        said: bool,
    },
}

/// Lines between a Python exception and the next one of its chain.
const BETWEEN: [&str; 2] = [
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
];

impl Trace {
    /// The trace that a line begins.
    pub(in crate::logs) fn begun_by(text: &str) -> Option<Self> {
        match text.as_bytes().first()? {
            b'T' if text.starts_with("Traceback (most recent call last)") => Some(Self::Python { named: false }),
            b'p' if text.starts_with("panic: ") => Some(Self::Go),
            b'f' if text.starts_with("fatal error: ") => Some(Self::Go),
            b't' if text.starts_with("thread '") && text.contains("panicked at") => Some(Self::Rust { said: false }),
            _ => None,
        }
    }

    /// Whether a line belongs to it. Indented lines always do, and are not asked for.
    pub(in crate::logs) fn goes_on(&mut self, text: &str) -> bool {
        match self {
            Self::Python { named } => {
                let is_chain = text.is_empty() || BETWEEN.contains(&text) || text.starts_with("Traceback (most recent");
                let goes_on = is_chain || !*named;
                *named = !is_chain || (*named && text.is_empty());
                goes_on
            }
            Self::Go => {
                text.is_empty()
                    || text.starts_with("goroutine ")
                    || text.starts_with("created by ")
                    || text.starts_with("[signal ")
                    || text.starts_with("exit status ")
                    || (text.ends_with(')') && !text.contains(' ') && text.contains('.'))
            }
            Self::Rust { said } => {
                let goes_on = !*said || text.starts_with("note: ") || text == "stack backtrace:";
                *said = true;
                goes_on
            }
        }
    }
}

/// Whether a line at the left margin goes on with the one before it: Java's causes.
pub(in crate::logs) fn follows(text: &str) -> bool {
    text.starts_with("Caused by: ") || text.starts_with("Suppressed: ")
}

/// Whether a line goes on with the one before it when that reports a failure: the traceback or the exception below it.
pub(in crate::logs) fn explains(text: &str) -> bool {
    match text.as_bytes().first() {
        Some(b'T') => text.starts_with("Traceback (most recent call last)"),
        Some(b'j' | b'o' | b'c' | b'i' | b'n') => is_java_exception(text),
        _ => false,
    }
}

/// `org.apache.kafka.common.errors.TimeoutException: …`.
fn is_java_exception(text: &str) -> bool {
    let name = text.split(':').next().unwrap_or(text);
    let is_class = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'$'));
    is_class && name.matches('.').count() >= 2 && (name.ends_with("Exception") || name.ends_with("Error"))
}

pub(super) fn understand(text: &str) -> Option<Understood<'_>> {
    let level = match Trace::begun_by(text) {
        Some(Trace::Python { .. }) => Level::Error,
        Some(Trace::Go | Trace::Rust { .. }) => Level::Fatal,
        None if text.starts_with("Exception in thread ") => Level::Error,
        None if is_python_exception(text) => Level::Error,
        None if follows(text) || explains(text) => Level::Error,
        None => return None,
    };
    Some(Understood {
        level: Some(level),
        message: Cow::Borrowed(text),
        continues: follows(text),
        dialect: Dialect::Stack,
        ..Understood::default()
    })
}

/// `ValueError: …`, `httpx.ConnectError: …`.
fn is_python_exception(text: &str) -> bool {
    let Some((name, _)) = text.split_once(": ") else { return false };
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'));
    is_name
        && last.len() > 5
        && last.starts_with(|one: char| one.is_ascii_uppercase())
        && (last.ends_with("Error") || last.ends_with("Exception"))
}
