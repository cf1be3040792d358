//! Everything a command can end with, and the exit code of each. Plain data.

use crate::{
    check::CheckError,
    config::ConfigError,
    context::ContextError,
    docker::DockerError,
    logs::{filter::BadPattern, select::UnknownName, when::BadTime},
    names::{ImageReference, ShortName},
    plan::{active::BrokerTrouble, desired::DesiredError, diff::PlanError, spec::Role},
    swap::SwapFailure,
};
use std::{path::PathBuf, time::Duration};

/// Why a command failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum Failure {
    /// sandbox.toml.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),
    /// The components folder.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Check(#[from] CheckError),
    /// What the project's YAML and the catalog give together.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Desired(#[from] DesiredError),
    /// A build context.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Context(#[from] ContextError),
    /// What is asked for cannot be brought about.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Plan(#[from] PlanError),
    /// On which broker the project should be.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Broker(#[from] BrokerTrouble),
    /// A swap of the broker.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Swap(#[from] SwapFailure),
    /// The engine.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Docker(#[from] DockerError),
    /// An image that could not be pulled.
    #[error("image `{image}` cannot be pulled: {reason}")]
    #[diagnostic(
        code(sandbox::images::pull),
        help(
            "look at the name and at the network: `docker pull {image}` must work; `sandbox up --offline` starts with what is there"
        )
    )]
    Pull {
        /// The image.
        image: ImageReference,
        /// The engine's words.
        reason: String,
    },
    /// A container that ended while it should have become ready.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Ended(#[from] Box<ContainerEnded>),
    /// A container that is not ready in time.
    #[error("`{short_name}` is not ready after {}: {reason}", humantime::format_duration(*.limit))]
    #[diagnostic(code(sandbox::up::not_ready), help("{help}"))]
    NotReady {
        /// The container.
        short_name: ShortName,
        /// What it is.
        role: Role,
        /// How long was waited.
        limit: Duration,
        /// Why it is not ready.
        reason: String,
        /// The last lines of its log.
        tail: Vec<String>,
        /// What to do.
        help: String,
    },
    /// A file of ours that cannot be written or read.
    #[error("cannot {operation} {}: {source}", path.display())]
    #[diagnostic(code(sandbox::files))]
    File {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An app that the project has not.
    #[error("there is no app `{wanted}` in sandbox.toml{}", nearest(.known, .wanted))]
    #[diagnostic(code(sandbox::usage::app), help("the apps are: {}", .known.join(", ")))]
    UnknownApp {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A name that nothing has.
    #[error(transparent)]
    #[diagnostic(transparent)]
    LogsName(#[from] UnknownName),
    /// A time that is none.
    #[error(transparent)]
    #[diagnostic(transparent)]
    LogsTime(#[from] BadTime),
    /// A pattern that is none.
    #[error(transparent)]
    #[diagnostic(transparent)]
    LogsPattern(#[from] BadPattern),
    /// Files that were refused; what was wrong with them has been said.
    #[error("the change was refused; what runs goes on as it was")]
    #[diagnostic(
        code(sandbox::reload::refused),
        help("mend the file: an attached `sandbox up` takes it at once, else `sandbox reload`")
    )]
    Refused,
    /// Nothing to reload.
    #[error("nothing of `{project}` runs")]
    #[diagnostic(code(sandbox::reload::nothing_runs), help("start it: `sandbox up`"))]
    NothingRuns {
        /// The project.
        project: String,
    },
    /// A container that the project has not.
    #[error("there is no container `{wanted}`{}", nearest(.known, .wanted))]
    #[diagnostic(code(sandbox::usage::container), help("the containers are: {}", .known.join(", ")))]
    UnknownContainer {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: Vec<String>,
    },
    /// Ctrl-C or SIGTERM.
    #[error("interrupted")]
    #[diagnostic(code(sandbox::interrupted))]
    Interrupted(Interruption),
}

/// What ended the command early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// A container that ended while it should have become ready.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("`{short_name}` ended with exit code {exit_code}{}", cause_text(.out_of_memory, .cause.as_deref()))]
#[diagnostic(code(sandbox::up::ended), help("{help}"))]
pub struct ContainerEnded {
    /// The container.
    pub short_name: ShortName,
    /// What it is.
    pub role: Role,
    /// Its exit code.
    pub exit_code: i64,
    /// Whether the kernel killed it for want of memory.
    pub out_of_memory: bool,
    /// The line of its log that is the cause.
    pub cause: Option<String>,
    /// The last lines of its log.
    pub tail: Vec<String>,
    /// What to do.
    pub help: String,
}

fn cause_text(out_of_memory: &bool, cause: Option<&str>) -> String {
    match cause {
        _ if *out_of_memory => ": it ran out of memory".to_owned(),
        Some(cause) => format!(": {cause}"),
        None => " and said nothing of a cause".to_owned(),
    }
}

fn nearest(known: &[String], wanted: &str) -> String {
    let best = known.iter().map(|name| (strsim::jaro_winkler(name, wanted), name));
    let best = best.max_by(|one, other| one.0.total_cmp(&other.0)).filter(|(score, _)| *score > 0.8);
    best.map(|(_, name)| format!("; did you mean `{name}`?")).unwrap_or_default()
}

impl Failure {
    /// Whether the project's own files are at fault, so that mending them is all that is needed.
    pub fn is_about_files(&self) -> bool {
        matches!(self, Self::Config(_) | Self::Check(_) | Self::Desired(_))
    }

    /// The exit code of the process (design.md §3).
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Check(_)
            | Self::Desired(_)
            | Self::UnknownApp { .. }
            | Self::UnknownContainer { .. }
            | Self::LogsName(_)
            | Self::LogsTime(_)
            | Self::LogsPattern(_) => 2,
            Self::Swap(
                SwapFailure::NoBroker { .. } | SwapFailure::UnknownKind { .. } | SwapFailure::NeedsConsent { .. },
            ) => 2,
            Self::Docker(DockerError::Unreachable { .. } | DockerError::Hangs { .. }) => 3,
            Self::NotReady { .. } => 4,
            Self::Interrupted(Interruption::Interrupt) => 130,
            Self::Interrupted(Interruption::Terminate) => 143,
            Self::Docker(DockerError::Call { .. })
            | Self::Context(_)
            | Self::Plan(_)
            | Self::Broker(_)
            | Self::Swap(SwapFailure::Silent { .. } | SwapFailure::Unfinished { .. })
            | Self::Pull { .. }
            | Self::Ended(_)
            | Self::Refused
            | Self::NothingRuns { .. }
            | Self::File { .. } => 1,
        }
    }
}
