//! What came out of the checks of a whole project. Plain data.

use super::problem::{Problem, Severity};
use miette::{Diagnostic, LabeledSpan, SourceCode};
use std::fmt::Display;

/// The project's YAML has errors. A single problem is shown as itself, several under a common head.
#[derive(Debug, thiserror::Error)]
#[error("{}", summary(problems))]
pub struct CheckError {
    /// The errors and warnings, in the order of files and places; at least one error.
    pub problems: Vec<Problem>,
}

/// Splits what was found: with an error among it, it is a failure; else it is what is to be said.
///
/// # Errors
/// When one of the problems is an error.
pub fn verdict(problems: Vec<Problem>) -> Result<Vec<Problem>, CheckError> {
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        Err(CheckError { problems: problems.into_iter().filter(|one| one.severity != Severity::Note).collect() })
    } else {
        Ok(problems)
    }
}

/// `2 errors, 1 warning`.
pub fn counts(problems: &[Problem]) -> String {
    let count = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    let named = [(count(Severity::Error), "error"), (count(Severity::Warning), "warning")];
    let named: Vec<_> = named
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{number} {what}{}", if number == 1 { "" } else { "s" }))
        .collect();
    if named.is_empty() { "no problems".to_owned() } else { named.join(", ") }
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [only] => only.to_string(),
        _ => format!("{} in the project's Dapr YAML", counts(problems)),
    }
}

impl CheckError {
    fn only(&self) -> Option<&Problem> {
        match self.problems.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}

impl Diagnostic for CheckError {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(self.only().map_or("sandbox::components::invalid", |problem| problem.code)))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.only()?.help.as_ref().map(|help| Box::new(help) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.only()?.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.only()?.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self.only() {
            Some(_) => None,
            None => Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic))),
        }
    }
}
