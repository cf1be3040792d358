use super::*;
use crate::{
    config::{self, KnownKinds, LoadRequest},
    plan::spec::{HostPort, Readiness},
};
use std::path::Path;

/// What a sandbox.toml gives, with some YAML in its components folder.
fn desired_of(toml: &str, yaml: &[(&str, &str)]) -> Desired {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("sandbox.toml"), toml).expect("written");
    let catalog = Catalog::embedded();
    let kinds = KnownKinds {
        brokers: catalog.brokers.keys().cloned().collect(),
        stores: catalog.stores.keys().cloned().collect(),
    };
    let request = LoadRequest { directory: folder.path().to_owned(), ..LoadRequest::default() };
    let config = config::load(&request, &kinds).expect("a good file");
    let files = yaml.iter().map(|(name, text)| (PathBuf::from(name), (*text).to_owned())).collect();
    desired(&Inputs {
        config: &config,
        catalog: &catalog,
        resources: &ProjectResources::from_files(files).expect("good YAML"),
        configuration: None,
        context_hashes: &BTreeMap::new(),
        state_directory: Path::new("/state").to_owned(),
    })
    .expect("a desired state")
}

fn container<'a>(desired: &'a Desired, name: &str) -> &'a ContainerSpec {
    let found = desired.containers.iter().find(|container| container.name.as_str() == name);
    found.unwrap_or_else(|| panic!("no {name} in {:?}", names(desired)))
}

fn names(desired: &Desired) -> Vec<&str> {
    desired.containers.iter().map(|container| container.name.as_str()).collect()
}

const SHOP: &str = r#"
name = "shop"
[broker]
kind = "kafka"
[state]
[apps.orders]
image = "orders:1"
port = 8000
[apps.billing]
image = "billing:1"
port = 8000
replicas = 2
"#;

#[test]
fn infrastructure_comes_first_and_every_app_has_its_sidecar() {
    let desired = desired_of(SHOP, &[]);
    assert_eq!(
        names(&desired),
        [
            "shop-kafka-1",
            "shop-postgres-1",
            "shop-scheduler-1",
            "shop-orders-1",
            "shop-orders-dapr-1",
            "shop-billing-1",
            "shop-billing-dapr-1",
            "shop-billing-2",
            "shop-billing-dapr-2",
        ]
    );
    let volumes: Vec<_> = desired.volumes.iter().map(|volume| volume.name.as_str()).collect();
    assert_eq!(volumes, ["shop_kafka-data", "shop_postgres-data", "shop_scheduler-data"]);
}

#[test]
fn each_replica_speaks_to_its_own_sidecar_and_all_share_the_apps_alias() {
    let desired = desired_of(SHOP, &[]);
    let second = container(&desired, "shop-billing-2");
    assert_eq!(second.environment["DAPR_HTTP_ENDPOINT"], "http://billing-2-dapr:3500");
    assert_eq!((second.short_name.as_str(), second.aliases.as_slice()), ("billing", &["billing-2".to_owned()][..]));
    let sidecar = container(&desired, "shop-billing-dapr-2");
    let command = sidecar.command.as_ref().expect("a command").join(" ");
    assert!(command.contains("--app-id billing ") && command.contains("--app-channel-address billing-2"), "{command}");
    assert_eq!(container(&desired, "shop-orders-1").environment["DAPR_HTTP_ENDPOINT"], "http://orders-dapr:3500");
}

#[test]
fn the_usual_ports_go_to_the_first_app_that_wants_them() {
    let desired = desired_of(SHOP, &[]);
    let host = |name: &str| container(&desired, name).ports[0].host;
    assert_eq!(host("shop-orders-dapr-1"), HostPort::Preferred(3500));
    assert_eq!(host("shop-billing-dapr-1"), HostPort::Any);
    assert_eq!(host("shop-orders-1"), HostPort::Preferred(8000));
    assert_eq!(host("shop-billing-2"), HostPort::Any);
    assert_eq!(host("shop-kafka-1"), HostPort::Advertised);
}

#[test]
fn sidecars_wait_for_the_infrastructure_and_know_how_the_broker_shows_their_consumers() {
    let desired = desired_of(SHOP, &[]);
    let sidecar = container(&desired, "shop-orders-dapr-1");
    let waits: Vec<_> = sidecar.start_after.iter().map(|condition| condition.container().as_str()).collect();
    assert_eq!(waits, ["shop-kafka-1", "shop-postgres-1", "shop-scheduler-1"]);
    let Readiness::Sidecar(readiness) = &sidecar.readiness else { panic!("{:?}", sidecar.readiness) };
    let components: Vec<_> = readiness.components.iter().map(|component| component.component_type.as_str()).collect();
    assert_eq!(components, ["pubsub.kafka", "state.postgresql"]);
    assert_eq!((readiness.consumers[0].group.as_str(), readiness.consumers[0].port), ("orders", 19092));
}

#[test]
fn placement_starts_only_when_a_store_holds_actors() {
    let store = "kind: Component\nmetadata: {name: statestore}\nspec: {type: state.redis, metadata: [{name: actorStateStore, value: \"true\"}]}\n";
    assert!(!names(&desired_of(SHOP, &[])).contains(&"shop-placement-1"));
    let desired = desired_of(SHOP, &[("s.yaml", store)]);
    let command = container(&desired, "shop-orders-dapr-1").command.as_ref().expect("a command").join(" ");
    assert!(names(&desired).contains(&"shop-placement-1"));
    assert!(command.contains("--placement-host-address placement:50005"), "{command}");
}

#[test]
fn flags_and_files_follow_the_version() {
    let old = SHOP.replace("[broker]", "[dapr]\nversion = \"1.14.4\"\n[broker]");
    let desired = desired_of(&old, &[]);
    let command = |name: &str| container(&desired, name).command.as_ref().expect("a command").join(" ");
    assert!(!command("shop-scheduler-1").contains("override-broadcast"), "{}", command("shop-scheduler-1"));
    assert!(!command("shop-orders-dapr-1").contains("--config"), "1.14 has no nameformat");
    let desired = desired_of(SHOP, &[]);
    let command = container(&desired, "shop-orders-dapr-1").command.as_ref().expect("a command").join(" ");
    assert!(command.contains("--config /dapr/configuration/configuration.yaml"), "{command}");
}

#[test]
fn broker_and_store_of_one_kind_are_two_containers() {
    let toml =
        "name = \"shop\"\n[broker]\nkind = \"redis\"\n[state]\nkind = \"redis\"\n[apps.orders]\nimage = \"orders:1\"\n";
    let desired = desired_of(toml, &[]);
    assert!(names(&desired).starts_with(&["shop-redis-1", "shop-redis-state-1"]));
    let folder = desired.folders.iter().find(|folder| folder.files.contains_key("component-statestore.yaml"));
    assert!(folder.expect("rendered").files["component-statestore.yaml"].contains("redis-state:6379"));
}

#[test]
fn in_memory_needs_no_container_of_its_own() {
    let toml = "name = \"shop\"\n[broker]\nkind = \"in-memory\"\n[state]\nkind = \"in-memory\"\n[apps.orders]\nimage = \"orders:1\"\n";
    assert_eq!(names(&desired_of(toml, &[])), ["shop-scheduler-1", "shop-orders-1", "shop-orders-dapr-1"]);
}

#[test]
fn a_changed_component_is_another_folder_and_so_another_spec() {
    let resiliency = |retries: u8| {
        format!(
            "kind: Resiliency\nmetadata: {{name: r}}\nspec: {{policies: {{retries: {{a: {{maxRetries: {retries}}}}}}}}}\n"
        )
    };
    let hash = |retries| container(&desired_of(SHOP, &[("r.yaml", &resiliency(retries))]), "shop-orders-dapr-1").hash();
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(2));
}

#[test]
fn only_some_apps_leave_the_others_out_and_keep_what_all_need() {
    let desired = desired_of(SHOP, &[]).only(&[AppId::new("orders")]);
    assert_eq!(
        names(&desired),
        ["shop-kafka-1", "shop-postgres-1", "shop-scheduler-1", "shop-orders-1", "shop-orders-dapr-1"]
    );
}

#[test]
fn an_extra_container_and_a_dependency_on_it() {
    let toml = format!(
        "{SHOP}depends_on = [\"mailpit\"]\n[containers.mailpit]\nimage = \"mailpit:1\"\nports = [8025]\nready = {{ http = \"/\" }}\n"
    );
    let desired = desired_of(&toml, &[]);
    let mailpit = container(&desired, "shop-mailpit-1");
    assert_eq!(mailpit.readiness, Readiness::Http { port: 8025, path: "/".to_owned() });
    let waits = &container(&desired, "shop-billing-1").start_after;
    assert!(waits.contains(&StartCondition::Ready(mailpit.name.clone())));
}
