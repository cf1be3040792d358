//! What a container has written so far, over a connection of its own to an engine on this machine.
//!
//! The engine writes each line by itself into its socket. Whoever waits there is woken for each, a million times, and takes the
//! processor from the engine. Here a thread sleeps while the socket fills, takes much at once and unpacks it in one go. Only for
//! Unix sockets; whatever is not as expected is left to bollard.

use super::{
    log_frames::{Chunked, Frames},
    logs::LogChunk,
};
use bytes::BytesMut;
use std::{
    io::{self, Read, Write},
    thread,
    time::Duration,
};
use tokio::sync::mpsc;

/// How long the socket may fill. In a millisecond the engine writes about 200 lines; from about 270 on it would have to wait.
const FILLS: Duration = Duration::from_millis(1);
/// Several times what it is filled with by then.
const READ: usize = 128 * 1024;
/// No answer's head is longer.
const HEAD: usize = 16 * 1024;
/// How many reads, of about 28 KB each, wait for who takes them: while one container has said much and the others have not, the
/// engine can still read ahead for these.
const WAITING: usize = 24;

/// Asks for what is at `path`, and gives what it holds, many pieces at once; `None` when this engine must be asked otherwise.
pub(super) async fn read(socket: &str, path: String) -> Option<mpsc::Receiver<Vec<LogChunk>>> {
    let socket = socket.to_owned();
    let (sender, receiver) = mpsc::channel(WAITING);
    let opened = tokio::task::spawn_blocking(move || open(&socket, &path)).await.ok()?;
    let (stream, rest) = opened.ok()??;
    // Ends when nobody takes any more. At the end of the program nobody waits for it.
    tokio::task::spawn_blocking(move || pump(stream, rest, &sender));
    Some(receiver)
}

#[cfg(unix)]
fn connect(socket: &str) -> io::Result<impl Read + Write + Send + use<>> {
    std::os::unix::net::UnixStream::connect(socket)
}

#[cfg(not(unix))]
fn connect(_: &str) -> io::Result<std::net::TcpStream> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The answer's body, and what was read of it already; `None` when the answer is not a body in chunks.
fn open(socket: &str, path: &str) -> io::Result<Option<(impl Read + Send + use<>, BytesMut)>> {
    let mut stream = connect(socket)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")?;
    let mut head = BytesMut::with_capacity(HEAD);
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        head.extend_from_slice(&buffer[..count]);
        if let Some(end) = head.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let body = head.split_off(end + 4);
            return Ok(is_chunked(&head).then_some((stream, body)));
        }
        if count == 0 || head.len() > HEAD {
            return Ok(None);
        }
    }
}

fn is_chunked(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let is_ok = head.split(' ').nth(1) == Some("200");
    is_ok && head.lines().any(|line| line.split_once(':').is_some_and(is_chunked_header))
}

fn is_chunked_header((name, value): (&str, &str)) -> bool {
    name == "transfer-encoding" && value.trim() == "chunked"
}

fn pump(mut stream: impl Read, rest: BytesMut, sender: &mpsc::Sender<Vec<LogChunk>>) {
    let (mut chunked, mut frames) = (Chunked::default(), Frames::default());
    let mut buffer = vec![0; READ];
    let mut body = BytesMut::with_capacity(READ);
    let mut taken: &[u8] = &rest;
    loop {
        let goes_on = chunked.take(taken, &mut body);
        let pieces = frames.take(body.split().freeze());
        if !pieces.is_empty() && sender.blocking_send(pieces).is_err() {
            return;
        }
        if !goes_on {
            break;
        }
        thread::sleep(FILLS);
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => taken = &buffer[..count],
            Ok(_) | Err(_) => break,
        }
    }
    // Where nobody takes it any more the command is over.
    let _ = frames.finish().map(|piece| sender.blocking_send(vec![piece]));
}

#[cfg(all(test, unix))]
mod tests;
