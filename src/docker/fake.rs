//! An engine on a socket that answers as dockerd does, byte for byte: for tests.

use super::{Docker, connect::Surroundings};
use std::{
    collections::BTreeMap,
    io::{Read, Write},
    os::unix::net::{UnixListener, UnixStream},
    sync::{Arc, Mutex},
    thread,
};

/// The requests that came.
pub(super) type Seen = Arc<Mutex<Vec<String>>>;

/// Answers each connection's first request by its first line; what is left open as bollard needs it.
pub(super) fn engine(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + 'static) -> (tempfile::TempDir, Seen, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("engine.sock");
    let listener = UnixListener::bind(&path).expect("bound");
    let seen = Seen::default();
    let requests = Arc::clone(&seen);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let head = head(&mut stream);
            let request = head.lines().next().unwrap_or_default();
            requests.lock().expect("whole").push(request.to_owned());
            let answer = answer(request).unwrap_or_else(|| object(r#"{"ApiVersion":"1.41"}"#));
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

/// An answer of one JSON object.
pub(super) fn object(json: &str) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length";
    format!("{head}: {}\r\n\r\n{json}", json.len()).into_bytes()
}

/// An answer in chunks: a log.
pub(super) fn log(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A frame of stdout or stderr, in a chunk of its own.
pub(super) fn frame(kind: u8, text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).expect("short").to_be_bytes();
    let frame = [&[kind, 0, 0, 0][..], &length, text.as_bytes()].concat();
    [format!("{:x}\r\n", frame.len()).as_bytes(), &frame, b"\r\n"].concat()
}

/// A connection to it.
pub(super) async fn connect(endpoint: &str) -> Docker {
    let environment = BTreeMap::from([("DOCKER_HOST".to_owned(), endpoint.to_owned())]);
    Docker::connect(&Surroundings { environment, home: None }).await.expect("it answers")
}
