//! Stands in for the engine's log driver: multiplexed frames, each piece with its time.

use super::{Answer, Daemon, Next, bytes_answer, call::Call, container, script::Said, world::World};
use axum::body::Bytes;
use jiff::Timestamp;

/// A piece of output as the driver keeps it.
#[derive(Clone, Debug)]
pub struct Piece {
    time: Timestamp,
    said: Said,
}

impl Piece {
    pub(super) fn now(said: Said) -> Self {
        Self { time: Timestamp::now(), said }
    }

    /// Eight bytes of header, the time with nine digits, what was written.
    fn frame(&self) -> Bytes {
        let text = format!("{:.9} {}", self.time, self.said.text);
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let mut frame = vec![self.said.stream, 0, 0, 0];
        frame.extend(length.to_be_bytes());
        frame.extend(text.as_bytes());
        Bytes::from(frame)
    }
}

pub(super) fn read(daemon: &Daemon, name: &str, call: &Call) -> Answer {
    let (id, length) = {
        let world = daemon.world();
        let container = container::find(&world, name)?;
        (container.id.clone(), container.log.len())
    };
    let follow = call.value("follow") == Some("true");
    let since: i64 = call.value("since").and_then(|since| since.parse().ok()).unwrap_or(0);
    let tail: Option<usize> = call.value("tail").and_then(|tail| tail.parse().ok());
    let first = tail.map_or(0, |tail| length.saturating_sub(tail));
    let next = move |world: &World, seen: &mut usize| {
        let Some(container) = world.container(&id) else { return Next::End };
        while let Some(piece) = container.log.get(*seen) {
            *seen += 1;
            let read = *seen;
            container.sent.send_if_modified(|sent| {
                let is_further = read > *sent;
                *sent = read.max(*sent);
                is_further
            });
            if piece.time.as_second() >= since {
                return Next::Item(piece.frame());
            }
        }
        if follow && container.is_running() { Next::Later } else { Next::End }
    };
    Ok(bytes_answer(daemon.follow(first, next)))
}
