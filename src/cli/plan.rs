//! `sandbox plan`: `up --dry-run` under a name of its own.

use super::{context::Context, run::Outcome, up};
use crate::{engine::reporter::Reporter, error::Failure};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Plan only these apps and what they need [default: all]
    #[arg(value_name = "APP")]
    apps: Vec<String>,
}

pub(super) async fn run(args: Args, context: &Context, reporter: Reporter) -> Result<Outcome, Failure> {
    up::run(up::Args::dry_run(args.apps), context, reporter).await
}
