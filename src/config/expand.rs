//! `${NAME}` and `${NAME:-default}` in a text, `$${` for a literal `${`, as in compose. Pure.
//!
//! A bare `$NAME` stays as it is: it belongs to the shell in the container.

use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// Defaults within defaults within…: deeper than anyone writes.
const DEEPEST: usize = 16;

/// Why a text cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The variable is not set and has no default.
    Missing(String),
    /// `${` that begins nothing this file knows; with the text from there on.
    Malformed(String),
}

/// The text with its variables replaced, or everything that stands against it.
pub(super) fn expand(text: &str, environment: &BTreeMap<String, String>) -> Result<String, Vec<Fault>> {
    let mut expansion = Expansion { environment, faults: Vec::new() };
    let expanded = expansion.expand(text, 0);
    if expansion.faults.is_empty() { Ok(expanded) } else { Err(expansion.faults) }
}

/// Whether a text has anything to expand.
pub(super) fn is_plain(text: &str) -> bool {
    !text.contains("${")
}

struct Expansion<'a> {
    environment: &'a BTreeMap<String, String>,
    faults: Vec<Fault>,
}

impl Expansion<'_> {
    fn expand(&mut self, text: &str, depth: usize) -> String {
        let mut expanded = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            let (before, from) = rest.split_at(dollar);
            expanded.push_str(before);
            if let Some(after) = from.strip_prefix("$${") {
                expanded.push_str("${");
                rest = after;
            } else if let Some(after) = from.strip_prefix("${") {
                let Some(end) = closing(after).filter(|_| depth < DEEPEST) else {
                    self.faults.push(Fault::Malformed(from.to_owned()));
                    return expanded;
                };
                expanded.push_str(&self.variable(&after[..end], depth));
                rest = &after[end + 1..];
            } else {
                expanded.push('$');
                rest = &from[1..];
            }
        }
        expanded.push_str(rest);
        expanded
    }

    /// What stands between `${` and its `}`.
    fn variable(&mut self, inside: &str, depth: usize) -> String {
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_name(name) {
            self.faults.push(Fault::Malformed(format!("${{{inside}}}")));
            return String::new();
        }
        match (self.environment.get(name), default) {
            (Some(value), None) => value.clone(),
            (Some(value), Some(_)) if !value.is_empty() => value.clone(),
            (_, Some(default)) => self.expand(default, depth + 1),
            (None, None) => {
                self.faults.push(Fault::Missing(name.to_owned()));
                String::new()
            }
        }
    }
}

/// Where the `}` lies that belongs to a `${` just before this text.
fn closing(text: &str) -> Option<usize> {
    let mut open = 1_usize;
    for (index, character) in text.char_indices() {
        match character {
            '{' => open += 1,
            '}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some(index);
        }
    }
    None
}

fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && characters.all(|character| character.is_ascii_alphanumeric() || character == '_')
}
