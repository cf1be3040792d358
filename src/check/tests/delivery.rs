use super::*;

const HEAD: &str = "apiVersion: dapr.io/v2alpha1\nkind: Subscription\nmetadata: {name: s}\nspec:\n";

fn subscription(rest: &str) -> String {
    format!("{HEAD}  pubsubname: pubsub\n  topic: orders\n  routes: {{default: /orders}}\n{rest}")
}

fn resiliency(spec: &str) -> String {
    format!(
        "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata: {{name: r}}\nspec:\n  policies:\n    retries:\n{spec}"
    )
}

fn on(component_type: &str, dapr: DaprVersion, files: &[&str]) -> String {
    let replaced = BTreeMap::from([("pubsub".to_owned(), component_type.to_owned())]);
    let files: Vec<_> = ["a.yaml", "b.yaml"].into_iter().zip(files.iter().copied()).collect();
    shown(&found_in(&files, &Surroundings { replaced, dapr, apps: vec!["orders".to_owned()], ..around() }))
}

const NEW: DaprVersion = DaprVersion(1, 18, 2);

#[test]
fn a_failed_message_that_nobody_tries_again_is_told() {
    let plain = subscription("");
    assert_eq!(
        on("pubsub.redis", NEW, &[&plain]),
        "warning 6:10 a message of `orders` that the app fails is lost: `pubsub.redis` takes it for handled from Dapr 1.17 | \
         give it a `deadLetterTopic`, or let a Resiliency try again: `targets: {components: {pubsub: {inbound: {retry: …}}}}`"
    );
    assert!(on("pubsub.in-memory", NEW, &[&plain]).contains("`pubsub.in-memory` takes it for handled |"));
    assert_eq!(on("pubsub.redis", DaprVersion(1, 16, 0), &[&plain]), "", "there it comes again");
    assert_eq!(on("pubsub.kafka", NEW, &[&plain]), "");
    assert_eq!(on("pubsub.redis", NEW, &[&subscription("  deadLetterTopic: failed\n")]), "");
}

#[test]
fn a_resiliency_covers_what_it_is_about() {
    let plain = subscription("");
    let covered =
        |spec: &str, rest: &str| on("pubsub.redis", NEW, &[&plain, &format!("{}{rest}", resiliency(spec))]).is_empty();
    let often = "      often: {policy: constant, duration: 1s}\n";
    let target = |policy: &str| format!("{often}  targets:\n    components:\n      pubsub: {{{policy}}}\n");
    assert!(covered(&target("inbound: {retry: often}"), ""));
    assert!(!covered(&target("outbound: {retry: often}"), ""), "publishes are tried again, and that is all");
    assert!(!covered(often, ""), "a policy without a target does nothing");
    assert!(!covered(&target("inbound: {retry: often}"), "scopes: [billing]\n"), "another app's");
    let default = "      DefaultComponentInboundRetryPolicy: {policy: constant, duration: 1s}\n";
    assert!(covered(default, ""));
    let other = format!(
        "{default}  targets:\n    components:\n      pubsub: {{outbound: {{retry: DefaultComponentInboundRetryPolicy}}}}\n"
    );
    assert!(!covered(&other, ""), "daprd takes no default for a component that has a target");
}

#[test]
fn what_lives_in_one_sidecar_is_told_when_there_are_two() {
    let memory = |name: &str, component_type: &str| BTreeMap::from([(name.to_owned(), component_type.to_owned())]);
    let replaced = memory("pubsub", "pubsub.in-memory");
    assert_eq!(
        shown(&found_in(&[], &Surroundings { replaced: replaced.clone(), ..around() })),
        "warning `pubsub` is a `pubsub.in-memory` in 2 sidecars: messages do not cross them | \
         `kind = \"redis\"` under `[broker]` in sandbox.toml is the lightest that they share"
    );
    let one = vec!["orders".to_owned()];
    assert_eq!(shown(&found_in(&[], &Surroundings { replaced: replaced.clone(), apps: one.clone(), ..around() })), "");
    let replicas = BTreeMap::from([("orders".to_owned(), 3)]);
    let three = Surroundings { replaced, apps: one, replicas, ..around() };
    assert!(shown(&found_in(&[], &three)).contains("in 3 sidecars"));

    let own = component("rows", "state.in-memory", "");
    assert_eq!(
        check(&own),
        "warning 4:9 `rows` is a `state.in-memory` in 2 sidecars: each has rows of its own, and loses them when it is replaced | \
         give it a server that they share; `[state]` in sandbox.toml starts one"
    );
    assert_eq!(check(&format!("{own}scopes: [billing]\n")), "");
}
