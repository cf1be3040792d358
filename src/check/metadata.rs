//! The metadata of one component against what is known of its type. Pure.

use super::{
    component::Component,
    knowledge::{Schema, knowledge},
    problem::{Problem, Severity},
    value::{Refusal, refusal},
};
use crate::{
    config::suggest::{either, nearest},
    dapr::document::Node,
};

const ITEM: [&str; 4] = ["name", "value", "secretKeyRef", "envRef"];
const SECRET: [&str; 2] = ["name", "key"];
const CONSUMER_ID: &str = "consumerID";

pub(super) fn check(component: &Component<'_>) -> Vec<Problem> {
    let Some(list) = component.document.spec().and_then(|spec| spec.get("metadata")) else {
        return schema(component).map(|schema| missing(component, &schema, &[])).unwrap_or_default();
    };
    if list.what() != "a list" {
        let severity = component.document.severity(component.around);
        return vec![component.document.wrong_shape(list, "spec.metadata", "a list of names and values", severity)];
    }
    let mut problems = Vec::new();
    let mut items = Vec::new();
    for node in list.items() {
        match item(component, node) {
            Ok(item) => {
                problems.extend(sources(component, &item));
                items.push(item);
            }
            Err(problem) => problems.push(*problem),
        }
    }
    problems.extend(named_twice(component, &items));
    problems.extend(items.iter().filter_map(|item| consumer_id(component, item)));
    let Some(schema) = schema(component) else { return problems };
    let lacking: Vec<_> = lacking(&schema, &items).into_iter().flatten().collect();
    for item in &items {
        problems.extend(name(component, &schema, item, &lacking));
        problems.extend(value(component, &schema, item));
    }
    problems.extend(missing(component, &schema, &items));
    problems
}

/// What its type reads, where it is known. A component that is replaced is read as what it is in production.
fn schema(component: &Component<'_>) -> Option<Schema> {
    let (component_type, _) = component.component_type.as_ref()?;
    let mut schema = knowledge().schema(component_type, &component.schema_version(component_type))?;
    if let Some((_, names)) = component.around.overrides.get(&component.document.name) {
        // sandbox.toml says it.
        let is_said = |name: &String| names.iter().any(|own| own.eq_ignore_ascii_case(name));
        schema.required.retain(|name| !is_said(name));
        schema.required_any.retain(|any| !any.iter().any(is_said));
        schema.expected.retain(|name| !is_said(name));
    }
    Some(schema)
}

struct Item<'a> {
    name: &'a str,
    name_node: &'a Node,
    node: &'a Node,
}

impl<'a> Item<'a> {
    fn value(&self) -> Option<&'a Node> {
        self.node.get("value")
    }

    /// A value that the file itself says, and not one that daprd fills in.
    fn literal(&self) -> Option<(&'a str, &'a Node)> {
        let is_filled = self.node.get("secretKeyRef").is_some();
        let value = self.value().filter(|_| !is_filled)?;
        value.text().filter(|text| !text.contains('{')).map(|text| (text, value))
    }

    /// Whether it says that there is nothing.
    fn is_empty(&self) -> bool {
        let refers = self.node.get("secretKeyRef").is_some() || self.node.get("envRef").is_some();
        !refers && self.value().is_none_or(|value| value.text() == Some(""))
    }
}

fn item<'a>(component: &Component<'_>, node: &'a Node) -> Result<Item<'a>, Box<Problem>> {
    let document = component.document;
    let severity = document.severity(component.around);
    if node.what() != "a mapping" {
        return Err(Box::new(document.wrong_shape(node, "spec.metadata", "a list of `name` and `value`", severity)));
    }
    let Some(name_node) = node.get("name") else {
        let message = format!("a value in `spec.metadata` of {} has no `name`", document.shown());
        let problem = document.source.warning("sandbox::components::shape", message);
        return Err(Box::new(document.at_value(problem, node, "`name` is missing")));
    };
    match name_node.text() {
        Some(name) => Ok(Item { name, name_node, node }),
        None => Err(Box::new(document.wrong_shape(name_node, "spec.metadata[].name", "text", severity))),
    }
}

/// Where its value comes from: exactly one place.
fn sources(component: &Component<'_>, item: &Item<'_>) -> Vec<Problem> {
    let document = component.document;
    let place = format!("`{}` of {}", item.name, document.shown());
    let mut problems = document.unknown_keys(Some(item.node), &place, &ITEM);
    let warn = |message: String, label: &str| {
        let problem = document.source.warning("sandbox::components::value", message);
        document.at_value(problem, item.name_node, label)
    };
    let has = |key| item.node.get(key).is_some();
    if has("value") && has("secretKeyRef") {
        problems.push(warn(format!("{place} has both a value and a secret: daprd takes the secret"), "two values"));
    } else if has("value") && has("envRef") {
        problems.push(warn(format!("{place} has both a value and an `envRef`: daprd takes the value"), "two values"));
    } else if !ITEM[1..].iter().any(|key| item.node.entry(key).is_some()) && problems.is_empty() {
        problems.push(warn(format!("{place} has no value"), "empty").with_help("write `value:` or `secretKeyRef:`"));
    }
    let Some(reference) = item.node.get("secretKeyRef") else { return problems };
    let severity = document.severity(component.around);
    if reference.what() != "a mapping" {
        problems.push(document.wrong_shape(reference, "secretKeyRef", "a mapping with `name` and `key`", severity));
        return problems;
    }
    problems.extend(document.unknown_keys(Some(reference), &format!("`secretKeyRef` of {place}"), &SECRET));
    if reference.get("name").is_none() {
        let message = format!("the secret of {place} has no `name`: daprd leaves the value empty");
        problems.push(warn(message, "names no secret").with_help("write `secretKeyRef: {name: SECRET, key: KEY}`"));
    }
    problems
}

fn named_twice(component: &Component<'_>, items: &[Item<'_>]) -> Vec<Problem> {
    let document = component.document;
    let twice = items.iter().enumerate().filter_map(|(index, item)| {
        let first = items[..index].iter().find(|first| first.name.eq_ignore_ascii_case(item.name))?;
        Some((first, item))
    });
    twice
        .map(|(first, item)| {
            let place = document.source.place(first.name_node.span.start);
            let message = format!("`{}` of {} is there twice, first at {place}", item.name, document.shown());
            let problem = document.source.warning("sandbox::components::value", message);
            document.at_value(problem, item.name_node, "again")
        })
        .collect()
}

/// The one name whose case matters: daprd looks for `consumerID`, adds the app's id under that name where it finds none, and a
/// component that reads names whatever their case then has two (daprd 1.14.4 to 1.18.2).
fn consumer_id(component: &Component<'_>, item: &Item<'_>) -> Option<Problem> {
    let document = component.document;
    let (component_type, _) = component.component_type.as_ref()?;
    let is_meant = item.name.eq_ignore_ascii_case(CONSUMER_ID) && item.name != CONSUMER_ID;
    if !is_meant || !component_type.starts_with("pubsub.") {
        return None;
    }
    let here = component.around.replaced.get(&document.name).unwrap_or(component_type);
    let refuses = |one: &&String| ["pubsub.kafka", "pubsub.rabbitmq"].contains(&one.as_str());
    let severity = if refuses(&here) { document.severity(component.around) } else { Severity::Warning };
    let end = [here, component_type].into_iter().find(refuses);
    let end = end.map(|one| format!(", and `{one}` refuses to load with both")).unwrap_or_default();
    let message =
        format!("daprd passes over `{}` of {} and adds a `{CONSUMER_ID}` of its own{end}", item.name, document.shown());
    let problem = document.source.problem(severity, "sandbox::components::unknown_metadata", message);
    Some(document.at_value(problem, item.name_node, "its case matters").with_help(format!("write `{CONSUMER_ID}`")))
}

/// A name that nothing reads. Where it is nearly one that must be there and is not, the component is incomplete.
fn name(component: &Component<'_>, schema: &Schema, item: &Item<'_>, missing: &[&String]) -> Option<Problem> {
    let document = component.document;
    let (component_type, _) = component.component_type.as_ref()?;
    if schema.shape(item.name).is_some() {
        return None;
    }
    let known = schema.fields.iter().map(|(known, _)| known.as_str());
    let near = nearest(item.name, known);
    let needed = near.filter(|near| missing.iter().any(|name| name.as_str() == *near));
    let (severity, why) = match needed {
        Some(needed) => (component.severity, format!(", which needs `{needed}`")),
        None => (Severity::Warning, String::new()),
    };
    let message = format!("unknown metadata `{}` of `{component_type}`{why}", item.name);
    let problem = document.source.problem(severity, "sandbox::components::unknown_metadata", message);
    let near = near.map(|near| format!("did you mean `{near}`?"));
    Some(document.at_value(problem, item.name_node, "not known to it").with_optional_help(near))
}

fn value(component: &Component<'_>, schema: &Schema, item: &Item<'_>) -> Option<Problem> {
    let document = component.document;
    let (text, node) = item.literal()?;
    let shape = schema.shape(item.name)?;
    let shown =
        if super::secret::is_secret(Some(schema), item.name) { "its value".to_owned() } else { format!("`{text}`") };
    let code = "sandbox::components::value";
    let place = format!("`{}` of {}", item.name, document.shown());
    match refusal(text, shape, schema.strict)? {
        Refusal::Wrong(wanted) => {
            let problem = document.source.problem(component.severity, code, format!("{place} cannot be {shown}"));
            Some(document.at_value(problem, node, "refused").with_help(format!("it must be {wanted}")))
        }
        Refusal::TakenForFalse => {
            let message = format!("{place} is {shown}, which daprd takes for `false` without a word");
            let problem = document.source.warning(code, message);
            Some(
                document.at_value(problem, node, "neither true nor false").with_help("write `\"true\"` or `\"false\"`"),
            )
        }
        Refusal::TakenForDefault => {
            let message = format!("{place} is {shown}, which daprd passes over without a word: its default holds");
            let problem = document.source.warning(code, message);
            Some(document.at_value(problem, node, "passed over").with_help("write a bare number of milliseconds"))
        }
    }
}

/// Names of which one must be there and none is; a name alone stands for itself.
fn lacking<'a>(schema: &'a Schema, items: &[Item<'_>]) -> Vec<&'a [String]> {
    let required = schema.required.iter().map(std::slice::from_ref);
    let any = schema.required_any.iter().map(Vec::as_slice);
    required.chain(any).filter(|names| !names.iter().any(|name| is_there(items, name))).collect()
}

fn missing(component: &Component<'_>, schema: &Schema, items: &[Item<'_>]) -> Vec<Problem> {
    let document = component.document;
    let Some((component_type, node)) = component.component_type.as_ref() else { return Vec::new() };
    let problem = |severity: Severity, names: &[String]| {
        let words = either(names.iter().take(3).map(String::as_str));
        let message = format!("{} lacks {words}, which `{component_type}` needs", document.shown());
        let problem = document.source.problem(severity, "sandbox::components::missing", message);
        let help = format!("add to its metadata: `- {{name: {}, value: …}}`", names[0]);
        document.at_value(problem, node, "incomplete").with_help(help)
    };
    let known: Vec<_> = schema.fields.iter().map(|(known, _)| known.as_str()).collect();
    // What is nearly there is told where it stands.
    let strangers = items.iter().filter(|item| schema.shape(item.name).is_none());
    let meant: Vec<_> = strangers.filter_map(|item| nearest(item.name, known.iter().copied())).collect();
    let is_meant = |names: &[String]| names.iter().any(|name| meant.contains(&name.as_str()));
    let lacking = lacking(schema, items).into_iter().filter(|names| !is_meant(names));
    let expected =
        schema.expected.iter().filter(|name| !is_there(items, name) && !is_meant(std::slice::from_ref(*name)));
    let mut problems: Vec<_> = lacking.map(|names| problem(component.severity, names)).collect();
    problems.extend(expected.map(|name| problem(Severity::Warning, std::slice::from_ref(name))));
    problems
}

fn is_there(items: &[Item<'_>], name: &str) -> bool {
    items.iter().any(|item| item.name.eq_ignore_ascii_case(name) && !item.is_empty())
}
