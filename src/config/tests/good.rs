use super::*;
use crate::config::model::*;
use anyhow::{Context, Result};
use indexmap::IndexMap;

fn map<const N: usize>(entries: [(&str, &str); N]) -> BTreeMap<String, String> {
    entries.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn mount(source: MountOrigin, target: &str, read_only: bool) -> MountSettings {
    MountSettings { source, target: target.to_owned(), read_only }
}

#[test]
fn the_smallest_file_has_every_default() -> Result<()> {
    let config = parsed("[apps.web]\nbuild = \".\"\nport = 8000\n")?;
    assert_eq!(config.file, in_project("sandbox.toml"));
    assert_eq!(config.directory, in_project(""));
    assert_eq!(config.project.as_str(), "myshop");
    assert_eq!((config.broker, config.state), (None, None));
    assert_eq!(
        config.dapr,
        DaprSettings {
            version: DEFAULT_DAPR_VERSION.to_owned(),
            mtls: false,
            scheduler: Switch::Auto,
            placement: Switch::Auto,
            config: None,
            image: None
        }
    );
    let components = ComponentsSettings {
        path: in_project("components"),
        explicit: false,
        skip: vec![],
        overrides: IndexMap::new(),
    };
    assert_eq!(config.components, components);
    assert!(config.containers.is_empty());
    let (id, app) = config.apps.first().context("an app")?;
    assert_eq!(id.as_str(), "web");
    let build = BuildSettings {
        context: in_project(""),
        dockerfile: "Dockerfile".to_owned(),
        target: None,
        arguments: BTreeMap::new(),
    };
    let wanted = AppSettings {
        source: ImageSource::Build(build),
        port: Some(8000),
        protocol: AppProtocol::Http,
        health: None,
        replicas: 1,
        host_port: None,
        wait_for_sidecar: false,
        command: None,
        environment: BTreeMap::new(),
        volumes: vec![],
        depends_on: vec![],
        sidecar: SidecarSettings::default(),
    };
    assert_eq!(*app, wanted);
    Ok(())
}

#[test]
fn empty_tables_take_the_catalogs_defaults() -> Result<()> {
    let config = parsed("[broker]\n[state]\n[apps.web]\nimage = \"web\"\n")?;
    assert_eq!(config.broker.as_ref().and_then(|broker| broker.memory), None);
    let of = |settings: Option<BackendSettings>| settings.map(|settings| (settings.kind, settings.components));
    assert_eq!(of(config.broker), Some(("redpanda".to_owned(), words(&["pubsub"]))));
    assert_eq!(of(config.state), Some(("postgres".to_owned(), words(&["statestore"]))));
    Ok(())
}

#[test]
fn the_samples_general_tables_are_read() -> Result<()> {
    let config = parsed(SAMPLE)?;
    assert_eq!(config.project.as_str(), "reminders");
    assert_eq!(parsed_as(SAMPLE, Some("other"))?.project.as_str(), "other");
    let dapr = DaprSettings {
        version: "1.18.1".to_owned(),
        mtls: true,
        scheduler: Switch::Auto,
        placement: Switch::Off,
        config: Some(in_project("dapr/config.yaml")),
        image: Some("registry.example/daprd:tag".to_owned()),
    };
    assert_eq!(config.dapr, dapr);
    let broker = BackendSettings {
        kind: "kafka".to_owned(),
        components: words(&["pubsub", "orders"]),
        version: None,
        image: Some("kafka:v7".to_owned()),
        port: Some(9092),
        memory: Some(1536 * 1024 * 1024),
        environment: map([("HEAP", "256m"), ("LIMIT", "5")]),
    };
    assert_eq!(config.broker, Some(broker));
    let state = config.state.context("a store")?;
    assert_eq!((state.kind.as_str(), state.version.as_deref()), ("redis", Some("v2")));
    assert_eq!(state.components, ["store"]);
    let mailer = map([("host", "mailpit:1025"), ("port", "1025"), ("tls", "false")]);
    let overrides = IndexMap::from([("mailer".to_owned(), ComponentOverride { line: 27, metadata: mailer })]);
    let path = in_project("components");
    let components = ComponentsSettings { path, explicit: true, skip: words(&["salesforce"]), overrides };
    assert_eq!(config.components, components);
    let secrets = config.secrets.context("secrets")?;
    assert_eq!((secrets.component.as_str(), secrets.namespace.as_deref()), ("vault", Some("shop")));
    let files: Vec<_> =
        secrets.files.iter().map(|files| (files.pattern.to_string(), files.written.as_str(), files.line)).collect();
    let path = |name: &str| in_project(name).display().to_string();
    assert_eq!(files, [(path("secrets/*.yaml"), "secrets/*.yaml", 34), (path(".env"), ".env", 34)]);
    Ok(())
}

#[test]
fn the_samples_apps_are_read_in_their_order() -> Result<()> {
    let apps = parsed(SAMPLE)?.apps;
    assert_eq!(apps.keys().map(|id| id.as_str()).collect::<Vec<_>>(), ["reminders", "billing", "accounts"]);
    let app = &apps[0];
    assert_eq!((app.port, app.host_port, app.replicas), (Some(8000), Some(8001), 2));
    assert_eq!((app.health.as_deref(), app.wait_for_sidecar), (Some("/healthz"), true));
    assert_eq!(app.command, Some(words(&["python", "-m", "my app", "--dev"])));
    let environment =
        [("TEXT", "x-v7"), ("NUMBER", "16"), ("FLOAT", "1.50"), ("FLAG", "true"), ("A", "file"), ("B", "table")];
    assert_eq!(app.environment, map(environment));
    let host = |path: &str| MountOrigin::Host(path.into());
    let volumes = [
        mount(host("/work/My Shop/data"), "/data", false),
        mount(MountOrigin::Volume("cache".to_owned()), "/cache", true),
        mount(host("/home/ada/.aws"), "/aws", false),
        mount(host("/work/shared"), "/shared", false),
        mount(host("/etc/ssl"), "/ssl", true),
    ];
    assert_eq!(app.volumes, volumes);
    assert_eq!(app.depends_on, ["migrate", "redis"]);
    let sidecar = SidecarSettings {
        log_level: Some("debug".to_owned()),
        api_logging: true,
        environment: map([("GODEBUG", "1")]),
        arguments: words(&["--enable-metrics=false"]),
    };
    assert_eq!(app.sidecar, sidecar);
    let app = &apps[1];
    assert_eq!(app.source, ImageSource::Image("ghcr.io/acme/billing:dev".to_owned()));
    assert_eq!((app.port, app.host_port, app.protocol), (Some(8123), Some(0), AppProtocol::Grpc));
    assert!(app.wait_for_sidecar);
    assert_eq!(app.command, Some(words(&["run", ""])));
    let build = BuildSettings {
        context: in_project("accounts"),
        dockerfile: "docker/Dockerfile.dev".to_owned(),
        target: Some("dev".to_owned()),
        arguments: map([("GO", "1.25")]),
    };
    assert_eq!(apps[2].source, ImageSource::Build(build));
    Ok(())
}

#[test]
fn the_samples_containers_are_read_in_their_order() -> Result<()> {
    let containers = parsed(SAMPLE)?.containers;
    assert_eq!(containers.keys().collect::<Vec<_>>(), ["mailpit", "migrate", "web", "search"]);
    let port = |host, container| PublishedPort { container, host };
    let ports = [port(None, 8025), port(Some(9000), 1025), port(Some(0), 1110), port(None, 4190)];
    assert_eq!(containers["mailpit"].ports, ports);
    let http = |path: &str, port| ReadySetting::Http { path: path.to_owned(), port };
    assert_eq!(containers["mailpit"].ready, http("/readyz", 8025));
    assert_eq!(containers["migrate"].ready, ReadySetting::Exited);
    assert_eq!(containers["migrate"].depends_on, ["redis", "scheduler"]);
    assert_eq!(containers["web"].ready, http("/", 80));
    assert_eq!(containers["search"].ready, ReadySetting::Log("started".to_owned()));
    Ok(())
}

#[test]
fn versions_from_1_14_on_are_taken() -> Result<()> {
    for version in ["1.14.0", "1.14.4", "1.18.9", "1.19.0", "2.0.0"] {
        let text = format!("dapr.version = \"{version}\"\n[apps.web]\nimage = \"web\"\n");
        assert_eq!(parsed(&text)?.dapr.version, version);
    }
    Ok(())
}

#[test]
fn dollars_for_the_containers_shell_stay() -> Result<()> {
    let text = "[apps.web]\nimage = \"web\"\ncommand = [\"sh\", \"-c\", \"echo $A $${B} ${C:-c}\"]\n";
    assert_eq!(parsed(text)?.apps[0].command, Some(words(&["sh", "-c", "echo $A ${B} c"])));
    Ok(())
}
