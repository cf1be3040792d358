//! GET against servers that misbehave.

use super::*;
use crate::probe::{
    Kind,
    test_peer::{Behaviour, TestPeer, nobody, peer},
    until,
};

const SOON: Duration = Duration::from_millis(30);
const LATE: Duration = Duration::from_secs(10);

fn response(status: &str, body: &str) -> Behaviour {
    Behaviour::answer(format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nLocation: /\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))
}

async fn outcome(behaviour: Behaviour, deadline: Duration) -> Result<(), NotYet> {
    answers(&client(), peer(behaviour).await, "/healthz", deadline).await
}

#[tokio::test]
async fn only_success_counts() {
    assert_eq!(outcome(response("200 OK", ""), LATE).await, Ok(()));
    assert_eq!(outcome(response("204 No Content", ""), LATE).await, Ok(()));
    let reason = |behaviour| async { outcome(behaviour, LATE).await.expect_err("it is no 2xx").reason };
    assert_eq!(reason(response("404 Not Found", "")).await, "GET /healthz is answered with 404 Not Found");
    assert_eq!(reason(response("302 Found", "")).await, "GET /healthz is answered with 302 Found");
    assert_eq!(
        reason(response("503 Service Unavailable", "warming up\nplease wait")).await,
        "GET /healthz is answered with 503 Service Unavailable: warming up"
    );
}

#[tokio::test]
async fn what_is_no_answer_says_what_it_is() {
    let kind = |behaviour, deadline| async move { outcome(behaviour, deadline).await.map_err(|not_yet| not_yet.kind) };
    assert_eq!(kind(Behaviour::Close, LATE).await, Err(Kind::NotListening));
    assert_eq!(kind(Behaviour::Silent, SOON).await, Err(Kind::Waiting));
    assert_eq!(kind(Behaviour::answer("SSH-2.0-OpenSSH_10.0\r\n"), LATE).await, Err(Kind::Unexpected));
    let refused = answers(&client(), nobody().await, "/", LATE).await.map_err(|not_yet| not_yet.kind);
    assert_eq!(refused, Err(Kind::NotListening));
    let half = Behaviour::answer("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    assert_eq!(kind(half, LATE).await, Err(Kind::Waiting));
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless.resize(MAX_BODY + 4096, b'x');
    let not_yet = outcome(Behaviour::AnswerThenSilent(endless), LATE).await.expect_err("it is too long");
    assert_eq!(not_yet.kind, Kind::Unexpected);
}

#[tokio::test]
async fn it_is_ready_after_503_twice() {
    let busy = response("503 Service Unavailable", "");
    let address = TestPeer::bind().await.behave(vec![busy.clone(), busy, response("200 OK", "")]);
    let http = client();
    let mut attempts = 0;
    let attempt = || {
        attempts += 1;
        answers(&http, address, "healthz?full=1", LATE)
    };
    until(Duration::from_millis(1), attempt, |_| {}).await;
    assert_eq!(attempts, 3);
}
