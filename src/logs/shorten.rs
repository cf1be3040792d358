//! What a person sees of a line: sidecars and JSON without what is the same on every line, servers without a second time.

use super::{
    level::Level,
    understand::{Dialect, Understood, understand},
};
use crate::plan::spec::Role;
use std::borrow::Cow;

/// Fields of Dapr's lines that are the same on all of them, or say nothing to a person.
const NOISE: [&str; 7] = ["app_id", "instance", "type", "ver", "size", "useragent", "caller"];

/// A line as a person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Short<'a> {
    /// As it was written, perhaps without its own time.
    Text {
        /// The line.
        text: Cow<'a, str>,
        /// Its level.
        level: Option<Level>,
        /// The word in it that says the level, for a colour.
        level_word: Option<&'a str>,
    },
    /// Level, message and the fields that matter.
    Parts {
        /// The level.
        level: Option<Level>,
        /// What it says; may have several lines.
        message: Cow<'a, str>,
        /// What else matters; a value with several lines is shown below the line.
        fields: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    },
}

impl Short<'_> {
    /// The level.
    pub fn level(&self) -> Option<Level> {
        match self {
            Self::Text { level, .. } | Self::Parts { level, .. } => *level,
        }
    }
}

/// Whether lines of this role are ever anything but the text as it is; if not, nobody need call [`shorten`].
pub fn may_shorten(role: Role, text: &str) -> bool {
    !matches!(role, Role::App | Role::Other) || text.starts_with('{')
}

/// Shortens a line.
pub fn shorten(role: Role, text: &str) -> Short<'_> {
    let found = understand(role, text);
    let is_own = matches!(role, Role::App | Role::Other);
    match found.dialect {
        Dialect::Logfmt if !is_own => dapr(found),
        Dialect::Json if !is_own => dapr(found),
        Dialect::Json => with_scope(found),
        Dialect::Timed if !is_own => {
            let text = found.untimed.unwrap_or(Cow::Borrowed(text));
            Short::Text { text, level: found.level, level_word: found.level_word }
        }
        Dialect::Logfmt | Dialect::Timed | Dialect::Leveled | Dialect::Stack | Dialect::Plain => {
            Short::Text { text: Cow::Borrowed(text), level: found.level, level_word: found.level_word }
        }
    }
}

fn dapr(found: Understood<'_>) -> Short<'_> {
    let Understood { level, message, mut fields, .. } = found;
    fields.retain(|(key, _)| !NOISE.contains(&key.as_ref()));
    match api_call(&message, &fields) {
        Some((message, fields)) => Short::Parts { level, message, fields },
        None => Short::Parts { level, message, fields },
    }
}

type Fields<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// `HTTP API Called` with its method: the method says more than the message. Durations are milliseconds.
fn api_call<'a>(message: &str, fields: &Fields<'a>) -> Option<(Cow<'a, str>, Fields<'a>)> {
    if !matches!(message, "HTTP API Called" | "gRPC API Called") {
        return None;
    }
    let field = |name: &str| fields.iter().find(|(key, _)| key == name);
    let method = field("method")?.1.clone();
    let mut rest: Fields<'a> = field("code").cloned().into_iter().collect();
    rest.extend(field("duration").map(|(key, value)| (key.clone(), Cow::Owned(format!("{value}ms")))));
    rest.extend(fields.iter().filter(|(key, _)| !["method", "code", "duration"].contains(&key.as_ref())).cloned());
    Some((method, rest))
}

/// A logger's name is part of what an app's line says.
fn with_scope(found: Understood<'_>) -> Short<'_> {
    let Understood { level, message, scope, mut fields, .. } = found;
    fields.extend(scope.map(|scope| (Cow::Borrowed("logger"), scope)));
    Short::Parts { level, message, fields }
}
