//! What becomes of files that were refused: how the reason is found, and where it is kept for `status`.

use crate::{
    config::model::Config,
    dapr::{changes::ResourceChange, reason::innermost},
    engine::project::Project,
    error::Failure,
    plan::spec::SpecHash,
    refusal::{Refusal, RefusedProblem},
    secrets,
};
use miette::{Diagnostic, Severity};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    path::{Path, PathBuf},
};

const FILE: &str = "refused.json";

/// The file: a refusal, and of what. With other files it says nothing any more.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    of: String,
    #[serde(flatten)]
    refusal: Refusal,
}

/// Keeps it for `status` in another terminal. What cannot be written is not worth a failure of its own.
pub(super) fn keep(state_directory: &Path, fingerprint: &str, refusal: &Refusal) {
    let kept = Kept { of: fingerprint.to_owned(), refusal: refusal.clone() };
    let text = serde_json::to_string_pretty(&kept).expect("plain data");
    let _ = fs::write(state_directory.join(FILE), text);
}

/// Forgets it. Whether there was one.
pub(super) fn forget(state_directory: &Path) -> bool {
    fs::remove_file(state_directory.join(FILE)).is_ok()
}

/// The refusal of the files as they are now, if they were refused.
pub(super) fn kept(state_directory: &Path, fingerprint: &str) -> Option<Refusal> {
    let text = fs::read_to_string(state_directory.join(FILE)).ok()?;
    let kept: Kept = serde_json::from_str(&text).ok()?;
    (kept.of == fingerprint).then_some(kept.refusal)
}

/// What tells one state of the Dapr files and the secrets from another. It lies in `.sandbox/` and nowhere else.
pub(super) fn fingerprint(config: &Config) -> String {
    let listed = fs::read_dir(&config.components.path).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    paths.extend(config.dapr.config.clone());
    paths.extend(secrets::files::paths(config));
    let texts: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap_or_default()).collect();
    let names = paths.iter().map(|path| path.as_os_str().as_encoded_bytes());
    let parts: Vec<&[u8]> = names.zip(&texts).flat_map(|(name, text)| [name, text.as_slice()]).collect();
    SpecHash::of(&parts).as_str().to_owned()
}

/// What is wrong with files that could not be used at all.
pub fn of_files(failure: &Failure) -> Vec<RefusedProblem> {
    let mut problems = Vec::new();
    add_leaves(failure, &mut problems);
    problems
}

fn add_leaves(diagnostic: &dyn Diagnostic, problems: &mut Vec<RefusedProblem>) {
    let related: Vec<&dyn Diagnostic> = diagnostic.related().into_iter().flatten().collect();
    for one in &related {
        add_leaves(*one, problems);
    }
    // A warning refuses nothing.
    if related.is_empty() && matches!(diagnostic.severity(), None | Some(Severity::Error)) {
        let (file, line) = place(diagnostic).unzip();
        let near = diagnostic.help().map(|help| help.to_string()).filter(|help| help.starts_with("did you mean"));
        let near = near.map(|near| format!(": {near}")).unwrap_or_default();
        let reason = format!("{diagnostic}{near}");
        problems.push(RefusedProblem { component: None, file: file.flatten(), line, reason });
    }
}

/// The file and the line of what is to blame.
fn place(diagnostic: &dyn Diagnostic) -> Option<(Option<String>, usize)> {
    let label = diagnostic.labels()?.next()?;
    let contents = diagnostic.source_code()?.read_span(label.inner(), 0, 0).ok()?;
    Some((contents.name().map(str::to_owned), contents.line() + 1))
}

/// Why a new sidecar did not come up: daprd's own reason, and the file of the component that it names.
pub(super) fn of_sidecar(failure: &Failure, changes: &[ResourceChange], project: &Project) -> RefusedProblem {
    let (reason, said) = match failure {
        Failure::Ended(ended) => (ended.cause.clone().unwrap_or_else(|| failure.to_string()), ended.tail.join("\n")),
        other => (other.to_string(), other.to_string()),
    };
    // What changed is to blame before anything else; a name that the reason has, before one that is only near it.
    let changed = changed_resources(changes, project);
    let named = changed.iter().find(|(_, name)| reason.contains(name));
    let named = named.or_else(|| changed.iter().find(|(_, name)| said.contains(name)));
    let named = named.or_else(|| Some(&changed).filter(|changed| changed.len() == 1)?.first());
    let place =
        named.and_then(|(kind, name)| project.resources.iter().find(|(_, own)| own.kind == *kind && own.name == *name));
    let file = place.map(|(file, _)| {
        let relative = file.strip_prefix(&project.config.directory).unwrap_or(file);
        relative.to_string_lossy().into_owned()
    });
    let line = place.and_then(|(file, own)| line_of(&fs::read_to_string(file).ok()?, &own.name));
    RefusedProblem { component: named.map(|(_, name)| name.clone()), file, line, reason: innermost(&reason) }
}

/// Kind and name of what is different; in place of a secret those who want it.
fn changed_resources(changes: &[ResourceChange], project: &Project) -> Vec<(String, String)> {
    let mut changed = Vec::new();
    for change in changes {
        if change.kind == secrets::changes::KIND {
            let all = project.resources.iter().map(|(_, own)| own).filter(|own| own.wants_secret(&change.name));
            changed.extend(all.map(|own| (own.kind.clone(), own.name.clone())));
        } else {
            changed.push((change.kind.clone(), change.name.clone()));
        }
    }
    changed
}

/// The line that names a resource.
fn line_of(text: &str, name: &str) -> Option<usize> {
    let names_it = |line: &str| {
        let value = line.split_once("name:").map(|(_, value)| value.trim_start());
        value.is_some_and(|value| {
            let value = value.trim_start_matches(['"', '\'']);
            value
                .strip_prefix(name)
                .is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '-'))
        })
    };
    text.lines().position(names_it).map(|index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::LoadRequest, engine::project};

    #[test]
    fn a_refusal_lasts_until_the_files_are_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let refusal = Refusal {
            problems: vec![RefusedProblem { component: None, file: None, line: Some(3), reason: "no".to_owned() }],
            serving_since: None,
        };
        let toml = "name = \"shop\"\n[secrets]\nfiles = \"*.env\"\n[apps.web]\nimage = \"web\"\n";
        fs::write(folder.path().join("sandbox.toml"), toml).expect("written");
        fs::create_dir(folder.path().join("components")).expect("made");
        let (file, secrets) = (folder.path().join("components/a.yaml"), folder.path().join("x.env"));
        let load = LoadRequest { directory: folder.path().to_owned(), ..LoadRequest::default() };
        let config = project::config(&load).expect("a good file");
        fs::write(&file, "one").expect("written");
        let before = fingerprint(&config);
        let state = tempfile::tempdir().expect("a folder");
        keep(state.path(), &before, &refusal);
        assert_eq!(kept(state.path(), &fingerprint(&config)), Some(refusal));
        fs::write(&secrets, "A=b").expect("written");
        assert_eq!(kept(state.path(), &fingerprint(&config)), None);
        fs::remove_file(&secrets).expect("there");
        fs::write(&file, "two").expect("written");
        assert_eq!(kept(state.path(), &fingerprint(&config)), None);
        forget(state.path());
        assert_eq!(kept(state.path(), &before), None);
    }

    #[test]
    fn the_line_is_that_of_the_resource_itself() {
        let text = "kind: Component\nmetadata:\n  name: pubsub-two\n---\nmetadata: {name: \"pubsub\"}\n";
        assert_eq!(line_of(text, "pubsub"), Some(5));
        assert_eq!(line_of(text, "none"), None);
    }
}
