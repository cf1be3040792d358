//! `sandbox reload` and `sandbox restart`.

use super::{context::Context, run::Outcome};
use crate::{
    engine::{
        reload::{ReloadRequest, reload},
        reporter::Reporter,
        restart,
    },
    error::Failure,
};
use std::{collections::BTreeSet, time::Duration};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How long a new sidecar may take to be ready, for example 90s or 5m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    wait_timeout: Duration,
}

#[derive(Debug, clap::Args)]
pub(super) struct RestartArgs {
    /// Apps, sidecars or other containers, for example orders or orders-dapr
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    #[command(flatten)]
    reload: Args,
}

pub(super) async fn run(args: Args, context: &Context, reporter: Reporter) -> Result<Outcome, Failure> {
    let session = context.session(reporter).await?;
    reload(&session, &args.request(context)).await.map(|()| Outcome::Done)
}

pub(super) async fn restart(args: RestartArgs, context: &Context, reporter: Reporter) -> Result<Outcome, Failure> {
    let session = context.session(reporter).await?;
    let request = args.reload.request(context);
    restart::restart(&session, &request, &args.names).await.map(|()| Outcome::Done)
}

impl Args {
    fn request(&self, context: &Context) -> ReloadRequest {
        ReloadRequest { load: context.load.clone(), wait_timeout: self.wait_timeout, restart: BTreeSet::new() }
    }
}
