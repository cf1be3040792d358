use super::*;
use crate::dapr::versions::DaprVersion;
use std::collections::BTreeMap;

mod delivery;
mod needs;
mod properties;
mod relations;

fn around() -> Surroundings {
    Surroundings {
        apps: vec!["orders".to_owned(), "billing".to_owned()],
        replicas: BTreeMap::new(),
        dapr: DaprVersion(1, 18, 2),
        own_image: false,
        replaced: BTreeMap::from([("pubsub".to_owned(), "pubsub.kafka".to_owned())]),
        skip: vec!["salesforce".to_owned()],
        mtls: false,
        configuration: None,
        settings: SourceFile::of("sandbox.toml", "[dapr]\nversion = \"1.18.2\"\n"),
        version_at: Some(17..25),
        needs: Vec::new(),
        store: None,
        secrets: crate::secrets::Secrets::default(),
        overrides: BTreeMap::new(),
        variables: BTreeMap::new(),
    }
}

fn found_in(files: &[(&str, &str)], around: &Surroundings) -> Vec<Problem> {
    let files = files.iter().map(|(name, text)| SourceFile::of(*name, *text)).collect();
    folder(&Folder { files, configuration: None }, around)
}

/// `error 3:9 message | help`, a line each.
fn shown(problems: &[Problem]) -> String {
    let line = |problem: &Problem| {
        let word = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let place = problem.line.zip(problem.column).map(|(line, column)| format!(" {line}:{column}"));
        let help = problem.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
        format!("{word}{} {}{help}", place.unwrap_or_default(), problem.message)
    };
    problems.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn check(text: &str) -> String {
    shown(&found_in(&[("a.yaml", text)], &around()))
}

/// A component with a head of five lines; `rest` stands under `spec`.
fn component(name: &str, component_type: &str, rest: &str) -> String {
    let head = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n";
    format!("{head}  name: {name}\nspec:\n  type: {component_type}\n{rest}")
}

fn metadata(component_type: &str, items: &[(&str, &str)]) -> String {
    let items = items.iter().map(|(name, value)| format!("  - {{name: {name}, value: {value}}}\n"));
    component("it", component_type, &format!("  metadata:\n{}", items.collect::<String>()))
}

#[test]
fn good_files_have_no_problems() {
    let scoped = component("it", "state.in-memory", "  version: v1\nscopes: [orders]\n");
    let good = [
        "",
        "# only a comment\n",
        "---\n---\n",
        &scoped,
        &metadata("pubsub.kafka", &[("BROKERS", "a:1"), ("AuthType", "None"), ("maxMessageBytes", "1048576")]),
        &metadata("pubsub.redis", &[("redisHost", "a:1"), ("enableTLS", "true"), ("processingTimeout", "15000")]),
        &metadata("pubsub.rabbitmq", &[("host", "amqp://a"), ("durable", "\"yes\""), ("prefetchCount", "255")]),
        &metadata("state.postgres", &[("url", "postgres://a"), ("timeoutInSeconds", "20"), ("keyPrefix", "none")]),
        &metadata("bindings.cron", &[("schedule", "\"@every 1m\""), ("route", "/tick"), ("direction", "input")]),
        &metadata("bindings.http", &[("url", "http://a"), ("mtlsRootCA", "x")]),
        &metadata("state.mongodb", &[("whatever", "1")]),
        &component("it", "middleware.http.bearer", ""),
        &component("salesforce", "no.such", "  metadata: nonsense\n"),
    ];
    for text in good {
        assert_eq!(check(text), "", "{text}");
    }
}

#[test]
fn the_consumers_name_is_the_one_whose_case_matters() {
    let with = |component_type: &str, name: &str| {
        check(&metadata(
            component_type,
            &[("brokers", "a:1"), ("authType", "none"), ("redisHost", "a:1"), (name, "me")],
        ))
    };
    let found = with("pubsub.kafka", "consumerId");
    let wanted = "error 11:12 daprd passes over `consumerId` of Component `it` and adds a `consumerID` of its own, and \
        `pubsub.kafka` refuses to load with both | write `consumerID`";
    assert!(found.lines().any(|line| line == wanted), "{found}");
    let found = with("pubsub.redis", "consumerid");
    let wanted = "warning 11:12 daprd passes over `consumerid` of Component `it` and adds a `consumerID` of its own | write `consumerID`";
    assert!(found.lines().any(|line| line == wanted), "{found}");
    assert!(!with("pubsub.kafka", "consumerID").contains("passes over"));
    // Behind another broker it is that one which counts.
    let around = Surroundings { replaced: BTreeMap::from([("it".to_owned(), "pubsub.redis".to_owned())]), ..around() };
    let found = shown(&found_in(&[("a.yaml", &metadata("pubsub.kafka", &[("consumerId", "me")]))], &around));
    assert!(found.contains("warning 8:12 daprd passes over `consumerId`"), "{found}");
    assert!(found.contains("`pubsub.kafka` refuses"), "{found}");
}

#[test]
fn what_a_document_is() {
    let kinds = [
        (
            "kind: [\n",
            "error 1:7 this is no YAML: did not find expected node content | daprd takes a file that it cannot read for an empty one, and its components are gone",
        ),
        ("- a\n", "warning 1:1 a document is a list and no resource"),
        ("services: {}\n", "warning 1:1 a document has no `kind`: daprd passes it over"),
        (
            "apiVersion: dapr.io/v1alpha1\n",
            "error 1:1 a document has no `kind`: daprd passes it over | write what it is: `kind: Component`",
        ),
        ("apiVersion: v1\nkind: Secret\n", "note 1:1 no sidecar gets anything of what is no Dapr resource: `Secret`"),
        (
            "apiVersion: apps/v1\nkind: Deployment\n---\nkind: Service\n",
            "note 1:1 no sidecar gets anything of what is no Dapr resource: `Deployment` and `Service`",
        ),
        (
            "apiVersion: dapr.io/v1alpha1\nkind: Componnet\n",
            "error 2:7 Dapr has no kind `Componnet`: daprd passes it over | did you mean `Component`?",
        ),
        ("apiVersion: dapr.io/v1alpha1\nkind: Gizmo\n", "warning 2:7 Dapr has no kind `Gizmo`: daprd passes it over"),
        (
            "kind: Component\nmetadata: {name: a}\nspec: {type: secretstores.local.env}\n",
            "error 1:7 a `Component` without `apiVersion`: daprd passes it over without a word | write `apiVersion:` `dapr.io/v1alpha1`",
        ),
        (
            "apiVersion: dapr.io/v1\nkind: Component\nmetadata: {name: a}\nspec: {type: secretstores.local.env}\n",
            "error 1:13 a `Component` of `dapr.io/v1` is none that daprd reads: it passes it over without a word | write `apiVersion:` `dapr.io/v1alpha1`",
        ),
        ("apiVersion: dapr.io/v1alpha1\nkind: Component\n", "error 2:1 a `Component` has no `metadata.name`"),
        (
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: a/b}\n",
            "error 3:18 `a/b` cannot be a name: daprd skips names with `/` or `%`",
        ),
        (
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: 1.5}\n",
            "error 3:18 the name of a `Component` must be text, not a number | write it in quotes",
        ),
    ];
    for (text, wanted) in kinds {
        assert_eq!(check(text), wanted, "{text}");
    }
}

#[test]
fn documents_before_a_syntax_error_are_checked_too() {
    let text = format!("{}---\nkind: [\n", component("it", "pubsub.kafak", ""));
    let shown = check(&text);
    assert!(
        shown.contains("error 6:9 daprd 1.18.2 has no component type `pubsub.kafak` | did you mean `pubsub.kafka`?")
    );
    assert!(shown.contains("this is no YAML"), "{shown}");
}

#[test]
fn types_and_versions() {
    let tables = [
        (
            component("it", "state.postgresql", "  version: v3\n"),
            "error 7:12 `state.postgresql` has no version `v3` | it has `v1` or `v2`",
        ),
        (
            component("it", "secretstores.local.env", "  version: 1\n"),
            "error 7:12 `secretstores.local.env` has no version `1` | it has `v1`",
        ),
        (
            component("it", "bindings.kitex", ""),
            "error 6:9 component type `bindings.kitex` went after Dapr 1.16.0, and the sidecars are 1.18.2",
        ),
        (component("it", "state", ""), "error 6:9 daprd 1.18.2 has no component type `state`"),
        (
            component("it", "pub.redis", ""),
            "error 6:9 daprd 1.18.2 has no component type `pub.redis` | did you mean `pubsub.redis`?",
        ),
        (
            component("it", "foo.bar", "  ignoreErrors: true\n"),
            "warning 6:9 daprd 1.18.2 has no component type `foo.bar`",
        ),
        (component("pubsub", "pubsub.foo", ""), "warning 6:9 daprd 1.18.2 has no component type `pubsub.foo`"),
        (
            component("it", "foo.bar", "scopes: [elsewhere]\n"),
            "warning 6:9 daprd 1.18.2 has no component type `foo.bar`\nwarning 7:10 Component `it` is for the app `elsewhere`, which sandbox.toml has not",
        ),
    ];
    for (text, wanted) in tables {
        assert_eq!(check(&text), wanted, "{text}");
    }
    let old = Surroundings { dapr: DaprVersion(1, 14, 4), ..around() };
    let sftp = shown(&found_in(&[("a.yaml", &component("it", "bindings.sftp", ""))], &old));
    assert_eq!(sftp, "error 6:9 component type `bindings.sftp` needs Dapr 1.16.0, and the sidecars are 1.14.4");
    let own = Surroundings { own_image: true, ..around() };
    assert!(shown(&found_in(&[("a.yaml", &component("it", "state.mine", ""))], &own)).starts_with("warning"));
}

#[test]
fn metadata_by_the_tables() {
    let kafka = |items: &[(&str, &str)]| {
        let all: Vec<_> = [("brokers", "a:1"), ("authType", "none")].into_iter().chain(items.iter().copied()).collect();
        metadata("pubsub.kafka", &all)
    };
    let tables = [
        (
            kafka(&[("heartbeatIntervall", "3s")]),
            "warning 10:12 unknown metadata `heartbeatIntervall` of `pubsub.kafka` | did you mean `heartbeatInterval`?",
        ),
        (
            kafka(&[("heartbeatInterval", "3 s")]),
            "error 10:38 `heartbeatInterval` of Component `it` cannot be `3 s` | it must be a duration such as `500ms`, `30s` or `1h`",
        ),
        (
            kafka(&[("skipVerify", "maybe")]),
            "warning 10:31 `skipVerify` of Component `it` is `maybe`, which daprd takes for `false` without a word | write `\"true\"` or `\"false\"`",
        ),
        (
            metadata("pubsub.redis", &[("redisHost", "a:1"), ("redeliverInterval", "5s")]),
            "warning 9:38 `redeliverInterval` of Component `it` is `5s`, which daprd passes over without a word: its default holds | write a bare number of milliseconds",
        ),
        (
            kafka(&[("maxMessageBytes", "1Mi")]),
            "error 10:36 `maxMessageBytes` of Component `it` cannot be `1Mi` | it must be a whole number",
        ),
        (kafka(&[("maxMessageBytes", "\"{uuid}\"")]), ""),
        (kafka(&[("BROKERS", "b:1")]), "warning 10:12 `BROKERS` of Component `it` is there twice, first at a.yaml:8"),
        (
            metadata("pubsub.kafka", &[("brokres", "a:1"), ("authRequired", "\"false\"")]),
            "error 8:12 unknown metadata `brokres` of `pubsub.kafka`, which needs `brokers` | did you mean `brokers`?",
        ),
        (
            metadata("state.redis", &[("redisHost", "a:1"), ("failover", "\"yes\"")]),
            "error 9:29 `failover` of Component `it` cannot be `yes` | it must be `true` or `false`",
        ),
        (
            component("it", "state.redis", ""),
            "error 6:9 Component `it` lacks `redisHost`, which `state.redis` needs | add to its metadata: `- {name: redisHost, value: …}`",
        ),
        (
            metadata("bindings.rabbitmq", &[("host", "amqp://a:hunter2@b"), ("queueName", "\"\"")]),
            "error 6:9 Component `it` lacks `queueName`, which `bindings.rabbitmq` needs | add to its metadata: `- {name: queueName, value: …}`",
        ),
        (
            metadata("bindings.http", &[]),
            "warning 6:9 Component `it` lacks `url`, which `bindings.http` needs | add to its metadata: `- {name: url, value: …}`",
        ),
        (
            metadata("bindings.cron", &[("schedule", "hourly")]),
            "error 8:29 `schedule` of Component `it` cannot be `hourly` | it must be five fields, six with seconds, or a word such as `@every 5s`",
        ),
    ];
    for (text, wanted) in tables {
        assert_eq!(check(&text), wanted, "{text}");
    }
}

#[test]
fn a_component_behind_which_the_broker_stands_is_only_warned_about() {
    let shown = check(&component("pubsub", "pubsub.kafka", "  metadata:\n  - {name: maxMessageBytes, value: big}\n"));
    assert!(
        !shown.contains("error") && shown.contains("cannot be `big`") && shown.contains("lacks `brokers`"),
        "{shown}"
    );
}

#[test]
fn shapes_that_daprd_cannot_read() {
    let tables = [
        (
            "  ignoreErrors: \"true\"\n",
            "error 7:17 `spec.ignoreErrors` of Component `it` must be true or false, not text",
        ),
        (
            "  initTimeout: 30\n",
            "warning 7:16 `initTimeout: 30` is no duration: daprd takes 5 s and says nothing | write its unit: `30s`",
        ),
        (
            "  metadata: {a: b}\n",
            "error 7:13 `spec.metadata` of Component `it` must be a list of names and values, not a mapping",
        ),
        (
            "  metadata: [a]\n",
            "error 7:14 `spec.metadata` of Component `it` must be a list of `name` and `value`, not text",
        ),
        ("  metadata:\n  - {value: a}\n", "warning 8:5 a value in `spec.metadata` of Component `it` has no `name`"),
        (
            "  metadata:\n  - {name: a, vlaue: b}\n",
            "warning 8:15 unknown key `vlaue` in `a` of Component `it`: daprd passes it over | did you mean `value`?",
        ),
        (
            "  metadata:\n  - {name: a}\n",
            "warning 8:12 `a` of Component `it` has no value | write `value:` or `secretKeyRef:`",
        ),
        ("  metadata:\n  - {name: a, value: ''}\n", ""),
        (
            "  metadata:\n  - {name: a, value: b, envRef: C}\n",
            "warning 8:12 `a` of Component `it` has both a value and an `envRef`: daprd takes the value",
        ),
        (
            "  metadata:\n  - {name: a, secretKeyRef: b}\n",
            "error 8:29 `secretKeyRef` of Component `it` must be a mapping with `name` and `key`, not text",
        ),
        (
            "  scopes: [orders]\n",
            "warning 7:3 unknown key `scopes` in `spec` of Component `it`: daprd passes it over | `scopes` stands beside `spec`, not in it",
        ),
        ("scopes: orders\n", "error 7:9 `scopes` of Component `it` must be a list of app ids, not text"),
        (
            "scopes: [order]\n",
            "warning 7:10 Component `it` is for the app `order`, which sandbox.toml has not | did you mean `orders`?",
        ),
    ];
    for (rest, wanted) in tables {
        let text = component("it", "state.mongodb", rest);
        assert_eq!(check(&text), wanted, "{text}");
    }
}

/// What sandbox itself writes stands the same check.
#[test]
fn redis_understands_what_drains_it() {
    let redis = &crate::catalog::Catalog::embedded().brokers["redis"].description;
    let items: Vec<_> = redis.component.drain.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let all = [vec![("redisHost", "a:1")], items].concat();
    assert_eq!(check(&metadata("pubsub.redis", &all)), "");
}
