//! What the project takes from Dapr that not every version has, and whether its version has it. Pure.
//!
//! Known for certain is what files say: components, `[dapr] scheduler = true`, flags of sidecars. That an app uses the Jobs API can
//! only be read from its code, where it stands as text; so that is a warning, and names the line.

use super::{
    document::Document,
    problem::{Problem, Severity, Source},
    surroundings::Surroundings,
};
use crate::{
    catalog::Catalog,
    config::{
        self,
        model::{Config, Switch},
    },
    dapr::{
        folder::SourceFile,
        versions::{DaprVersion, Feature, OLDEST, lowest_with},
    },
};

/// One thing that the project takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need {
    /// What.
    pub feature: Feature,
    /// Where it says so, and how: `app/main.py:7 calls it`.
    pub place: String,
    /// Whether a sidecar could not start, or would not do what a file asks for.
    pub is_certain: bool,
}

/// What sandbox.toml asks for.
pub(super) fn of_settings(config: &Config, catalog: &Catalog, file: &SourceFile) -> Vec<Need> {
    let at = |path: &[&str]| {
        let line = config::place(&config.text, path).map(|span| Source::new(file).place(span.start));
        line.unwrap_or_else(|| file.shown.clone())
    };
    let mut needs = Vec::new();
    if config.dapr.scheduler == Switch::On {
        needs.push(Need { feature: Feature::Scheduler, place: at(&["dapr", "scheduler"]), is_certain: true });
    }
    let version = config.state.as_ref().and_then(|state| Some((state, state.version.as_deref()?)));
    let feature = version.and_then(|(state, version)| {
        Feature::of_component(&catalog.stores.get(&state.kind)?.description.component.component_type, version)
    });
    needs.extend(feature.map(|feature| Need { feature, place: at(&["state", "version"]), is_certain: true }));
    for (app_id, app) in &config.apps {
        let flags = app.sidecar.arguments.iter().filter_map(|word| word.strip_prefix('-'));
        let flags = flags.filter_map(|flag| flag.trim_start_matches('-').split(['=', ' ']).next());
        let features = flags.filter_map(Feature::flag);
        let place = || at(&["apps", app_id.as_str(), "dapr", "args"]);
        needs.extend(features.map(|feature| Need { feature, place: place(), is_certain: true }));
    }
    needs
}

/// What the version lacks, all of it in one problem, or what is to be said of the version itself.
pub(super) fn check(documents: &[Document<'_>], around: &Surroundings) -> Option<Problem> {
    let source = Source::new(&around.settings);
    let all: Vec<_> =
        around.needs.iter().cloned().chain(documents.iter().filter_map(|it| of_document(it, around))).collect();
    let lacking: Vec<_> = all.iter().filter(|need| !around.dapr.has(need.feature)).collect();
    let dapr = around.dapr;
    if lacking.is_empty() && dapr.is_served() {
        return of_version(dapr, &source).map(|problem| at_version(problem, around, &source, "here"));
    }
    let features: Vec<_> = all.iter().map(|need| need.feature).collect();
    let lowest = lowest_with(&features, dapr);
    let is_certain = !dapr.is_served() || lacking.iter().any(|need| need.is_certain);
    let severity = if is_certain { Severity::Error } else { Severity::Warning };
    let mut reasons = Vec::new();
    if !dapr.is_served() {
        reasons.push(format!("is too old to be started ({OLDEST} is the oldest that can be)"));
    }
    if !lacking.is_empty() {
        reasons.push(format!("lacks what the project uses: {}", listed(&lacking)));
    }
    let message = format!("Dapr {dapr} {}", reasons.join(" and "));
    let line = match &around.version_at {
        Some(span) => format!("write `version = \"{lowest}\"` at {}", source.place(span.start)),
        None => format!("write `version = \"{lowest}\"` under `[dapr]` in {}", source.shown()),
    };
    let problem = source.problem(severity, "sandbox::dapr::version", message);
    let problem = problem.with_help(format!("{line}: the lowest Dapr that has all of it"));
    Some(at_version(problem, around, &source, &format!("{lowest} at least")))
}

/// `the Jobs API, since 1.14.0 (app/a.py:3 calls it, app/b.py:4 calls it); …`, in the order in which they came.
fn listed(lacking: &[&Need]) -> String {
    let mut features: Vec<_> = lacking.iter().map(|need| need.feature).collect();
    features.sort_by_key(|feature| (feature.since(), *feature));
    features.dedup();
    let places = |feature: &Feature| {
        let of_it = lacking.iter().filter(|need| need.feature == *feature);
        of_it.map(|need| need.place.as_str()).collect::<Vec<_>>().join(", ")
    };
    let one = |feature: &Feature| format!("{}, since {} ({})", feature.shown(), feature.since(), places(feature));
    features.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn of_document(document: &Document<'_>, around: &Surroundings) -> Option<Need> {
    let is_component = document.kind == "Component" && !around.skip.contains(&document.name);
    let text = |key: &str| document.spec()?.get(key)?.text();
    let component_type = text("type").filter(|_| is_component && document.is_for_some_app(around))?;
    // Behind another store it is none of its own type here.
    let is_replaced = around.replaced.get(&document.name).is_some_and(|other| other != component_type);
    let feature = Feature::of_component(component_type, text("version")?).filter(|_| !is_replaced)?;
    let at = document.spec()?.entry("version")?.span.start;
    Some(Need { feature, place: document.source.place(at), is_certain: true })
}

/// What is odd in a version that lacks nothing.
fn of_version(dapr: DaprVersion, source: &Source) -> Option<Problem> {
    let message = match dapr {
        _ if !dapr.has(Feature::Scheduler) => {
            format!("Dapr {dapr} is started with what it has: no scheduler, so no jobs; that has never been tried")
        }
        _ if !dapr.is_known() => {
            format!("Dapr {dapr} is newer than what sandbox knows: it is started as the newest that is known")
        }
        _ => return None,
    };
    Some(source.problem(Severity::Note, "sandbox::dapr::version", message))
}

fn at_version(problem: Problem, around: &Surroundings, source: &Source, label: &str) -> Problem {
    match &around.version_at {
        Some(span) => source.point(problem, span, label),
        None => problem,
    }
}
