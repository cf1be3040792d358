//! Kubernetes Secret manifests and dotenv files → what the local secret store serves. [`files`] reads, everything else is pure.
//!
//! A Secret is a secret of its name with its keys. A variable of a dotenv file is a secret of its own name with one key of that
//! same name, as `secretstores.local.env` has it; where several files have it, the later one wins. A laptop has no namespaces: a
//! name that Secrets of several namespaces have means the one of `[secrets] namespace`, else of the namespace that the project's
//! components are in, else of none or `default`.
//!
//! Values are shown to nobody: not by `Debug`, not in a message, not in the text around one.

pub mod changes;
pub mod files;
mod manifest;
mod masked;
mod store;
#[cfg(test)]
mod tests;

pub use masked::masked;
pub use store::{Loaded, Secret, Secrets, load};

use std::{fmt, ops::Range};

/// Where the folder of secrets is mounted in a sidecar.
pub const SECRETS_PATH: &str = "/dapr/secrets";
/// The file in it that the local secret stores read.
pub const SECRETS_FILE: &str = "secrets.json";

/// A value that nobody is shown.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(String);

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Something that is wrong with a file of secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// How bad it is.
    pub weight: Weight,
    /// The file as messages name it.
    pub file: String,
    /// Which bytes of it; `None`: the file as a whole.
    pub span: Option<Range<usize>>,
    /// The line, where it is known and the bytes are not.
    pub line: Option<usize>,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// The word under the caret.
    pub label: &'static str,
    /// What mends it.
    pub help: Option<String>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Nothing starts.
    Error,
    /// It is hardly meant so.
    Warning,
    /// It is passed over, as it should be.
    Note,
}

impl Fault {
    fn of(weight: Weight, file: &str, message: impl Into<String>) -> Self {
        let (file, message) = (file.to_owned(), message.into());
        Self { weight, file, span: None, line: None, message, label: "", help: None }
    }

    fn at(mut self, span: &Range<usize>, label: &'static str) -> Self {
        (self.span, self.label) = (Some(span.clone()), label);
        self
    }

    fn on_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }

    fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
