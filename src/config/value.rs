//! One value of the file: read as what it should be, or recorded as a problem. Pure.

use super::{
    error::{Code, Flaw},
    expand::{Fault, expand, is_plain},
    reader::{Context, Table, shortened},
    text::Text,
};
use miette::SourceSpan;
use std::ops::RangeInclusive;
use toml::{Spanned, de::DeValue};

/// A value of the file.
#[derive(Clone)]
pub(super) struct Value<'a> {
    pub context: &'a Context<'a>,
    /// Its dotted path, `apps.web.port`.
    pub path: String,
    /// Its key.
    pub key: SourceSpan,
    /// The value itself.
    pub span: SourceSpan,
    inner: &'a DeValue<'a>,
}

/// The values TOML has, as messages call them, and what stands in them.
pub(super) enum Kind<'a> {
    Text(Option<Text<'a>>),
    Integer(Option<i64>),
    Float(&'a str),
    Boolean(bool),
    Date,
    List(Vec<Value<'a>>),
    Table(Table<'a>),
}

impl<'a> Value<'a> {
    pub fn new(context: &'a Context<'a>, path: String, key: SourceSpan, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self { context, path, key, span: value.span().into(), inner: value.get_ref() }
    }

    /// What it is; for the places where several kinds may stand. A text is `None` when a variable in it is missing.
    pub fn kind(&self) -> Kind<'a> {
        match self.inner {
            DeValue::String(written) => Kind::Text(self.expanded(written)),
            DeValue::Integer(integer) => Kind::Integer(i64::from_str_radix(integer.as_str(), integer.radix()).ok()),
            DeValue::Float(float) => Kind::Float(float.as_str()),
            DeValue::Boolean(boolean) => Kind::Boolean(*boolean),
            DeValue::Datetime(_) => Kind::Date,
            DeValue::Array(items) => {
                let items = items.iter().enumerate();
                Kind::List(items.map(|(index, item)| self.item(index, item)).collect())
            }
            DeValue::Table(table) => Kind::Table(Table::new(self.context, self.path.clone(), self.key, table)),
        }
    }

    fn item(&self, index: usize, item: &'a Spanned<DeValue<'a>>) -> Self {
        let span = item.span().into();
        Self::new(self.context, format!("{}[{index}]", self.path), span, item)
    }

    /// Records that the value is of the wrong kind.
    pub fn wrong_type(&self, wanted: &str) {
        let (found, help) = match self.inner {
            DeValue::String(text) => {
                let number = wanted.starts_with("a whole number") && text.parse::<i64>().is_ok();
                let bare = number || wanted.contains("true") && text.parse::<bool>().is_ok();
                ("text", bare.then(|| format!("write it without quotes: `{text}`")))
            }
            DeValue::Integer(_) => ("a number", self.quoted(wanted)),
            DeValue::Float(_) => ("a number with a point", self.quoted(wanted)),
            DeValue::Boolean(_) => ("a boolean", self.quoted(wanted)),
            DeValue::Datetime(_) => ("a date", self.quoted(wanted)),
            DeValue::Array(_) => ("a list", None),
            DeValue::Table(_) => ("a table", None),
        };
        let flaw = Flaw::new(Code::WrongType, format!("`{}` must be {wanted}, not {found}", self.path));
        let flaw = flaw.at(self.span, format!("this is {found}"));
        self.context.report(match help {
            Some(help) => flaw.help(help),
            None => flaw,
        });
    }

    fn quoted(&self, wanted: &str) -> Option<String> {
        let source = shortened(self.context.source(self.span));
        wanted.starts_with("text").then(|| format!("write it in quotes: `\"{source}\"`"))
    }

    /// A problem with this value.
    pub fn flaw(&self, code: Code, message: impl Into<String>) -> Flaw {
        Flaw::new(code, message).at(self.span, "here")
    }

    /// Whether the file itself says it, rather than the environment.
    pub fn is_literal(&self) -> bool {
        !matches!(self.inner, DeValue::String(text) if !is_plain(text))
    }

    fn expanded(&self, written: &'a str) -> Option<Text<'a>> {
        match expand(written, self.context.around.environment) {
            Ok(value) => Some(Text { place: self.clone(), written, value }),
            Err(faults) => {
                let first = |(index, fault): &(usize, &Fault)| !faults[..*index].contains(fault);
                let distinct = faults.iter().enumerate().filter(first);
                distinct.for_each(|(_, fault)| self.context.report(self.fault(fault)));
                None
            }
        }
    }

    fn fault(&self, fault: &Fault) -> Flaw {
        match fault {
            Fault::Missing(name) => {
                let message = format!("the environment variable `{name}` is not set");
                let span = self.within(&format!("${{{name}"));
                let flaw = Flaw::new(Code::MissingVariable, message).at(span, "needed here");
                flaw.help(format!("set it, or give it a default: `${{{name}:-…}}`"))
            }
            Fault::Malformed(text) => {
                let message = format!("`{}` is not a variable", shortened(text));
                let flaw = Flaw::new(Code::Malformed, message).at(self.within(text), "cannot be expanded");
                flaw.help("write `${NAME}` or `${NAME:-default}`, and `$${` for a literal `${`")
            }
        }
    }

    /// Where a part of the value stands in the file; the whole value when it is written with escapes.
    fn within(&self, part: &str) -> SourceSpan {
        let source = self.context.source(self.span);
        let follows = |end: usize| source[end..].chars().next();
        let ends = |end| follows(end).is_none_or(|next| !next.is_ascii_alphanumeric() && next != '_');
        let found = source.match_indices(part).find(|(start, _)| part.ends_with('}') || ends(start + part.len()));
        found.map_or(self.span, |(start, _)| {
            let closed = !part.ends_with('}') && follows(start + part.len()) == Some('}');
            (self.span.offset() + start, part.len() + usize::from(closed)).into()
        })
    }

    /// Any text.
    pub fn text(&self) -> Option<Text<'a>> {
        match self.kind() {
            Kind::Text(text) => text,
            _ => self.wrong("text"),
        }
    }

    /// A text with something in it.
    pub fn filled(&self) -> Option<Text<'a>> {
        self.text()?.filled()
    }

    /// `true` or `false`, also from the environment.
    pub fn boolean(&self) -> Option<bool> {
        const WANTED: &str = "true or false";
        match self.kind() {
            Kind::Boolean(boolean) => Some(boolean),
            Kind::Text(text) if !self.is_literal() => text?.parsed(WANTED),
            _ => self.wrong(WANTED),
        }
    }

    /// A whole number in a range, also from the environment.
    pub fn number<T: TryFrom<i64>>(&self, range: RangeInclusive<i64>) -> Option<T> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let number = match self.kind() {
            Kind::Integer(number) => number,
            Kind::Text(text) if !self.is_literal() => Some(text?.parsed(&wanted)?),
            _ => return self.wrong(&wanted),
        };
        let converted = number.filter(|number| range.contains(number)).and_then(|number| T::try_from(number).ok());
        if converted.is_none() {
            let written = shortened(self.context.source(self.span).trim_matches(['"', '\'']));
            let message = format!("`{}` must be {wanted}, not `{written}`", self.path);
            self.context.report(Flaw::new(Code::OutOfRange, message).at(self.span, "out of range"));
        }
        converted
    }

    /// A port something listens on.
    pub fn port(&self) -> Option<u16> {
        self.number(1..=65535)
    }

    /// A list of texts.
    pub fn texts(&self) -> Option<Vec<Text<'a>>> {
        match self.kind() {
            Kind::List(items) => Some(items.iter().filter_map(Value::text).collect()),
            _ => self.wrong("a list of texts"),
        }
    }

    /// A text, or a list of them.
    pub fn text_or_texts(&self) -> Option<Vec<Text<'a>>> {
        match self.kind() {
            Kind::Text(text) => Some(vec![text?]),
            Kind::List(_) => self.texts(),
            _ => self.wrong("text or a list of texts"),
        }
    }

    /// A table.
    pub fn table(&self) -> Option<Table<'a>> {
        match self.kind() {
            Kind::Table(table) => Some(table),
            _ => self.wrong("a table"),
        }
    }

    /// Records the wrong kind.
    pub fn wrong<T>(&self, wanted: &str) -> Option<T> {
        self.wrong_type(wanted);
        None
    }
}
