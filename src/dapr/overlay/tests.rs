use super::*;
use crate::{
    catalog::Catalog,
    dapr::folder::{Folder, SourceFile},
};

const PRODUCTION: &str = r#"
apiVersion: dapr.io/v1alpha1
kind: Component
metadata: {name: pubsub, namespace: shop}
spec:
  type: pubsub.kafka
  version: v1
  metadata:
  - {name: brokers, value: "kafka.internal:9093"}
  - {name: authType, value: password}
  - {name: saslPassword, secretKeyRef: {name: kafka, key: password}}
  - {name: heartbeatInterval, value: 5s}
  - {name: initialOffset, value: newest}
scopes: [orders]
"#;

fn resources(texts: &[(&str, &str)]) -> ProjectResources {
    let files = texts.iter().map(|(file, text)| SourceFile::of(*file, *text)).collect();
    ProjectResources::of(&Folder { files, configuration: None })
}

fn backend<'a>(entry: &'a CatalogEntry, components: &'a [String]) -> Backend<'a> {
    Backend {
        entry,
        alias: entry.description.name.clone(),
        components,
        version: &entry.description.component.version,
        environment: entry.description.environment.clone(),
    }
}

fn render_on(kind: &str, app: &str, texts: &[(&str, &str)]) -> Result<Rendered, OverlayError> {
    let catalog = Catalog::embedded();
    let names = vec!["pubsub".to_owned()];
    let backends = [backend(&catalog.brokers[kind], &names)];
    let (overrides, environment) = (IndexMap::new(), BTreeMap::new());
    let local =
        Local { skip: &[], backends: &backends, secrets: None, overrides: &overrides, environment: &environment };
    render(&AppId::new(app), &resources(texts), &local)
}

#[test]
fn a_production_component_gets_the_local_connection_and_keeps_what_means_the_same() {
    let rendered = render_on("redpanda", "orders", &[("pubsub.yaml", PRODUCTION)]).expect("renders");
    insta::assert_snapshot!(rendered.files["component-pubsub.yaml"], @r#"
    apiVersion: dapr.io/v1alpha1
    kind: Component
    metadata:
      name: pubsub
    spec:
      type: pubsub.kafka
      version: v1
      initTimeout: 30s
      metadata:
      - name: brokers
        value: redpanda:9092
      - name: authType
        value: none
      - name: disableTls
        value: 'true'
      - name: consumerID
        value: orders
      - name: initialOffset
        value: oldest
      - name: producerRequiredAcks
        value: all
      - name: heartbeatInterval
        value: 5s
    scopes:
    - orders
    "#);
    assert_eq!(rendered.groups["pubsub"], "orders");
    assert_eq!(
        rendered.differences,
        [
            "component `pubsub` is a `pubsub.kafka` on `redpanda` here, without its own `brokers`, `authType`, `saslPassword`, `initialOffset`"
        ]
    );
}

#[test]
fn another_type_drops_what_it_does_not_know() {
    let rendered = render_on("redis", "orders", &[("pubsub.yaml", PRODUCTION)]).expect("renders");
    assert!(!rendered.files["component-pubsub.yaml"].contains("heartbeatInterval"));
    assert_eq!(rendered.components[0].component_type, "pubsub.redis");
}

#[test]
fn an_app_out_of_scope_gets_nothing_of_it() {
    let rendered = render_on("redis", "billing", &[("pubsub.yaml", PRODUCTION)]).expect("renders");
    assert_eq!(rendered.files.len(), 0);
}

#[test]
fn a_component_that_the_folder_lacks_is_generated() {
    let rendered = render_on("rabbitmq", "orders", &[]).expect("renders");
    assert_eq!(rendered.components[0].name, "pubsub");
    assert_eq!(rendered.groups["pubsub"], "orders");
}

#[test]
fn a_setting_that_means_something_else_elsewhere_stays_only_with_its_own_type() {
    let own = "kind: Component\nmetadata: {name: pubsub}\nspec:\n  type: pubsub.rabbitmq\n  metadata:\n  - {name: concurrency, value: single}\n";
    let on = |kind| {
        let rendered = render_on(kind, "orders", &[("p.yaml", own)]).expect("renders");
        rendered.files["component-pubsub.yaml"].contains("value: single")
    };
    assert!(on("rabbitmq") && !on("redis"), "Redis wants a number there, and daprd would die");
}

#[test]
fn a_binding_under_the_brokers_name_is_refused() {
    let binding = "kind: Component\nmetadata: {name: pubsub}\nspec: {type: bindings.kafka}\n";
    let error = render_on("redis", "orders", &[("b.yaml", binding)]).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "component `pubsub` of b.yaml is a `bindings.kafka`; redis stands behind `pubsub.redis`"
    );
}

#[test]
fn a_secret_that_nobody_serves_is_an_error_and_not_a_parked_component() {
    let binding = "kind: Component\nmetadata: {name: crm}\nspec:\n  type: bindings.http\n  metadata:\n  - {name: token, secretKeyRef: {name: crm}}\n";
    let error = render_on("redis", "orders", &[("crm.yaml", binding)]).expect_err("refused");
    assert!(error.to_string().contains("`crm` of crm.yaml wants a secret of Kubernetes"), "{error}");
    let store = "kind: Component\nmetadata: {name: local}\nspec: {type: secretstores.local.env}\n";
    let served = format!("{binding}auth: {{secretStore: local}}\n");
    assert!(render_on("redis", "orders", &[("crm.yaml", &served), ("store.yaml", store)]).is_ok());
}

#[test]
fn a_secret_that_sandbox_toml_replaces_needs_nobody_to_serve_it() {
    let binding = "kind: Component\nmetadata: {name: crm}\nspec:\n  type: bindings.http\n  metadata:\n  - {name: url, secretKeyRef: {name: crm}}\n";
    let metadata = BTreeMap::from([("url".to_owned(), "http://crm:8025".to_owned())]);
    let overrides = IndexMap::from([("crm".to_owned(), ComponentOverride { line: 1, metadata })]);
    let local = Local { skip: &[], backends: &[], secrets: None, overrides: &overrides, environment: &BTreeMap::new() };
    let rendered = render(&AppId::new("orders"), &resources(&[("crm.yaml", binding)]), &local).expect("renders");
    assert!(rendered.files["component-crm.yaml"].contains("value: http://crm:8025"));
}

#[test]
fn subscriptions_and_other_resources_are_taken_as_they_are_and_foreign_kinds_are_not() {
    let subscription = "kind: Subscription\nmetadata: {name: s}\nspec: {pubsubname: pubsub, topic: orders}\n---\nkind: Deployment\nmetadata: {name: d}\n";
    let rendered = render_on("redis", "orders", &[("s.yaml", subscription)]).expect("renders");
    assert_eq!(rendered.subscriptions[0].topic, "orders");
    assert_eq!(rendered.files.keys().collect::<Vec<_>>(), ["component-pubsub.yaml", "subscription-s.yaml"]);
}

/// Renders with `[secrets]`, the broker being Redis.
fn with_secrets(
    files: &[(&str, &str)],
    component: &str,
    overrides: &[(&str, &[(&str, &str)])],
) -> Result<Rendered, OverlayError> {
    let catalog = Catalog::embedded();
    let names = vec!["pubsub".to_owned()];
    let backends = [backend(&catalog.brokers["redis"], &names)];
    let metadata = |entries: &[(&str, &str)]| {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let overrides = overrides
        .iter()
        .map(|(name, entries)| ((*name).to_owned(), ComponentOverride { line: 1, metadata: metadata(entries) }));
    let (overrides, environment) = (overrides.collect(), metadata(&[("OF_SIDECAR", "x")]));
    let secrets = LocalSecrets { component, variables: ["TOKEN", "OF_SIDECAR"].into() };
    let local = Local {
        skip: &[],
        backends: &backends,
        secrets: Some(&secrets),
        overrides: &overrides,
        environment: &environment,
    };
    render(&AppId::new("orders"), &resources(files), &local)
}

const CACHE: &str = "kind: Component\nmetadata: {name: cache, namespace: shop}\nspec:\n  type: state.redis\n  metadata:\n  - {name: redisHost, value: 'redis:6379'}\n  - {name: redisPassword, secretKeyRef: {name: redis, key: password}}\n";

#[test]
fn a_secret_without_a_store_is_taken_from_the_one_of_sandbox_toml() {
    let rendered = with_secrets(&[("c.yaml", CACHE)], "kubernetes", &[]).expect("renders");
    insta::assert_snapshot!(rendered.files["component-cache.yaml"], @r"
    kind: Component
    metadata:
      name: cache
    spec:
      type: state.redis
      metadata:
      - name: redisHost
        value: redis:6379
      - name: redisPassword
        secretKeyRef:
          name: redis
          key: password
    auth:
      secretStore: kubernetes
    ");
    insta::assert_snapshot!(rendered.files["component-kubernetes.yaml"], @r"
    apiVersion: dapr.io/v1alpha1
    kind: Component
    metadata:
      name: kubernetes
    spec:
      type: secretstores.local.file
      version: v1
      metadata:
      - name: secretsFile
        value: /dapr/secrets/secrets.json
      - name: multiValued
        value: 'true'
    ");
    assert!(rendered.has_secrets && rendered.components.iter().any(|one| one.name == "kubernetes"));
}

#[test]
fn the_clusters_stores_and_those_that_nobody_is_are_served_and_no_other() {
    let from = |store: &str| format!("{CACHE}auth: {{secretStore: {store}}}\n");
    let store = |component_type: &str| {
        format!("kind: Component\nmetadata: {{name: vault}}\nspec: {{type: {component_type}}}\nscopes: [orders]\n")
    };
    let files_of = |rendered: Rendered| rendered.files.keys().cloned().collect::<Vec<_>>();
    let all = ["component-cache.yaml", "component-kubernetes.yaml", "component-pubsub.yaml", "component-vault.yaml"];
    let served = |text: &str, component: &str| {
        let files = [("c.yaml", from("vault")), ("v.yaml", text.to_owned())];
        let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        with_secrets(&files, component, &[]).expect("renders")
    };
    let rendered = served("", "kubernetes");
    assert!(rendered.files["component-vault.yaml"].contains("secretstores.local.file"));
    assert_eq!(files_of(rendered), all);
    let rendered = served(&store("secretstores.kubernetes"), "kubernetes");
    assert!(rendered.files["component-vault.yaml"].contains("secretstores.local.file"));
    assert!(rendered.files["component-vault.yaml"].contains("scopes:\n- orders"));
    assert_eq!(rendered.differences, ["secret store `vault` serves the files of `[secrets]` here"]);
    let rendered = served(&store("secretstores.azure.keyvault"), "vault");
    assert!(rendered.files["component-vault.yaml"].contains("secretstores.local.file"), "sandbox.toml says so");
    assert_eq!(files_of(rendered), [all[0], all[2], all[3]]);
    let rendered = served(&store("secretstores.local.env"), "kubernetes");
    assert!(rendered.files["component-vault.yaml"].contains("secretstores.local.env"), "it is what it says");
}

#[test]
fn a_store_for_other_apps_is_none() {
    let store = "kind: Component\nmetadata: {name: vault}\nspec: {type: secretstores.kubernetes}\nscopes: [billing]\n";
    let cache = format!("{CACHE}auth: {{secretStore: vault}}\n");
    let error = with_secrets(&[("c.yaml", &cache), ("v.yaml", store)], "kubernetes", &[]).expect_err("refused");
    assert!(error.to_string().contains("`vault`"), "{error}");
}

#[test]
fn a_variable_that_the_sidecar_has_not_is_the_secret_of_its_name() {
    let binding = "kind: Component\nmetadata: {name: crm}\nspec:\n  type: bindings.http\n  metadata:\n  - {name: url, envRef: OF_SIDECAR}\n  - {name: token, envRef: TOKEN}\n  - {name: other, envRef: OTHER}\n";
    let rendered = with_secrets(&[("b.yaml", binding)], "kubernetes", &[]).expect("renders");
    let text = &rendered.files["component-crm.yaml"];
    assert!(text.contains("envRef: OF_SIDECAR") && text.contains("envRef: OTHER"), "{text}");
    assert!(text.contains("- name: token\n    secretKeyRef:\n      name: TOKEN\n      key: TOKEN\n"), "{text}");
    assert!(text.contains("secretStore: kubernetes"), "{text}");
    assert_eq!(rendered.differences, ["`envRef: TOKEN` of `crm` is the secret `TOKEN` here"]);
}

#[test]
fn endpoints_take_secrets_too() {
    let endpoint = "kind: HTTPEndpoint\nmetadata: {name: api}\nspec:\n  baseUrl: https://x\n  headers:\n  - {name: Authorization, secretKeyRef: {name: api, key: token}}\n";
    let rendered = with_secrets(&[("e.yaml", endpoint)], "kubernetes", &[]).expect("renders");
    assert!(rendered.files["httpendpoint-api.yaml"].contains("secretStore: kubernetes"));
}

#[test]
fn overrides_apply_whatever_the_component_is() {
    let overrides: [(&str, &[(&str, &str)]); 2] = [
        ("cache", &[("REDISHOST", "other:1"), ("redisPassword", "local"), ("redisDB", "3")]),
        ("pubsub", &[("consumerID", "mine")]),
    ];
    let rendered = with_secrets(&[("c.yaml", CACHE)], "kubernetes", &overrides).expect("renders");
    insta::assert_snapshot!(rendered.files["component-cache.yaml"], @r"
    kind: Component
    metadata:
      name: cache
    spec:
      type: state.redis
      metadata:
      - name: REDISHOST
        value: other:1
      - name: redisPassword
        value: local
      - name: redisDB
        value: '3'
    auth:
      secretStore: kubernetes
    ");
    assert_eq!(rendered.groups["pubsub"], "mine");
    assert_eq!(
        rendered.differences,
        [
            "component `cache` has another `REDISHOST`, `redisDB`, `redisPassword` by `[components.override]`",
            "component `pubsub` has another `consumerID` by `[components.override]`"
        ]
    );
}
