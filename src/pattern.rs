//! Files by a pattern such as `secrets/*.yaml`: which lie there, and where one could come. Touches only the folders it lists.
//!
//! A part of a path is matched alone: `*` does not cross a `/` and does not match a leading dot; `**` is any number of folders,
//! but none whose name begins with a dot.

use glob::{MatchOptions, Pattern};
use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    fmt, fs,
    path::{Path, PathBuf},
};

const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
/// No deeper than this: links may lead in circles.
const DEEPEST: usize = 32;

/// A pattern of absolute paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilePattern {
    /// The part before the first wildcard; all of it but the last name where there is none.
    base: PathBuf,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    AnyFolders,
    Named(Name),
}

/// What a name in a folder has to be like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// This one.
    Exactly(String),
    /// One that fits.
    Like(Pattern),
    /// Any that does not begin with a dot.
    Any,
}

impl Name {
    /// Whether a name is like that.
    pub fn fits(&self, name: &OsStr) -> bool {
        let name = name.to_string_lossy();
        match self {
            Self::Exactly(wanted) => *wanted == name,
            Self::Like(pattern) => pattern.matches_with(&name, OPTIONS),
            Self::Any => !name.starts_with('.'),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The files, in the order of their paths.
    pub files: BTreeSet<PathBuf>,
    /// The folders that were looked into, and the names that count in each.
    pub folders: BTreeMap<PathBuf, BTreeSet<Name>>,
}

impl FilePattern {
    /// Reads an absolute path with wildcards. Below `folder` its own path has none, whatever it is called.
    ///
    /// # Errors
    /// Why it is none, as a fragment.
    pub fn parse(path: &Path, folder: &Path) -> Result<Self, String> {
        let (base, path) = path.strip_prefix(folder).map_or((Path::new(""), path), |below| (folder, below));
        let mut parts: Vec<&OsStr> = path.iter().collect();
        let is_wild = |part: &&OsStr| part.to_string_lossy().contains(['*', '?', '[']);
        let first = parts.iter().position(is_wild).unwrap_or(parts.len().saturating_sub(1));
        let steps = parts.split_off(first).into_iter().map(|part| step(&part.to_string_lossy()));
        let steps = steps.collect::<Result<Vec<_>, _>>()?;
        if matches!(steps.last(), None | Some(Step::AnyFolders)) {
            return Err("it ends with no name of a file".to_owned());
        }
        Ok(Self { base: base.join(parts.iter().collect::<PathBuf>()), steps })
    }

    /// The file, where it names one and has no wildcard.
    pub fn literal(&self) -> Option<PathBuf> {
        match self.steps.as_slice() {
            [Step::Named(Name::Exactly(name))] => Some(self.base.join(name)),
            _ => None,
        }
    }

    /// Whether a path is meant, be something there or not.
    pub fn covers(&self, path: &Path) -> bool {
        let Ok(rest) = path.strip_prefix(&self.base) else { return false };
        covers(&self.steps, &rest.iter().collect::<Vec<_>>())
    }

    /// Looks at the disk. What cannot be listed holds nothing.
    pub fn find(&self) -> Found {
        let mut found = Found::default();
        find(&self.base, &self.steps, 0, &mut found);
        found
    }
}

fn step(part: &str) -> Result<Step, String> {
    if part == "**" {
        return Ok(Step::AnyFolders);
    }
    if part.contains("**") {
        return Err("`**` must be a part of its own, between two `/`".to_owned());
    }
    if !part.contains(['*', '?', '[']) {
        return Ok(Step::Named(Name::Exactly(part.to_owned())));
    }
    let pattern = Pattern::new(part).map_err(|error| error.msg.to_owned())?;
    Ok(Step::Named(Name::Like(pattern)))
}

fn covers(steps: &[Step], names: &[&OsStr]) -> bool {
    match (steps, names) {
        ([], []) => true,
        ([Step::AnyFolders, rest @ ..], names) => {
            let goes_deeper = || names.split_first().filter(|(first, _)| Name::Any.fits(first));
            covers(rest, names) || goes_deeper().is_some_and(|(_, deeper)| covers(steps, deeper))
        }
        ([Step::Named(name), steps @ ..], [first, names @ ..]) => name.fits(first) && covers(steps, names),
        ([], _) | (_, []) => false,
    }
}

fn find(folder: &Path, steps: &[Step], depth: usize, found: &mut Found) {
    let Some((step, rest)) = steps.split_first().filter(|_| depth < DEEPEST) else { return };
    let name = match step {
        Step::AnyFolders => Name::Any,
        Step::Named(name) => name.clone(),
    };
    found.folders.entry(folder.to_owned()).or_default().insert(name.clone());
    if *step == Step::AnyFolders {
        find(folder, rest, depth, found);
    }
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let counts = |file: &OsStr| name.fits(file) && (matches!(name, Name::Exactly(_)) || !is_leftover(file));
    for path in entries.filter(|entry| counts(&entry.file_name())).map(|entry| entry.path()) {
        match step {
            Step::AnyFolders if path.is_dir() => find(&path, steps, depth + 1, found),
            Step::AnyFolders => {}
            Step::Named(_) if rest.is_empty() && !path.is_dir() => drop(found.files.insert(path)),
            Step::Named(_) if path.is_dir() => find(&path, rest, depth + 1, found),
            Step::Named(_) => {}
        }
    }
}

impl fmt::Display for FilePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |step: &Step| match step {
            Step::AnyFolders => "**".to_owned(),
            Step::Named(Name::Exactly(name)) => name.clone(),
            Step::Named(Name::Like(pattern)) => pattern.as_str().to_owned(),
            Step::Named(Name::Any) => "*".to_owned(),
        };
        let path: PathBuf = self.steps.iter().map(word).collect();
        write!(formatter, "{}", self.base.join(path).display())
    }
}

/// Whether editors leave files of that name for a moment: emacs' locks and saves, vim's and others' swap files and backups,
/// vim's test for a writable folder.
pub fn is_leftover(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let ends = ["~", ".swp", ".swo", ".swx", ".kate-swp", ".tmp", "___jb_tmp___", "___jb_old___"];
    name.starts_with(".#")
        || name.starts_with('#') && name.ends_with('#')
        || name.starts_with(".goutputstream-")
        || name == "4913"
        || ends.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn files_are_found_by_pattern_and_where_one_could_come_is_known() {
        let root = tempfile::tempdir().expect("a folder");
        let root = root.path();
        for file in ["secrets/a.yaml", "secrets/b.txt", "secrets/.c.yaml", "secrets/deep/d.yaml", ".env", ".git/e.yaml"]
        {
            fs::create_dir_all(root.join(file).parent().expect("a parent")).expect("made");
            fs::write(root.join(file), "").expect("written");
        }
        fs::create_dir(root.join("secrets/folder.yaml")).expect("made");
        let find = |pattern: &str| {
            let pattern = FilePattern::parse(&root.join(pattern), root).expect("a pattern");
            let found = pattern.find();
            assert!(found.files.iter().all(|file| pattern.covers(file)), "{found:?}");
            let below = |path: &PathBuf| path.strip_prefix(root).expect("below").display().to_string();
            (found.files.iter().map(below).collect::<Vec<_>>(), found.folders.keys().map(below).collect::<Vec<_>>())
        };
        assert_eq!(find("secrets/*.yaml"), (vec!["secrets/a.yaml".to_owned()], vec!["secrets".to_owned()]));
        assert_eq!(find(".env").0, [".env"]);
        assert_eq!(find(".env*").0, [".env"]);
        assert_eq!(find("secrets/**/*.yaml").0, ["secrets/a.yaml", "secrets/deep/d.yaml"]);
        assert_eq!(find("**/*.yaml").0, ["secrets/a.yaml", "secrets/deep/d.yaml"]);
        assert_eq!(find("*/a.yaml"), (vec!["secrets/a.yaml".to_owned()], vec![String::new(), "secrets".to_owned()]));
        assert_eq!(find("none/*.yaml"), (vec![], vec!["none".to_owned()]));
    }

    #[test]
    fn what_is_no_pattern_is_said() {
        for (pattern, reason) in [
            ("/a/**", "it ends with no name of a file"),
            ("/a/x**.yaml", "`**` must be a part of its own, between two `/`"),
            ("/a/[x.yaml", "invalid range pattern"),
        ] {
            assert_eq!(FilePattern::parse(Path::new(pattern), Path::new("/p")), Err(reason.to_owned()));
        }
        let literal = FilePattern::parse(Path::new("/a/.env"), Path::new("/a")).expect("a pattern");
        assert_eq!((literal.literal(), literal.to_string()), (Some(PathBuf::from("/a/.env")), "/a/.env".to_owned()));
        let deep = FilePattern::parse(Path::new("/[a/**/x-*.yaml"), Path::new("/[a")).expect("a pattern");
        assert_eq!((deep.literal(), deep.to_string()), (None, "/[a/**/x-*.yaml".to_owned()));
    }

    proptest! {
        #[test]
        fn rubbish_is_no_panic(pattern in ".{0,40}", path in ".{0,40}") {
            let root = PathBuf::from("/none-such");
            if let Ok(pattern) = FilePattern::parse(&root.join(pattern), &root) {
                pattern.covers(&root.join(path));
                pattern.find();
            }
        }
    }
}
