//! What is odd in the project's YAML and stops nobody, as somebody is told of it.

use crate::{
    check::{Problem, Severity},
    event::EventKind,
};

/// A problem that stops nobody.
pub(super) fn notice(problem: &Problem) -> EventKind {
    let (code, message) = (problem.code, problem.in_one_line());
    match problem.severity {
        Severity::Note => EventKind::Note { code, message },
        Severity::Error | Severity::Warning => EventKind::Notice { code, message, help: problem.help.clone() },
    }
}

/// What is odd, and was not before. Where it stands is no part of it: lines move.
pub(super) fn new_warnings(now: &[Problem], before: &[Problem]) -> Vec<EventKind> {
    let is_same = |old: &Problem, problem: &Problem| old.file == problem.file && old.message == problem.message;
    let warnings = now.iter().filter(|problem| problem.severity == Severity::Warning);
    warnings.filter(|problem| !before.iter().any(|old| is_same(old, problem))).map(notice).collect()
}
