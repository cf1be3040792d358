//! What files held when they were looked at, and how two looks differ. Pure.

use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Instant,
};

/// What is at a path where something is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A file that could be read, as the hash of what it holds.
    Held([u8; 32]),
    /// Something that could not be read.
    Unreadable(ErrorKind),
}

impl Content {
    /// A file's content.
    pub fn of(bytes: &[u8]) -> Self {
        Self::Held(Sha256::digest(bytes).into())
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held([first, second, ..]) => write!(formatter, "{first:02x}{second:02x}…"),
            Self::Unreadable(kind) => write!(formatter, "unreadable ({kind})"),
        }
    }
}

/// The watched files at one moment; a file that is not there has no entry.
pub type Snapshot = BTreeMap<PathBuf, Content>;

/// What changed since it was last told: each path once, in order, under the names that the watched set gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Files that were not there.
    pub added: Vec<PathBuf>,
    /// Files that hold something else, or became readable or unreadable.
    pub changed: Vec<PathBuf>,
    /// Files that are gone.
    pub removed: Vec<PathBuf>,
    /// When the first sign of it was seen.
    pub at: Instant,
}

/// How two looks differ, if they do.
pub fn compare(before: &Snapshot, after: &Snapshot, at: Instant) -> Option<Change> {
    let only_in = |one: &Snapshot, other: &Snapshot| -> Vec<PathBuf> {
        one.keys().filter(|path| !other.contains_key(*path)).cloned().collect()
    };
    let differs = |(path, content): &(&PathBuf, &Content)| before.get(*path).is_some_and(|other| other != *content);
    let changed: Vec<_> = after.iter().filter(differs).map(|(path, _)| path.clone()).collect();
    let change = Change { added: only_in(after, before), changed, removed: only_in(before, after), at };
    let is_one = !(change.added.is_empty() && change.changed.is_empty() && change.removed.is_empty());
    is_one.then_some(change)
}

/// What counts as told when other files are watched than before: of those that were watched already, what was told; of
/// those that are new, what they hold now; of the rest nothing.
pub fn carry_over(
    told: &Snapshot,
    now: &Snapshot,
    was_watched: impl Fn(&Path) -> bool,
    is_watched: impl Fn(&Path) -> bool,
) -> Snapshot {
    let kept = told.iter().filter(|(path, _)| is_watched(path));
    let new = now.iter().filter(|(path, _)| !was_watched(path));
    kept.chain(new).map(|(path, content)| (path.clone(), *content)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn snapshot(files: &[(&str, &str)]) -> Snapshot {
        files.iter().map(|(path, text)| (PathBuf::from(path), Content::of(text.as_bytes()))).collect()
    }

    #[test]
    fn each_kind_of_change_is_told_apart() {
        let now = Instant::now();
        let before = snapshot(&[("same", "1"), ("changed", "1"), ("removed", "1"), ("closed", "1")]);
        let mut after = snapshot(&[("same", "1"), ("changed", "2"), ("added", "1")]);
        after.insert("closed".into(), Content::Unreadable(ErrorKind::PermissionDenied));
        let change = compare(&before, &after, now).expect("a change");
        assert_eq!(change.added, [PathBuf::from("added")]);
        assert_eq!(change.changed, [PathBuf::from("changed"), PathBuf::from("closed")]);
        assert_eq!(change.removed, [PathBuf::from("removed")]);
        assert_eq!(compare(&after, &after, now), None);
    }

    #[test]
    fn other_files_to_watch_are_no_change_and_hide_none() {
        let told = snapshot(&[("old", "1"), ("both", "1"), ("gone", "1")]);
        let now = snapshot(&[("old", "1"), ("both", "2"), ("new", "1")]);
        let base = carry_over(&told, &now, |path| path != "new", |path| path != "old");
        assert_eq!(base, snapshot(&[("both", "1"), ("gone", "1"), ("new", "1")]));
        let now = snapshot(&[("both", "2"), ("new", "1")]);
        let change = compare(&base, &now, Instant::now()).expect("a change");
        assert_eq!((change.added.len(), change.changed.len(), change.removed.len()), (0, 1, 1));
    }

    fn some_files() -> impl Strategy<Value = Snapshot> {
        let content = prop_oneof![
            any::<bool>().prop_map(|bit| Content::of(&[u8::from(bit)])),
            Just(Content::Unreadable(ErrorKind::PermissionDenied)),
        ];
        prop::collection::btree_map("[a-e]".prop_map(PathBuf::from), content, 0..6)
    }

    proptest! {
        #[test]
        fn a_change_is_exactly_what_leads_from_one_to_the_other(before in some_files(), after in some_files()) {
            let mut reached = before.clone();
            if let Some(change) = compare(&before, &after, Instant::now()) {
                for path in &change.removed {
                    prop_assert!(reached.remove(path).is_some());
                }
                for path in &change.changed {
                    prop_assert_ne!(reached.insert(path.clone(), after[path]), Some(after[path]));
                }
                for path in &change.added {
                    prop_assert!(reached.insert(path.clone(), after[path]).is_none());
                }
            }
            prop_assert_eq!(reached, after);
        }
    }
}
