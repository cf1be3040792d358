//! The folders of rendered files in `.sandbox/`: which are there, how one is written, and how one is changed under its reader.

use crate::{error::Failure, plan::spec::FolderSpec};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// File names and what they hold.
pub(super) type Files = BTreeMap<String, String>;

/// Folders of rendered files: `.sandbox/KIND/OWNER/NAME`.
pub(super) const KINDS: [&str; 3] = ["resources", "configuration", "secrets"];

/// The rendered folders that are there, and what lies in each.
pub(super) fn rendered(state_directory: &Path) -> BTreeMap<PathBuf, Files> {
    let owners = KINDS.iter().flat_map(|kind| entries(&state_directory.join(kind)));
    let folders = owners.flat_map(|owner| entries(&owner));
    // What has an ending is on its way to become a folder.
    let whole = folders.filter(|path| path.extension().is_none() && path.is_dir());
    whole.map(|path| (path.clone(), files(&path))).collect()
}

/// What lies in a folder. A file that cannot be read is there with nothing in it, which no rendered file is.
pub(super) fn files(folder: &Path) -> Files {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    entries(folder).iter().map(|path| (name(path), fs::read_to_string(path).unwrap_or_default())).collect()
}

pub(super) fn entries(folder: &Path) -> Vec<PathBuf> {
    let listed = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    listed.map(|entry| entry.path()).collect()
}

/// Writes a folder whole: beside its place first, then renamed in, so that no half of it is ever mounted. The folders above are
/// for the user alone, what lies in it can be read by daprd's own user (65532) in the container.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(folder: &FolderSpec) -> Result<(), Failure> {
    let parent = folder.path.parent().unwrap_or(&folder.path);
    fs::create_dir_all(parent).map_err(failed("write", parent))?;
    let beside: PathBuf = folder.path.with_extension(format!("new-{}", std::process::id()));
    fs::create_dir_all(&beside).map_err(failed("write", &beside))?;
    for (name, text) in &folder.files {
        write_file(&beside.join(name), text)?;
    }
    set_mode(&beside, 0o755).map_err(failed("write", &beside))?;
    match fs::rename(&beside, &folder.path) {
        // Somebody was quicker; the name says that it holds the same.
        Err(_) if folder.path.is_dir() => fs::remove_dir_all(&beside).map_err(failed("remove", &beside)),
        renamed => renamed.map_err(failed("write", &folder.path)),
    }
}

/// Makes a folder hold other files while somebody watches it: what is new is renamed in whole, before what is old goes. A reader
/// sees no half of a file, and never one resource in two files, for each is in a file of its own name.
///
/// # Errors
/// When it cannot be written; some of it may be then.
pub(super) fn change(folder: &Path, before: &Files, after: &Files) -> Result<(), Failure> {
    let beside = folder.with_extension(format!("file-{}", std::process::id()));
    for (name, text) in after.iter().filter(|(name, text)| before.get(*name) != Some(text)) {
        write_file(&beside, text)?;
        let path = folder.join(name);
        fs::rename(&beside, &path).map_err(failed("write", &path))?;
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        let path = folder.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed("remove", &path)(error)),
            _ => {}
        }
    }
    Ok(())
}

fn write_file(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).and_then(|()| set_mode(path, 0o644)).map_err(failed("write", path))
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure + use<> {
    let path = path.to_owned();
    move |source| Failure::File { operation, path, source }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Files {
        files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_folder_is_changed_and_changed_back() {
        let state = tempfile::tempdir().expect("a folder");
        let path = state.path().join("resources/orders-1/abc");
        let (before, after) = (of(&[("a", "1"), ("b", "2")]), of(&[("b", "2"), ("c", "3")]));
        write(&FolderSpec { path: path.clone(), files: before.clone() }).expect("written");
        let untouched = fs::metadata(path.join("b")).expect("there").modified().expect("a time");
        change(&path, &before, &after).expect("changed");
        assert_eq!(files(&path), after);
        assert_eq!(fs::metadata(path.join("b")).expect("there").modified().expect("a time"), untouched);
        change(&path, &after, &before).expect("changed back");
        assert_eq!(rendered(state.path()), BTreeMap::from([(path.clone(), before)]), "and nothing beside it");
        assert_eq!(entries(path.parent().expect("an owner")), [path]);
    }

    #[test]
    fn what_is_half_written_is_no_folder_yet() {
        let state = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(state.path().join("resources/orders-1/abc.new-7")).expect("made");
        fs::create_dir_all(state.path().join("trial/orders-1/abc")).expect("made");
        assert!(rendered(state.path()).is_empty());
    }
}
