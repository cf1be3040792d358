//! What a container has said is saved before it is removed, so that `logs` still shows it: in
//! `.sandbox/logs/CONTAINER/ID.log`, for the user alone.

use crate::{
    docker::{Docker, LogRange},
    engine::reporter::Reporter,
    event::EventKind,
    logs::{
        lines::LineAssembler,
        saved::{LastLines, SavedLife},
    },
    names::{ContainerName, ProjectName},
    plan::{
        Target,
        observed::{ContainerState, ObservedContainer},
    },
};
use futures_util::StreamExt;
use std::{
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// How many lines of the end of a log are saved: the engine finds them without reading all of it. Where an engine with much to do,
/// or lines of megabytes, let that take too long, these few are still better than none.
const MOST_LINES: [usize; 2] = [20_000, 500];
const MOST_BYTES: usize = 10 * 1024 * 1024;
/// How many removed containers of a name are remembered.
const MOST_LIVES: usize = 3;
/// Saving keeps a hand-over waiting no longer than this, with as many lines as with few.
const LIMIT: Duration = Duration::from_secs(2);

/// Where what was said is saved, and who is told when it cannot be.
#[derive(Clone, Debug)]
pub(in crate::engine) struct Saving {
    folder: PathBuf,
    reporter: Reporter,
}

impl Saving {
    /// Into this folder, which need not be there.
    pub(in crate::engine) fn new(folder: PathBuf, reporter: &Reporter) -> Self {
        Self { folder, reporter: reporter.clone() }
    }

    /// Saves what a container has said. That it cannot be saved keeps nobody from removing it: it is only told.
    pub(in crate::engine) async fn save(&self, docker: &Docker, project: &ProjectName, target: &Target) {
        let mut reason = format!("the engine did not give it within {} s", LIMIT.as_secs());
        for lines in MOST_LINES {
            match tokio::time::timeout(LIMIT, self.try_save(docker, project, &target.name, lines)).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => {
                    reason = error;
                    break;
                }
                Err(_) => {}
            }
        }
        let message = format!("what `{}` had said before it was removed is not kept: {reason}", target.short_name);
        let help = Some("`sandbox logs` shows what is said from now on".to_owned());
        self.reporter.send(EventKind::Notice { code: "sandbox::logs::not_kept", message, help }).await;
    }

    async fn try_save(
        &self,
        docker: &Docker,
        project: &ProjectName,
        name: &ContainerName,
        lines: usize,
    ) -> Result<(), String> {
        let observed = docker.observe(project, &[]).await.map_err(|error| error.to_string())?;
        // What is gone already, or has never run, has nothing to say.
        let Some(container) = observed.container(name) else { return Ok(()) };
        if container.state == ContainerState::Created {
            return Ok(());
        }
        let range = LogRange { tail: Some(lines), ..LogRange::default() };
        let mut pieces = Box::pin(docker.written_logs(&ContainerName::new(&container.id), range));
        let (mut assembler, mut last, mut count) = (LineAssembler::of_engine(), LastLines::new(MOST_BYTES), 0);
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => assembler.push(piece.stream, &piece.bytes).for_each(|line| last.push(&line)),
                Err(error) if error.is_not_found() => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
            count += 1;
        }
        assembler.finish().for_each(|line| last.push(&line));
        if last.is_empty() {
            return Ok(());
        }
        let is_cut = last.is_cut() || count >= lines;
        write(&self.folder, container, &SavedLife::of(container, project.as_str(), is_cut), &last)
            .map_err(|error| format!("{}: {error}", self.folder.display()))
    }
}

/// Writes it beside its place first: nobody reads half of it.
fn write(folder: &Path, container: &ObservedContainer, life: &SavedLife, last: &LastLines) -> io::Result<()> {
    let own = folder.join(container.name.as_str());
    make_private_folder(&own)?;
    let path = own.join(format!("{}.log", container.id));
    let beside = path.with_extension("new");
    let mut file = BufWriter::new(make_private_file(&beside)?);
    file.write_all(life.encode().as_bytes())?;
    for line in last.lines() {
        file.write_all(line.as_bytes())?;
    }
    file.into_inner()?;
    fs::rename(&beside, &path)?;
    forget_oldest(&own);
    Ok(())
}

/// What cannot be removed is left for the next time.
fn forget_oldest(own: &Path) {
    let mut files: Vec<_> = fs::read_dir(own).into_iter().flatten().filter_map(Result::ok).collect();
    let saved_at =
        |file: &fs::DirEntry| file.metadata().and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    files.sort_by_key(saved_at);
    let excess = files.len().saturating_sub(MOST_LIVES);
    for file in &files[..excess] {
        let _ = fs::remove_file(file.path());
    }
}

#[cfg(unix)]
fn make_private_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn make_private_folder(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
fn make_private_file(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn make_private_file(path: &Path) -> io::Result<fs::File> {
    fs::File::create(path)
}
