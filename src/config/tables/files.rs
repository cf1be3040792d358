//! Paths that the file names: made absolute, and looked for. Pure: the disk is asked through the surroundings.

use crate::config::{error::Code, surroundings::DiskEntry, text::Text};
use std::path::{Path, PathBuf};

/// The path of a text, absolute.
pub(super) fn path(text: &Text<'_>) -> Option<PathBuf> {
    let path = text.place.context.around.resolve(&text.value);
    if path.is_none() {
        let message = format!("{} begins in the home folder, and `HOME` is not set", text.shown());
        text.report(Code::MissingVariable, message, "set `HOME`, or write the path in full");
    }
    path
}

/// The path of a text, where a file or a folder has to lie.
pub(super) fn existing(text: &Text<'_>, wanted: DiskEntry) -> Option<PathBuf> {
    let path = path(text)?;
    is_there(text, &path, &text.shown(), wanted).then_some(path)
}

/// Whether something lies at a path; if not, the text is blamed for it.
pub(super) fn is_there(blamed: &Text<'_>, path: &Path, shown: &str, wanted: DiskEntry) -> bool {
    let (noun, other) = match wanted {
        DiskEntry::File => ("file", "folder"),
        DiskEntry::Folder => ("folder", "file"),
    };
    let found = (blamed.place.context.around.disk.look)(path);
    let message = match found {
        Some(found) if found == wanted => return true,
        Some(_) => format!("{shown} is a {other}, not a {noun}"),
        None => format!("the {noun} {shown} does not exist"),
    };
    blamed.report(Code::MissingFile, message, "paths start at the folder of `sandbox.toml`");
    false
}
