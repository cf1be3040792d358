//! Walks a table of the spanned tree, records every problem and goes on, where serde stops at the first. Pure.
//!
//! The keys a table may have are the keys that were asked for: a reader asks for all of them, whatever it finds, and
//! `finish` reports the rest.

use super::{
    error::{Code, Flaw},
    suggest::{either, nearest},
    surroundings::Surroundings,
    value::Value,
};
use miette::SourceSpan;
use std::cell::RefCell;
use toml::de::DeTable;

/// What every reader shares. The problems are in a cell so that values can be read within expressions.
pub(super) struct Context<'a> {
    pub text: &'a str,
    pub around: &'a Surroundings<'a>,
    flaws: RefCell<Vec<Flaw>>,
}

impl<'a> Context<'a> {
    pub fn new(text: &'a str, around: &'a Surroundings<'a>) -> Self {
        Self { text, around, flaws: RefCell::default() }
    }

    pub fn report(&self, flaw: Flaw) {
        self.flaws.borrow_mut().push(flaw);
    }

    pub fn into_flaws(self) -> Vec<Flaw> {
        self.flaws.into_inner()
    }

    /// The line of a place, from 1.
    pub fn line(&self, span: SourceSpan) -> usize {
        self.text.bytes().take(span.offset()).filter(|byte| *byte == b'\n').count() + 1
    }

    /// The file's own text at a place.
    pub fn source(&self, span: SourceSpan) -> &'a str {
        self.text.get(span.offset()..span.offset() + span.len()).unwrap_or_default()
    }
}

/// A key as it stands in the file.
#[derive(Clone, Copy)]
pub(super) struct Key<'a> {
    pub name: &'a str,
    pub span: SourceSpan,
}

/// A table that is being read.
pub(super) struct Table<'a> {
    pub context: &'a Context<'a>,
    /// Its dotted path, `apps.web`; empty at the top.
    pub path: String,
    /// Where it is named.
    pub place: SourceSpan,
    entries: Vec<(Key<'a>, Value<'a>)>,
    asked: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub fn new(context: &'a Context<'a>, path: String, place: SourceSpan, table: &'a DeTable<'a>) -> Self {
        let mut entries: Vec<_> = table
            .iter()
            .map(|(key, value)| {
                let key = Key { name: key.get_ref(), span: key.span().into() };
                (key, Value::new(context, child(&path, key.name), key.span, value))
            })
            .collect();
        // The parser sorts by name; people think in the order they wrote.
        entries.sort_by_key(|(key, _)| key.span.offset());
        Self { context, path, place, entries, asked: Vec::new() }
    }

    /// The value of a key that may be there.
    pub fn get(&mut self, key: &'static str) -> Option<Value<'a>> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.entries.iter().find(|(candidate, _)| candidate.name == key).map(|(_, value)| value.clone())
    }

    /// The value of a key, read; `None` when it is absent or wrong, which is then recorded.
    pub fn read<T>(&mut self, key: &'static str, reader: impl FnOnce(&Value<'a>) -> Option<T>) -> Option<T> {
        self.get(key).and_then(|value| reader(&value))
    }

    /// Whether the file has the key, or one that was meant to be it: then nothing more is said about its absence.
    pub fn means(&self, key: &'static str) -> bool {
        let misspelt = |name| !self.asked.contains(&name) && nearest(name, self.asked.iter().copied()) == Some(key);
        self.entries.iter().any(|(candidate, _)| candidate.name == key || misspelt(candidate.name))
    }

    /// All entries, for tables whose keys are names.
    pub fn into_entries(self) -> impl Iterator<Item = (Key<'a>, Value<'a>)> {
        self.entries.into_iter()
    }

    /// Reports the keys that nobody asked for.
    pub fn finish(self) {
        for (key, _) in self.entries.iter().filter(|(key, _)| !self.asked.contains(&key.name)) {
            let place = if self.path.is_empty() {
                "at the top of the file".to_owned()
            } else {
                format!("in `[{}]`", self.path)
            };
            let help = match nearest(key.name, self.asked.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it can have {}", either(self.asked.iter().copied())),
            };
            let flaw = Flaw::new(Code::UnknownKey, format!("unknown key `{}` {place}", shortened(key.name)));
            self.context.report(flaw.at(key.span, "not known here").help(help));
        }
    }
}

/// The path of a key within a table.
pub(super) fn child(path: &str, key: &str) -> String {
    let bare = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let key = if !key.is_empty() && key.chars().all(bare) { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

/// At most a line's worth of a text from the file.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    let line: String = text.chars().take(LONGEST).collect::<String>().replace(char::is_control, " ");
    if text.chars().count() > LONGEST { format!("{line}…") } else { line }
}
