//! The files of an image's build: which they are (`.dockerignore`), their hash, and the archive that is streamed to the engine.

use crate::{config::model::BuildSettings, plan::spec::BuildSpec};
use bytes::Bytes;
use futures_util::{Stream, stream};
use ignore::{
    Match, WalkBuilder,
    gitignore::{Gitignore, GitignoreBuilder},
};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
use tokio::sync::mpsc;

/// How much of an archive is on its way at once: eight pieces of 64 KiB.
const PIECES_UNDER_WAY: usize = 8;
const PIECE: usize = 64 * 1024;

/// A build context that cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot read {}: {source}", path.display())]
#[diagnostic(code(sandbox::build::context))]
pub struct ContextError {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Twelve hex digits over everything that decides what a build gives: the files with their modes, the Dockerfile's name, the
/// stage and the arguments.
///
/// # Errors
/// When a file cannot be read.
pub fn hash(build: &BuildSettings) -> Result<String, ContextError> {
    let mut digest = Sha256::new();
    let mut add = |part: &[u8]| {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    };
    add(build.dockerfile.as_bytes());
    add(build.target.as_deref().unwrap_or_default().as_bytes());
    for (name, value) in &build.arguments {
        add(name.as_bytes());
        add(value.as_bytes());
    }
    for file in files(&build.context, &build.dockerfile)? {
        let path = build.context.join(&file);
        let failed = |source| ContextError { path: path.clone(), source };
        let metadata = fs::symlink_metadata(&path).map_err(failed)?;
        add(file.to_string_lossy().as_bytes());
        add(&mode(&metadata).to_be_bytes());
        if metadata.is_symlink() {
            add(fs::read_link(&path).map_err(failed)?.to_string_lossy().as_bytes());
        } else if metadata.is_file() {
            add(&hash_of_file(&path).map_err(failed)?);
        }
    }
    Ok(digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect())
}

fn hash_of_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(digest.finalize().to_vec()),
            read => digest.update(&piece[..read]),
        }
    }
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> u32 {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions())
}

#[cfg(not(unix))]
fn mode(_: &fs::Metadata) -> u32 {
    0o644
}

/// The files, folders and links of a context, relative to it and in order.
fn files(context: &Path, dockerfile: &str) -> Result<Vec<PathBuf>, ContextError> {
    let rules = ignore_rules(context)?;
    let mut files = Vec::new();
    // Hidden files count, and no file but .dockerignore says what does not.
    let walk = WalkBuilder::new(context).standard_filters(false).follow_links(false).build();
    for entry in walk {
        let entry =
            entry.map_err(|error| ContextError { path: context.to_owned(), source: io::Error::other(error) })?;
        let Ok(path) = entry.path().strip_prefix(context) else { continue };
        let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
        // The engine reads both even where the rules leave them out.
        let is_needed = path == Path::new(dockerfile) || path == Path::new(".dockerignore");
        if path.as_os_str().is_empty() || !is_needed && is_ignored(&rules, path, is_folder) {
            continue;
        }
        files.push(path.to_owned());
    }
    files.sort();
    Ok(files)
}

/// The files of a context that somebody may have written as code, relative to it: no texts to be read, no libraries.
///
/// # Errors
/// When the folder cannot be read.
pub fn code(build: &BuildSettings) -> Result<Vec<PathBuf>, ContextError> {
    const LIBRARIES: [&str; 7] = ["node_modules", "site-packages", "venv", ".venv", "vendor", "target", ".git"];
    const PROSE: [&str; 4] = ["md", "rst", "txt", "lock"];
    let mut code = files(&build.context, &build.dockerfile)?;
    code.retain(|path| {
        let is_library = path.iter().any(|part| LIBRARIES.iter().any(|library| part == *library));
        let is_prose = path.extension().is_some_and(|extension| PROSE.iter().any(|prose| extension == *prose));
        !is_library && !is_prose && build.context.join(path).is_file()
    });
    Ok(code)
}

/// `.dockerignore` in the words of a git ignore file: its patterns start at the context, git's match at any depth.
fn ignore_rules(context: &Path) -> Result<Gitignore, ContextError> {
    let path = context.join(".dockerignore");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(ContextError { path, source }),
    };
    let failed = |error| ContextError { path: path.clone(), source: io::Error::other(error) };
    let mut rules = GitignoreBuilder::new("");
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (sign, pattern) = line.strip_prefix('!').map_or(("", line), |pattern| ("!", pattern));
        let pattern = pattern.trim().trim_start_matches("./").trim_matches('/');
        rules.add_line(None, &format!("{sign}/{pattern}")).map_err(failed)?;
    }
    rules.build().map_err(failed)
}

/// A file in a folder that is left out is left out, unless a rule takes the file itself back.
fn is_ignored(rules: &Gitignore, path: &Path, is_folder: bool) -> bool {
    let mut steps = path.ancestors().filter(|step| !step.as_os_str().is_empty());
    let own = steps.next().map_or(Match::None, |step| rules.matched(step, is_folder));
    let decided =
        std::iter::once(own).chain(steps.map(|step| rules.matched(step, true))).find(|found| !found.is_none());
    decided.is_some_and(|found| found.is_ignore())
}

/// The archive in pieces, made while it is sent.
pub fn stream(build: &BuildSpec) -> impl Stream<Item = Result<Bytes, io::Error>> + Send + use<> {
    let (sender, receiver) = mpsc::channel(PIECES_UNDER_WAY);
    let (context, dockerfile) = (build.context.clone(), build.dockerfile.clone());
    tokio::task::spawn_blocking(move || {
        let errors = sender.clone();
        if let Err(error) = write_archive(&context, &dockerfile, Pieces { sender, piece: Vec::new() }) {
            // Nobody listens any more: the build was given up.
            let _ = errors.blocking_send(Err(error));
        }
    });
    stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) })
}

fn write_archive(context: &Path, dockerfile: &str, pieces: Pieces) -> io::Result<()> {
    let mut archive = tar::Builder::new(pieces);
    archive.follow_symlinks(false);
    for file in files(context, dockerfile).map_err(io::Error::other)? {
        archive.append_path_with_name(context.join(&file), &file)?;
    }
    archive.into_inner()?.flush()
}

struct Pieces {
    sender: mpsc::Sender<Result<Bytes, io::Error>>,
    piece: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.piece));
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// Whether the Dockerfile uses what only BuildKit can do.
pub async fn needs_buildkit(build: &BuildSpec) -> bool {
    let text = tokio::fs::read_to_string(build.context.join(&build.dockerfile)).await.unwrap_or_default();
    text_needs_buildkit(&text)
}

fn text_needs_buildkit(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| {
        let mut words = line.split_whitespace();
        let instruction = words.next().unwrap_or_default().to_ascii_uppercase();
        let mut flags = words.by_ref().take_while(|word| word.starts_with("--"));
        let only_buildkit: &[&str] = match instruction.as_str() {
            "RUN" => &["--mount", "--network", "--security"],
            "COPY" | "ADD" => &["--link", "--chmod", "--parents", "--exclude", "--checksum"],
            _ => return false,
        };
        line.contains("<<") || flags.any(|flag| only_buildkit.iter().any(|own| flag.starts_with(own)))
    })
}

#[cfg(test)]
mod tests;
