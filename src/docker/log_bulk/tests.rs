//! Against an engine on a socket that answers as dockerd does, byte for byte.

use crate::{
    docker::{
        Docker,
        connect::Surroundings,
        logs::{LogChunk, LogRange},
    },
    names::ContainerName,
};
use futures_util::StreamExt;
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    sync::{Arc, Mutex},
    thread,
};

/// The requests that came.
type Seen = Arc<Mutex<Vec<String>>>;

/// Answers each connection's first request: a log with `status` and this body, everything else as bollard needs it.
fn engine(status: &'static str, body: Vec<u8>) -> (tempfile::TempDir, Seen, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&path).expect("bound");
    let seen = Seen::default();
    let requests = Arc::clone(&seen);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let request = head(&mut stream);
            let is_log = request.contains("/logs?");
            requests.lock().expect("whole").push(request.lines().next().unwrap_or_default().to_owned());
            let answer = if is_log {
                let head = format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
                [head.into_bytes(), body.clone()].concat()
            } else {
                let version = r#"{"ApiVersion":"1.41"}"#;
                let length = version.len();
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{version}")
                    .into_bytes()
            };
            // Whoever has seen enough may have gone.
            let _ = stream.write_all(&answer);
        }
    });
    let endpoint = format!("unix://{}", path.display());
    (folder, seen, endpoint)
}

fn head(stream: &mut UnixStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|count| count == 1) {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("UTF-8")
}

async fn connect(endpoint: &str) -> Docker {
    let environment = BTreeMap::from([("DOCKER_HOST".to_owned(), endpoint.to_owned())]);
    Docker::connect(&Surroundings { environment, home: None }).await.expect("it answers")
}

/// Lines of both streams, an empty one, one that is longer than a read, one without an end.
fn body() -> Vec<u8> {
    let mut body = Vec::new();
    let mut add = |kind: u8, text: &str| {
        let frame = [&[kind, 0, 0, 0][..], &u32::try_from(text.len()).expect("short").to_be_bytes(), text.as_bytes()];
        let frame = frame.concat();
        body.extend_from_slice(format!("{:x}\r\n", frame.len()).as_bytes());
        body.extend_from_slice(&frame);
        body.extend_from_slice(b"\r\n");
    };
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
