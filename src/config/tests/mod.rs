//! The parser without a disk.

mod good;
mod properties;
mod wrong;

use super::{
    ConfigError, KnownKinds,
    model::Config,
    parse::parse,
    surroundings::{Disk, DiskEntry, Surroundings},
};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// The sample of the design without what comes later, every comment made real.
const SAMPLE: &str = include_str!("sample.toml");

fn kinds() -> KnownKinds {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    KnownKinds {
        brokers: words(&["redpanda", "kafka", "redis", "rabbitmq", "in-memory"]),
        stores: words(&["postgres", "redis", "in-memory"]),
    }
}

fn environment() -> BTreeMap<String, String> {
    [("HOME", "/home/ada"), ("PORT", "8123"), ("ON", "true"), ("TAG", "v7"), ("SECRET", "hunter2")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// A disk on which folders have no point in their last name, files have one, and nothing is called `missing`.
fn look(path: &Path) -> Option<DiskEntry> {
    let name = path.file_name()?.to_str()?;
    let file = name.contains('.') || name == "Dockerfile";
    (!name.contains("missing")).then_some(if file { DiskEntry::File } else { DiskEntry::Folder })
}

fn read(path: &Path) -> io::Result<String> {
    match look(path) {
        Some(DiskEntry::File) => Ok("A=file\nB=file\n".to_owned()),
        Some(DiskEntry::Folder) => Err(io::ErrorKind::IsADirectory.into()),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

fn parsed(text: &str) -> Result<Config, ConfigError> {
    parsed_as(text, None)
}

fn parsed_as(text: &str, project_name: Option<&str>) -> Result<Config, ConfigError> {
    let surroundings = Surroundings {
        file: Path::new("/work/My Shop/sandbox.toml"),
        shown: "sandbox.toml",
        project_name,
        environment: &environment(),
        kinds: &kinds(),
        disk: Disk { look: &look, read: &read },
    };
    parse(text, &surroundings)
}

/// Each problem as `LINE:COLUMN WORD message`.
fn problems(text: &str) -> Vec<String> {
    let Err(error) = parsed(text) else {
        return Vec::new();
    };
    let line = |problem: super::ProblemView| {
        let (line, column) = (problem.line.unwrap_or_default(), problem.column.unwrap_or_default());
        format!("{line}:{column} {} {}", problem.code.trim_start_matches("sandbox::config::"), problem.message)
    };
    error.problems().map(line).collect()
}

fn in_project(path: &str) -> PathBuf {
    Path::new("/work/My Shop").join(path)
}
