use super::*;
use crate::catalog::Catalog;

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
    let files = texts.iter().map(|(file, text)| (PathBuf::from(file), (*text).to_owned())).collect();
    ProjectResources::from_files(files).expect("good YAML")
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
    render(&AppId::new(app), &resources(texts), &[], &[backend(&catalog.brokers[kind], &names)])
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
fn subscriptions_and_other_resources_are_taken_as_they_are_and_foreign_kinds_are_not() {
    let subscription = "kind: Subscription\nmetadata: {name: s}\nspec: {pubsubname: pubsub, topic: orders}\n---\nkind: Deployment\nmetadata: {name: d}\n";
    let rendered = render_on("redis", "orders", &[("s.yaml", subscription)]).expect("renders");
    assert_eq!(rendered.subscriptions[0].topic, "orders");
    assert_eq!(rendered.files.keys().collect::<Vec<_>>(), ["component-pubsub.yaml", "subscription-s.yaml"]);
}
