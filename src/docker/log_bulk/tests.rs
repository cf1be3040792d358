use crate::{
    docker::{
        Docker,
        fake::{self, Seen, connect, frame},
        logs::{LogChunk, LogRange},
    },
    names::ContainerName,
};
use futures_util::StreamExt;

/// Answers with a log of this status and body.
fn engine(status: &'static str, body: Vec<u8>) -> (tempfile::TempDir, Seen, String) {
    fake::engine(move |request| request.contains("/logs?").then(|| fake::log(status, &body)))
}

/// Lines of both streams, an empty one, one that is longer than a read, one without an end.
fn body() -> Vec<u8> {
    let mut body = Vec::new();
    let mut add = |kind: u8, text: &str| body.extend(frame(kind, text));
    for number in 0..5000 {
        add(1 + u8::from(number % 7 == 0), &format!("2026-11-24T10:00:00.{number:09}Z line {number}\n"));
    }
    add(1, "2026-11-24T10:00:01.000000000Z \n");
    add(2, &format!("2026-11-24T10:00:01.000000001Z {}\n", "x".repeat(300_000)));
    add(1, "2026-11-24T10:00:01.000000002Z the end");
    body.extend_from_slice(b"0\r\n\r\n");
    body
}

async fn in_bulk(docker: &Docker, range: LogRange) -> Vec<LogChunk> {
    let batches: Vec<Vec<LogChunk>> =
        docker.written_in_bulk(&ContainerName::new("shop-app-1"), range).await.collect().await;
    batches.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_gives_what_bollard_gives_for_the_same_request() {
    let (_folder, seen, endpoint) = engine("200 OK", body());
    let docker = connect(&endpoint).await;
    let time = |text: &str| text.parse().ok();
    let range = LogRange { since: time("2026-11-24T10:00:00.5Z"), until: time("2026-11-24T10:00:09Z"), tail: Some(9) };
    for range in [LogRange::default(), range] {
        let bulk = in_bulk(&docker, range).await;
        let name = ContainerName::new("shop-app-1");
        let single: Vec<_> = docker.written_logs(&name, range).map(|piece| piece.expect("no error")).collect().await;
        assert_eq!(single.len(), 5003);
        assert!(bulk == single, "{} pieces in bulk", bulk.len());
        let seen: Vec<_> = std::mem::take(&mut *seen.lock().expect("whole"));
        let mut asked = seen.iter().filter(|line| line.contains("/logs?")).map(|line| parameters(line));
        assert_eq!(asked.next(), asked.next(), "{seen:?}");
    }
}

/// The path and the parameters that are no default of the engine's.
fn parameters(request: &str) -> Vec<String> {
    let is_default = |part: &&str| {
        part.ends_with("=false") || ["tail=all", "since=0", "until=0"].contains(part) || part.ends_with('=')
    };
    // bollard leaves the version out; the engine takes either.
    let path = request.split(' ').nth(1).unwrap_or_default().trim_start_matches("/v1.41");
    let mut parts: Vec<_> = path.split(['?', '&']).filter(|part| !is_default(part)).map(str::to_owned).collect();
    parts.sort();
    parts
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_answers_otherwise_is_left_to_bollard() {
    let (_folder, seen, endpoint) = engine("500 Internal Server Error", b"0\r\n\r\n".to_vec());
    let docker = connect(&endpoint).await;
    assert_eq!(in_bulk(&docker, LogRange::default()).await, []);
    let logs = seen.lock().expect("whole").iter().filter(|line| line.contains("/logs?")).count();
    assert_eq!(logs, 2, "asked once, and once more by bollard");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_breaks_off_gives_what_came() {
    let whole = body();
    let (_folder, _, endpoint) = engine("200 OK", whole[..whole.len() / 2].to_vec());
    let docker = connect(&endpoint).await;
    let pieces = in_bulk(&docker, LogRange::default()).await;
    assert!((100..=5001).contains(&pieces.len()), "{}", pieces.len());
}
