//! How a swap is told: to whoever asked for it, and in a file in which an attached `up` reads along.

use crate::{engine::reporter::Reporter, event::EventKind, swap::SwapProgress};
use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

/// The file's name in `.sandbox/`.
const FILE: &str = "swap.jsonl";

/// Tells it.
#[derive(Clone, Debug)]
pub(super) struct Telling {
    reporter: Reporter,
    file: PathBuf,
}

impl Telling {
    /// Begins a new account.
    pub(super) fn begin(reporter: &Reporter, state_directory: &Path) -> Self {
        let file = state_directory.join(FILE);
        // Nobody's work hangs on it.
        let _ = fs::remove_file(&file);
        Self { reporter: reporter.clone(), file }
    }

    /// Tells of a step.
    pub(super) async fn say(&self, progress: SwapProgress) {
        let line = serde_json::to_string(&progress).expect("it has only string keys");
        let file = OpenOptions::new().create(true).append(true).open(&self.file);
        let _ = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
        self.reporter.send(EventKind::Swap(progress)).await;
    }
}

/// Reads along.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Listening {
    file: PathBuf,
    read: u64,
}

impl Listening {
    /// What is told from now on.
    pub(in crate::engine) fn begin(state_directory: &Path) -> Self {
        let file = state_directory.join(FILE);
        let read = fs::metadata(&file).map_or(0, |metadata| metadata.len());
        Self { file, read }
    }

    /// What was told since.
    pub(in crate::engine) fn news(&mut self) -> Vec<SwapProgress> {
        let length = fs::metadata(&self.file).map_or(0, |metadata| metadata.len());
        if length < self.read {
            self.read = 0;
        }
        if length == self.read {
            return Vec::new();
        }
        let text = fs::read(&self.file).unwrap_or_default();
        let begin = usize::try_from(self.read).unwrap_or_default().min(text.len());
        // A line that is not whole yet is read the next time.
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1).max(begin);
        self.read = whole as u64;
        let lines = text[begin..whole].split(|byte| *byte == b'\n');
        lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn began(to: &str) -> SwapProgress {
        SwapProgress::Began { from: "redpanda".to_owned(), to: to.to_owned() }
    }

    #[tokio::test]
    async fn who_reads_along_hears_everything_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let (reporter, _events) = Reporter::new();
        let telling = Telling::begin(&reporter, folder.path());
        telling.say(began("kafka")).await;
        let mut listening = Listening::begin(folder.path());
        assert!(listening.news().is_empty(), "that was before");
        telling.say(began("redis")).await;
        assert_eq!(listening.news(), [began("redis")]);
        assert!(listening.news().is_empty());
        let telling = Telling::begin(&reporter, folder.path());
        telling.say(began("rabbitmq")).await;
        assert_eq!(listening.news(), [began("rabbitmq")], "a new account");
        let half = OpenOptions::new().append(true).open(folder.path().join(FILE));
        half.and_then(|mut file| file.write_all(b"{\"step\":\"began\",")).expect("written");
        assert!(listening.news().is_empty());
    }
}
