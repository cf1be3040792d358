//! What of a file of secrets may be shown around a message: keys, kinds and names. Pure.

use crate::dapr::{
    document::{Node, documents},
    resource::Resource,
};
use std::ops::Range;

/// The file's text with `*` in place of everything that is not known to be harmless, everything where it was.
pub fn masked(file: &str, text: &str) -> String {
    let shown = if !is_manifest(file) {
        names_of_variables(text)
    } else if Resource::syntax_problem(text).is_none() {
        documents(text).iter().flat_map(harmless).collect()
    } else {
        Vec::new()
    };
    let mut bytes: Vec<u8> = text.bytes().map(|byte| if byte.is_ascii_whitespace() { byte } else { b'*' }).collect();
    let dashes =
        text.match_indices("---").filter(|(at, _)| *at == 0 || bytes[at - 1] == b'\n').map(|(at, _)| at..at + 3);
    for span in shown.into_iter().chain(dashes.collect::<Vec<_>>()) {
        if let (Some(to), Some(from)) = (bytes.get_mut(span.clone()), text.get(span)) {
            to.copy_from_slice(from.as_bytes());
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// Whether a file is read as Kubernetes manifests; any other is a dotenv file.
pub(super) fn is_manifest(file: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| file.ends_with(ending))
}

fn harmless(document: &Node) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let items = document.get("items").map(Node::items).unwrap_or_default();
    for secret in std::iter::once(document).chain(items.iter().map(|item| &**item)) {
        spans.extend(secret.entries().iter().map(|entry| with_colon(&entry.span)));
        let tables = ["metadata", "data", "stringData"].into_iter().filter_map(|key| secret.get(key));
        spans.extend(tables.flat_map(Node::entries).map(|entry| with_colon(&entry.span)));
        let metadata = secret.get("metadata");
        let named = ["name", "namespace"].into_iter().filter_map(|key| metadata?.get(key));
        let values = ["apiVersion", "kind", "type"].into_iter().filter_map(|key| secret.get(key)).chain(named);
        spans.extend(values.filter(|node| node.text().is_some()).map(|node| node.span.clone()));
    }
    spans
}

/// A key, and what follows it.
fn with_colon(key: &Range<usize>) -> Range<usize> {
    key.start..key.end + 1
}

fn names_of_variables(text: &str) -> Vec<Range<usize>> {
    let (mut spans, mut start) = (Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        let name = line.split_once('=').map(|(name, _)| name);
        let is_name = |name: &&str| {
            let bare = name.trim().trim_start_matches("export ");
            !bare.is_empty() && bare.chars().all(|one| one.is_ascii_alphanumeric() || one == '_')
        };
        spans.extend(name.filter(is_name).map(|name| start..start + name.len() + 1));
        start += line.len();
    }
    spans
}
