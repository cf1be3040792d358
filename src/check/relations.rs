//! What documents say of each other and of the project. Pure.

use super::{
    document::Document,
    problem::{Problem, Severity, Source},
    surroundings::Surroundings,
};
use crate::{config::suggest::nearest, dapr::document::Node};
use std::collections::BTreeMap;

/// Names that are there, for those that name them.
pub(super) struct Names<'a> {
    /// Components with their types, those that sandbox.toml adds among them.
    components: BTreeMap<&'a str, &'a str>,
    around: &'a Surroundings,
}

impl<'a> Names<'a> {
    pub fn of(documents: &'a [Document<'a>], around: &'a Surroundings) -> Self {
        let replaced = around.replaced.iter().map(|(name, component_type)| (name.as_str(), component_type.as_str()));
        let mut components: BTreeMap<_, _> = replaced.collect();
        let documents = || documents.iter().filter(|document| document.kind == "Component");
        let has_own = |name: &str| documents().any(|document| document.name == name);
        if let Some(store) = around.store.as_deref().filter(|store| !has_own(store)) {
            components.insert(store, "secretstores.local.file");
        }
        for document in documents() {
            let own = document.spec().and_then(|spec| spec.get("type")).and_then(Node::text).unwrap_or_default();
            components.entry(&document.name).or_insert(own);
        }
        Self { components, around }
    }

    /// The type of a component of the folder or of one that sandbox.toml adds.
    pub fn component_type(&self, name: &str) -> Option<&'a str> {
        self.components.get(name).copied()
    }

    pub fn all_components(&self) -> Vec<&'a str> {
        self.components.keys().copied().collect()
    }

    pub fn has_component(&self, name: &str) -> bool {
        self.components.contains_key(name)
    }

    /// Every component with its type.
    pub fn components(&self) -> impl Iterator<Item = (&str, &str)> {
        self.components.iter().map(|(name, component_type)| (*name, *component_type))
    }

    pub fn has_app(&self, name: &str) -> bool {
        !self.around.knows_apps() || self.around.apps.iter().any(|app| app == name)
    }

    pub fn near_component(&self, name: &str) -> Option<String> {
        self.near_component_of("", name)
    }

    pub fn near_app(&self, name: &str) -> Option<String> {
        near(name, self.around.apps.iter().map(String::as_str))
    }

    /// The nearest component of a building block, as a question.
    fn near_component_of(&self, block: &str, name: &str) -> Option<String> {
        let of_block = self.components.iter().filter(|(_, component_type)| component_type.starts_with(block));
        near(name, of_block.map(|(name, _)| *name))
    }
}

fn near<'a>(name: &str, words: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, words).map(|near| format!("did you mean `{near}`?"))
}

/// daprd dies of two resources with one name, whatever their scopes.
pub(super) fn duplicates(documents: &[Document<'_>]) -> Vec<Problem> {
    let mut first: BTreeMap<(&str, &str), &Document<'_>> = BTreeMap::new();
    let mut problems = Vec::new();
    for document in documents.iter().filter(|document| document.kind != "Configuration") {
        let key = (document.kind.as_str(), document.name.as_str());
        let Some(other) = first.get(&key) else {
            first.insert(key, document);
            continue;
        };
        let at = other.name_entry().map_or(other.root.span.start, |entry| entry.value.span.start);
        let message = format!("{} is in {} too: names must be unique", document.shown(), other.source.place(at));
        let problem = document.source.error("sandbox::components::duplicate", message);
        problems.push(document.at_name(problem, "again").with_help("give one of them another name, or remove it"));
    }
    problems
}

/// App ids that sandbox.toml has not.
pub(super) fn scopes(document: &Document<'_>, names: &Names<'_>) -> Vec<Problem> {
    let Some(list) = document.root.get("scopes") else { return Vec::new() };
    if list.what() != "a list" {
        return vec![document.wrong_shape(list, "scopes", "a list of app ids", Severity::Error)];
    }
    let unknown = list.items().iter().filter_map(|node| Some((node.text()?, node)));
    let unknown = unknown.filter(|(scope, _)| !names.has_app(scope));
    unknown
        .map(|(scope, node)| {
            let message = format!("{} is for the app `{scope}`, which sandbox.toml has not", document.shown());
            let problem = document.source.warning("sandbox::components::scope", message);
            document.at_value(problem, node, "no such app").with_optional_help(names.near_app(scope))
        })
        .collect()
}

/// A secret store that a component names and nobody is. The Kubernetes one needs no component.
pub(super) fn secret_store(document: &Document<'_>, names: &Names<'_>) -> Option<Problem> {
    let node = document.root.get("auth")?.get("secretStore")?;
    let store = node.text().filter(|store| !store.is_empty() && *store != "kubernetes")?;
    let metadata = document.spec()?.get("metadata")?;
    let refers = metadata.items().iter().any(|item| item.get("secretKeyRef").is_some());
    let is_live = document.is_for_some_app(names.around) && !names.around.replaced.contains_key(&document.name);
    let severity = if refers && is_live { Severity::Error } else { Severity::Warning };
    let message = match names.components.get(store) {
        Some(component_type) if component_type.starts_with("secretstores.") => return None,
        Some(other) => format!("{} takes secrets from `{store}`, which is a `{other}`", document.shown()),
        // `[secrets]` stands behind it, unless it is meant to be another one.
        None if names.around.store.is_some() && names.near_component_of("secretstores.", store).is_none() => {
            return None;
        }
        None => format!("{} takes secrets from `{store}`, and no component has that name", document.shown()),
    };
    let problem = document.source.problem(severity, "sandbox::components::secret", message);
    let near = names.near_component_of("secretstores.", store);
    Some(document.at_value(problem, node, "no such secret store").with_optional_help(near))
}

/// A subscription to a pub/sub that nobody is, and routes of the other version.
pub(super) fn subscription(document: &Document<'_>, names: &Names<'_>) -> Vec<Problem> {
    const V1: [&str; 6] = ["pubsubname", "topic", "route", "metadata", "deadLetterTopic", "bulkSubscribe"];
    const V2: [&str; 6] = ["pubsubname", "topic", "routes", "metadata", "deadLetterTopic", "bulkSubscribe"];
    let spec = document.spec();
    let is_v1 = document.api_version == "dapr.io/v1alpha1";
    let known = if is_v1 { V1 } else { V2 };
    let mut problems = document.unknown_keys(spec, &format!("`spec` of {}", document.shown()), &known);
    for problem in &mut problems {
        if problem.message.starts_with("unknown key `route") {
            problem.help = Some(match is_v1 {
                true => "`routes` belongs to `apiVersion: dapr.io/v2alpha1`; here it is `route: /path`".to_owned(),
                false => "`route` belongs to `apiVersion: dapr.io/v1alpha1`; here it is `routes: {default: /path}`"
                    .to_owned(),
            });
        }
    }
    let code = "sandbox::components::subscription";
    for key in ["pubsubname", "topic"] {
        if spec.and_then(|spec| spec.get(key)).and_then(Node::text).is_none_or(str::is_empty) {
            let problem = document.source.warning(code, format!("{} has no `{key}`", document.shown()));
            problems.push(document.at_key(problem, document.root.entry("spec"), &format!("`{key}` is missing")));
        }
    }
    let pubsub = spec.and_then(|spec| spec.get("pubsubname")).and_then(|node| Some((node.text()?, node)));
    if let Some((pubsub, node)) = pubsub.filter(|(pubsub, _)| !names.has_component(pubsub) && !pubsub.is_empty()) {
        let message = format!("{} is to `{pubsub}`, and no component has that name", document.shown());
        let problem = document.source.warning(code, message);
        let near = names.near_component_of("pubsub.", pubsub);
        problems.push(document.at_value(problem, node, "no such component").with_optional_help(near));
    }
    problems
}

/// A Configuration in the folder: daprd reads one from `--config` only.
pub(super) fn placement(document: &Document<'_>, is_named: bool) -> Option<Problem> {
    if is_named {
        return None;
    }
    let message = format!("{} does nothing here: sidecars take theirs from `[dapr] config`", document.shown());
    let problem = document.source.warning("sandbox::components::configuration", message);
    let help = format!("write `config = \"{}\"` under `[dapr]` in sandbox.toml", document.source.shown());
    Some(document.at_name(problem, "passed over").with_help(help))
}

/// What `[dapr] config` names must be one.
pub(super) fn configuration(root: Option<&Node>, source: &Source) -> Option<Problem> {
    let kind = root.and_then(|root| root.get("kind"));
    if kind.and_then(Node::text) == Some("Configuration") {
        return None;
    }
    let found = match kind.and_then(Node::text) {
        Some(kind) => format!("a `{kind}`"),
        None => "no Dapr resource".to_owned(),
    };
    let message = format!("`[dapr] config` must be a `Configuration`; {} is {found}", source.shown());
    let problem = source.error("sandbox::components::configuration", message);
    Some(source.point(problem, &kind.map_or(0..0, |kind| kind.span.clone()), "must be `Configuration`"))
}

/// An access-control list where no caller can prove who it is.
pub(super) fn access_control(root: Option<&Node>, source: &Source, mtls: bool) -> Option<Problem> {
    let list = root?.get("spec")?.get("accessControl")?;
    let policies = list.get("policies")?;
    if mtls || policies.items().is_empty() {
        return None;
    }
    let message = "without mTLS no caller can prove who it is: every call gets the list's `defaultAction`";
    let problem = source.warning("sandbox::components::access", message);
    let problem = source.point(problem, &policies.span, "these count for nothing");
    Some(problem.with_help("write `mtls = true` under `[dapr]` in sandbox.toml"))
}
