//! Kafka is ready when a metadata request is answered on the listener that clients of this address will use: with a broker
//! that is not fenced, a controller, and the asked address as the advertised one.
//!
//! Apache Kafka 4.1 lists a broker only after the controller has let it in (KRaft's fencing), and names a random broker as
//! the controller; `-1` means that there is none (Redpanda: no leader elected yet).
//!
//! It is also asked for a group's coordinator, whatever it answers: that makes it create the topic of its consumer groups
//! now, and not when the first consumer joins. daprd's consumer would be told that there is no coordinator yet, and try
//! again two seconds later (sarama 1.48, `Consumer.Retry.Backoff`).

use super::super::{Kind, NotYet, kafka_wire::KafkaConnection};
use std::net::SocketAddr;

pub(super) async fn greet(address: SocketAddr) -> Result<(), NotYet> {
    let mut connection = KafkaConnection::connect(address).await?;
    let metadata = connection.metadata().await?;
    let advertised = metadata.brokers.iter().map(|broker| (broker.host.as_str(), broker.port));
    judge(address, metadata.controller_id.0, advertised)?;
    match connection.find_group_coordinator("sandbox").await {
        Ok(_) | Err(NotYet { kind: Kind::Waiting, .. }) => Ok(()),
        Err(other) => Err(other),
    }
}

fn judge<'a>(
    asked: SocketAddr,
    controller: i32,
    mut advertised: impl Iterator<Item = (&'a str, i32)> + Clone,
) -> Result<(), NotYet> {
    let Some((host, port)) = advertised.clone().next() else {
        return Err(NotYet::waiting("it answers, but lists no broker yet"));
    };
    if controller < 0 {
        return Err(NotYet::waiting("it answers, but has no controller yet"));
    }
    if !advertised.any(|(host, port)| is_same(asked, host, port)) {
        return Err(NotYet::unexpected(format!(
            "it advertises {host}:{port} on the listener that answers on {asked}, so clients would be sent elsewhere"
        )));
    }
    Ok(())
}

fn is_same(asked: SocketAddr, host: &str, port: i32) -> bool {
    let is_host = host.parse() == Ok(asked.ip()) || (host == "localhost" && asked.ip().is_loopback());
    is_host && port == i32::from(asked.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_counts_with_a_controller_and_the_asked_address() {
        let asked = SocketAddr::from(([127, 0, 0, 1], 19092));
        let kind = |controller, advertised: &[(&'static str, i32)]| {
            judge(asked, controller, advertised.iter().copied()).map_err(|not_yet| not_yet.kind)
        };
        assert_eq!(kind(1, &[("127.0.0.1", 19092)]), Ok(()));
        assert_eq!(kind(1, &[("localhost", 19092)]), Ok(()));
        assert_eq!(kind(1, &[("redpanda", 9092), ("localhost", 19092)]), Ok(()));
        assert_eq!(kind(1, &[]), Err(Kind::Waiting));
        assert_eq!(kind(-1, &[("127.0.0.1", 19092)]), Err(Kind::Waiting));
        assert_eq!(kind(1, &[("127.0.0.1", 9092)]), Err(Kind::Unexpected));
        assert_eq!(kind(1, &[("redpanda", 19092)]), Err(Kind::Unexpected));
    }
}
