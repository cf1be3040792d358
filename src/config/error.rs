//! What can be wrong with a `sandbox.toml`, for miette's handlers and for JSON. Pure.

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode, SourceSpan};
use serde::Serialize;
use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use thiserror::Error;

const SMALLEST_FILE: &str = "write one beside your code; the smallest is\n\n[apps.web]\nbuild = \".\"\nport = 8000";

/// Why there is no configuration. A single problem is shown as itself, several under a common head.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// No file was named and none was found.
    #[error("no `sandbox.toml` in `{}` or a folder above it", directory.display())]
    NotFound {
        /// Where the search began.
        directory: PathBuf,
    },
    /// The file, or the folder given with `-C`, cannot be read.
    #[error("cannot read `{}`", file.display())]
    Unreadable {
        /// The file or folder.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file was read and is wrong.
    #[error("{}", summary(file, problems))]
    Invalid {
        /// The file.
        file: PathBuf,
        /// All that is wrong with it, in the file's order; never empty.
        problems: Vec<Problem>,
    },
}

fn summary(file: &Path, problems: &[Problem]) -> String {
    match problems {
        [only] => only.to_string(),
        _ => format!("{} problems in `{}`", problems.len(), file.display()),
    }
}

impl ConfigError {
    /// Every problem as plain data; at least one.
    pub fn problems(&self) -> impl Iterator<Item = ProblemView> {
        let views = match self {
            Self::Invalid { problems, .. } => problems.iter().map(Problem::view).collect(),
            Self::NotFound { .. } | Self::Unreadable { .. } => vec![ProblemView {
                code: self.own_code(),
                message: match std::error::Error::source(self) {
                    Some(cause) => format!("{self}: {cause}"),
                    None => self.to_string(),
                },
                line: None,
                column: None,
                help: self.own_help().map(str::to_owned),
            }],
        };
        views.into_iter()
    }

    /// The file that is meant, where one was found or named.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::NotFound { .. } => None,
            Self::Unreadable { file, .. } | Self::Invalid { file, .. } => Some(file),
        }
    }

    fn only(&self) -> Option<&Problem> {
        match self {
            Self::Invalid { problems, .. } if problems.len() == 1 => problems.first(),
            _ => None,
        }
    }

    fn own_code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "sandbox::config::not_found",
            Self::Unreadable { .. } => "sandbox::config::unreadable",
            Self::Invalid { .. } => "sandbox::config::invalid",
        }
    }

    fn own_help(&self) -> Option<&'static str> {
        match self {
            Self::NotFound { .. } => Some(SMALLEST_FILE),
            Self::Unreadable { .. } => Some("check `--file`, `--directory` and `SANDBOX_FILE`"),
            Self::Invalid { .. } => None,
        }
    }
}

impl Diagnostic for ConfigError {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.only().map_or_else(|| Some(Box::new(self.own_code()) as Box<dyn Display>), Diagnostic::code)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        match self.only() {
            Some(problem) => problem.help(),
            None => self.own_help().map(|help| Box::new(help) as Box<dyn Display>),
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.only()?.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.only()?.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self {
            Self::Invalid { problems, .. } if problems.len() > 1 => {
                Some(Box::new(problems.iter().map(|problem| problem as &dyn Diagnostic)))
            }
            _ => None,
        }
    }
}

/// One thing that is wrong, with the file's text around it.
#[derive(Debug, Error)]
#[error("{}", flaw.message)]
pub struct Problem {
    flaw: Flaw,
    text: Arc<NamedSource<String>>,
}

impl Problem {
    pub(super) fn new(flaw: Flaw, text: Arc<NamedSource<String>>) -> Self {
        Self { flaw, text }
    }

    /// The problem as plain data.
    pub fn view(&self) -> ProblemView {
        let before = self.flaw.start().and_then(|start| self.text.inner().get(..start));
        ProblemView {
            code: self.flaw.code.as_str(),
            message: self.flaw.message.clone(),
            line: before.map(|text| text.matches('\n').count() + 1),
            column: before.map(|text| text.chars().rev().take_while(|character| *character != '\n').count() + 1),
            help: self.flaw.help.clone(),
        }
    }
}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(Box::new(self.flaw.code.as_str()))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        self.flaw.help.as_ref().map(|help| Box::new(help) as Box<dyn Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&*self.text)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = &self.flaw.labels;
        let spans = labels.iter().map(|(span, label)| LabeledSpan::new_with_span(Some(label.clone()), *span));
        (!labels.is_empty()).then(|| Box::new(spans) as Box<dyn Iterator<Item = LabeledSpan>>)
    }
}

/// A problem as plain data, for `--json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProblemView {
    /// Stable: `sandbox::config::unknown_key` and so on.
    pub code: &'static str,
    /// A lower-case fragment.
    pub message: String,
    /// Counted from 1; `None` where no place in the file is to blame.
    pub line: Option<usize>,
    /// Counted from 1, in characters.
    pub column: Option<usize>,
    /// What mends it.
    pub help: Option<String>,
}

/// A problem that has not met its file yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    pub code: Code,
    pub message: String,
    /// The place to blame comes first.
    pub labels: Vec<(SourceSpan, String)>,
    pub help: Option<String>,
}

impl Flaw {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), labels: Vec::new(), help: None }
    }

    pub fn at(mut self, span: SourceSpan, label: impl Into<String>) -> Self {
        self.labels.push((span, label.into()));
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Where it is in the file.
    pub fn start(&self) -> Option<usize> {
        self.labels.first().map(|(span, _)| span.offset())
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $word:literal,)*) => {
        /// The kinds of problems; the words are stable, scripts read them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            fn as_str(self) -> &'static str {
                match self { $(Self::$name => concat!("sandbox::config::", $word),)* }
            }
        }
    };
}

codes! {
    /// Not TOML.
    Syntax => "syntax",
    /// A key that no table of this kind has.
    UnknownKey => "unknown_key",
    /// Text where a number is wanted, and the like.
    WrongType => "wrong_type",
    /// A number too small or too large.
    OutOfRange => "out_of_range",
    /// Not one of the words that can stand here.
    UnknownValue => "unknown_value",
    /// A text of the wrong shape.
    Malformed => "malformed",
    /// Something that has to be there is not.
    Missing => "missing",
    /// Two things that exclude each other.
    Conflict => "conflict",
    /// A name that nothing has.
    UnknownName => "unknown_name",
    /// Things that wait for each other.
    Cycle => "cycle",
    /// A file or folder that does not exist or cannot be used.
    MissingFile => "missing_file",
    /// An environment variable that is not set.
    MissingVariable => "missing_variable",
}
