//! Postgres is ready when a startup message (protocol 3.0) is answered with a request to authenticate, or refused for a
//! reason that only a running server has. `57P03` means that it starts, recovers or shuts down (Postgres 17).

use super::super::{NotYet, wire::Peer};
use std::net::SocketAddr;

/// Length, protocol 3.0, and a user and database that every server has by default. A server that has them not says so
/// after it has begun to serve, and only to those who need no password.
const STARTUP: &[u8] = b"\0\0\0\x42\0\x03\0\0user\0postgres\0database\0postgres\0application_name\0sandbox\0\0";
const TERMINATE: &[u8] = b"X\0\0\0\x04";

/// An `ErrorResponse` has a few hundred bytes, a request to authenticate fewer.
const MAX_BODY: usize = 1 << 14;

pub(super) async fn greet(address: SocketAddr) -> Result<(), NotYet> {
    let mut peer = Peer::connect(address).await?;
    peer.send(STARTUP).await?;
    let mut head = [0; 5];
    peer.fill(&mut head).await?;
    let [tag, length @ ..] = head;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if !matches!(tag, b'R' | b'E') || !(8..=MAX_BODY).contains(&length) {
        return Err(peer.does_not_speak("Postgres", &head));
    }
    let mut body = vec![0; length - 4];
    peer.fill(&mut body).await?;
    if tag == b'E' {
        return judge(field(&body, b'C').as_deref(), field(&body, b'M').as_deref());
    }
    // `AuthenticationOk`: a session begins, which is ended in its own way, or the server would log a broken connection.
    // In any other state the server takes a closed connection for a client that thinks about its password, and is silent.
    if body == [0; 4] {
        peer.send(TERMINATE).await?;
    }
    Ok(())
}

/// What an error says about the server: `28…` (not let in) and `3D000` (no such database) come from one that serves.
fn judge(code: Option<&str>, message: Option<&str>) -> Result<(), NotYet> {
    let code = code.unwrap_or("no code");
    if code.starts_with("28") || code == "3D000" {
        return Ok(());
    }
    let reason = format!("{} ({code})", message.unwrap_or("it refuses connections"));
    if code.starts_with("57") || code.starts_with("53") {
        return Err(NotYet::waiting(reason));
    }
    Err(NotYet::unexpected(reason))
}

/// A field of an `ErrorResponse`: pairs of a type byte and a text that ends with 0.
fn field(body: &[u8], wanted: u8) -> Option<String> {
    body.split(|byte| *byte == 0)
        .find_map(|field| field.split_first().filter(|(kind, _)| **kind == wanted))
        .map(|(_, text)| String::from_utf8_lossy(text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Kind;

    #[test]
    fn the_startup_message_states_its_own_length() {
        assert_eq!(STARTUP[..4], u32::try_from(STARTUP.len()).expect("short").to_be_bytes());
    }

    #[test]
    fn an_error_tells_a_server_that_serves_from_one_that_does_not() {
        let kind = |code| judge(Some(code), Some("text")).map_err(|not_yet| not_yet.kind);
        assert_eq!(kind("28P01"), Ok(()));
        assert_eq!(kind("28000"), Ok(()));
        assert_eq!(kind("3D000"), Ok(()));
        assert_eq!(kind("57P03"), Err(Kind::Waiting));
        assert_eq!(kind("57P01"), Err(Kind::Waiting));
        assert_eq!(kind("53300"), Err(Kind::Waiting));
        assert_eq!(kind("XX000"), Err(Kind::Unexpected));
        assert_eq!(judge(None, None).map_err(|not_yet| not_yet.kind), Err(Kind::Unexpected));
    }

    #[test]
    fn fields_are_found_by_their_type() {
        let body = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
        assert_eq!(field(body, b'C').as_deref(), Some("57P03"));
        assert_eq!(field(body, b'M').as_deref(), Some("the database system is starting up"));
        assert_eq!(field(body, b'D'), None);
    }
}
