//! What a gRPC app subscribes to: `AppCallback.ListTopicSubscriptions`, as daprd asks it (dapr/dapr `appcallback.proto`, 1.18.2).
//!
//! The question is an empty message and the answer holds two texts a subscription, so both are read and written here: a message in
//! gRPC is its length in front of it, a field of protobuf its number and length.

use super::daprd::AppSubscription;
use super::{NotYet, http};
use crate::plan::spec::SubscriptionIdentity;
use reqwest::{Client, StatusCode};
use std::{net::SocketAddr, time::Duration};

const LIST: &str = "/dapr.proto.runtime.v1.AppCallback/ListTopicSubscriptions";
/// Not compressed, no bytes.
const EMPTY: [u8; 5] = [0; 5];
const HEAD: usize = EMPTY.len();

/// Asks an app for its own subscriptions, without its token: daprd does not say it here (1.18.2). One that does not know the question has none, as daprd takes it too.
///
/// # Errors
/// When there is no answer, an error, or something that is no list of subscriptions.
pub async fn subscriptions(app: SocketAddr, deadline: Duration) -> Result<Vec<AppSubscription>, NotYet> {
    let client = Client::builder().no_proxy().http2_prior_knowledge().build();
    let client = client.map_err(|error| NotYet::unexpected(error.to_string()))?;
    let request = client.post(http::url(app, LIST)?).body(EMPTY.to_vec());
    let request = request.header("content-type", "application/grpc").header("te", "trailers");
    let answer = http::exchange(request, app, deadline).await?;
    let status = answer.headers.get("grpc-status").and_then(|status| status.to_str().ok());
    if answer.status != StatusCode::OK {
        return Err(answer.refused("ListTopicSubscriptions at the app"));
    }
    match status {
        None | Some("0") => {}
        // Unimplemented.
        Some("12") => return Ok(Vec::new()),
        Some(code) => {
            return Err(NotYet::waiting(format!("the app answers ListTopicSubscriptions with gRPC error {code}")));
        }
    }
    if answer.body.is_empty() {
        // An error, told behind the body that it does not have: daprd would not be ready but for an app that does not know it.
        return Ok(Vec::new());
    }
    read(&answer.body).ok_or_else(|| NotYet::unexpected("the app answers ListTopicSubscriptions with something else"))
}

/// The answer's message; `None` when it is none.
fn read(body: &[u8]) -> Option<Vec<AppSubscription>> {
    let (head, message) = body.split_at_checked(HEAD)?;
    let length = u32::from_be_bytes(head[1..].try_into().ok()?);
    if head[0] != 0 || message.len() != usize::try_from(length).ok()? {
        return None;
    }
    let listed = fields(message)?.into_iter().filter(|(number, _)| *number == 1);
    listed.map(|(_, subscription)| Some(AppSubscription { identity: identity(subscription)?, paths: None })).collect()
}

fn identity(subscription: &[u8]) -> Option<SubscriptionIdentity> {
    let fields = fields(subscription)?;
    let text = |wanted: u64| {
        // The last one counts, and one that is not there is empty.
        let found = fields.iter().rev().find(|(number, _)| *number == wanted);
        String::from_utf8(found.map(|(_, bytes)| bytes.to_vec()).unwrap_or_default()).ok()
    };
    Some(SubscriptionIdentity { pubsub: text(1)?, topic: text(2)? })
}

/// The fields of a message that are texts, bytes or messages, with their numbers; the others are skipped.
fn fields(mut message: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let skipped = match key & 7 {
            0 => {
                varint(&mut message)?;
                0
            }
            1 => 8,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                fields.push((key >> 3, message.get(..length)?));
                length
            }
            5 => 4,
            _ => return None,
        };
        message = message.get(skipped..)?;
    }
    Some(fields)
}

/// Seven bits a byte, the lowest first; the eighth says whether more follow.
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{
        Kind,
        test_peer::{Behaviour, nobody, peer},
    };
    use proptest::prelude::*;

    const LATE: Duration = Duration::from_secs(10);

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, u8::try_from(bytes.len()).expect("short")], bytes].concat()
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [&[0][..], &u32::try_from(message.len()).expect("short").to_be_bytes(), message].concat()
    }

    fn subscription(pubsub: &str, topic: &str) -> Vec<u8> {
        // With metadata (3), a number that nobody knows yet (9), and a route (5).
        let further =
            [field(3, &[field(1, b"k"), field(2, b"v")].concat()), vec![9 << 3, 0x96, 1], field(5, &field(2, b"/r"))];
        field(1, &[field(1, pubsub.as_bytes()), further.concat(), field(2, topic.as_bytes())].concat())
    }

    #[test]
    fn a_list_is_read_and_what_is_not_wanted_is_skipped() {
        let message = [subscription("pubsub", "orders"), subscription("other", "bills")].concat();
        let listed = read(&framed(&message)).expect("a list");
        let listed: Vec<_> =
            listed.iter().map(|one| (one.identity.pubsub.as_str(), one.identity.topic.as_str())).collect();
        assert_eq!(listed, [("pubsub", "orders"), ("other", "bills")]);
        assert_eq!(read(&EMPTY), Some(vec![]));
    }

    #[test]
    fn what_is_no_list_is_none() {
        let whole = framed(&subscription("pubsub", "orders"));
        for end in 1..whole.len() {
            assert_eq!(read(&whole[..end]), None, "cut after {end}");
        }
        assert_eq!(read(&[1, 0, 0, 0, 0]), None, "compressed");
        assert_eq!(read(&framed(&[0x0b])), None, "a group");
        assert_eq!(read(&framed(&[0xff; 11])), None, "a number without end");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&framed(&bytes));
            let _ = read(&bytes);
        }
    }

    #[tokio::test]
    async fn who_does_not_speak_it_is_no_app_yet() {
        let asked = subscriptions(nobody().await, LATE).await.expect_err("nobody listens");
        assert_eq!(asked.kind, Kind::NotListening);
        let http1 = peer(Behaviour::answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")).await;
        assert!(subscriptions(http1, LATE).await.is_err());
        assert!(subscriptions(peer(Behaviour::Close).await, LATE).await.is_err());
    }
}
