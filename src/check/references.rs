//! References that daprd fills in when it starts: to secrets that nobody has, to variables that the sidecar has not. Pure.
//!
//! daprd itself goes on with an empty value, or waits for ever.

use super::{
    document::Document,
    local::instead,
    problem::{Problem, Severity},
    relations::Names,
    surroundings::Surroundings,
};
use crate::dapr::{document::Node, overlay::is_served};

/// Variables that every sidecar has.
const OF_DAPRD: [&str; 5] = ["PATH", "HOSTNAME", "HOME", "SSL_CERT_FILE", "APP_ID"];
/// As many names of a list are shown.
const MOST_NAMES: usize = 12;

/// A name and where its value comes from.
struct Place<'a> {
    name: &'a str,
    node: &'a Node,
}

pub(super) fn check(document: &Document<'_>, names: &Names<'_>, around: &Surroundings) -> Vec<Problem> {
    let is_replaced = around.replaced.contains_key(&document.name) && document.kind == "Component";
    if is_replaced || !around.knows_apps() {
        return Vec::new();
    }
    let auth = document.root.get("auth").and_then(|auth| auth.get("secretStore")).and_then(Node::text);
    let named = around.store.as_deref();
    let store = auth.filter(|store| !store.is_empty()).or(named).unwrap_or_default();
    let serves = is_served(store, names.component_type(store), named);
    let mut problems = Vec::new();
    for Place { name, node } in places(document, around) {
        if let Some(reference) = node.get("secretKeyRef") {
            problems.extend(Some(reference).filter(|_| serves).and_then(|at| secret(document, name, at, around)));
        } else if node.get("value").is_none()
            && let Some(variable) = node.get("envRef")
        {
            problems.extend(self::variable(document, name, variable, serves || auth.is_none(), around));
        }
    }
    problems
}

/// The values of a component or an HTTP endpoint, but those that sandbox.toml puts in their place.
fn places<'a>(document: &'a Document<'_>, around: &Surroundings) -> Vec<Place<'a>> {
    let spec = document.spec();
    let of_spec = |key: &str| spec.and_then(|spec| spec.get(key));
    let lists = ["metadata", "headers"].into_iter().filter_map(of_spec).flat_map(Node::items);
    let items = lists.filter_map(|item| Some(Place { name: item.get("name")?.text()?, node: item }));
    let tls = of_spec("clientTLS").map(Node::entries).unwrap_or_default();
    let tls = tls.iter().map(|entry| Place { name: &entry.key, node: &entry.value });
    let own = around.overrides.get(&document.name).filter(|_| document.kind == "Component");
    let is_overridden =
        |name: &str| own.is_some_and(|(_, names)| names.iter().any(|one| one.eq_ignore_ascii_case(name)));
    items.chain(tls).filter(|place| !is_overridden(place.name)).collect()
}

fn severity(document: &Document<'_>, around: &Surroundings) -> Severity {
    let forgives = document.spec().and_then(|spec| spec.get("ignoreErrors")).and_then(Node::text) == Some("true");
    if forgives { Severity::Warning } else { document.severity(around) }
}

fn secret(document: &Document<'_>, item: &str, reference: &Node, around: &Surroundings) -> Option<Problem> {
    let name_node = reference.get("name")?;
    let name = name_node.text()?;
    let key_node = reference.get("key");
    let key = key_node.and_then(Node::text).filter(|key| !key.is_empty()).unwrap_or(name);
    let place = format!("`{item}` of {}", document.shown());
    let problem = |message| document.source.problem(severity(document, around), "sandbox::secrets::missing", message);
    let Some(secret) = around.secrets.get(name) else {
        let known = || around.secrets.names();
        let there = match known().next() {
            Some(_) => format!("the files of `[secrets]` have {}", list(known())),
            None if around.store.is_some() => "the files of `[secrets]` have none".to_owned(),
            None => "sandbox.toml names no files with secrets".to_owned(),
        };
        let problem = problem(format!("{place} wants the secret `{name}`: there is none of that name, {there}"));
        let help = instead(name, known()).or_else(|| {
            around.store.is_none().then(|| {
                "name files that have it in sandbox.toml: `[secrets]` with `files = [\"secrets/*.yaml\", \".env\"]`"
                    .to_owned()
            })
        });
        return Some(document.at_value(problem, name_node, "no such secret").with_optional_help(help));
    };
    if secret.has(key) {
        return None;
    }
    let there = if secret.keys().next().is_none() { "no key at all".to_owned() } else { list(secret.keys()) };
    let problem = problem(format!(
        "{place} wants the key `{key}` of the secret `{name}`, which has {there} ({})",
        secret.place()
    ));
    let help = instead(key, secret.keys());
    Some(document.at_value(problem, key_node.unwrap_or(name_node), "no such key").with_optional_help(help))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    let mut text = all.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    if all.len() > MOST_NAMES {
        text.push_str(&format!(" and {} more", all.len() - MOST_NAMES));
    }
    text
}

/// `may_be_secret`: whether it can be a secret's value instead, because the component takes its secrets from there.
fn variable(
    document: &Document<'_>,
    item: &str,
    node: &Node,
    may_be_secret: bool,
    around: &Surroundings,
) -> Option<Problem> {
    let name = node.text().filter(|name| !name.is_empty())?;
    let place = format!("`{item}` of {}", document.shown());
    let code = "sandbox::secrets::variable";
    if name == "APP_API_TOKEN" || name.starts_with("DAPR_") || name.contains(' ') {
        let message = format!("{place} wants the variable `{name}`, which daprd gives to no component");
        return Some(document.at_value(document.source.warning(code, message), node, "left empty"));
    }
    let is_secret = may_be_secret && around.secrets.variables().any(|variable| variable == name);
    let lacks = |app: &&String| !around.variables.get(*app).is_some_and(|names| names.contains(name));
    let lacking: Vec<_> = around.apps.iter().filter(|app| is_for(document, app)).filter(lacks).collect();
    if is_secret || OF_DAPRD.contains(&name) || lacking.is_empty() {
        return None;
    }
    let message = format!("{place} wants the variable `{name}`, which the sidecar of `{}` has not", lacking[0]);
    // An image of one's own may have it.
    let severity = if around.own_image { Severity::Warning } else { severity(document, around) };
    let known: Vec<&str> = around.secrets.variables().collect();
    let help = instead(name, known.iter().copied()).unwrap_or_else(|| {
        format!(
            "put it into a dotenv file of `[secrets]`, or write `dapr = {{ env = {{ {name} = \"…\" }} }}` under [apps.{}]",
            lacking[0]
        )
    });
    Some(document.at_value(document.source.problem(severity, code, message), node, "left empty").with_help(help))
}

fn is_for(document: &Document<'_>, app: &str) -> bool {
    document.scopes.is_empty() || document.scopes.iter().any(|scope| scope == app)
}
