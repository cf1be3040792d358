//! How a change of resources becomes live. Pure.
//!
//! daprd's own reload closes the old component before it tries the new one, and dies when that fails (dapr-facts §0, §1.1): it is
//! used only where a component comes or goes that nothing else hangs on. Everything else is a hand-over.

use crate::dapr::{
    changes::{ComponentTraits, ResourceChange, What},
    versions::{DaprVersion, Feature},
};

/// Bindings that have no input side (dapr/dapr v1.18 `cmd/daprd/components/binding_*.go`); others must say `direction: output`.
const OUTPUT_BINDINGS: [&str; 8] = [
    "bindings.graphql",
    "bindings.http",
    "bindings.localstorage",
    "bindings.mysql",
    "bindings.postgres",
    "bindings.postgresql",
    "bindings.redis",
    "bindings.smtp",
];

/// A change of what a local secret store serves.
const SECRET: &str = "Secret";

/// It.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// There is nothing to do.
    Nothing,
    /// daprd reloads by itself what is changed in its folder. Why that is enough, as a phrase.
    InPlace(String),
    /// Another sidecar takes the place of the running one. Why, as a phrase.
    HandOver(String),
}

/// Decides it for everything that is different at once: what one change needs, all of them get.
/// `is_off`: whether the sidecar's Configuration turns daprd's own reload off.
pub fn decide(changes: &[ResourceChange], version: DaprVersion, is_off: bool) -> Decision {
    if changes.is_empty() {
        return Decision::Nothing;
    }
    if !version.has(Feature::HotReload) {
        return Decision::HandOver(format!("daprd {version} does not reload by itself"));
    }
    if is_off {
        return Decision::HandOver("the Configuration turns HotReload off".to_owned());
    }
    match changes.iter().find_map(needs_hand_over) {
        Some(reason) => Decision::HandOver(reason),
        None => Decision::InPlace("components that nothing hangs on come or go".to_owned()),
    }
}

/// Why no running sidecar can follow a change, whatever else is so.
pub fn needs_new_sidecar(changes: &[ResourceChange]) -> Option<String> {
    changes.iter().filter(|change| change.kind == SECRET).find_map(needs_hand_over)
}

/// Why one change cannot be left to daprd, as a phrase.
fn needs_hand_over(change: &ResourceChange) -> Option<String> {
    let ResourceChange { kind, name, what, component } = change;
    let reason = match (component, what) {
        _ if kind == SECRET => return Some(format!("daprd reads secret {name} only when it starts")),
        _ if kind != "Component" => return Some(format!("{kind} {name} is no component")),
        (_, What::Changed { .. }) | (None, _) => "would be closed before the new one is there",
        (Some(component), _) if component.ignores_errors => "is done without when it fails, which nobody would see",
        (Some(component), _) => hangs_together(component)?,
    };
    Some(format!("{name} {reason}"))
}

/// What hangs on a component, as the end of a sentence.
fn hangs_together(component: &ComponentTraits) -> Option<&'static str> {
    let ComponentTraits { component_type, holds_actors, has_outbox, says_output_only, is_referred_to, .. } = component;
    let block = component_type.split_once('.').map_or(component_type.as_str(), |(block, _)| block);
    match block {
        "state" if *holds_actors => Some("holds actors"),
        "state" if *has_outbox => Some("publishes what it stores"),
        "bindings" if !says_output_only && !OUTPUT_BINDINGS.contains(&component_type.as_str()) => {
            Some("may call the app")
        }
        "secretstores" if *is_referred_to => Some("gives secrets to others"),
        "state" | "bindings" | "secretstores" | "configuration" | "lock" | "crypto" => None,
        "pubsub" => Some("is a broker's component"),
        _ => Some("is of a kind that daprd does not reload safely"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dapr::changes::changes;
    use std::collections::BTreeMap;

    const NEW: DaprVersion = DaprVersion(1, 18, 2);

    fn component(name: &str, component_type: &str, rest: &str) -> String {
        format!("kind: Component\nmetadata: {{name: {name}}}\nspec: {{type: {component_type}{rest}}}\n")
    }

    fn files(texts: &[&str]) -> BTreeMap<String, String> {
        texts.iter().enumerate().map(|(index, text)| (format!("{index}.yaml"), (*text).to_owned())).collect()
    }

    fn decided(before: &[&str], after: &[&str]) -> Decision {
        decide(&changes(&files(before), &files(after)), NEW, false)
    }

    /// `in place`, or why not.
    fn short(decision: &Decision) -> &str {
        match decision {
            Decision::Nothing => "nothing",
            Decision::InPlace(_) => "in place",
            Decision::HandOver(reason) => reason,
        }
    }

    /// What is decided when a component comes, and when it goes.
    fn both(component_type: &str, rest: &str) -> [String; 2] {
        let text = component("a", component_type, rest);
        [decided(&[], &[&text]), decided(&[&text], &[])].map(|decision| short(&decision).to_owned())
    }

    #[test]
    fn what_comes_and_goes_by_type() {
        const OUTPUT: &str = ", metadata: [{name: direction, value: Output}]";
        const INPUT: &str = ", metadata: [{name: direction, value: 'input, output'}]";
        for (component_type, rest, expected) in [
            ("state.in-memory", "", "in place"),
            ("state.redis", ", metadata: [{name: actorStateStore, value: 'false'}]", "in place"),
            ("state.redis", ", metadata: [{name: actorStateStore, value: 'true'}]", "a holds actors"),
            ("state.redis", ", metadata: [{name: ACTORSTATESTORE, value: yes}]", "a holds actors"),
            ("state.redis", ", metadata: [{name: outboxPublishPubsub, value: p}]", "a publishes what it stores"),
            ("state.redis", ", ignoreErrors: true", "a is done without when it fails, which nobody would see"),
            ("bindings.http", "", "in place"),
            ("bindings.smtp", "", "in place"),
            ("bindings.kafka", "", "a may call the app"),
            ("bindings.kafka", INPUT, "a may call the app"),
            ("bindings.kafka", OUTPUT, "in place"),
            ("bindings.cron", "", "a may call the app"),
            ("configuration.redis", "", "in place"),
            ("lock.redis", "", "in place"),
            ("crypto.dapr.jwks", "", "in place"),
            ("secretstores.local.env", "", "in place"),
            ("pubsub.redis", "", "a is a broker's component"),
            ("pubsub.in-memory", "", "a is a broker's component"),
            ("middleware.http.bearer", "", "a is of a kind that daprd does not reload safely"),
            ("conversation.echo", "", "a is of a kind that daprd does not reload safely"),
            ("rubbish", "", "a is of a kind that daprd does not reload safely"),
        ] {
            assert_eq!(both(component_type, rest), [expected; 2], "{component_type}{rest}");
        }
    }

    #[test]
    fn a_secret_store_that_others_take_secrets_from_is_handed_over() {
        let store = component("vault", "secretstores.local.env", "");
        let user = format!("{}auth: {{secretStore: vault}}\n", component("a", "state.redis", ""));
        let expected = "vault gives secrets to others";
        assert_eq!(short(&decided(&[], &[&store, &user])), expected);
        assert_eq!(short(&decided(&[&store, &user], &[])), expected);
        assert_eq!(short(&decided(&[&store], &[&store, &user])), "in place", "the store stays");
    }

    #[test]
    fn what_is_changed_is_handed_over() {
        for component_type in ["state.redis", "bindings.http", "secretstores.local.file", "pubsub.redis"] {
            let before = component("a", component_type, ", metadata: [{name: x, value: '1'}]");
            let after = component("a", component_type, ", metadata: [{name: x, value: '2'}]");
            assert_eq!(short(&decided(&[&before], &[&after])), "a would be closed before the new one is there");
        }
        let (one, other) = (component("a", "state.redis", ""), component("a", "state.in-memory", ""));
        assert_eq!(short(&decided(&[&one], &[&other])), "a would be closed before the new one is there");
    }

    #[test]
    fn what_is_no_component_is_handed_over_however_it_changes() {
        for kind in ["Subscription", "Resiliency", "HTTPEndpoint", "Configuration", "MCPServer"] {
            let text = format!("kind: {kind}\nmetadata: {{name: a}}\nspec: {{x: 1}}\n");
            let other = text.replace("x: 1", "x: 2");
            let (one, other) = (text.as_str(), other.as_str());
            for (before, after) in [(&[][..], &[one][..]), (&[one], &[]), (&[one], &[other])] {
                assert_eq!(short(&decided(before, after)), format!("{kind} a is no component"));
            }
        }
    }

    #[test]
    fn a_changed_secret_needs_a_new_sidecar_whatever_else_is_so() {
        let secret =
            ResourceChange { kind: "Secret".to_owned(), name: "db".to_owned(), what: What::Removed, component: None };
        let mut all = changes(&files(&[]), &files(&[&component("a", "state.in-memory", "")]));
        assert_eq!(needs_new_sidecar(&all), None);
        all.push(secret);
        assert_eq!(needs_new_sidecar(&all).as_deref(), Some("daprd reads secret db only when it starts"));
        assert_eq!(short(&decide(&all, NEW, false)), "daprd reads secret db only when it starts");
    }

    #[test]
    fn several_changes_are_in_place_only_when_each_is() {
        let (state, http) = (component("a", "state.redis", ""), component("b", "bindings.http", ""));
        let broker = component("c", "pubsub.redis", "");
        assert_eq!(short(&decided(&[&state], &[&http])), "in place", "one goes, one comes");
        assert_eq!(short(&decided(&[], &[&state, &http])), "in place");
        assert_eq!(short(&decided(&[], &[&state, &http, &broker])), "c is a broker's component");
        let changed = component("b", "bindings.http", ", metadata: [{name: url, value: x}]");
        assert_eq!(short(&decided(&[&http], &[&changed, &state])), "b would be closed before the new one is there");
    }

    #[test]
    fn daprd_must_do_it_by_itself() {
        let added = changes(&files(&[]), &files(&[&component("a", "state.redis", "")]));
        for (version, is_off, expected) in [
            (DaprVersion(1, 14, 4), false, "daprd 1.14.4 does not reload by itself"),
            (DaprVersion(1, 17, 13), false, "daprd 1.17.13 does not reload by itself"),
            (DaprVersion(1, 18, 0), false, "in place"),
            (DaprVersion(1, 19, 0), false, "in place"),
            (DaprVersion(1, 18, 2), true, "the Configuration turns HotReload off"),
        ] {
            assert_eq!(short(&decide(&added, version, is_off)), expected, "{version}");
        }
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(decide(&[], DaprVersion(1, 14, 4), true), Decision::Nothing);
        let text = component("a", "pubsub.redis", "");
        assert_eq!(decided(&[&text], &[&text]), Decision::Nothing);
    }
}
