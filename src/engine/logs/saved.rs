//! What removed containers of a project had said, read from where [`super::saving`] put it.

use crate::{
    logs::{
        lines::Line,
        saved::{SavedLife, decode},
    },
    names::ProjectName,
};
use std::{
    fs,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    time::SystemTime,
};
use tokio::sync::mpsc;

/// The folder in `.sandbox/`.
pub const FOLDER: &str = "logs";
/// How many lines are handed on at once.
const LINES: usize = 256;

/// A file.
#[derive(Debug)]
pub(super) struct SavedLog {
    path: PathBuf,
    pub(super) life: SavedLife,
    saved_at: SystemTime,
    /// How many of its first lines are not shown.
    skip: usize,
}

/// All of a project, oldest first. What cannot be read is not there.
pub(super) fn find(folder: &Path, project: &ProjectName) -> Vec<SavedLog> {
    let files = entries(folder).into_iter().flat_map(|own| entries(&own));
    let files = files.filter(|path| is_log(path));
    let mut found: Vec<_> = files.filter_map(SavedLog::open).collect();
    found.retain(|saved| saved.life.project == project.as_str());
    found.sort_by(|one, other| (one.saved_at, &one.path).cmp(&(other.saved_at, &other.path)));
    found
}

/// Removes all of a project.
pub(in crate::engine) fn remove(folder: &Path, project: &ProjectName) {
    for saved in find(folder, project) {
        let _ = fs::remove_file(&saved.path);
        // What is left is what somebody was writing when they were killed; another project may have a container of that name.
        let own = saved.path.parent().unwrap_or(folder);
        if own != folder && !entries(own).iter().any(|path| is_log(path)) {
            let _ = fs::remove_dir_all(own);
        }
    }
    let _ = fs::remove_dir(folder);
}

impl SavedLog {
    fn open(path: PathBuf) -> Option<Self> {
        let file = fs::File::open(&path).ok()?;
        let saved_at = file.metadata().and_then(|data| data.modified()).ok()?;
        let mut first = Vec::new();
        BufReader::new(file).read_until(b'\n', &mut first).ok()?;
        Some(Self { life: SavedLife::decode(&first)?, path, saved_at, skip: 0 })
    }

    /// Leaves at most so many of its last lines; gives how many these are.
    pub(super) fn limit(&mut self, most: usize) -> usize {
        let lines = self.lines().map_or(0, Iterator::count);
        self.skip = lines.saturating_sub(most);
        lines - self.skip
    }

    /// Whether there was more before its first line that is shown.
    pub(super) fn is_cut(&self) -> bool {
        self.life.is_cut && self.skip == 0
    }

    /// Reads it until nobody takes any more. Blocks.
    pub(super) fn read(&self, sender: &mpsc::Sender<Vec<Line>>) {
        let Ok(lines) = self.lines() else { return };
        let mut batch = Vec::new();
        for line in lines.skip(self.skip) {
            batch.push(line);
            if batch.len() >= LINES && sender.blocking_send(std::mem::take(&mut batch)).is_err() {
                return;
            }
        }
        // Nobody listens any more: the command is over.
        let _ = sender.blocking_send(batch);
    }

    fn lines(&self) -> io::Result<impl Iterator<Item = Line> + use<>> {
        let lines = BufReader::new(fs::File::open(&self.path)?).split(b'\n');
        Ok(lines.map_while(Result::ok).filter_map(|line| decode(&line)))
    }
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "log")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path()).collect()
}
