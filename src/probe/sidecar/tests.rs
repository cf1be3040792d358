//! The comparison as a table, and whole attempts against a fake daprd.

use super::*;
use crate::{
    plan::spec::{Asking, Inquiry, SubscriptionIdentity},
    probe::{
        http,
        test_peer::{Behaviour, TestPeer, nobody, peer},
        until,
    },
};
use axum::{Json, Router, http::StatusCode, routing::get};
use serde_json::{Value, json};
use std::sync::Arc;

const LATE: Duration = Duration::from_secs(10);

fn component(name: &str, component_type: &str, version: &str) -> ComponentIdentity {
    ComponentIdentity { name: name.to_owned(), component_type: component_type.to_owned(), version: version.to_owned() }
}

fn subscription(pubsub: &str, topic: &str) -> SubscriptionIdentity {
    SubscriptionIdentity { pubsub: pubsub.to_owned(), topic: topic.to_owned() }
}

/// What `/v1.0/metadata` of 1.18.2 and an app say, and how the one has changed for the other.
#[test]
fn an_app_that_asks_for_something_else_than_before_is_found() {
    let loaded = |topic: &str, path: &str, is_from_app: bool| LoadedSubscription {
        pubsub: "pubsub".to_owned(),
        topic: topic.to_owned(),
        paths: [path.to_owned()].into(),
        is_from_app,
        ..LoadedSubscription::default()
    };
    let wanted = |topic: &str, paths: Option<&[&str]>| AppSubscription {
        identity: subscription("pubsub", topic),
        paths: paths.map(|paths| paths.iter().map(|path| (*path).to_owned()).collect()),
    };
    let own = || loaded("orders", "/orders", true);
    let same = || wanted("orders", Some(&["/orders"]));
    let table = [
        (vec![own()], vec![same()], None),
        (vec![own()], vec![same(), wanted("returns", Some(&["/r"]))], Some("subscribes to returns now")),
        (vec![own()], vec![], Some("subscribes to orders no more")),
        (vec![own()], vec![wanted("orders", Some(&["/other"]))], Some("takes orders at another path now")),
        (vec![own()], vec![wanted("orders", None)], None),
        // daprd passes over it.
        (vec![own()], vec![same(), wanted("nowhere", Some(&[]))], None),
        // A file says so, or nobody knows who: what is missing is waited for.
        (vec![loaded("orders", "/orders", false)], vec![wanted("orders", Some(&["/other"]))], None),
        (vec![own(), loaded("file", "/f", false)], vec![same(), wanted("file", Some(&["/g"]))], None),
        (vec![], vec![same()], None),
    ];
    for (subscriptions, wanted, expected) in table {
        let metadata = Metadata { subscriptions, ..Metadata::default() };
        let expected = expected.map(|words| format!("its app {words}"));
        assert_eq!(outdated(&metadata, &wanted), expected, "{metadata:?} {wanted:?}");
    }
}

#[test]
fn what_is_missing_is_named_and_what_is_there_besides_is_not() {
    let loaded = |components: &[ComponentIdentity], topics: &[&str]| Metadata {
        components: components.to_vec(),
        subscriptions: topics
            .iter()
            .map(|topic| LoadedSubscription {
                pubsub: "pubsub".to_owned(),
                topic: (*topic).to_owned(),
                ..LoadedSubscription::default()
            })
            .collect(),
        ..Metadata::default()
    };
    let kafka = component("pubsub", "pubsub.kafka", "v1");
    let store = component("store", "state.postgresql", "v2");
    let expected = [kafka.clone(), store.clone()];
    let topics = [subscription("pubsub", "orders"), subscription("pubsub", "orders"), subscription("other", "orders")];
    let other_version = component("store", "state.postgresql", "v1");
    let table = [
        (loaded(&[store.clone(), kafka.clone()], &[]), &topics[..0], ""),
        (
            loaded(&[store.clone(), kafka.clone(), component("more", "bindings.cron", "v1")], &["orders", "more"]),
            &topics[..2],
            "",
        ),
        (
            loaded(std::slice::from_ref(&kafka), &[]),
            &topics[..0],
            "component store (state.postgresql/v2) is not loaded",
        ),
        (
            loaded(&[kafka.clone(), other_version], &[]),
            &topics[..0],
            "component store is loaded as state.postgresql/v1, not as state.postgresql/v2",
        ),
        (
            loaded(&[kafka.clone(), store.clone()], &["bills"]),
            &topics[..2],
            "the sidecar has no subscription to orders through pubsub",
        ),
        (
            loaded(&[store], &["orders"]),
            &topics[..],
            "component pubsub (pubsub.kafka/v1) is not loaded; the app subscribes to orders through `other`, a component that its sidecar \
             has not: does it have another name, or `scopes` without this app?",
        ),
    ];
    for (metadata, subscriptions, reason) in table {
        let missing = compare(&metadata, &expected, subscriptions);
        assert_eq!((missing.to_string().as_str(), missing.is_empty()), (reason, reason.is_empty()));
    }
}

/// What the fake daprd says at the moment.
#[derive(Clone, Default)]
struct State {
    waits_for: Option<&'static str>,
    outbound: bool,
    metadata: Value,
}

type Shared = Arc<Mutex<State>>;

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound listener has an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn fake_daprd(state: Shared) -> SocketAddr {
    let now = move || state.lock().expect("no test panics with it").clone();
    let (health, outbound, metadata) = (now.clone(), now.clone(), now);
    let unready = |message: String| {
        let body = json!({"errorCode": "ERR_HEALTH_NOT_READY", "message": message});
        (StatusCode::INTERNAL_SERVER_ERROR, Json(body))
    };
    let router = Router::new()
        .route(
            "/v1.0/healthz",
            get(move || async move {
                match health().waits_for {
                    None => Ok(StatusCode::NO_CONTENT),
                    Some(targets) => Err(unready(format!("dapr is not ready: [{targets}]"))),
                }
            }),
        )
        .route(
            "/v1.0/healthz/outbound",
            get(move || async move {
                if outbound().outbound {
                    Ok(StatusCode::NO_CONTENT)
                } else {
                    Err(unready("dapr outbound is not ready".to_owned()))
                }
            }),
        )
        .route("/v1.0/metadata", get(move || async move { Json(metadata().metadata) }));
    serve(router).await
}

/// A fake daprd, an app that answers 200 with two subscriptions and counts, and a probe of both.
struct World {
    daprd: Shared,
    probe: SidecarProbe,
    asked: Arc<Mutex<u32>>,
}

async fn world(readiness: SidecarReadiness, brokers: BTreeMap<ContainerName, BrokerPeer>) -> World {
    let daprd = Shared::default();
    let asked = Arc::new(Mutex::new(0));
    let count = Arc::clone(&asked);
    let app = get(move || async move {
        *count.lock().expect("no test panics with it") += 1;
        Json(json!([{"pubsubname": "pubsub", "topic": "orders", "route": "/orders"}]))
    });
    let app = serve(Router::new().route("/dapr/subscribe", app)).await;
    let peers = SidecarPeers { daprd: fake_daprd(Arc::clone(&daprd)).await, app: Some(app), brokers };
    World { daprd, probe: SidecarProbe::new(http::client(), readiness, peers, LATE), asked }
}

impl World {
    fn now(&self, waits_for: Option<&'static str>, outbound: bool, metadata: Value) {
        *self.daprd.lock().expect("no test panics with it") = State { waits_for, outbound, metadata };
    }

    async fn reason(&self) -> String {
        self.probe.attempt().await.expect_err("something is missing").reason
    }
}

fn readiness() -> SidecarReadiness {
    SidecarReadiness {
        http_port: 3500,
        components: vec![component("pubsub", "pubsub.redis", "v1")],
        may_be_missing: BTreeSet::new(),
        subscriptions: vec![subscription("pubsub", "filed")],
        app: Some((ContainerName::new("shop-orders-1"), 8000)),
        asking: Asking::default(),
        consumers: Vec::new(),
    }
}

fn metadata(topics: &[&str]) -> Value {
    let subscriptions: Vec<_> =
        topics.iter().map(|topic| json!({"pubsubname": "pubsub", "topic": topic, "rules": [{"path": "/r"}]})).collect();
    let components = json!([{"name": "pubsub", "type": "pubsub.redis", "version": "v1"}]);
    json!({"components": components, "subscriptions": subscriptions, "appConnectionProperties": {"port": 8000}})
}

#[tokio::test]
async fn an_app_that_wants_something_else_now_is_found_and_one_that_is_not_asked_is_left_alone() {
    let mut world = world(readiness(), BTreeMap::new()).await;
    let has = |topic: &str, path: &str| {
        let mut has = metadata(&["filed"]);
        let own = json!({"pubsubname": "pubsub", "topic": topic, "rules": [{"path": path}], "type": "PROGRAMMATIC"});
        has["subscriptions"].as_array_mut().expect("a list").push(own);
        has
    };
    world.now(None, true, has("orders", "/orders"));
    assert_eq!(world.probe.attempt().await.expect("ready").outdated, None);
    world.now(None, true, has("orders", "/before"));
    let outdated = world.probe.attempt().await.expect("ready").outdated;
    assert_eq!(outdated.as_deref(), Some("its app takes orders at another path now"));
    world.now(None, true, has("returns", "/returns"));
    let not_yet = world.probe.attempt().await.expect_err("orders are missing");
    assert_eq!((not_yet.reason.as_str(), not_yet.kind), ("its app subscribes to orders now", Kind::OtherSubscriptions));
    world.probe.peers.app = None;
    *world.probe.known_app_subscriptions() = None;
    assert_eq!(world.probe.attempt().await.expect("ready").outdated, None);
}

#[tokio::test]
async fn each_attempt_names_the_next_thing_that_is_missing() {
    let world = world(readiness(), BTreeMap::new()).await;
    world.now(Some("runtime component-reconciler"), false, json!({}));
    assert_eq!(world.reason().await, "the sidecar waits for component-reconciler");
    world.now(Some("runtime"), false, json!({}));
    assert_eq!(world.reason().await, "dapr is not ready: [runtime]");
    world.now(Some("scheduler-watch-hosts"), true, json!({}));
    assert_eq!(world.reason().await, "the sidecar waits for the scheduler");
    world.now(None, true, json!({}));
    assert!(world.reason().await.starts_with("component pubsub (pubsub.redis/v1) is not loaded; "));
    world.now(None, true, metadata(&["filed"]));
    assert_eq!(world.reason().await, "the sidecar has no subscription to orders through pubsub");
    world.now(None, true, metadata(&["filed", "orders"]));
    let report = world.probe.attempt().await.expect("nothing is missing");
    assert_eq!(report.components, [component("pubsub", "pubsub.redis", "v1")]);
    assert_eq!(report.subscriptions.len(), 2);
    assert_eq!(*world.asked.lock().expect("no test panics with it"), 1, "the app is asked once");
    world.now(Some("runtime"), false, json!({}));
    world.reason().await;
    world.now(None, true, metadata(&["filed", "orders"]));
    assert!(world.probe.attempt().await.is_ok());
    assert_eq!(*world.asked.lock().expect("no test panics with it"), 2, "a restarted sidecar has asked again");
}

#[tokio::test]
async fn what_daprd_may_do_without_is_not_waited_for() {
    let mut readiness = readiness();
    readiness.components.push(component("cache", "state.redis", "v1"));
    let mut world = world(readiness, BTreeMap::new()).await;
    world.now(None, true, metadata(&["filed", "orders"]));
    assert_eq!(world.reason().await, "component cache (state.redis/v1) is not loaded");
    world.probe.readiness.may_be_missing = ["cache".to_owned()].into();
    assert_eq!(world.probe.attempt().await.expect("it may be missing").left_out, ["cache"]);
    world.probe.readiness.may_be_missing = ["pubsub".to_owned()].into();
    assert!(world.reason().await.starts_with("component cache"), "the other one may not");
}

#[tokio::test]
async fn an_app_that_does_not_listen_is_told_from_one_that_is_being_asked() {
    let mut world = world(readiness(), BTreeMap::new()).await;
    world.now(Some("runtime"), true, metadata(&[]));
    let listens = world.probe.attempt().await.expect_err("it is not ready");
    assert_eq!(listens.kind, Kind::Waiting, "{listens}");
    for app in [nobody().await, peer(Behaviour::Close).await] {
        world.probe.peers.app = Some(app);
        let deaf = world.probe.attempt().await.expect_err("it is not ready");
        assert_eq!(deaf.kind, Kind::AppNotListening);
        assert_eq!(deaf.reason, "the sidecar is up, the app does not listen on port 8000 yet");
    }
    world.probe.readiness.app = None;
    world.probe.peers.app = None;
    assert_eq!(world.reason().await, "the sidecar is up, the app does not listen on port 8000 yet", "a gRPC app");
}

fn redis_check() -> ConsumerCheck {
    ConsumerCheck {
        component: "pubsub".to_owned(),
        broker: ContainerName::new("shop-redis-1"),
        inquiry: Inquiry::RedisGroup,
        port: 6379,
        management_port: None,
        group: "app".to_owned(),
        sidecars: 1,
        credentials: None,
    }
}

/// On a busy machine it listens by the time in which the broker answers, and its own consumer is the one that was seen.
#[tokio::test]
async fn consumers_count_as_earlier_only_if_the_sidecar_still_did_not_listen() {
    let serves = Behaviour::answer("HTTP/1.1 204 No Content\r\n\r\n");
    for (behaviours, is_known) in [(vec![Behaviour::Close], true), (vec![Behaviour::Close, serves], false)] {
        let daprd = TestPeer::bind().await.behave(behaviours);
        let broker = BrokerPeer { address: nobody().await, credentials: None };
        let brokers = BTreeMap::from([(ContainerName::new("shop-redis-1"), broker)]);
        let peers = SidecarPeers { daprd, app: None, brokers };
        let readiness = SidecarReadiness { consumers: vec![redis_check()], ..readiness() };
        let probe = SidecarProbe::new(http::client(), readiness, peers, LATE);
        let not_yet = probe.attempt().await.expect_err("it does not listen");
        assert_eq!((not_yet.kind, probe.known_earlier().is_some()), (Kind::NotListening, is_known));
    }
}

#[tokio::test]
async fn the_broker_must_show_the_consumers() {
    let readiness = SidecarReadiness { consumers: vec![redis_check()], ..readiness() };
    let consumer = "*1\r\n*6\r\n$4\r\nname\r\n$3\r\napp\r\n$7\r\npending\r\n:0\r\n$4\r\nidle\r\n:5\r\n";
    let address = peer(Behaviour::Answers(vec![consumer.into(), consumer.into()])).await;
    let broker = BrokerPeer { address, credentials: None };
    let mut world = world(readiness, [(ContainerName::new("shop-redis-1"), broker)].into()).await;
    world.now(None, true, metadata(&["filed", "orders"]));
    assert!(world.probe.attempt().await.is_ok());
    world.probe.peers.brokers.clear();
    assert_eq!(world.reason().await, "port 6379 of shop-redis-1 is not published");
}

#[tokio::test]
async fn attempts_can_be_spawned() {
    let daprd = peer(Behaviour::Close).await;
    let peers = SidecarPeers { daprd, app: None, brokers: BTreeMap::new() };
    let probe = SidecarProbe::new(http::client(), readiness(), peers, LATE);
    let task = tokio::spawn(async move { until(Duration::from_millis(1), || probe.attempt(), |_| {}).await });
    task.abort();
    assert!(task.await.is_err_and(|error| error.is_cancelled()));
}
