//! `status` and `plan`.

use super::*;
use crate::{
    event::PlannedStep,
    status::{
        AppStatus, BrokerStatus, ComponentStatus, ContainerStatus, PortStatus, ProjectState, Refusal, SidecarStatus,
        Status, SubscriptionStatus,
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
    let second = SidecarStatus { replica: 2, container: "shop-orders-dapr-2".to_owned(), dapr_http: None };
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

#[test]
fn status_json_is_the_contract() {
    let value: serde_json::Value =
        serde_json::from_str(&shown(settings(Mode::Json, 80, false), &status())).expect("one object");
    let fields = |value: &serde_json::Value| {
        value.as_object().map(|object| object.keys().cloned().collect::<Vec<_>>().join(" "))
    };
    assert_snapshot!(fields(&value).unwrap_or_default(), @"apps broker containers project schema state");
    assert_snapshot!(fields(&value["containers"][0]).unwrap_or_default(), @"app container exit_code image name ports ready reason restarts role stand_in started_at state temporary");
    assert_snapshot!(fields(&value["apps"][0]).unwrap_or_default(), @"components dapr_grpc dapr_http id replicas sidecars subscriptions url");
    assert_snapshot!(value["apps"][0]["components"][1].to_string(), @r#"{"loaded":false,"name":"cache","refused":{"file":"components/cache.yaml","line":9,"reason":"unknown metadata `redisHosts`"},"source":"components/cache.yaml","type":"state.redis","version":"v1"}"#);
    assert_snapshot!(value["containers"][4].to_string(), @r#"{"app":null,"container":"shop-mailer-1","exit_code":1,"image":"shop-mailer:88aa","name":"mailer","ports":[],"ready":false,"reason":null,"restarts":3,"role":"app","stand_in":false,"started_at":"2026-11-24T10:00:00Z","state":"exited","temporary":false}"#);
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
