//! The files of `[secrets]`, found by their patterns and read.

use super::{Fault, Weight};
use crate::{config::model::Config, dapr::folder::SourceFile};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// The files as they were read.
#[derive(Clone, Default)]
pub struct SecretSources {
    /// In the order of the patterns, and of their paths within one; each once.
    pub files: Vec<SourceFile>,
    /// Patterns that no file fits.
    pub faults: Vec<Fault>,
}

/// Reads them. Messages name files as seen from `base`.
pub fn read(config: &Config, base: &Path) -> SecretSources {
    let mut sources = SecretSources::default();
    for files in config.secrets.iter().flat_map(|secrets| &secrets.files) {
        let found = files.pattern.find().files;
        if found.is_empty() {
            let weight = if files.pattern.literal().is_some() { Weight::Error } else { Weight::Warning };
            let file = config.file.strip_prefix(base).unwrap_or(&config.file).display().to_string();
            let place = format!("{file}:{}", files.line);
            let message = format!("no file is `{}`, which `[secrets] files` names ({place})", files.written);
            let help = "paths start at the folder of `sandbox.toml`; leave out what is not there";
            sources.faults.push(Fault::of(weight, &file, message).with_help(help));
        }
        for path in found {
            if !sources.files.iter().any(|known| known.path == path) {
                sources.files.push(SourceFile::read(&path, base));
            }
        }
    }
    sources
}

/// The paths of the files that are there.
pub fn paths(config: &Config) -> BTreeSet<PathBuf> {
    let patterns = config.secrets.iter().flat_map(|secrets| &secrets.files);
    patterns.flat_map(|files| files.pattern.find().files).collect()
}
