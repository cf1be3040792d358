//! What would be lost on its way to an app, here and in production: messages and rows that live in one sidecar, and messages
//! that the app fails. Pure.

use super::{
    document::Document,
    knowledge::knowledge,
    problem::{Problem, Source},
    relations::Names,
    surroundings::Surroundings,
};
use crate::dapr::{
    document::Node,
    folder::{ProjectResources, SourceFile},
    resiliency::retries_messages,
};

const CODE: &str = "sandbox::components::delivery";

/// Components that live in one sidecar, where several have them: each has its own.
pub(super) fn in_one_sidecar(documents: &[Document<'_>], names: &Names<'_>, around: &Surroundings) -> Vec<Problem> {
    let single = names.components().filter(|(name, _)| !around.skip.iter().any(|skipped| skipped == name));
    let single = single.filter(|(_, component_type)| knowledge().lives_in_one_sidecar(component_type));
    let found = single.filter_map(|(name, component_type)| {
        let document = documents.iter().find(|one| one.kind == "Component" && one.name == name);
        let scopes = document.map(|document| document.scopes.as_slice()).unwrap_or_default();
        let sidecars: u32 = around.sidecars(scopes);
        (sidecars > 1).then(|| {
            let (what, table) = match component_type.starts_with("pubsub.") {
                true => ("messages do not cross them", "[broker]"),
                false => ("each has rows of its own, and loses them when it is replaced", "[state]"),
            };
            let message = format!("`{name}` is a `{component_type}` in {sidecars} sidecars: {what}");
            let help = match around.replaced.contains_key(name) {
                true => format!("`kind = \"redis\"` under `{table}` in sandbox.toml is the lightest that they share"),
                false => format!("give it a server that they share; `{table}` in sandbox.toml starts one"),
            };
            let problem = match document {
                Some(document) => document.at_name(document.source.warning(CODE, message), "not shared"),
                None => Source::new(&SourceFile::of("sandbox.toml", "")).warning(CODE, message),
            };
            problem.with_help(help)
        })
    });
    found.collect()
}

/// Subscriptions whose messages are taken for handled although the app has failed them.
pub(super) fn failed_messages(
    documents: &[Document<'_>],
    resources: &ProjectResources,
    names: &Names<'_>,
    around: &Surroundings,
) -> Vec<Problem> {
    let subscriptions = documents.iter().filter(|document| document.kind == "Subscription");
    let found = subscriptions.filter_map(|subscription| {
        let spec = subscription.spec()?;
        let text = |key| spec.get(key).and_then(Node::text).filter(|text| !text.is_empty());
        let (pubsub, topic) = (text("pubsubname")?, text("topic")?);
        let component_type = names.component_type(pubsub)?;
        let since = knowledge().drops_failed_since(component_type).filter(|since| around.dapr >= *since)?;
        let is_skipped = around.skip.iter().any(|skipped| skipped == pubsub);
        let is_covered = is_skipped || text("deadLetterTopic").is_some();
        let apps = around.apps.iter().filter(|app| is_in(&subscription.scopes, app));
        let is_lost = apps.into_iter().any(|app| !retries_messages(resources, app, pubsub));
        // Any app may be meant, and any Resiliency be its own.
        let is_unknown = !around.knows_apps() && !has_resiliency(documents);
        (!is_covered && (is_lost || is_unknown)).then(|| {
            let from = match since.1 {
                0 => String::new(),
                minor => format!(" from Dapr {}.{minor}", since.0),
            };
            let message = format!("a message of `{topic}` that the app fails is lost: `{component_type}` takes it for handled{from}");
            let problem = subscription.source.warning(CODE, message);
            let help = format!(
                "give it a `deadLetterTopic`, or let a Resiliency try again: `targets: {{components: {{{pubsub}: {{inbound: {{retry: …}}}}}}}}`"
            );
            let place = spec.entry("topic").map_or(&subscription.root, |entry| &*entry.value);
            subscription.at_value(problem, place, "neither tried again nor kept").with_help(help)
        })
    });
    found.collect()
}

/// Whether a resource with these scopes is an app's.
fn is_in(scopes: &[String], app: &str) -> bool {
    scopes.is_empty() || scopes.iter().any(|scope| scope == app)
}

fn has_resiliency(documents: &[Document<'_>]) -> bool {
    documents.iter().any(|document| document.kind == "Resiliency")
}
