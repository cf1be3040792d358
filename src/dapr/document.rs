//! YAML with positions, for messages that point at what they blame. Pure.
//!
//! `resource.rs` decides what is YAML and what a document means; this only knows where things stand in it.

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::{collections::HashMap, ops::Range, sync::Arc};

/// A value with the bytes it takes up in its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Range<usize>,
    /// What it is.
    pub kind: NodeKind,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// Text, a number, a switch or nothing.
    Scalar {
        /// As it reads without quotes.
        text: String,
        /// Whether it stands without quotes, so that it may be more than text.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Arc<Node>>),
    /// A mapping, in the file's order; keys that are no scalars are left out.
    Mapping(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub span: Range<usize>,
    /// Its value; several keys share it where an alias names it.
    pub value: Arc<Node>,
}

impl Node {
    /// The entries of a mapping.
    pub fn entries(&self) -> &[Entry] {
        match &self.kind {
            NodeKind::Mapping(entries) => entries,
            NodeKind::Scalar { .. } | NodeKind::Sequence(_) => &[],
        }
    }

    /// The members of a list.
    pub fn items(&self) -> &[Arc<Self>] {
        match &self.kind {
            NodeKind::Sequence(items) => items,
            NodeKind::Scalar { .. } | NodeKind::Mapping(_) => &[],
        }
    }

    /// The entry of a key. Go's JSON, and so daprd, does not care about the case of letters; nor does this.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        let named = |entry: &&Entry| entry.key.eq_ignore_ascii_case(key);
        let own = self.entries().iter().find(named);
        own.or_else(|| self.entries().iter().find(|entry| entry.key == "<<")?.value.entries().iter().find(named))
    }

    /// The value of a key, unless it is null.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &*entry.value).filter(|node| !node.is_null())
    }

    /// The text of a scalar that is not null.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } if !self.is_null() => Some(text),
            NodeKind::Scalar { .. } | NodeKind::Sequence(_) | NodeKind::Mapping(_) => None,
        }
    }

    /// Whether it says that there is nothing.
    pub fn is_null(&self) -> bool {
        let words = ["", "~", "null", "Null", "NULL"];
        matches!(&self.kind, NodeKind::Scalar { text, plain: true } if words.contains(&text.as_str()))
    }

    /// What it is, for a sentence: `a list`.
    pub fn what(&self) -> &'static str {
        match &self.kind {
            NodeKind::Scalar { plain: true, text } if matches!(text.as_str(), "true" | "false") => "a switch",
            NodeKind::Scalar { plain: true, text } if text.parse::<f64>().is_ok() => "a number",
            NodeKind::Scalar { .. } => "text",
            NodeKind::Sequence(_) => "a list",
            NodeKind::Mapping(_) => "a mapping",
        }
    }
}

/// The documents of a file, up to the first that this parser does not read.
pub fn documents(text: &str) -> Vec<Node> {
    let mut builder = Builder::new(text);
    for event in Parser::new_from_str(text) {
        let Ok((event, span)) = event else { break };
        if builder.take(event, span).is_none() {
            break;
        }
    }
    builder.documents
}

/// A list or a mapping that has not ended yet.
struct Open {
    start: usize,
    anchor: usize,
    content: Content,
}

enum Content {
    Sequence(Vec<Arc<Node>>),
    Mapping { entries: Vec<Entry>, key: Option<Arc<Node>> },
}

struct Builder<'a> {
    text: &'a str,
    /// The byte of each character: the parser counts characters.
    bytes: Vec<usize>,
    open: Vec<Open>,
    anchors: HashMap<usize, Arc<Node>>,
    documents: Vec<Node>,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str) -> Self {
        let bytes = text.char_indices().map(|(byte, _)| byte).chain([text.len()]).collect();
        Self { text, bytes, open: Vec::new(), anchors: HashMap::new(), documents: Vec::new() }
    }

    fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let kind = NodeKind::Scalar { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                let span = self.trimmed(self.byte(span.start.index())..self.byte(span.end.index()));
                let span = match style {
                    ScalarStyle::SingleQuoted => self.quoted(span, '\''),
                    ScalarStyle::DoubleQuoted => self.quoted(span, '"'),
                    ScalarStyle::Plain | ScalarStyle::Literal | ScalarStyle::Folded => span,
                };
                self.add(Arc::new(Node { span, kind }), anchor);
            }
            Event::Alias(anchor) => {
                let node = Arc::clone(self.anchors.get(&anchor)?);
                self.add(node, 0);
            }
            Event::SequenceStart(anchor, _) => self.begin(&span, anchor, Content::Sequence(Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.begin(&span, anchor, Content::Mapping { entries: Vec::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open { start, anchor, content } = self.open.pop()?;
                let span = self.trimmed(start..self.byte(span.end.index()).max(start));
                let kind = match content {
                    Content::Sequence(items) => NodeKind::Sequence(items),
                    Content::Mapping { entries, .. } => NodeKind::Mapping(entries),
                };
                self.add(Arc::new(Node { span, kind }), anchor);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) | Event::DocumentEnd => {}
        }
        Some(())
    }

    fn begin(&mut self, span: &Span, anchor: usize, content: Content) {
        let start = self.byte(span.start.index());
        self.open.push(Open { start, anchor, content });
    }

    fn add(&mut self, node: Arc<Node>, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.documents.push(Node::clone(&node)),
            Some(Content::Sequence(items)) => items.push(node),
            Some(Content::Mapping { key: key @ None, .. }) => *key = Some(node),
            Some(Content::Mapping { entries, key }) => {
                if let Some(Node { span, kind: NodeKind::Scalar { text, .. } }) = key.take().as_deref() {
                    entries.push(Entry { key: text.clone(), span: span.clone(), value: node });
                }
            }
        }
    }

    fn byte(&self, character: usize) -> usize {
        self.bytes.get(character).copied().unwrap_or(self.text.len())
    }

    /// Up to the closing quote: the parser goes on to the next thing.
    fn quoted(&self, span: Range<usize>, quote: char) -> Range<usize> {
        let text = self.text.get(span.clone()).unwrap_or_default();
        span.start..span.start + text.rfind(quote).map_or(text.len(), |last| last + 1)
    }

    /// Without the white space at its end, which a block takes up to the next thing.
    fn trimmed(&self, span: Range<usize>) -> Range<usize> {
        let text = self.text.get(span.clone()).unwrap_or_default();
        span.start..span.start + text.trim_end().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_where_it_stands() {
        let text = "# ä\nkind: Component\nmetadata:\n  name: \"pub\" # x\nspec:\n  metadata:\n  - name: a\n    value: |\n      1\n---\nb\n";
        let documents = documents(text);
        assert_eq!(documents.len(), 2);
        let name = documents[0].get("metadata").and_then(|node| node.get("NAME")).expect("there");
        assert_eq!((&text[name.span.clone()], name.text()), ("\"pub\"", Some("pub")));
        let item = &documents[0].get("spec").and_then(|node| node.get("metadata")).expect("there").items()[0];
        assert_eq!(&text[item.entry("value").expect("there").span.clone()], "value");
        assert!(text[item.span.clone()].starts_with("name: a") && text[item.span.clone()].ends_with('1'));
    }

    #[test]
    fn aliases_and_merged_mappings_are_followed() {
        let documents = documents("a: &x {k: v}\nb: *x\nc: {<<: *x, l: w}\n");
        let text = |key, inner| documents[0].get(key).and_then(|node| node.get(inner)).and_then(Node::text);
        assert_eq!((text("b", "k"), text("c", "k"), text("c", "l")), (Some("v"), Some("v"), Some("w")));
    }

    #[test]
    fn what_stands_before_rubbish_is_read() {
        assert_eq!(documents("a: 1\n---\nb: [").len(), 1);
    }
}
