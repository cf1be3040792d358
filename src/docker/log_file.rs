//! What a container has written so far, read from the file in which the engine keeps it.
//!
//! The engine needs more than half of the time that docker compose takes only to give a log over its API. Where the file can be
//! read (by root on Linux, or with an engine that runs without root) it tells the same for a fraction of that. A file is only taken
//! for that of a container when it has the container's id in its name and, near its end, the very piece that the engine says is the
//! last. It must be all there is: not rotated yet. Rotated while it is read, it is still the same open file. When a line in it is not
//! as expected, the rest is asked of the engine.

use super::{log_json, logs::LogChunk};
use bollard::models::ContainerInspectResponse;
use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};
use tokio::{sync::mpsc, task::JoinHandle};

/// How much is read at once.
const READ: u64 = 32 * 1024;
/// dockerd cuts lines at 16 KiB, of which each byte is at most six here.
const LONGEST: usize = 128 * 1024;
/// Where the last piece must be. What a container writes while it is asked for is far less.
const END: u64 = 512 * 1024;
/// How many reads wait for who takes them.
const WAITING: usize = 2;

/// A container's log as it was when it was opened.
#[derive(Debug)]
pub(super) struct LogFile {
    file: File,
    size: u64,
}

/// Not all of it could be read: so many pieces were given.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BrokenOff {
    pub(super) given: usize,
}

/// Where a container's log is, on the engine's machine. `None` when it has more than lines in it (labels), when it may be compressed
/// or be cut off where it is, or when the API gives it in another form: a terminal's output has no pieces there.
pub(super) fn place(container: &ContainerInspectResponse) -> Option<PathBuf> {
    let log = container.host_config.as_ref()?.log_config.as_ref()?;
    let is_simple = log.typ.as_deref() == Some("json-file") && log.config.as_ref().is_none_or(is_kept);
    let has_terminal = container.config.as_ref()?.tty?;
    let path = Path::new(container.log_path.as_deref()?);
    let name = format!("{}-json.log", container.id.as_deref()?);
    let is_own = path.is_absolute() && path.file_name().is_some_and(|own| *own == *name);
    (is_simple && !has_terminal && is_own).then(|| path.to_owned())
}

/// A full file is renamed, or there is no such thing as a full one. The last of `max-file` is emptied instead: a single one always is.
fn is_kept(options: &HashMap<String, String>) -> bool {
    let is_known = options.keys().all(|key| key == "max-size" || key == "max-file");
    let files = options.get("max-file").map_or(Ok(1), |files| files.parse::<u32>());
    is_known && (!options.contains_key("max-size") || files.is_ok_and(|files| files > 1))
}

/// Whether a file has a predecessor.
fn is_rotated(path: &Path) -> bool {
    let mut older = path.as_os_str().to_owned();
    older.push(".1");
    Path::new(&older).try_exists().unwrap_or(true)
}

impl LogFile {
    /// A file that was opened, when it has the piece that the engine has said is the last since, and nothing was before it.
    pub(super) fn confirm(mut file: File, path: &Path, last: &LogChunk) -> Option<Self> {
        let data = file.metadata().ok()?;
        let mut end = Vec::new();
        file.seek(SeekFrom::Start(data.len().saturating_sub(END))).ok()?;
        file.by_ref().take(END).read_to_end(&mut end).ok()?;
        file.rewind().ok()?;
        let is_last = |line: &[u8]| log_json::pieces(line).is_some_and(|pieces| pieces.first() == Some(last));
        let has_last = end.split_inclusive(|byte| *byte == b'\n').rev().any(is_last);
        (data.is_file() && has_last && !is_rotated(path)).then_some(Self { file, size: data.len() })
    }

    /// What is in it, many pieces at once, and how it ended.
    pub(super) fn read(self) -> (mpsc::Receiver<Vec<LogChunk>>, JoinHandle<Result<(), BrokenOff>>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (receiver, tokio::task::spawn_blocking(move || self.pump(&sender)))
    }

    /// Ends when nobody takes any more, too. A line that is only just being written counts as not written.
    fn pump(self, sender: &mpsc::Sender<Vec<LogChunk>>) -> Result<(), BrokenOff> {
        let mut given = 0;
        let mut rest = self.file.take(self.size);
        let mut buffer = Vec::new();
        loop {
            let count = read_more(&mut rest, &mut buffer).map_err(|_| BrokenOff { given })?;
            let Some(end) = buffer.iter().rposition(|byte| *byte == b'\n') else {
                match count {
                    // Somebody has cut it off where it is.
                    0 if rest.limit() > 0 => return Err(BrokenOff { given }),
                    0 => return Ok(()),
                    _ if buffer.len() > LONGEST => return Err(BrokenOff { given }),
                    _ => continue,
                }
            };
            let pieces = log_json::pieces(&buffer[..=end]).ok_or(BrokenOff { given })?;
            given += pieces.len();
            if sender.blocking_send(pieces).is_err() {
                return Ok(());
            }
            buffer.drain(..=end);
        }
    }
}

fn read_more(file: &mut impl Read, buffer: &mut Vec<u8>) -> io::Result<usize> {
    file.take(READ).read_to_end(buffer)
}

#[cfg(all(test, unix))]
mod tests;
