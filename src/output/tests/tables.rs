//! `status` and `plan`.

use super::*;
use crate::{
    event::PlannedStep,
    status::{
        AppStatus, BrokerStatus, ComponentStatus, ContainerStatus, JobMetrics, PortStatus, ProjectState, Refusal,
        SidecarMetrics, SidecarStatus, StateMetrics, Status, SubscriptionStatus, TopicMetrics, UsageStatus,
    },
};
use insta::assert_snapshot;

fn container(short: &str, role: Role, image: &str, ports: &[(u16, u16)]) -> ContainerStatus {
    let port = |(host, container): &(u16, u16)| PortStatus {
        host: *host,
        container: *container,
        address: format!("127.0.0.1:{host}"),
    };
    ContainerStatus {
        name: short.to_owned(),
        role,
        app: None,
        container: format!("shop-{short}-1"),
        image: image.to_owned(),
        stand_in: false,
        state: "running".to_owned(),
        ready: true,
        reason: None,
        exit_code: None,
        ports: ports.iter().map(port).collect(),
        started_at: Some(moment(0)),
        restarts: 0,
        temporary: false,
        usage: None,
    }
}

fn component(short: &str, component_type: &str, loaded: bool, refused: Option<Refusal>) -> ComponentStatus {
    let source = Some(format!("components/{short}.yaml"));
    ComponentStatus {
        name: short.to_owned(),
        component_type: component_type.to_owned(),
        version: "v1".to_owned(),
        loaded,
        source,
        refused,
    }
}

fn status() -> Status {
    let mut postgres = container("postgres", Role::State, "postgres:17", &[(54320, 5432)]);
    postgres.stand_in = true;
    let mut orders = container("orders", Role::App, "shop-orders:1f3c", &[(8000, 8000)]);
    orders.ready = false;
    orders.reason = Some("the app does not listen on port 8000 yet".to_owned());
    let mut mailer = container("mailer", Role::App, "shop-mailer:88aa", &[]);
    (mailer.ready, mailer.state, mailer.exit_code, mailer.restarts) = (false, "exited".to_owned(), Some(1), 3);
    let refused = Refusal {
        file: "components/cache.yaml".to_owned(),
        line: Some(9),
        reason: "unknown metadata `redisHosts`".to_owned(),
    };
    Status {
        schema: SCHEMA,
        project: "shop".to_owned(),
        state: ProjectState::Degraded,
        mtls: false,
        broker: Some(BrokerStatus { kind: "redpanda".to_owned(), component: "pubsub".to_owned() }),
        containers: vec![
            container("redpanda", Role::Broker, PANDA, &[(19092, 19092), (9644, 9644)]),
            postgres,
            orders,
            container("orders-dapr", Role::Sidecar, "daprio/daprd:1.18.2", &[(3500, 3500), (50001, 50001)]),
            mailer,
        ],
        apps: vec![AppStatus {
            id: "orders".to_owned(),
            replicas: 1,
            url: Some("http://127.0.0.1:8000".to_owned()),
            dapr_http: Some("http://127.0.0.1:3500".to_owned()),
            dapr_grpc: Some("127.0.0.1:50001".to_owned()),
            components: vec![
                component("pubsub", "pubsub.kafka", true, None),
                component("cache", "state.redis", false, Some(refused)),
            ],
            sidecars: vec![SidecarStatus {
                replica: 1,
                container: "shop-orders-dapr-1".to_owned(),
                dapr_http: Some("http://127.0.0.1:3500".to_owned()),
                metrics: None,
                metrics_missing: None,
            }],
            subscriptions: vec![SubscriptionStatus {
                pubsub: "pubsub".to_owned(),
                topic: "orders.new".to_owned(),
                route: Some("/orders/new".to_owned()),
            }],
        }],
    }
}

fn shown(settings: OutputSettings, status: &Status) -> String {
    let out = Bytes::default();
    Renderer::new(settings, Box::new(out.clone()), Box::new(Bytes::default())).status(status, moment(3 * 3_600_000));
    out.text()
}

#[test]
fn status_fits_eighty_columns() {
    assert_snapshot!(shown(settings(Mode::Human, 80, false), &status()), @r#"
    shop: degraded, broker redpanda (component pubsub)

    NAME         ROLE     STATE                   PORTS                   AGE
    redpanda     broker   ready                   19092→19092, 9644→9644  3h
    postgres     state    ready                   54320→5432              3h
    orders       app      starting                8000→8000               3h
    orders-dapr  sidecar  ready                   3500→3500, 50001→50001  3h
    mailer       app      exited (1), 3 restarts                          3h

    orders: the app does not listen on port 8000 yet

    orders  http://127.0.0.1:8000
      sidecar        http://127.0.0.1:3500, gRPC 127.0.0.1:50001
      components     ✔ pubsub  pubsub.kafka v1
                     ✘ cache   state.redis v1   not loaded
                         components/cache.yaml:9: unknown metadata `redisHosts`
      subscriptions  pubsub/orders.new → /orders/new

    stand-in images (built here, not the originals): postgres
    "#);
}

#[test]
fn status_shows_more_where_there_is_room() {
    let wide = shown(settings(Mode::Human, 200, false), &status());
    assert_snapshot!(wide.lines().take(8).collect::<Vec<_>>().join("\n"), @r#"
    shop: degraded, broker redpanda (component pubsub)

    NAME         ROLE     STATE                                               PORTS                   AGE  IMAGE
    redpanda     broker   ready                                               19092→19092, 9644→9644  3h   docker.redpanda.com/redpandadata/redpanda:v25.3.9
    postgres     state    ready                                               54320→5432              3h   postgres:17
    orders       app      starting: the app does not listen on port 8000 yet  8000→8000               3h   shop-orders:1f3c
    orders-dapr  sidecar  ready                                               3500→3500, 50001→50001  3h   daprio/daprd:1.18.2
    mailer       app      exited (1), 3 restarts                                                      3h   shop-mailer:88aa
    "#);
    assert_eq!(console::strip_ansi_codes(&shown(settings(Mode::Human, 200, true), &status())), wide);
}

#[test]
fn replicas_and_an_absent_project() {
    let mut status = status();
    status.apps[0].replicas = 2;
    let second = SidecarStatus {
        replica: 2,
        container: "shop-orders-dapr-2".to_owned(),
        dapr_http: None,
        metrics: None,
        metrics_missing: None,
    };
    status.apps[0].sidecars.push(second);
    status.containers.clear();
    assert_snapshot!(shown(settings(Mode::Plain, 80, false), &status), @r#"
    shop: degraded, broker redpanda (component pubsub)

    orders  http://127.0.0.1:8000  2 replicas
      sidecar        1  http://127.0.0.1:3500  shop-orders-dapr-1
                     2  not published          shop-orders-dapr-2
      components     ✔ pubsub  pubsub.kafka v1
                     ✘ cache   state.redis v1   not loaded
                         components/cache.yaml:9: unknown metadata `redisHosts`
      subscriptions  pubsub/orders.new → /orders/new
    "#);
    status.state = ProjectState::Absent;
    assert_snapshot!(shown(settings(Mode::Plain, 80, false), &status), @"shop: nothing is there; `sandbox up` starts it");
}

/// As `status --metrics` has it: two sidecars, of which one does not tell.
fn measured() -> Status {
    let mut status = status();
    let usage =
        |cpu, memory_bytes, limit| Some(UsageStatus { cpu_percent: cpu, memory_bytes, memory_limit_bytes: limit });
    status.containers[0].usage = usage(Some(12.34), 301_230_000, Some(1_073_741_824));
    status.containers[1].usage = usage(None, 45_230_000, None);
    status.containers[3].usage = usage(Some(0.0), 61_000_000, Some(268_435_456));
    let topic = |topic: &str, [published, publish_failed, delivered, retried, dropped]: [u64; 5]| TopicMetrics {
        pubsub: "pubsub".to_owned(),
        topic: topic.to_owned(),
        published,
        publish_failed,
        delivered,
        retried,
        dropped,
    };
    let state = |operation: &str, calls, failed, p50_ms, p95_ms| StateMetrics {
        store: "statestore".to_owned(),
        operation: operation.to_owned(),
        calls,
        failed,
        p50_ms,
        p95_ms,
    };
    status.apps[0].sidecars[0].metrics = Some(SidecarMetrics {
        topics: vec![topic("orders.new", [120, 2, 118, 3, 1]), topic("orders.paid", [0, 0, 7, 0, 0])],
        state: vec![
            state("get", 4120, 0, Some(0.7), Some(1.25)),
            state("set", 12, 1, Some(1.5), Some(24.9)),
            state("delete", 1, 0, None, None),
        ],
        jobs: JobMetrics { succeeded: 200, failed: 1 },
    });
    status
}

#[test]
fn status_shows_what_was_measured() {
    let shown_at = |status: &Status, width| shown(settings(Mode::Human, width, false), status);
    let status = measured();
    assert_snapshot!(shown_at(&status, 100), @r#"
    shop: degraded, broker redpanda (component pubsub)

    NAME         ROLE     STATE                   CPU     MEMORY          PORTS                   AGE
    redpanda     broker   ready                   12.3 %  287.2/1024 MiB  19092→19092, 9644→9644  3h
    postgres     state    ready                           43.1 MiB        54320→5432              3h
    orders       app      starting                                        8000→8000               3h
    orders-dapr  sidecar  ready                   0.0 %   58.1/256 MiB    3500→3500, 50001→50001  3h
    mailer       app      exited (1), 3 restarts                                                  3h

    orders: the app does not listen on port 8000 yet

    orders  http://127.0.0.1:8000
      sidecar        http://127.0.0.1:3500, gRPC 127.0.0.1:50001
      components     ✔ pubsub  pubsub.kafka v1
                     ✘ cache   state.redis v1   not loaded
                         components/cache.yaml:9: unknown metadata `redisHosts`
      subscriptions  pubsub/orders.new → /orders/new
      publishes      pubsub/orders.new  120  2 failed
      deliveries     pubsub/orders.new   118  3 tried again, 1 dropped
                     pubsub/orders.paid  7
      jobs           called back  200  1 failed
      state calls    statestore get     4120  p50 <1 ms, p95 1.2 ms
                     statestore set     12    p50 1.5 ms, p95 24.9 ms, 1 failed
                     statestore delete  1

    stand-in images (built here, not the originals): postgres
    "#);
    let mut two = status;
    two.containers.clear();
    two.apps[0].components.clear();
    let reason = "GET / is answered with 404 Not Found".to_owned();
    let second = SidecarStatus {
        replica: 2,
        container: "shop-orders-dapr-2".to_owned(),
        dapr_http: None,
        metrics: None,
        metrics_missing: Some(reason),
    };
    two.apps[0].sidecars.push(second);
    assert_snapshot!(shown_at(&two, 100), @r#"
    shop: degraded, broker redpanda (component pubsub)

    orders  http://127.0.0.1:8000
      sidecar        1  http://127.0.0.1:3500  shop-orders-dapr-1
                     2  not published          shop-orders-dapr-2
      subscriptions  pubsub/orders.new → /orders/new
      publishes      1  pubsub/orders.new  120  2 failed
      deliveries     1  pubsub/orders.new   118  3 tried again, 1 dropped
                     1  pubsub/orders.paid  7
      jobs           1  called back  200  1 failed
      state calls    1  statestore get     4120  p50 <1 ms, p95 1.2 ms
                     1  statestore set     12    p50 1.5 ms, p95 24.9 ms, 1 failed
                     1  statestore delete  1
      metrics        2  not to be had: GET / is answered with 404 Not Found
    "#);
    two.apps[0].sidecars.truncate(1);
    two.apps[0].sidecars[0].metrics = Some(SidecarMetrics::default());
    assert!(shown_at(&two, 100).contains("metrics        nothing counted yet"), "{}", shown_at(&two, 100));
}

#[test]
fn status_json_is_the_contract() {
    let value: serde_json::Value =
        serde_json::from_str(&shown(settings(Mode::Json, 80, false), &status())).expect("one object");
    let fields = |value: &serde_json::Value| {
        value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>().join(" "))
    };
    assert_snapshot!(fields(&value).unwrap_or_default(), @"apps broker containers mtls project schema state");
    assert_snapshot!(fields(&value["containers"][0]).unwrap_or_default(), @"app container exit_code image name ports ready reason restarts role stand_in started_at state temporary");
    assert_snapshot!(fields(&value["apps"][0]).unwrap_or_default(), @"components dapr_grpc dapr_http id replicas sidecars subscriptions url");
    assert_snapshot!(value["apps"][0]["components"][1].to_string(), @r#"{"loaded":false,"name":"cache","refused":{"file":"components/cache.yaml","line":9,"reason":"unknown metadata `redisHosts`"},"source":"components/cache.yaml","type":"state.redis","version":"v1"}"#);
    assert_snapshot!(value["containers"][4].to_string(), @r#"{"app":null,"container":"shop-mailer-1","exit_code":1,"image":"shop-mailer:88aa","name":"mailer","ports":[],"ready":false,"reason":null,"restarts":3,"role":"app","stand_in":false,"started_at":"2026-11-24T10:00:00Z","state":"exited","temporary":false}"#);
    let value: serde_json::Value =
        serde_json::from_str(&shown(settings(Mode::Json, 80, false), &measured())).expect("one object");
    assert_snapshot!(value["containers"][0]["usage"].to_string(), @r#"{"cpu_percent":12.34,"memory_bytes":301230000,"memory_limit_bytes":1073741824}"#);
    assert_snapshot!(value["apps"][0]["sidecars"][0]["metrics"].to_string(), @r#"{"jobs":{"failed":1,"succeeded":200},"state":[{"calls":4120,"failed":0,"operation":"get","p50_ms":0.7,"p95_ms":1.25,"store":"statestore"},{"calls":12,"failed":1,"operation":"set","p50_ms":1.5,"p95_ms":24.9,"store":"statestore"},{"calls":1,"failed":0,"operation":"delete","p50_ms":null,"p95_ms":null,"store":"statestore"}],"topics":[{"delivered":118,"dropped":1,"publish_failed":2,"published":120,"pubsub":"pubsub","retried":3,"topic":"orders.new"},{"delivered":7,"dropped":0,"publish_failed":0,"published":0,"pubsub":"pubsub","retried":0,"topic":"orders.paid"}]}"#);
}

#[test]
fn a_plan_tells_cause_and_order() {
    let planned = |line: StepLine, after: &[usize]| PlannedStep { line, after: after.to_vec() };
    let steps = vec![
        planned(step(1, "create", "network shop", None), &[]),
        planned(step(2, "pull", "postgres:17", None), &[]),
        planned(step(10, "create", "container shop-postgres-1", Some("postgres")), &[1, 2]),
    ];
    let (data, _) = show(settings(Mode::Plain, 80, false), &[at(0, EventKind::Planned { steps: steps.clone() })]);
    assert_snapshot!(data, @r#"
       1  create  network shop               missing
       2  pull    postgres:17                missing
      10  create  container shop-postgres-1  missing  after 1, 2

    3 steps
    "#);
    let (data, _) = show(settings(Mode::Human, 80, true), &[at(0, EventKind::Planned { steps })]);
    assert!(data.contains("\u{1b}[2mafter 1, 2\u{1b}[0m"));
    let (data, _) = show(settings(Mode::Human, 80, false), &[at(0, EventKind::Planned { steps: Vec::new() })]);
    assert_eq!(data, "nothing to change\n");
}
