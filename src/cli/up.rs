//! `sandbox up`.

use super::{context::Context, run::Outcome};
use crate::{
    engine::{
        reporter::Reporter,
        up::{self, UpRequest},
    },
    error::Failure,
    plan::diff::PullPolicy,
};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Start only these apps and what they need [default: all]
    #[arg(value_name = "APP")]
    apps: Vec<String>,
    /// Return when everything is ready
    #[arg(short, long)]
    detach: bool,
    /// How long one container may take to be ready, for example 90s or 5m
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = humantime::parse_duration)]
    wait_timeout: Duration,
    /// When to pull images
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Pull::Missing)]
    pull: Pull,
    /// Never use the network: the same as --pull never
    #[arg(long, conflicts_with = "pull")]
    offline: bool,
    /// Build images even where nothing changed
    #[arg(long)]
    build: bool,
    /// Show what would be done and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Stay attached without showing logs
    #[arg(long)]
    no_logs: bool,
    /// Show every line of brokers and stores too, and every step: the same as --verbose
    #[arg(short = 'v', id = "v")]
    all: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Pull {
    /// What is not there
    Missing,
    /// Everything, each time
    Always,
    /// Nothing
    Never,
}

pub(super) async fn run(args: Args, context: &Context, reporter: Reporter) -> Result<Outcome, Failure> {
    let request = args.request(context);
    // What is wrong in a file is said whether or not Docker answers.
    let project = up::read(&request)?;
    let session = context.session(reporter).await?;
    up::up(&session, &project, &request).await.map(|()| Outcome::Done)
}

impl Args {
    /// `-v`.
    pub(super) fn is_verbose(&self) -> bool {
        self.all
    }

    /// What `plan` asks for.
    pub(super) fn dry_run(apps: Vec<String>) -> Self {
        Self {
            apps,
            detach: true,
            wait_timeout: Duration::ZERO,
            pull: Pull::Missing,
            offline: false,
            build: false,
            dry_run: true,
            no_logs: true,
            all: false,
        }
    }

    fn request(self, context: &Context) -> UpRequest {
        UpRequest {
            load: context.load.clone(),
            apps: self.apps,
            detach: self.detach,
            no_logs: self.no_logs,
            folds: !context.wants_all,
            watch: context.watch,
            wait_timeout: self.wait_timeout,
            pull: match self.pull {
                _ if self.offline => PullPolicy::Never,
                Pull::Missing => PullPolicy::Missing,
                Pull::Always => PullPolicy::Always,
                Pull::Never => PullPolicy::Never,
            },
            build: self.build,
            dry_run: self.dry_run,
        }
    }
}
