//! One thing that is wrong or odd in the project's YAML, with the text around it. Pure.

use super::secret;
use crate::dapr::folder::SourceFile;
use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};
use std::{fmt::Display, ops::Range, sync::Arc};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// A sidecar would die of it, or lack what the file asks for: nothing is started or reloaded.
    Error,
    /// It works here, but hardly as it was meant.
    Warning,
    /// Something is passed over, as it should be.
    Note,
}

/// One thing that is wrong or odd.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Stable: `sandbox::components::unknown_metadata` and so on.
    pub code: &'static str,
    /// The file as messages name it.
    pub file: String,
    /// Counted from 1; `None` where no place in the file is to blame.
    pub line: Option<usize>,
    /// Counted from 1, in characters.
    pub column: Option<usize>,
    /// Which bytes of the file are to blame.
    pub span: Option<Range<usize>>,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// The word under the caret.
    pub label: String,
    /// What mends it.
    pub help: Option<String>,
    surrounding: Option<Arc<NamedSource<String>>>,
}

/// A file in which problems are found.
#[derive(Clone, Debug)]
pub(super) struct Source {
    shown: String,
    /// Without secrets.
    text: Arc<NamedSource<String>>,
}

impl Source {
    pub fn new(file: &SourceFile) -> Self {
        let text = file.text.as_deref().map(secret::masked).unwrap_or_default();
        Self { shown: file.shown.clone(), text: Arc::new(NamedSource::new(&file.shown, text)) }
    }

    /// A file whose text is without secrets already.
    pub fn of_masked(shown: &str, text: String) -> Self {
        Self { shown: shown.to_owned(), text: Arc::new(NamedSource::new(shown, text)) }
    }

    pub fn text(&self) -> &str {
        self.text.inner()
    }

    /// As messages name it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// `FILE:LINE` of a byte.
    pub fn place(&self, at: usize) -> String {
        format!("{}:{}", self.shown, self.position(at).0)
    }

    pub fn error(&self, code: &'static str, message: impl Into<String>) -> Problem {
        self.problem(Severity::Error, code, message)
    }

    pub fn warning(&self, code: &'static str, message: impl Into<String>) -> Problem {
        self.problem(Severity::Warning, code, message)
    }

    pub fn problem(&self, severity: Severity, code: &'static str, message: impl Into<String>) -> Problem {
        Problem {
            severity,
            code,
            file: self.shown.clone(),
            line: None,
            column: None,
            span: None,
            message: message.into(),
            label: String::new(),
            help: None,
            surrounding: None,
        }
    }

    /// A problem at a place.
    pub fn point(&self, problem: Problem, span: &Range<usize>, label: impl Into<String>) -> Problem {
        let (line, column) = self.position(span.start);
        Problem {
            line: Some(line),
            column: Some(column),
            span: Some(span.clone()),
            label: label.into(),
            surrounding: Some(Arc::clone(&self.text)),
            ..problem
        }
    }

    /// The byte of a line and column, both from 1.
    pub fn byte(&self, line: usize, column: usize) -> usize {
        let start: usize = self.text().split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = self.text().get(start..).unwrap_or_default();
        start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(byte, _)| byte)
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let before = self.text().get(..at).unwrap_or(self.text());
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        (before.matches('\n').count() + 1, column)
    }
}

impl Problem {
    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn with_optional_help(mut self, help: Option<String>) -> Self {
        self.help = self.help.or(help);
        self
    }

    /// `FILE:LINE: MESSAGE`, for where there is no room for the text itself.
    pub fn in_one_line(&self) -> String {
        match self.line {
            Some(line) => format!("{}:{line}: {}", self.file, self.message),
            None => format!("{}: {}", self.file, self.message),
        }
    }
}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
            Severity::Note => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.surrounding.as_deref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let span = SourceSpan::from(self.span.clone()?);
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(Some(self.label.clone()), span))))
    }
}
