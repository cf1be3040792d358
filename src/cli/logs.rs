//! `sandbox logs`.

use super::{context::Context, run::Outcome};
use crate::{
    docker::Docker,
    engine::{
        interrupt::Interrupts,
        logs::{LogsRequest, logs},
        project::{NamedProject, project_name},
        reporter::Reporter,
    },
    error::Failure,
    logs::{
        filter::{Wanted, pattern},
        level::Level,
        when,
    },
    output::LogSettings,
};
use jiff::{Timestamp, Zoned};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Whose lines: an app (with its sidecars), APP-dapr, a container, or a role such as broker [default: all]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Go on until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Only the last lines of each container
    #[arg(short = 'n', long, value_name = "N")]
    tail: Option<usize>,
    /// Nothing older: 10m, 12:30, 2026-11-24T10:00
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Nothing newer
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// This level and worse, and lines of no known level
    #[arg(long, value_name = "LEVEL")]
    level: Option<Level>,
    /// Only what matches this regular expression; a traceback counts as one
    #[arg(long, value_name = "RE")]
    grep: Option<String>,
    /// Show the time of each line
    #[arg(short, long)]
    timestamps: bool,
    /// Show no names
    #[arg(long)]
    no_prefix: bool,
    /// Show lines as they were written
    #[arg(long)]
    raw: bool,
}

pub(super) async fn run(args: Args, context: &Context, reporter: Reporter) -> Result<Outcome, Failure> {
    let named = project_name(&context.load, context.project_name.as_ref())?;
    let wanted = args.wanted()?;
    let docker = Docker::connect(&context.docker).await?;
    let Args { names, follow, tail, .. } = args;
    let NamedProject { project, state_directory } = named;
    let request = LogsRequest { project, state_directory, names, follow, tail, wanted };
    logs(&docker, &reporter, &Interrupts::listen(), &request).await.map(|()| Outcome::Done)
}

impl Args {
    /// How lines look.
    pub(super) fn settings(&self) -> LogSettings {
        let timestamps = self.timestamps.then(jiff::tz::TimeZone::system);
        LogSettings { timestamps, no_prefix: self.no_prefix, raw: self.raw, events: false }
    }

    fn wanted(&self) -> Result<Wanted, Failure> {
        let now = Zoned::now();
        let time = |text: &Option<String>| -> Result<Option<Timestamp>, Failure> {
            Ok(text.as_deref().map(|text| when::parse(text, &now)).transpose()?)
        };
        Ok(Wanted {
            level: self.level,
            grep: self.grep.as_deref().map(pattern).transpose()?,
            since: time(&self.since)?,
            until: time(&self.until)?,
        })
    }
}
