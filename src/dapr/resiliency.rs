//! What a project's Resiliency documents do for the messages of a component. Pure.
//!
//! Read from dapr v1.18.2 (`pkg/resiliency/resiliency.go`, `ComponentInboundPolicy`): a component that a document names as a target
//! gets that target's retry or none; only one that no document names gets a default.

use super::folder::ProjectResources;
use std::collections::BTreeMap;

/// Retries that a component's messages get by their names alone.
const DEFAULTS: [&str; 4] = [
    "DefaultPubsubComponentInboundRetryPolicy",
    "DefaultComponentInboundRetryPolicy",
    "DefaultComponentRetryPolicy",
    "DefaultRetryPolicy",
];

/// Whether a message that an app has failed is tried again.
pub fn retries_messages(resources: &ProjectResources, app_id: &str, component: &str) -> bool {
    let own = resources.iter().filter(|(_, resource)| resource.kind == "Resiliency" && resource.is_for(app_id));
    let own: Vec<_> = own.map(|(_, resource)| resource.fields()).collect();
    let target = format!("targets.components.{component}.");
    if own.iter().any(|fields| has_below(fields, &target)) {
        let retry = format!("{target}inbound.retry");
        return own.iter().any(|fields| fields.get(&retry).is_some_and(|policy| !policy.is_empty()));
    }
    DEFAULTS.iter().any(|name| own.iter().any(|fields| has_below(fields, &format!("policies.retries.{name}."))))
}

fn has_below(fields: &BTreeMap<String, String>, path: &str) -> bool {
    fields.keys().any(|name| name.starts_with(path))
}
