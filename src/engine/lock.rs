//! One command changes a project at a time.

use crate::{
    engine::{reporter::Reporter, reservations::Reservations},
    error::Failure,
    event::EventKind,
    names::ProjectName,
};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// How long another command may hold the lock before it is named.
const NAMED_AFTER: Duration = Duration::from_secs(1);
const ATTEMPT_EVERY: Duration = Duration::from_millis(20);

/// Held until dropped; the system lets go of it when the process ends, however that happens.
#[derive(Debug)]
pub struct ProjectLock {
    _file: File,
    reservations: Option<Reservations>,
}

impl ProjectLock {
    /// The ports that the command has reserved go with it.
    pub fn with(mut self, reservations: Reservations) -> Self {
        self.reservations = Some(reservations);
        self
    }
}

impl Drop for ProjectLock {
    fn drop(&mut self) {
        if let Some(reservations) = &self.reservations {
            reservations.leave_all();
        }
    }
}

/// Takes the lock of a project, waiting for whoever has it. `command` is what others are told.
///
/// # Errors
/// When the lock's file cannot be used.
pub async fn acquire(
    folder: &Path,
    project: &ProjectName,
    command: &str,
    reporter: &Reporter,
) -> Result<ProjectLock, Failure> {
    let path = folder.join(format!("{project}.lock"));
    let failed = |source| Failure::File { operation: "lock", path: path.clone(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = options.map_err(failed)?;
    let began = tokio::time::Instant::now();
    let mut named = false;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
            Err(fs::TryLockError::WouldBlock) => {}
        }
        if !named && began.elapsed() >= NAMED_AFTER {
            named = true;
            reporter.send(held(project, &mut file)).await;
        }
        tokio::time::sleep(ATTEMPT_EVERY).await;
    }
    sign(&mut file, command).map_err(failed)?;
    Ok(ProjectLock { _file: file, reservations: None })
}

fn held(project: &ProjectName, file: &mut File) -> EventKind {
    let mut holder = String::new();
    let known = file.rewind().and_then(|()| file.read_to_string(&mut holder)).is_ok() && !holder.trim().is_empty();
    let holder = if known { holder.trim() } else { "another command" };
    EventKind::Notice {
        code: "sandbox::project::locked",
        message: format!("waiting for {holder}, which is changing `{project}`"),
        help: None,
    }
}

fn sign(file: &mut File, command: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "`sandbox {command}` (pid {})", std::process::id())?;
    file.flush()
}

/// The folder of the locks: the user's runtime folder, or one of the user's own below the system's temporary folder.
pub fn folder(runtime: Option<&str>, temporary: &Path, user: &str) -> PathBuf {
    match runtime.filter(|runtime| !runtime.is_empty()) {
        Some(runtime) => Path::new(runtime).join("sandbox"),
        None => temporary.join(format!("sandbox-{user}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_command_waits_and_names_the_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let project = ProjectName::new("shop");
        let (reporter, mut events) = Reporter::new();
        let first = acquire(folder.path(), &project, "up", &reporter).await.expect("free");
        let path = folder.path().to_owned();
        let second = tokio::spawn(async move { acquire(&path, &project, "down", &reporter).await.map(drop) });
        let event = events.recv().await.expect("a notice");
        let EventKind::Notice { message, .. } = event.kind else { panic!("{event:?}") };
        assert!(message.starts_with("waiting for `sandbox up` (pid "), "{message}");
        drop(first);
        second.await.expect("no panic").expect("it got the lock");
    }
}
