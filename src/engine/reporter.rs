//! Where events go in.

use crate::event::{Event, EventKind, SCHEMA};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How many events may wait to be printed. Full, it holds back who speaks: a slow terminal slows the talk, not the containers.
const WAITING: usize = 1024;

/// The sending side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reporter {
    sender: mpsc::Sender<Event>,
    began: Instant,
}

impl Reporter {
    /// A reporter and where its events come out.
    pub fn new() -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender, began: Instant::now() }, receiver)
    }

    /// Says something, and waits while the other side is slow. With nobody there it is said to nobody.
    pub async fn send(&self, kind: EventKind) {
        let _ = self.sender.send(event(kind)).await;
    }

    /// Says something that may be left unsaid when the other side is slow: progress that the next piece overtakes.
    pub fn offer(&self, kind: EventKind) {
        let _ = self.sender.try_send(event(kind));
    }

    /// Since the command began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Since the command began, in milliseconds.
    pub fn elapsed_ms(&self) -> u64 {
        milliseconds(self.elapsed())
    }

    /// Waits until nobody prints any more.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Whether nobody prints any more.
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

/// A duration as events carry it.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn event(kind: EventKind) -> Event {
    Event { schema: SCHEMA, time: jiff::Timestamp::now(), kind }
}
