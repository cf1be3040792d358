//! The project's own Dapr YAML: its files, read once (edge), and the resources in them (pure). What is wrong with them is
//! `check/`'s affair.

use crate::dapr::resource::Resource;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The files of a components folder, and the Configuration beside it, as they were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folder {
    /// The YAML files in the order of their names.
    pub files: Vec<SourceFile>,
    /// What `[dapr] config` names.
    pub configuration: Option<SourceFile>,
}

/// A file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The file.
    pub path: PathBuf,
    /// As messages name it.
    pub shown: String,
    /// What it says, or why it cannot be read.
    pub text: Result<String, String>,
}

impl Folder {
    /// Reads the YAML files at the top of a folder; one that is not there has none. Messages name files as seen from `base`.
    pub fn read(folder: &Path, configuration: Option<&Path>, base: &Path) -> Self {
        let configuration = configuration.map(|path| SourceFile::read(path, base));
        let listed = match fs::read_dir(folder) {
            Ok(entries) => entries.filter_map(Result::ok).map(|entry| entry.path()).collect::<Vec<_>>(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => {
                let unreadable = SourceFile { text: Err(error.to_string()), ..SourceFile::empty(folder, base) };
                return Self { files: vec![unreadable], configuration };
            }
        };
        let mut paths: Vec<_> = listed.into_iter().filter(|path| is_yaml(path) && !path.is_dir()).collect();
        paths.sort();
        Self { files: paths.iter().map(|path| SourceFile::read(path, base)).collect(), configuration }
    }
}

impl Folder {
    /// Reads single files, and the YAML files at the top of folders. Messages name files as seen from `base`.
    pub fn of(paths: &[PathBuf], base: &Path) -> Self {
        let read = |path: &PathBuf| match path.is_dir() {
            true => Self::read(path, None, base).files,
            false => vec![SourceFile::read(path, base)],
        };
        Self { files: paths.iter().flat_map(read).collect(), configuration: None }
    }
}

impl SourceFile {
    /// A file with a text, for what was not read from a disk.
    pub fn of(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        let path = path.into();
        Self { shown: path.display().to_string(), path, text: Ok(text.into()) }
    }

    fn empty(path: &Path, base: &Path) -> Self {
        let shown = path.strip_prefix(base).unwrap_or(path).display().to_string();
        Self { path: path.to_owned(), shown, text: Ok(String::new()) }
    }

    /// Reads a file.
    pub fn read(path: &Path, base: &Path) -> Self {
        let text = fs::read(path).map_err(|error| error.to_string());
        let text = text.and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text".to_owned()));
        // Some editors begin a file with a byte order mark. daprd passes over it.
        let text = text.map(|text| text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text));
        Self { text, ..Self::empty(path, base) }
    }
}

/// Every resource of the components folder with the file it is in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectResources {
    resources: Vec<(PathBuf, Resource)>,
}

impl ProjectResources {
    /// The resources of files in which `check` finds no error; what cannot be read is left out.
    pub fn of(folder: &Folder) -> Self {
        let mut resources = Vec::new();
        for file in &folder.files {
            let found = file.text.as_deref().map(Resource::parse_good).unwrap_or_default();
            let own = found.into_iter().filter(|resource| !resource.is_foreign());
            resources.extend(own.map(|resource| (file.path.clone(), resource)));
        }
        Self { resources }
    }

    /// Each resource with its file.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Resource)> {
        self.resources.iter().map(|(path, resource)| (path.as_path(), resource))
    }

    /// The namespace that components are in, where all that are in one are in the same.
    pub fn namespace(&self) -> Option<&str> {
        let mut namespaces: Vec<_> = self.iter().filter_map(|(_, resource)| resource.namespace()).collect();
        namespaces.sort_unstable();
        namespaces.dedup();
        namespaces.first().copied().filter(|_| namespaces.len() == 1)
    }

    /// A component of that name, for whatever app.
    pub fn component(&self, name: &str) -> Option<&Resource> {
        self.iter().map(|(_, resource)| resource).find(|one| one.kind == "Component" && one.name == name)
    }

    /// Whether a component of that name is there, for whatever app.
    pub fn has_component(&self, name: &str) -> bool {
        self.component(name).is_some()
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_file() {
        let root = tempfile::tempdir().expect("a folder");
        let path = root.path().join("a.yaml");
        fs::write(&path, "\u{feff}kind: Component\nmetadata: {name: a}\n").expect("written");
        let file = SourceFile::read(&path, root.path());
        assert_eq!(file.text.as_deref(), Ok("kind: Component\nmetadata: {name: a}\n"));
    }

    #[test]
    fn only_yaml_at_the_top_of_the_folder_counts() {
        let root = tempfile::tempdir().expect("a folder");
        let components = root.path().join("components");
        fs::create_dir(&components).expect("made");
        fs::write(components.join("a.yml"), "kind: Component\nmetadata: {name: a}\n").expect("written");
        fs::write(components.join("b.yaml"), [0xff, 0xfe, 0x00]).expect("written");
        fs::write(components.join("notes.txt"), "kind: [").expect("written");
        fs::create_dir(components.join("sub.yaml")).expect("made");
        let folder = Folder::read(&components, None, root.path());
        let shown: Vec<_> = folder.files.iter().map(|file| (file.shown.as_str(), file.text.is_ok())).collect();
        assert_eq!(shown, [("components/a.yml", true), ("components/b.yaml", false)]);
        assert!(ProjectResources::of(&folder).has_component("a"));
        assert_eq!(Folder::read(&root.path().join("none"), None, root.path()), Folder::default());
    }
}
