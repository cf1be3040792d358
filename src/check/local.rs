//! What sandbox.toml says beside the components folder: its files of secrets, and components that it changes. Pure.

use super::{
    problem::{Problem, Severity, Source},
    relations::Names,
    surroundings::Surroundings,
};
use crate::{
    config::suggest::{either, nearest},
    secrets::{Fault, Loaded, Weight, files::SecretSources, masked},
};

/// What is wrong with the files of `[secrets]`.
pub fn secrets(sources: &SecretSources, loaded: &Loaded) -> Vec<Problem> {
    loaded.faults.iter().map(|fault| of_fault(sources, fault)).collect()
}

fn of_fault(sources: &SecretSources, fault: &Fault) -> Problem {
    let text = sources.files.iter().find(|file| file.shown == fault.file).and_then(|file| file.text.as_deref().ok());
    let source = Source::of_masked(&fault.file, text.map(|text| masked(&fault.file, text)).unwrap_or_default());
    let severity = match fault.weight {
        Weight::Error => Severity::Error,
        Weight::Warning => Severity::Warning,
        Weight::Note => Severity::Note,
    };
    let problem = source.problem(severity, "sandbox::secrets::file", &fault.message);
    let problem = problem.with_optional_help(fault.help.clone());
    match (&fault.span, fault.line) {
        (Some(span), _) => source.point(problem, span, fault.label),
        (None, Some(line)) => {
            let start = source.byte(line, 1).min(source.text().len().saturating_sub(1));
            source.point(problem, &(start..start + 1), "here")
        }
        (None, None) => problem,
    }
}

/// A secret store that is none, and overrides of components that nobody is.
pub(super) fn of_sandbox_toml(names: &Names<'_>, around: &Surroundings) -> Vec<Problem> {
    let source = Source::of_masked(&around.settings.shown, String::new());
    let store = around.store.as_deref().and_then(|store| Some((store, names.component_type(store)?)));
    let other = store.filter(|(_, found)| !found.starts_with("secretstores."));
    let mut problems = overrides(names, around, &source);
    problems.extend(other.map(|(store, found)| {
        let message = format!("`[secrets] component` names `{store}`, which is a `{found}` and no secret store");
        source.error("sandbox::components::kind", message).with_help("name another component, or leave the line out")
    }));
    problems
}

fn overrides(names: &Names<'_>, around: &Surroundings, source: &Source) -> Vec<Problem> {
    let unknown = around.overrides.iter().filter(|(name, _)| !names.has_component(name));
    unknown
        .map(|(name, (line, _))| {
            let place = format!("{}:{line}", around.settings.shown);
            let message = format!("`[components.override.{name}]` ({place}) is for a component that nobody is");
            let problem = source.error("sandbox::components::override", message);
            let help = names.near_component(name).or_else(|| match names.all_components() {
                known if known.is_empty() => None,
                known => Some(format!("there is {}", either(known))),
            });
            problem.with_optional_help(help)
        })
        .collect()
}

/// `did you mean …?`, or what there is.
pub(super) fn instead<'a>(wanted: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    nearest(wanted, known).map(|near| format!("did you mean `{near}`?"))
}
