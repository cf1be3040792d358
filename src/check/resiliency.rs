//! A Resiliency: policies that are named and targets that are there. daprd takes a wrong one for none, and only logs it. Pure.

use super::{document::Document, problem::Problem, relations::Names, value::is_duration};
use crate::{
    config::suggest::nearest,
    dapr::document::{Entry, Node},
};

const CODE: &str = "sandbox::components::resiliency";
/// Each kind of policy by its name in a target, with the name of its list.
const POLICIES: [(&str, &str); 3] =
    [("timeout", "timeouts"), ("retry", "retries"), ("circuitBreaker", "circuitBreakers")];

pub(super) fn check(document: &Document<'_>, names: &Names<'_>) -> Vec<Problem> {
    let spec = document.spec();
    let policies = spec.and_then(|spec| spec.get("policies"));
    let targets = spec.and_then(|spec| spec.get("targets"));
    let mut problems =
        document.unknown_keys(spec, &format!("`spec` of {}", document.shown()), &["policies", "targets"]);
    let lists = POLICIES.map(|(_, list)| list);
    problems.extend(document.unknown_keys(policies, &format!("`policies` of {}", document.shown()), &lists));
    let known = ["apps", "actors", "components"];
    problems.extend(document.unknown_keys(targets, &format!("`targets` of {}", document.shown()), &known));
    problems.extend(durations(document, policies));
    let of = |key| targets.and_then(|targets| targets.get(key)).map(Node::entries).unwrap_or_default();
    for target in of("apps") {
        problems.extend((!names.has_app(&target.key)).then(|| {
            unknown_target(document, target, "app", "which sandbox.toml has not", names.near_app(&target.key))
        }));
        problems.extend(named_policies(document, &target.value, policies));
    }
    for target in of("components") {
        problems.extend((!names.has_component(&target.key)).then(|| {
            unknown_target(document, target, "component", "which is not there", names.near_component(&target.key))
        }));
        let place = format!("the component `{}` of {}", target.key, document.shown());
        problems.extend(document.unknown_keys(Some(&target.value), &place, &["inbound", "outbound"]));
        for direction in ["inbound", "outbound"].iter().filter_map(|key| target.value.get(key)) {
            problems.extend(named_policies(document, direction, policies));
        }
    }
    for target in of("actors") {
        problems.extend(named_policies(document, &target.value, policies));
    }
    problems
}

fn unknown_target(document: &Document<'_>, target: &Entry, what: &str, why: &str, near: Option<String>) -> Problem {
    let message = format!("{} is about the {what} `{}`, {why}", document.shown(), target.key);
    let problem = document.source.warning(CODE, message);
    document.at_key(problem, Some(target), &format!("no such {what}")).with_optional_help(near)
}

/// Policies that a target names and nobody has written. daprd's own need no writing.
fn named_policies(document: &Document<'_>, target: &Node, policies: Option<&Node>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (kind, list) in POLICIES {
        let written = policies.and_then(|policies| policies.get(list)).map(Node::entries).unwrap_or_default();
        let named = target.get(kind).and_then(|node| Some((node.text().filter(|name| !name.is_empty())?, node)));
        let Some((name, node)) = named else { continue };
        let is_daprs = name.starts_with("Default") || name.starts_with("DaprBuiltIn");
        if is_daprs || written.iter().any(|entry| entry.key == name) {
            continue;
        }
        let message = format!("{} has no policy `{name}` in `{list}`", document.shown());
        let near = nearest(name, written.iter().map(|entry| entry.key.as_str()));
        let problem = document.source.warning(CODE, message);
        let near = near.map(|near| format!("did you mean `{near}`?"));
        problems.push(document.at_value(problem, node, "not written").with_optional_help(near));
    }
    problems
}

/// Durations that Go does not read: daprd then drops the whole Resiliency.
fn durations(document: &Document<'_>, policies: Option<&Node>) -> Vec<Problem> {
    let of = |list| policies.and_then(|policies| policies.get(list)).map(Node::entries).unwrap_or_default();
    let mut found: Vec<&Node> = of("timeouts").iter().map(|entry| &*entry.value).collect();
    let within = |entries: &'_ [Entry], keys: &[&str]| {
        let nodes = entries.iter().flat_map(|entry| keys.iter().filter_map(|key| entry.value.get(key)));
        nodes.cloned().collect::<Vec<_>>()
    };
    let retries = within(of("retries"), &["duration", "maxInterval"]);
    let breakers = within(of("circuitBreakers"), &["interval", "timeout"]);
    found.extend(retries.iter().chain(&breakers));
    let wrong = found.into_iter().filter_map(|node| Some((node.text()?, node)));
    let wrong = wrong.filter(|(text, _)| !text.is_empty() && !is_duration(text) && text.parse::<i64>().is_err());
    wrong
        .map(|(text, node)| {
            let message = format!("`{text}` is no duration: daprd drops the whole {}", document.shown());
            let problem = document.source.warning(CODE, message);
            document.at_value(problem, node, "a duration such as `5s`").with_help("write a number with its unit: `5s`")
        })
        .collect()
}
