//! Where events go in.

use crate::event::{Event, EventKind, SCHEMA, Sayings, Utterance};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// How many events may wait to be printed. Full, it holds back who speaks: a slow terminal slows the talk, not the containers.
const WAITING: usize = 1024;
/// How many batches of lines may be on their way to the printer.
const BATCHES: usize = 4;

/// The sending side. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reporter {
    sender: mpsc::Sender<Event>,
    began: Instant,
    batches: Arc<Semaphore>,
}

/// Leave to hand over lines, or an event in its place among them, without waiting.
#[derive(Debug)]
pub struct Turn {
    place: Option<(mpsc::OwnedPermit<Event>, OwnedSemaphorePermit)>,
}

impl Reporter {
    /// A reporter and where its events come out.
    pub fn new() -> (Self, mpsc::Receiver<Event>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self { sender, began: Instant::now(), batches: Arc::new(Semaphore::new(BATCHES)) }, receiver)
    }

    /// One that nobody listens to, with the same beginning.
    pub fn silent(&self) -> Self {
        Self { sender: mpsc::channel(1).0, ..self.clone() }
    }

    /// Says something, and waits while the other side is slow. With nobody there it is said to nobody.
    pub async fn send(&self, kind: EventKind) {
        let _ = self.sender.send(event(kind)).await;
    }

    /// Says something that may be left unsaid when the other side is slow: progress that the next piece overtakes.
    pub fn offer(&self, kind: EventKind) {
        let _ = self.sender.try_send(event(kind));
    }

    /// Waits until the printer takes lines. May be given up.
    pub async fn turn(&self) -> Turn {
        let permit = Arc::clone(&self.batches).acquire_owned().await.ok();
        Turn { place: self.sender.clone().reserve_owned().await.ok().zip(permit) }
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

impl Turn {
    /// Hands lines over.
    pub fn say(self, utterances: Vec<Utterance>) {
        if let Some((place, permit)) = self.place {
            place.send(event(EventKind::Said(Sayings { utterances, turn: Some(Arc::new(permit)) })));
        }
    }

    /// Hands an event over.
    pub fn send(self, kind: EventKind) {
        if let Some((place, _)) = self.place {
            place.send(event(kind));
        }
    }
}

/// A duration as events carry it.
pub fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn event(kind: EventKind) -> Event {
    Event { schema: SCHEMA, time: jiff::Timestamp::now(), kind }
}
