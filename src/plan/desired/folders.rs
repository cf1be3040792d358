//! What a folder of rendered files is called. Pure.
//!
//! Its path is part of the spec of the container that mounts it. It is named after what lies in it, so that other files make
//! another container. A folder that was changed in place keeps the name, and with it its container: it is known by what lies in it.

use crate::{dapr::changes::mean_the_same, plan::spec::SpecHash};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

type Files = BTreeMap<String, String>;

/// The folder in `owner` for these files: one that has them already, else a new one.
pub(super) fn path(owner: &Path, files: &Files, there: &BTreeMap<PathBuf, Files>) -> PathBuf {
    let same = there.iter().filter(|(path, held)| path.parent() == Some(owner) && mean_the_same(held, files));
    // A name that is not of what lies there tells of a change in place, and of a container that has mounted it.
    let is_named_after = |(path, held): &(&PathBuf, &Files)| base(path) == SpecHash::of_files(held).as_str();
    let (named_after, changed): (Vec<_>, Vec<_>) = same.partition(is_named_after);
    // Of several that are named after it, the mounted one is the oldest: with a new one in its place, all others go.
    let oldest = named_after.iter().min_by_key(|(path, _)| number(path));
    if let Some((path, _)) = changed.first().or(oldest) {
        return (*path).clone();
    }
    fresh_path(owner, &SpecHash::of_files(files), there)
}

/// The folder in `owner` for secrets. Its name stands where others can read it, and a secret may be short: it is made with a key
/// that nobody else has.
pub(super) fn secret_path(owner: &Path, files: &Files, there: &BTreeMap<PathBuf, Files>, key: &[u8]) -> PathBuf {
    let same = there.iter().find(|(path, held)| path.parent() == Some(owner) && *held == files);
    let name = || {
        let parts = files.iter().flat_map(|(name, text)| [name.as_bytes(), text.as_bytes()]);
        SpecHash::of(&std::iter::once(key).chain(parts).collect::<Vec<_>>())
    };
    same.map_or_else(|| fresh_path(owner, &name(), there), |(path, _)| path.clone())
}

/// A name that comes after all of its kind that are there.
fn fresh_path(owner: &Path, name: &SpecHash, there: &BTreeMap<PathBuf, Files>) -> PathBuf {
    let is_of_it = |path: &&PathBuf| path.parent() == Some(owner) && base(path) == name.as_str();
    match there.keys().filter(is_of_it).map(|path| number(path)).max() {
        Some(last) => owner.join(format!("{}-{}", name.as_str(), last + 1)),
        None => owner.join(name.as_str()),
    }
}

fn base(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.split('-').next().unwrap_or_default().to_owned()
}

/// Which of its name a folder is: the first has no number.
fn number(folder: &Path) -> u64 {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    name.split_once('-').and_then(|(_, number)| number.parse().ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn owner() -> PathBuf {
        PathBuf::from("/state/resources/orders-1")
    }

    fn files(names: &[&str]) -> Files {
        let text =
            |name: &&str| format!("kind: Component\nmetadata: {{name: {name}}}\nspec: {{type: state.in-memory}}\n");
        names.iter().map(|name| (format!("component-{name}.yaml"), text(name))).collect()
    }

    fn fresh(files: &Files) -> PathBuf {
        path(&owner(), files, &BTreeMap::new())
    }

    #[test]
    fn a_folder_that_was_changed_in_place_keeps_its_name() {
        let (one, both) = (files(&["a"]), files(&["a", "b"]));
        assert_ne!(fresh(&one), fresh(&both));
        let there = BTreeMap::from([(fresh(&one), both.clone())]);
        assert_eq!(path(&owner(), &both, &there), fresh(&one));
        // What an earlier hand-over that was refused has left: it is not mounted.
        let there = BTreeMap::from([(fresh(&one), both.clone()), (fresh(&both), both.clone())]);
        assert_eq!(path(&owner(), &both, &there), fresh(&one));
    }

    #[test]
    fn a_name_that_is_taken_by_other_files_is_left_alone() {
        let (one, both) = (files(&["a"]), files(&["a", "b"]));
        let mut there = BTreeMap::from([(fresh(&one), both)]);
        let second = path(&owner(), &one, &there);
        assert_eq!(second, PathBuf::from(format!("{}-2", fresh(&one).display())));
        there.insert(second.clone(), files(&["c"]));
        assert!(path(&owner(), &one, &there).to_string_lossy().ends_with("-3"));
        there.insert(second.clone(), one.clone());
        assert_eq!(path(&owner(), &one, &there), second);
    }

    #[test]
    fn what_was_refused_before_is_not_taken_for_what_is_mounted() {
        let (none, one) = (files(&[]), files(&["c"]));
        // Mounted, changed in place, and back; in between another one was written for what comes back.
        let second = PathBuf::from(format!("{}-2", fresh(&none).display()));
        let mut there = BTreeMap::from([(second.clone(), one)]);
        let refused = path(&owner(), &none, &there);
        there.extend([(refused, none.clone()), (second.clone(), none.clone())]);
        assert_eq!(path(&owner(), &none, &there), second);
    }

    #[test]
    fn the_folders_of_others_are_theirs() {
        let one = files(&["a"]);
        let other = PathBuf::from("/state/resources/billing-1").join(fresh(&one).file_name().expect("a name"));
        assert_eq!(path(&owner(), &one, &BTreeMap::from([(other, one.clone())])), fresh(&one));
    }

    #[test]
    fn a_folder_of_secrets_is_named_with_a_key_and_found_by_what_lies_there() {
        let files = Files::from([("secrets.json".to_owned(), r#"{"a":{"a":"1"}}"#.to_owned())]);
        let named = |key: &[u8], there: &BTreeMap<PathBuf, Files>| secret_path(&owner(), &files, there, key);
        let (one, other) = (named(b"one", &BTreeMap::new()), named(b"other", &BTreeMap::new()));
        assert_ne!(one, other);
        assert!(!one.ends_with(SpecHash::of_files(&files).as_str()), "anybody could find the secret by guessing");
        let there = BTreeMap::from([(one.clone(), files.clone())]);
        assert_eq!(named(b"other", &there), one, "the key was lost, the folder was not");
        let changed = BTreeMap::from([(one.clone(), Files::new())]);
        assert_eq!(named(b"one", &changed), PathBuf::from(format!("{}-2", one.display())));
    }

    #[test]
    fn another_layout_is_no_other_folder() {
        let one = BTreeMap::from([("a.yaml".to_owned(), "kind: A\nmetadata: {name: a}\n".to_owned())]);
        let other = BTreeMap::from([("a.yaml".to_owned(), "metadata: {name: a}\nkind: A\n".to_owned())]);
        assert_eq!(path(&owner(), &other, &BTreeMap::from([(fresh(&one), one.clone())])), fresh(&one));
    }

    /// What becomes of the one folder that is mounted.
    #[derive(Clone, Debug)]
    enum Event {
        /// Other files, live in place.
        InPlace(Vec<&'static str>),
        /// Other files in another folder; the old one goes.
        HandOver(Vec<&'static str>),
        /// Other files that another folder was written for, and that were refused.
        Refused(Vec<&'static str>),
    }

    fn event() -> impl Strategy<Value = Event> {
        let names = || proptest::sample::subsequence(vec!["a", "b", "c"], 0..=3);
        prop_oneof![
            names().prop_map(Event::InPlace),
            names().prop_map(Event::HandOver),
            names().prop_map(Event::Refused)
        ]
    }

    proptest! {
        #[test]
        fn whatever_was_live_is_found_where_it_is_mounted(events in proptest::collection::vec(event(), 1..12)) {
            let mut there = BTreeMap::from([(fresh(&files(&["a"])), files(&["a"]))]);
            let (mut mounted, mut live) = (fresh(&files(&["a"])), files(&["a"]));
            for event in events {
                let (Event::InPlace(names) | Event::HandOver(names) | Event::Refused(names)) = &event;
                let wanted = files(names);
                let found = path(&owner(), &wanted, &there);
                if wanted == live {
                    prop_assert_eq!(&found, &mounted, "nothing is to be done");
                    continue;
                }
                prop_assert_ne!(&found, &mounted, "something is to be done");
                prop_assert!(there.get(&found).is_none_or(|held| *held == wanted), "other files lie there");
                match event {
                    Event::Refused(_) => drop(there.insert(found, wanted)),
                    Event::InPlace(_) => {
                        // Before the leftovers are removed: whoever kills us in between leaves them.
                        there.insert(mounted.clone(), wanted.clone());
                        live = wanted;
                        prop_assert_eq!(&path(&owner(), &live, &there), &mounted);
                        there.retain(|path, _| *path == mounted);
                    }
                    Event::HandOver(_) => {
                        there = BTreeMap::from([(found.clone(), wanted.clone())]);
                        (mounted, live) = (found, wanted);
                    }
                }
                prop_assert_eq!(&path(&owner(), &live, &there), &mounted);
            }
        }
    }
}
