//! A text of the file, expanded, that can complain about itself. Pure.

use super::{
    error::{Code, Flaw},
    reader::shortened,
    suggest::{either, nearest},
    value::Value,
};

/// A text of the file after expansion. Messages show only what is written.
pub(super) struct Text<'a> {
    pub place: Value<'a>,
    pub written: &'a str,
    pub value: String,
}

impl Text<'_> {
    /// A problem with this text.
    pub fn flaw(&self, code: Code, message: impl Into<String>) -> Flaw {
        self.place.flaw(code, message)
    }

    /// Records a problem with this text.
    pub fn report(&self, code: Code, message: impl Into<String>, help: impl Into<String>) {
        self.place.context.report(self.flaw(code, message).help(help));
    }

    /// What is written, for messages.
    pub fn shown(&self) -> String {
        format!("`{}`", shortened(self.written))
    }

    /// Itself when there is something in it.
    pub fn filled(self) -> Option<Self> {
        if !self.value.trim().is_empty() {
            return Some(self);
        }
        let expanded = if self.written.is_empty() { "" } else { ", and this comes out as nothing" };
        let message = format!("`{}` must not be empty{expanded}", self.place.path);
        self.place.context.report(self.flaw(Code::Malformed, message));
        None
    }

    /// One of a few words.
    pub fn choose<T: Clone>(&self, words: &[(&str, T)]) -> Option<T> {
        let chosen = words.iter().find(|(word, _)| *word == self.value).map(|(_, meaning)| meaning.clone());
        if chosen.is_none() {
            let all = || words.iter().map(|(word, _)| *word);
            let near = nearest(self.written, all()).map(|near| format!("did you mean `{near}`? "));
            let message = format!("`{}` cannot be {}", self.place.path, self.shown());
            self.report(
                Code::UnknownValue,
                message,
                format!("{}it can be {}", near.unwrap_or_default(), either(all())),
            );
        }
        chosen
    }

    /// What the environment said, as a number or a switch.
    pub fn parsed<T: std::str::FromStr>(&self, wanted: &str) -> Option<T> {
        let parsed = self.value.trim().parse().ok();
        if parsed.is_none() {
            let message = format!("`{}` must be {wanted}, and {} is not", self.place.path, self.shown());
            self.place.context.report(self.flaw(Code::WrongType, message));
        }
        parsed
    }
}
