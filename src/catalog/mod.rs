//! The brokers and stores that the sandbox knows: the folders of `templates/`, built into the binary.
//!
//! A new one is a new folder with `catalog.toml` and `component.yaml.j2`; nothing here names any of them.

pub mod entry;
pub mod features;
pub mod template;

use entry::{CatalogEntry, Description};
use include_dir::{Dir, include_dir};
use std::collections::BTreeMap;

static BROKERS: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates/brokers");
static STORES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/templates/stores");

/// Everything that `[broker] kind` and `[state] kind` can name.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// By name.
    pub brokers: BTreeMap<String, CatalogEntry>,
    /// By name.
    pub stores: BTreeMap<String, CatalogEntry>,
}

impl Catalog {
    /// The catalog in this binary.
    pub fn embedded() -> Self {
        Self { brokers: entries(&BROKERS), stores: entries(&STORES) }
    }
}

fn entries(folder: &Dir<'_>) -> BTreeMap<String, CatalogEntry> {
    folder
        .dirs()
        .map(|entry| {
            let text = |file: &str| {
                let path = entry.path().join(file);
                let file = folder.get_file(&path).unwrap_or_else(|| panic!("{} is missing", path.display()));
                file.contents_utf8().expect("templates are UTF-8")
            };
            let description: Description = toml::from_str(text("catalog.toml"))
                .unwrap_or_else(|error| panic!("{}: {error}", entry.path().display()));
            let component_template = text("component.yaml.j2").to_owned();
            (description.name.clone(), CatalogEntry { description, component_template })
        })
        .collect()
}

#[cfg(test)]
mod tests;
