//! Kubernetes manifests: the Secrets in them, as `kubectl apply` would take them. Pure.

use super::{Fault, SecretValue, Weight};
use crate::dapr::{
    document::{Entry, Node, NodeKind, documents},
    resource::Resource,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{collections::BTreeMap, ops::Range};

/// One Secret.
pub(super) struct Manifest {
    pub name: String,
    pub namespace: Option<String>,
    pub values: BTreeMap<String, SecretValue>,
    /// Where its name stands.
    pub span: Range<usize>,
}

/// Reads every Secret of a file, and says what is wrong in it.
pub(super) fn read(file: &str, text: &str) -> (Vec<Manifest>, Vec<Fault>) {
    if let Some(problem) = Resource::syntax_problem(text) {
        // The place is in front of the message already.
        let reason = problem.reason.split(" at line ").next().unwrap_or_default();
        let fault = Fault::of(Weight::Error, file, format!("this is no YAML: {reason}"));
        return (Vec::new(), vec![fault.on_line(problem.line.unwrap_or(1))]);
    }
    let mut reader = Reader { file, manifests: Vec::new(), faults: Vec::new() };
    for document in documents(text).iter().filter(|document| !document.is_null()) {
        reader.document(document, true);
    }
    (reader.manifests, reader.faults)
}

struct Reader<'a> {
    file: &'a str,
    manifests: Vec<Manifest>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn document(&mut self, node: &Node, may_be_list: bool) {
        let span = first_entry(node);
        match node.get("kind").and_then(Node::text) {
            Some("Secret") => self.secret(node),
            Some("List" | "SecretList") if may_be_list => {
                let items = node.get("items").map(Node::items).unwrap_or_default();
                items.iter().for_each(|item| self.document(item, false));
            }
            Some(kind) => {
                let fault =
                    Fault::of(Weight::Note, self.file, format!("a `{kind}` is no Secret: nothing comes from it"));
                self.faults.push(fault.at(&span, "passed over"));
            }
            None => {
                let fault = Fault::of(Weight::Warning, self.file, "a document has no `kind`: nothing comes from it");
                self.faults.push(fault.at(&span, "passed over").with_help("write `kind: Secret`"));
            }
        }
    }

    fn secret(&mut self, node: &Node) {
        let metadata = node.get("metadata");
        let text = |key| metadata.and_then(|metadata| metadata.get(key)).filter(|node| is_text(node));
        let Some((name, name_node)) = text("name").and_then(|node| Some((node.text()?.to_owned(), node))) else {
            let fault = Fault::of(Weight::Error, self.file, "a Secret has no `metadata.name`");
            self.faults.push(fault.at(&first_entry(node), "of this one"));
            return;
        };
        let mut values = BTreeMap::new();
        for (key, entry) in entries(self.table(node, "data", &name)) {
            values.extend(self.decoded(&name, key, &entry.value).map(|value| (key.to_owned(), value)));
        }
        for (key, entry) in entries(self.table(node, "stringData", &name)) {
            values.extend(self.plain("stringData", &name, key, &entry.value).map(|value| (key.to_owned(), value)));
        }
        let namespace = text("namespace").and_then(Node::text).map(str::to_owned);
        self.manifests.push(Manifest { name, namespace, values, span: name_node.span.clone() });
    }

    fn table<'a>(&mut self, node: &'a Node, key: &str, name: &str) -> Option<&'a Node> {
        let table = node.get(key)?;
        if !matches!(table.kind, NodeKind::Mapping(_)) {
            let message = format!("`{key}` of Secret `{name}` must be a mapping, not {}", table.what());
            self.faults.push(Fault::of(Weight::Error, self.file, message).at(&first_byte(table), "here"));
        }
        Some(table)
    }

    /// A text; nothing stands for an empty one, as in a cluster.
    fn plain(&mut self, table: &str, name: &str, key: &str, node: &Node) -> Option<SecretValue> {
        if node.is_null() {
            return Some(SecretValue(String::new()));
        }
        match node.text().filter(|_| is_text(node)) {
            Some(text) => Some(SecretValue(text.to_owned())),
            None => {
                let message = format!("`{table}.{key}` of Secret `{name}` must be text, not {}", node.what());
                let fault = Fault::of(Weight::Error, self.file, message).at(&first_byte(node), "here");
                self.faults.push(fault.with_help("write it in quotes: a cluster does not take it otherwise"));
                None
            }
        }
    }

    fn decoded(&mut self, name: &str, key: &str, node: &Node) -> Option<SecretValue> {
        let SecretValue(text) = self.plain("data", name, key, node)?;
        // Go's decoder passes over line breaks.
        let Ok(bytes) = STANDARD.decode(text.replace(['\n', '\r'], "")) else {
            let message = format!("`data.{key}` of Secret `{name}` is no base64");
            let fault = Fault::of(Weight::Error, self.file, message).at(&first_byte(node), "here");
            self.faults.push(fault.with_help("plain text goes under `stringData`"));
            return None;
        };
        Some(SecretValue(String::from_utf8(bytes).unwrap_or_else(|error| {
            let message =
                format!("`data.{key}` of Secret `{name}` is not UTF-8 text: Dapr's API cannot carry it whole");
            self.faults.push(Fault::of(Weight::Warning, self.file, message).at(&first_byte(node), "here"));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        })))
    }
}

/// The entries of a table, those that are merged into it first.
fn entries(table: Option<&Node>) -> Vec<(&str, &Entry)> {
    let entries = table.map(Node::entries).unwrap_or_default();
    let merged = entries.iter().filter(|entry| entry.key == "<<").flat_map(|entry| entry.value.entries());
    let own = entries.iter().filter(|entry| entry.key != "<<");
    merged.chain(own).map(|entry| (entry.key.as_str(), entry)).collect()
}

fn is_text(node: &Node) -> bool {
    node.what() == "text" && !node.is_null()
}

/// Where a value begins: never as much of it as could be read.
fn first_byte(node: &Node) -> Range<usize> {
    node.span.start..node.span.start + 1
}

fn first_entry(node: &Node) -> Range<usize> {
    node.entry("kind").or_else(|| node.entries().first()).map_or_else(|| first_byte(node), |entry| entry.span.clone())
}
