//! Which secrets are different between two files of a local secret store: their names and keys, never a value. Pure.

use super::SECRETS_FILE;
use crate::dapr::changes::{FieldChange, ResourceChange, What};
use std::collections::{BTreeMap, BTreeSet};

/// What the kind of such a change is called.
pub const KIND: &str = "Secret";

type Stored = BTreeMap<String, BTreeMap<String, String>>;

/// Compares two folders of secrets, as files by name.
pub fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<ResourceChange> {
    let (before, after) = (read(before), read(after));
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let what = |name: &String| match (before.get(name), after.get(name)) {
        (None, _) => Some(What::Added),
        (_, None) => Some(What::Removed),
        (Some(was), Some(is)) if was == is => None,
        (Some(was), Some(is)) => {
            let keys: BTreeSet<_> = was.keys().chain(is.keys()).filter(|key| was.get(*key) != is.get(*key)).collect();
            let field = |key: &String| FieldChange { field: key.clone(), before: None, after: None };
            Some(What::Changed { fields: keys.into_iter().map(field).collect() })
        }
    };
    let change = |name: &String| {
        Some(ResourceChange { kind: KIND.to_owned(), name: name.clone(), what: what(name)?, component: None })
    };
    names.into_iter().filter_map(change).collect()
}

/// What cannot be read holds nothing.
fn read(files: &BTreeMap<String, String>) -> Stored {
    files.get(SECRETS_FILE).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}
