//! daprd's answers, as versions have given them.

use super::*;
use crate::probe::{
    Kind,
    test_peer::{Behaviour, peer},
};

const LATE: Duration = Duration::from_secs(10);

async fn server(status: &str, body: &str) -> SocketAddr {
    let length = body.len();
    peer(Behaviour::answer(format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}"))).await
}

async fn health_of(status: &str, body: &str) -> Result<Health, NotYet> {
    health(&http::client(), server(status, body).await, LATE).await
}

#[tokio::test]
async fn health_says_what_it_waits_for_since_1_16() {
    assert_eq!(health_of("204 No Content", "").await, Ok(Health::Ready));
    let body = |message| format!(r#"{{"errorCode":"ERR_HEALTH_NOT_READY","message":"{message}"}}"#);
    assert_eq!(
        health_of("500 Internal Server Error", &body("dapr is not ready: [runtime internal-placement-service]")).await,
        Ok(Health::NotReady {
            message: "dapr is not ready: [runtime internal-placement-service]".to_owned(),
            waits_for: Some(vec!["internal-placement-service".to_owned(), "runtime".to_owned()]),
        })
    );
    assert_eq!(
        health_of("500 Internal Server Error", &body("dapr is not ready")).await,
        Ok(Health::NotReady { message: "dapr is not ready".to_owned(), waits_for: None })
    );
    let other = health_of("502 Bad Gateway", "<html>").await.expect_err("no daprd says that");
    assert_eq!(other.reason, "GET /v1.0/healthz is answered with 502 Bad Gateway: <html>");
}

#[test]
fn metadata_is_read_tolerantly() {
    let read = |text| serde_json::from_str::<Metadata>(text).expect("it is metadata");
    assert_eq!(read("{}"), Metadata::default());
    let nulls = r#"{"components":null,"subscriptions":null,"appConnectionProperties":null,"new":{"field":[1]}}"#;
    assert_eq!(read(nulls), Metadata::default());

    let metadata = read(
        r#"{"id":"app","runtimeVersion":"1.18.2","appConnectionProperties":{"port":8000,"protocol":"http"},
        "components":[{"name":"a","type":"state.postgresql","version":"v2","capabilities":["ETAG"]},
                      {"name":"b","type":"pubsub.kafka"},{"name":"c","type":"pubsub.redis","version":""}],
        "subscriptions":[{"pubsubname":"b","topic":"t","rules":[{"match":"event.type == 'x'","path":"/x"},{"path":"/t"}],
                          "deadLetterTopic":"","type":"PROGRAMMATIC"},{"pubsubname":"b","topic":"u"}]}"#,
    );
    let shown: Vec<_> = metadata
        .components
        .iter()
        .map(|loaded| format!("{} {}/{}", loaded.name, loaded.component_type, loaded.version))
        .collect();
    assert_eq!(shown, ["a state.postgresql/v2", "b pubsub.kafka/v1", "c pubsub.redis/v1"]);
    let routes: Vec<_> = metadata.subscriptions.iter().map(|loaded| loaded.route.as_deref()).collect();
    assert_eq!(routes, [Some("/t"), None]);
    assert_eq!((metadata.id.as_str(), metadata.app_connection_properties.port), ("app", 8000));
}

#[tokio::test]
async fn an_app_may_have_no_subscriptions_in_many_ways() {
    let ask = async |status, body| app_subscriptions(&http::client(), server(status, body).await, None, LATE).await;
    for (status, body) in [
        ("404 Not Found", "nope"),
        ("200 OK", ""),
        ("200 OK", "[]"),
        ("200 OK", "null"),
        ("405 Method Not Allowed", ""),
    ] {
        assert_eq!(ask(status, body).await, Ok(Vec::new()), "{status} {body}");
    }
    let listed = ask("200 OK", r#"[{"pubsubname":"pubsub","topic":"orders","routes":{"default":"/orders"}}]"#).await;
    let orders = SubscriptionIdentity { pubsub: "pubsub".to_owned(), topic: "orders".to_owned() };
    let paths = Some(BTreeSet::from(["/orders".to_owned()]));
    assert_eq!(listed, Ok(vec![AppSubscription { identity: orders, paths }]));
    let paths = async |body| ask("200 OK", body).await.expect("a list").remove(0).paths.unwrap_or_default();
    let both = r#"[{"pubsubname":"p","topic":"t","route":"/old","routes":{"rules":[{"match":"x","path":"/x"}],"default":"/d"}}]"#;
    assert_eq!(paths(both).await, BTreeSet::from(["/x".to_owned(), "/d".to_owned()]));
    let old = r#"[{"pubsubname":"p","topic":"t","route":"/old","routes":null}]"#;
    assert_eq!(paths(old).await, BTreeSet::from(["/old".to_owned()]));
    let kind = async |status, body| ask(status, body).await.map_err(|not_yet| not_yet.kind);
    assert_eq!(kind("503 Service Unavailable", "").await, Err(Kind::Waiting));
    assert_eq!(kind("200 OK", "<html>").await, Err(Kind::Unexpected));
}

#[tokio::test]
async fn metadata_behind_a_token_is_named() {
    let refused = metadata(&http::client(), server("401 Unauthorized", "invalid api token").await, None, LATE).await;
    let reason = refused.expect_err("it is refused").reason;
    assert_eq!(reason, "GET /v1.0/metadata is answered with 401 Unauthorized: invalid api token");
}

#[tokio::test]
async fn a_token_is_said_where_it_is_wanted_and_nowhere_else() {
    use axum::{Router, http::HeaderMap, http::StatusCode, routing::get};
    let answer = async |headers: HeaderMap| {
        let said = headers.get("dapr-api-token").map(|token| token.to_str().unwrap_or_default().to_owned());
        match said.as_deref() {
            Some("sesame") => (StatusCode::OK, r#"{"id":"orders"}"#),
            Some(_) => (StatusCode::UNAUTHORIZED, "another"),
            None => (StatusCode::UNAUTHORIZED, "none"),
        }
    };
    let app = Router::new().route(METADATA, get(answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    let serving = tokio::spawn(async move { axum::serve(listener, app).await });
    let (http, token) = (http::client(), Token::new("sesame"));
    let metadata =
        async |token: Option<&Token>| metadata(&http, address, token, LATE).await.map(|metadata| metadata.id);
    assert_eq!(metadata(token.as_ref()).await, Ok("orders".to_owned()));
    assert!(metadata(None).await.is_err_and(|error| error.reason.contains("none")));
    assert!(metadata(Token::new("open").as_ref()).await.is_err_and(|error| error.reason.contains("another")));
    assert!(health(&http, address, LATE).await.is_err(), "a route that is not there");
    serving.abort();
}

#[tokio::test]
async fn metrics_are_text_or_none() {
    let ask = |status, body| async move { metrics(&http::client(), server(status, body).await, LATE).await };
    assert_eq!(ask("200 OK", "# TYPE a counter\na 1\n").await.as_deref(), Ok("# TYPE a counter\na 1\n"));
    let other = ask("404 Not Found", "404 page not found").await.expect_err("no metrics");
    assert_eq!(other.reason, "GET / is answered with 404 Not Found: 404 page not found");
}
