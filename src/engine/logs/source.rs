//! The output of one container, read over and over: it survives restarts, and an engine that breaks off.

use super::watcher::Said;
use crate::{
    docker::{Docker, LogRange},
    logs::{
        lines::{Line, LineAssembler},
        merge::Source,
        speaker::Speaker,
    },
    names::ContainerName,
};
use futures_util::StreamExt;
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How many lines are handed on at once.
const LINES: usize = 256;

/// A container's output with what was read of it so far.
pub(in crate::engine) struct LogSource {
    docker: Docker,
    /// The engine's id: another container of the same name has nothing to do with it.
    id: ContainerName,
    pub(in crate::engine) speaker: Arc<Speaker>,
    assembler: LineAssembler,
    /// What is older was said to somebody else.
    not_before: Timestamp,
}

/// How following ended.
pub(super) enum Followed {
    /// The container has ended, and everything it said was handed on.
    Ended,
    /// It has ended and runs again; everything it said before was handed on.
    RunsAgain,
    /// The engine broke off, or cannot be asked.
    Broken,
    /// The container was removed, or nobody listens any more.
    Over,
}

impl LogSource {
    pub(in crate::engine) fn new(docker: &Docker, id: &str, speaker: Arc<Speaker>) -> Self {
        Self {
            docker: docker.clone(),
            id: ContainerName::new(id),
            speaker,
            assembler: LineAssembler::of_engine(),
            not_before: Timestamp::MIN,
        }
    }

    pub(super) fn id(&self) -> &str {
        self.id.as_str()
    }

    /// Unless something of it was read already, only what is said from a time on counts. The engine's own `since` counts whole
    /// seconds.
    pub(super) fn begin_at(&mut self, time: Timestamp) {
        if self.assembler.resume_from().is_none() {
            self.not_before = time;
        }
    }

    /// How many pieces of it the engine would give.
    pub(super) async fn count(&self, range: LogRange) -> usize {
        self.docker
            .written_in_bulk(&self.id, range)
            .await
            .map(|pieces| pieces.len())
            .fold(0, async |sum, own| sum + own)
            .await
    }

    /// Reads what was written so far. What is not a whole line yet stays for whoever follows, or ends here.
    pub(super) async fn read(mut self, range: LogRange, ends_here: bool, lines: mpsc::Sender<Vec<Line>>) -> Self {
        let mut pieces = self.docker.written_in_bulk(&self.id, range).await;
        let mut batch = Vec::new();
        while let Some(pieces) = pieces.next().await {
            batch.reserve(pieces.len());
            for piece in pieces {
                batch.extend(self.assembler.push(piece.stream, &piece.bytes));
            }
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

    /// Follows until the container ends or the engine breaks off. `life` is what is told to have been read to its end.
    pub(super) async fn follow(
        &mut self,
        from: Timestamp,
        place: Source,
        life: u64,
        said: &mpsc::Sender<Said>,
    ) -> Followed {
        let before = self.docker.inspect(&self.id).await.ok();
        let range = self.go_on(from);
        let mut pieces = Box::pin(self.docker.follow_logs(&self.id, range));
        while let Some(piece) = pieces.next().await {
            let Ok(piece) = piece else { return self.unless_removed(place, life, said).await };
            let not_before = self.not_before;
            let lines = self.assembler.push(piece.stream, &piece.bytes);
            let lines: Vec<_> = lines.filter(|line| line.time >= not_before).collect();
            if !lines.is_empty() && said.send(Said::Lines(place, lines)).await.is_err() {
                return Followed::Over;
            }
        }
        let Ok(looked) = self.docker.inspect(&self.id).await else {
            return self.unless_removed(place, life, said).await;
        };
        if looked.running && before.is_some_and(|before| before.started_at == looked.started_at) {
            return Followed::Broken;
        }
        // A log that is followed may break off before the last lines of a container that has just ended (moby#43860): what is
        // written by now is all there is.
        let range = self.go_on(from);
        let mut pieces = Box::pin(self.docker.written_logs(&self.id, range));
        let mut lines = Vec::new();
        while let Some(piece) = pieces.next().await {
            let Ok(piece) = piece else { break };
            lines.extend(self.assembler.push(piece.stream, &piece.bytes));
        }
        if !looked.running {
            lines.extend(self.assembler.finish());
        }
        lines.retain(|line| line.time >= self.not_before);
        // Whoever does not listen any more is noticed by the next one who speaks.
        let _ = said.send(Said::Lines(place, lines)).await;
        let _ = said.send(Said::Read(place, life)).await;
        if looked.running { Followed::RunsAgain } else { Followed::Ended }
    }

    /// What is removed says no more.
    async fn unless_removed(&mut self, place: Source, life: u64, said: &mpsc::Sender<Said>) -> Followed {
        match self.docker.inspect(&self.id).await {
            Err(error) if error.is_not_found() => {
                let _ = said.send(Said::Lines(place, self.assembler.finish().collect())).await;
                let _ = said.send(Said::Read(place, life)).await;
                Followed::Over
            }
            _ => Followed::Broken,
        }
    }

    /// From where the output must be read again.
    fn go_on(&mut self, from: Timestamp) -> LogRange {
        let since = self.assembler.resume_from().unwrap_or(from);
        self.assembler.resume();
        LogRange { since: Some(since), ..LogRange::default() }
    }
}
