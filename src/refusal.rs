//! Files that were refused: what was wrong with them, and which version goes on. Plain data, of an event, of `status` and of
//! `.sandbox/refused.json`, where it lies until the files are others.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Every problem.
    pub problems: Vec<RefusedProblem>,
    /// When the oldest of the sidecars that go on was made.
    pub serving_since: Option<Timestamp>,
}

/// One problem of a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedProblem {
    /// The component, where one is meant.
    pub component: Option<String>,
    /// The file, relative to the project's folder where it lies in it.
    pub file: Option<String>,
    /// The line in it, from 1, where it is known.
    pub line: Option<usize>,
    /// Why, in one sentence.
    pub reason: String,
}

impl RefusedProblem {
    /// `FILE:LINE: `, as much of it as is known.
    pub fn place(&self) -> String {
        match (&self.file, self.line) {
            (Some(file), Some(line)) => format!("{file}:{line}: "),
            (Some(file), None) => format!("{file}: "),
            (None, _) => String::new(),
        }
    }
}

/// Its place and the reason.
impl fmt::Display for RefusedProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}", self.place(), self.reason)
    }
}
