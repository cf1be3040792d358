use super::*;
use crate::{
    config::{self, KnownKinds, LoadRequest},
    dapr::folder::{Folder, SourceFile},
    plan::spec::{AppCallback, Asking, HostPort, Readiness},
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
    let files = yaml.iter().map(|(name, text)| SourceFile::of(*name, *text)).collect();
    let folder = Folder { files, configuration: None };
    desired(&Inputs {
        config: &config,
        catalog: &catalog,
        resources: &ProjectResources::of(&folder),
        configuration: None,
        secrets: &crate::secrets::Secrets::default(),
        secrets_key: &[],
        context_hashes: &BTreeMap::new(),
        state_directory: Path::new("/state").to_owned(),
        rendered: &BTreeMap::new(),
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
fn placement_starts_for_a_store_in_scope_or_when_it_is_asked_for() {
    let store = |scope: &str| {
        format!(
            "kind: Component\nmetadata: {{name: actors}}\nspec: {{type: state.redis, metadata: [{{name: actorStateStore, value: \"true\"}}]}}\nscopes: [{scope}]\n"
        )
    };
    let starts = |placement: &str, scope: &str| {
        let toml = SHOP.replace("[broker]", &format!("[dapr]\nplacement = {placement}\n[broker]"));
        names(&desired_of(&toml, &[("s.yaml", &store(scope))])).contains(&"shop-placement-1")
    };
    assert!(starts("\"auto\"", "billing"));
    assert!(!starts("\"auto\"", "somebody-else"), "no app here has the store");
    assert!(starts("true", "somebody-else"));
    assert!(!starts("false", "billing"));
}

#[test]
fn flags_and_files_follow_the_version() {
    let old = SHOP.replace("[broker]", "[dapr]\nversion = \"1.14.4\"\n[broker]");
    let desired = desired_of(&old, &[]);
    let command = |name: &str| container(&desired, name).command.as_ref().expect("a command").join(" ");
    assert!(!command("shop-scheduler-1").contains("override-broadcast"), "{}", command("shop-scheduler-1"));
    assert!(
        command("shop-orders-dapr-1").contains("--config"),
        "1.14 has no nameformat, and finds others in a register"
    );
    let has_register = |desired: &Desired| {
        let mounts = &container(desired, "shop-orders-dapr-1").mounts;
        mounts.iter().any(|mount| mount.target == crate::dapr::sidecar::REGISTER_PATH)
    };
    assert!(has_register(&desired));
    let desired = desired_of(SHOP, &[]);
    let command = container(&desired, "shop-orders-dapr-1").command.as_ref().expect("a command").join(" ");
    assert!(command.contains("--config /dapr/configuration/configuration.yaml"), "{command}");
    assert!(!has_register(&desired));
}

#[test]
fn broker_and_store_of_one_kind_are_two_containers() {
    let toml =
        "name = \"shop\"\n[broker]\nkind = \"redis\"\n[state]\nkind = \"redis\"\n[apps.orders]\nimage = \"orders:1\"\n";
    let desired = desired_of(toml, &[]);
    assert!(names(&desired).starts_with(&["shop-redis-broker-1", "shop-redis-1"]), "the store keeps its name");
    let folder = desired.folders.iter().find(|folder| folder.files.contains_key("component-statestore.yaml"));
    let files = &folder.expect("rendered").files;
    assert!(files["component-statestore.yaml"].contains("redis:6379"));
    assert!(files["component-pubsub.yaml"].contains("redis-broker:6379"));
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

#[test]
fn with_mtls_everything_of_dapr_trusts_sentry_and_nothing_else_knows_it() {
    let actors = "kind: Component\nmetadata: {name: statestore}\nspec: {type: state.redis, metadata: [{name: actorStateStore, value: \"true\"}]}\n";
    let desired = desired_of(&SHOP.replace("[broker]", "[dapr]\nmtls = true\n[broker]"), &[("s.yaml", actors)]);
    let command = |name: &str| container(&desired, name).command.as_ref().expect("a command").join(" ");
    let volume = "shop_sentry-data";
    for spec in &desired.containers {
        let is_of_dapr = matches!(spec.role, Role::Sidecar | Role::Scheduler | Role::Placement);
        assert_eq!(spec.lacks_trust_anchors(), is_of_dapr, "{}", spec.name);
        let waits = spec.start_after.iter().any(|condition| condition.container().as_str() == "shop-sentry-1");
        assert_eq!(waits, is_of_dapr || spec.role == Role::App, "{}", spec.name);
        let mounted = spec.mounts.iter().find(|mount| mount.source == MountSource::Volume(volume.to_owned()));
        let may_write = mounted.map(|mount| !mount.read_only);
        assert_eq!(
            may_write,
            match spec.role {
                Role::Sentry => Some(true),
                Role::Scheduler | Role::Placement => Some(false),
                _ => None,
            }
        );
    }
    for name in ["shop-scheduler-1", "shop-placement-1"] {
        assert!(command(name).contains("--tls-enabled --trust-domain=cluster.local"), "{}", command(name));
    }
    let sidecar = command("shop-billing-dapr-2");
    assert!(sidecar.contains("--sentry-address sentry:50001 --control-plane-trust-domain cluster.local"), "{sidecar}");
    assert!(sidecar.ends_with("--enable-mtls"), "{sidecar}");
    assert_eq!(container(&desired, "shop-orders-dapr-1").environment["NAMESPACE"], "default");
    assert!(!names(&desired_of(SHOP, &[])).contains(&"shop-sentry-1"));
}

#[test]
fn other_trust_anchors_make_another_container_of_whoever_trusts_them() {
    let desired = desired_of(&SHOP.replace("[broker]", "[dapr]\nmtls = true\n[broker]"), &[]);
    let hashes = |anchors: &str| {
        let mut containers = desired.containers.clone();
        containers.iter_mut().for_each(|spec| spec.trust(anchors));
        assert!(!containers.iter().any(ContainerSpec::lacks_trust_anchors));
        containers.iter().map(|spec| (spec.role, spec.hash())).collect::<Vec<_>>()
    };
    assert_eq!(hashes("a"), hashes("a"));
    for (one, other) in hashes("a").into_iter().zip(hashes("b")) {
        assert_eq!(one != other, matches!(one.0, Role::Sidecar | Role::Scheduler), "{:?}", one.0);
    }
}

#[test]
fn the_tokens_of_a_sidecar_are_known_to_its_app_and_to_us_and_to_nobody_else() {
    let toml = SHOP.replace(
        "[apps.billing]",
        "dapr = { api_token = \"in\", env = { APP_API_TOKEN = \"out\" } }\nenv = { APP_API_TOKEN = \"own\" }\n[apps.billing]",
    );
    let desired = desired_of(&toml, &[]);
    let of = |name: &str| {
        let environment = &container(&desired, name).environment;
        ["DAPR_API_TOKEN", "APP_API_TOKEN"].map(|name| environment.get(name).map(String::as_str))
    };
    assert_eq!(of("shop-orders-dapr-1"), [Some("in"), Some("out")]);
    assert_eq!(of("shop-orders-1"), [Some("in"), Some("own")], "what its own `env` says wins");
    assert_eq!((of("shop-billing-1"), of("shop-billing-dapr-1")), ([None, None], [None, None]));
    let asking = |name: &str| {
        let Readiness::Sidecar(readiness) = &container(&desired, name).readiness else { panic!("a sidecar's") };
        readiness.asking.clone()
    };
    let tokens = [asking("shop-orders-dapr-1").api_token, asking("shop-orders-dapr-1").app_token];
    assert_eq!(
        tokens.map(|token| token.map(|token| token.reveal().to_owned())),
        [Some("in".to_owned()), Some("out".to_owned())]
    );
    assert_eq!(asking("shop-billing-dapr-1"), Asking::default());
}

#[test]
fn an_app_is_asked_for_its_subscriptions_in_its_own_protocol() {
    let asked = |protocol: &str| {
        let toml = SHOP.replace("[apps.billing]", &format!("protocol = \"{protocol}\"\n[apps.billing]"));
        let desired = desired_of(&toml, &[]);
        let Readiness::Sidecar(readiness) = &container(&desired, "shop-orders-dapr-1").readiness else {
            panic!("a sidecar's")
        };
        readiness.app.as_ref().map(|(app, port)| (app.to_string(), *port, readiness.asking.app))
    };
    let app = "shop-orders-1".to_owned();
    assert_eq!(asked("http"), Some((app.clone(), 8000, AppCallback::Http)));
    assert_eq!(asked("grpc"), Some((app, 8000, AppCallback::Grpc)));
    assert_eq!((asked("grpcs"), asked("https"), asked("h2c")), (None, None, None));
}

#[test]
fn only_sidecars_that_have_the_store_mount_the_secrets() {
    let toml = format!("[secrets]\nfiles = \"*.env\"\ncomponent = \"vault\"\n{}", SHOP.replace("name = \"shop\"", ""));
    let store = "kind: Component\nmetadata: {name: vault}\nspec: {type: secretstores.kubernetes}\nscopes: [orders]\n";
    let desired = desired_of(&format!("name = \"shop\"\n{toml}"), &[("vault.yaml", store)]);
    let secrets = |name: &str| {
        let mounts = &container(&desired, name).mounts;
        mounts.iter().find(|mount| mount.target == crate::secrets::SECRETS_PATH).cloned()
    };
    assert_eq!((secrets("shop-billing-dapr-1"), secrets("shop-orders-1")), (None, None));
    let mount = secrets("shop-orders-dapr-1").expect("it has the store");
    assert!(mount.read_only);
    let folder = desired.folders.iter().find(|folder| Some(folder.path.as_path()) == mount.host_path()).expect("there");
    assert!(folder.path.starts_with("/state/secrets/orders-1"), "{folder:?}");
    assert_eq!(folder.files["secrets.json"], "{}");
}

const MEBIBYTE: u64 = 1024 * 1024;

#[test]
fn everything_but_your_own_code_has_a_memory_limit() {
    let actors = "kind: Component\nmetadata: {name: statestore}\nspec: {type: state.redis, metadata: [{name: actorStateStore, value: \"true\"}]}\n";
    for kind in ["redpanda", "kafka", "redis", "rabbitmq"] {
        let toml = SHOP.replace("kind = \"kafka\"", &format!("kind = \"{kind}\"\n[dapr]\nmtls = true"));
        let desired = desired_of(&toml, &[("s.yaml", actors)]);
        let roles: BTreeSet<_> = desired.containers.iter().map(|spec| spec.role).collect();
        assert_eq!(roles.len(), Role::ALL.len() - 1, "all but `[containers.*]` are there");
        for spec in &desired.containers {
            assert_eq!(spec.memory.is_some(), spec.role != Role::App, "{}", spec.name);
            assert!(spec.memory.is_none_or(|limit| limit <= 1024 * MEBIBYTE), "{}", spec.name);
            let is_of_dapr = !matches!(spec.role, Role::App | Role::Broker | Role::State);
            let go = spec.environment.get("GOMEMLIMIT").map(String::as_str);
            assert_eq!(go, is_of_dapr.then_some("224MiB"), "{}", spec.name);
        }
    }
}

#[test]
fn the_memory_that_sandbox_toml_says_is_the_containers_limit_and_what_it_takes_for_itself_fits() {
    let of = |kind: &str, memory: &str| {
        let toml = SHOP.replace("kind = \"kafka\"", &format!("kind = \"{kind}\"\n{memory}"));
        let desired = desired_of(&toml, &[]);
        let spec = container(&desired, &format!("shop-{kind}-1"));
        let command = spec.command.clone().unwrap_or_default().join(" ");
        let heap = spec.environment.get("KAFKA_HEAP_OPTS").cloned().unwrap_or_default();
        (spec.memory.map(|bytes| bytes / MEBIBYTE), command, heap, spec.hash())
    };
    let (limit, command, _, hash) = of("redpanda", "");
    assert!(limit == Some(1024) && command.contains(" --memory 768M "), "{command}");
    let (limit, command, _, other) = of("redpanda", "memory = \"512MB\"");
    assert!(limit == Some(512) && command.contains(" --memory 384M "), "{command}");
    assert_ne!(hash, other, "it is made anew");
    let (limit, _, heap, _) = of("kafka", "");
    assert_eq!((limit, heap.as_str()), (Some(768), "-Xms128m -Xmx384m"));
    let (limit, _, heap, _) = of("kafka", "memory = \"1.5GB\"");
    assert_eq!((limit, heap.as_str()), (Some(1536), "-Xms256m -Xmx768m"));
    let ((one, .., before), (other, .., after)) = (of("redis", ""), of("redis", "memory = \"64MB\""));
    assert_eq!((one, other), (Some(256), Some(64)));
    assert_ne!(before, after, "it is made anew");
}

#[test]
fn what_sandbox_toml_says_of_a_sidecars_collector_wins() {
    let own = "dapr = { env = { GOMEMLIMIT = \"128MiB\" } }\n[apps.billing]";
    let desired = desired_of(&SHOP.replace("[apps.billing]", own), &[]);
    let limit = |name: &str| container(&desired, name).environment["GOMEMLIMIT"].clone();
    assert_eq!((limit("shop-orders-dapr-1").as_str(), limit("shop-billing-dapr-1").as_str()), ("128MiB", "224MiB"));
}

#[test]
fn the_store_has_a_memory_of_its_own_to_say() {
    let desired = desired_of(&SHOP.replace("[state]", "[state]\nmemory = \"1GB\""), &[]);
    let limit = |name: &str| container(&desired, name).memory.map(|bytes| bytes / MEBIBYTE);
    assert_eq!((limit("shop-kafka-1"), limit("shop-postgres-1")), (Some(768), Some(1024)));
}
