//! Whether something is ready: single attempts against what was started, each bounded in time and size, and the pure
//! comparisons that judge the answers. Nothing here waits for its turn, keeps a deadline over attempts or decides what a
//! failure means: the caller does, with [`until`].
//!
//! | where | what |
//! |---|---|
//! | [`greeting`] | one exchange in the protocol of a broker or store: an accepted connection never counts |
//! | [`http`] | a path that must answer 2xx |
//! | [`listening`] | a port on which something waits for a request |
//! | [`daprd`] | daprd's HTTP API; the only file that knows its routes |
//! | [`sidecar`] | health, components, subscriptions and consumers of one daprd, compared with what should be there |
//! | [`inquiry`] | whether a broker shows the consumers of a group |
//! | `wire`, [`amqp_wire`], [`kafka_wire`], [`redis_wire`] | bounded reads, and the protocols that are asked more than one thing |
//!
//! Why a connect is not enough: with the engine's default settings a published port is held by `docker-proxy`, which
//! accepts at once, dials the container, and closes again while nothing listens there. Attempts should begin when the
//! engine has answered the container's start: before that the proxy accepts and dials an address that is not there yet,
//! and the attempt hangs until its deadline (both seen with dockerd 20.10).

pub mod amqp_wire;
pub mod app_callback;
pub mod daprd;
pub mod greeting;
pub mod http;
pub mod inquiry;
pub mod kafka_wire;
pub mod listening;
pub mod redis_wire;
pub mod sidecar;
#[cfg(test)]
pub(crate) mod test_peer;
pub(crate) mod wire;

use std::{fmt, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// Why one attempt did not find what it looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotYet {
    /// A fragment that reads well after `NAME is not ready: `. It holds nothing that differs between two attempts which
    /// found the same, so that it can be shown whenever it changes.
    pub reason: String,
    /// What the reason means for whoever waits.
    pub kind: Kind,
}

/// What a [`NotYet`] means for whoever waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is expected to pass by itself.
    Waiting,
    /// Nothing listens: the connection was refused, or closed before a byte came.
    NotListening,
    /// The sidecar is up and waits for its app to listen: the app may be waiting for the sidecar.
    AppNotListening,
    /// The app asks for other subscriptions than its sidecar has, which does not ask again.
    OtherSubscriptions,
    /// The answer is not what this peer should say, for example another protocol; waiting hardly helps.
    Unexpected,
}

impl NotYet {
    /// What passes by itself.
    pub fn waiting(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: Kind::Waiting }
    }

    /// What hardly passes by itself.
    pub fn unexpected(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: Kind::Unexpected }
    }
}

impl fmt::Display for NotYet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl std::error::Error for NotYet {}

/// Attempts until one succeeds, the next one `interval_between` after the last one began (or at once, when that took
/// longer). `on_reason` hears the first reason and each that differs from the one before. There is no deadline inside:
/// dropping the future ends it.
///
/// Not `AsyncFnMut`: with it the future cannot be spawned («implementation of `Send` is not general enough», rustc 1.95).
pub async fn until<T, Attempt>(
    interval_between: Duration,
    mut attempt: impl FnMut() -> Attempt,
    mut on_reason: impl FnMut(&NotYet),
) -> T
where
    Attempt: Future<Output = Result<T, NotYet>>,
{
    let mut ticks = interval(interval_between);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last: Option<NotYet> = None;
    loop {
        ticks.tick().await;
        match attempt().await {
            Ok(found) => return found,
            Err(not_yet) => {
                if last.as_ref() != Some(&not_yet) {
                    on_reason(&not_yet);
                    last = Some(not_yet);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::spec::Protocol;

    #[tokio::test]
    async fn reasons_are_told_when_they_change_and_only_then() {
        let mut answers = ["a", "a", "b", "a", ""].into_iter();
        let mut heard = Vec::new();
        let attempt = || {
            let answer = answers.next().filter(|answer| !answer.is_empty());
            std::future::ready(answer.map_or(Ok("ready"), |reason| Err(NotYet::waiting(reason))))
        };
        let found = until(Duration::from_millis(1), attempt, |not_yet| heard.push(not_yet.reason.clone())).await;
        assert_eq!(found, "ready");
        assert_eq!(heard, ["a", "b", "a"]);
    }

    #[tokio::test]
    async fn it_can_be_spawned_and_ends_when_it_is_dropped() {
        let nobody = ([127, 0, 0, 1], 1).into();
        let attempt = move || greeting::greet(Protocol::Redis, nobody, Duration::from_secs(1));
        let waiting = tokio::spawn(async move { until(Duration::from_millis(1), attempt, |_| {}).await });
        waiting.abort();
        assert!(waiting.await.is_err_and(|error| error.is_cancelled()));
    }
}
