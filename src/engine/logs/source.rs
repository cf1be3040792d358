//! The output of one container, read over and over: it survives restarts, and an engine that breaks off.

use super::Said;
use crate::{
    docker::{Docker, LogRange},
    logs::{
        lines::{Line, LineAssembler},
        merge::Source,
        speaker::Speaker,
    },
};
use futures_util::StreamExt;
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many lines are handed on at once.
const LINES: usize = 256;

/// A container's output with what was read of it so far.
pub(super) struct LogSource {
    docker: Docker,
    pub(super) speaker: Arc<Speaker>,
    assembler: LineAssembler,
}

impl LogSource {
    pub(super) fn new(docker: &Docker, speaker: Speaker) -> Self {
        Self { docker: docker.clone(), speaker: Arc::new(speaker), assembler: LineAssembler::default() }
    }

    /// Reads what was written so far. What is not a whole line yet stays for whoever follows, or ends here.
    pub(super) async fn read(mut self, range: LogRange, ends_here: bool, lines: mpsc::Sender<Vec<Line>>) -> Self {
        let mut pieces = Box::pin(self.docker.written_logs(&self.speaker.container, range));
        let mut batch = Vec::with_capacity(LINES);
        while let Some(Ok(piece)) = pieces.next().await {
            batch.extend(self.assembler.push(piece.stream, &piece.bytes));
            if batch.len() >= LINES && lines.send(std::mem::take(&mut batch)).await.is_err() {
                return self;
            }
        }
        if ends_here {
            batch.extend(self.assembler.finish());
        }
        // Nobody listens any more: the command is over.
        let _ = lines.send(batch).await;
        self
    }

    /// Follows until the container ends, which is said, or the engine breaks off; whether it was the container. Ends too when
    /// nobody listens any more.
    pub(super) async fn follow(&mut self, from: Timestamp, place: Source, said: &mpsc::Sender<Said>) -> bool {
        let range = self.go_on(from);
        let mut pieces = Box::pin(self.docker.follow_logs(&self.speaker.container, range));
        while let Some(piece) = pieces.next().await {
            let Ok(piece) = piece else { return false };
            let lines: Vec<_> = self.assembler.push(piece.stream, &piece.bytes).collect();
            if !lines.is_empty() && said.send(Said::Lines(place, lines)).await.is_err() {
                return true;
            }
        }
        if self.docker.inspect(&self.speaker.container).await.is_ok_and(|looked| looked.running) {
            return false;
        }
        // A log that is followed may break off before the last lines of a container that has just ended (moby#43860): what is
        // written by now is all there is.
        let range = self.go_on(from);
        let mut pieces = Box::pin(self.docker.written_logs(&self.speaker.container, range));
        let mut lines = Vec::new();
        while let Some(Ok(piece)) = pieces.next().await {
            lines.extend(self.assembler.push(piece.stream, &piece.bytes));
        }
        lines.extend(self.assembler.finish());
        // Whoever does not listen any more is noticed by the next one who speaks.
        let _ = said.send(Said::Lines(place, lines)).await;
        let _ = said.send(Said::Ended(place)).await;
        true
    }

    /// From where the output must be read again.
    fn go_on(&mut self, from: Timestamp) -> LogRange {
        let since = self.assembler.resume_from().unwrap_or(from);
        self.assembler.resume();
        LogRange { since: Some(since), ..LogRange::default() }
    }

    pub(super) fn docker(&self) -> &Docker {
        &self.docker
    }

    /// The container was made anew: what it says has nothing to do with what was read before.
    pub(super) fn forget(&mut self) {
        self.assembler = LineAssembler::default();
    }
}
