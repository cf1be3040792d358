//! The project's own Dapr YAML: read once from its folder (edge), checked as a whole (pure).

use crate::dapr::resource::Resource;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// Every resource of the components folder with the file it is in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProjectResources {
    resources: Vec<(PathBuf, Resource)>,
}

/// What is wrong with the components folder; every problem at once.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the Dapr YAML of the project cannot be used")]
#[diagnostic(code(sandbox::components::invalid))]
pub struct FolderError {
    /// Each problem.
    #[related]
    pub problems: Vec<FileProblem>,
}

/// One problem of one file.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{place}: {reason}")]
#[diagnostic(code(sandbox::components::file))]
pub struct FileProblem {
    /// `FILE` or `FILE:LINE:COLUMN`.
    pub place: String,
    /// Why.
    pub reason: String,
}

impl ProjectResources {
    /// Reads the YAML files of a folder, in the order of their names; a folder that is not there has none.
    ///
    /// # Errors
    /// Files that cannot be read or are no Dapr YAML, and names that are given twice.
    pub fn load(folder: &Path) -> Result<Self, FolderError> {
        let listed = match fs::read_dir(folder) {
            Ok(entries) => entries.filter_map(Result::ok).map(|entry| entry.path()).collect::<Vec<_>>(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(FolderError { problems: vec![FileProblem::of(folder, error)] }),
        };
        let mut paths: Vec<_> = listed.into_iter().filter(|path| is_yaml(path) && path.is_file()).collect();
        paths.sort();
        let mut files = Vec::new();
        let mut problems = Vec::new();
        for path in paths {
            match fs::read_to_string(&path) {
                Ok(text) => files.push((path, text)),
                Err(error) => problems.push(FileProblem::of(&path, error)),
            }
        }
        match Self::from_files(files) {
            Ok(resources) if problems.is_empty() => Ok(resources),
            Ok(_) => Err(FolderError { problems }),
            Err(mut error) => {
                error.problems.splice(0..0, problems);
                Err(error)
            }
        }
    }

    /// Takes files that were read.
    ///
    /// # Errors
    /// Files that are no Dapr YAML, and names that are given twice.
    pub fn from_files(files: Vec<(PathBuf, String)>) -> Result<Self, FolderError> {
        let mut resources = Vec::new();
        let mut problems = Vec::new();
        for (path, text) in files {
            match Resource::parse_all(&text) {
                Ok(found) => resources.extend(found.into_iter().map(|resource| (path.clone(), resource))),
                Err(problem) => problems.push(FileProblem {
                    place: place(&path, problem.line.zip(problem.column)),
                    reason: problem.reason,
                }),
            }
        }
        problems.extend(duplicates(&resources));
        if problems.is_empty() { Ok(Self { resources }) } else { Err(FolderError { problems }) }
    }

    /// Each resource with its file.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &Resource)> {
        self.resources.iter().map(|(path, resource)| (path.as_path(), resource))
    }

    /// Whether a component of that name is there, for whatever app.
    pub fn has_component(&self, name: &str) -> bool {
        self.iter().any(|(_, resource)| resource.kind == "Component" && resource.name == name)
    }

    /// Kinds that are in the folder and that no sidecar is given from there.
    pub fn configurations(&self) -> impl Iterator<Item = (&Path, &str)> {
        let configurations = self.iter().filter(|(_, resource)| resource.kind == "Configuration");
        configurations.map(|(path, resource)| (path, resource.name.as_str()))
    }
}

impl FileProblem {
    fn of(path: &Path, reason: impl ToString) -> Self {
        Self { place: place(path, None), reason: reason.to_string() }
    }
}

fn place(path: &Path, position: Option<(usize, usize)>) -> String {
    match position {
        Some((line, column)) => format!("{}:{line}:{column}", path.display()),
        None => path.display().to_string(),
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// daprd dies of two resources with one name, whatever their scopes.
fn duplicates(resources: &[(PathBuf, Resource)]) -> Vec<FileProblem> {
    let mut first: BTreeMap<(&str, &str), &Path> = BTreeMap::new();
    let mut problems = Vec::new();
    for (path, resource) in resources {
        let key = (resource.kind.as_str(), resource.name.as_str());
        if let Some(other) = first.insert(key, path) {
            let reason = format!("the {} `{}` is in {} too; names must be unique", key.0, key.1, other.display());
            problems.push(FileProblem::of(path, reason));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_shown_at_once() {
        let component = "kind: Component\nmetadata: {name: a}\n".to_owned();
        let files = vec![
            ("one.yaml".into(), component.clone()),
            ("two.yaml".into(), component),
            ("three.yaml".into(), "kind: [\n".to_owned()),
        ];
        let error = ProjectResources::from_files(files).expect_err("bad");
        let shown: Vec<_> = error.problems.iter().map(ToString::to_string).collect();
        assert!(shown[0].starts_with("three.yaml:2:1: "), "{shown:?}");
        assert_eq!(shown[1], "two.yaml: the Component `a` is in one.yaml too; names must be unique");
    }

    #[test]
    fn only_yaml_at_the_top_of_the_folder_counts() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("a.yml"), "kind: Component\nmetadata: {name: a}\n").expect("written");
        fs::write(folder.path().join("notes.txt"), "kind: [").expect("written");
        fs::create_dir(folder.path().join("sub.yaml")).expect("made");
        let resources = ProjectResources::load(folder.path()).expect("good");
        assert!(resources.has_component("a"));
        assert_eq!(ProjectResources::load(&folder.path().join("none")).expect("good"), ProjectResources::default());
    }
}
