//! `sandbox swap-broker`.

use super::{context::Context, run::Outcome};
use crate::{
    engine::{
        reporter::Reporter,
        swap::{Consent, SwapRequest, swap_broker},
    },
    error::Failure,
};
use std::{
    io::{IsTerminal, stderr, stdin},
    time::Duration,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The broker to swap to: redpanda, kafka, redis, rabbitmq or in-memory
    #[arg(value_name = "KIND")]
    kind: String,
    /// Write the kind into sandbox.toml too; without it the swap lasts until `down`
    #[arg(long)]
    save: bool,
    /// Leave the old broker running
    #[arg(long)]
    keep_old: bool,
    /// Deliver nothing of what is left in the old broker; its volume keeps it
    #[arg(long)]
    no_drain: bool,
    /// How long the drain may make no progress before it is given up, for example 60s or 5m
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    drain_timeout: Duration,
    /// How long a broker or a sidecar may take to be ready
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = humantime::parse_duration)]
    wait_timeout: Duration,
    /// Swap although the in-memory broker cannot keep what it holds
    #[arg(short, long)]
    yes: bool,
}

pub(super) async fn run(args: Args, context: &Context, reporter: Reporter) -> Result<Outcome, Failure> {
    let session = context.session(reporter).await?;
    swap_broker(&session, &args.request(context)).await.map(|()| Outcome::Done)
}

impl Args {
    fn request(self, context: &Context) -> SwapRequest {
        SwapRequest {
            load: context.load.clone(),
            kind: self.kind,
            save: self.save,
            keep_old: self.keep_old,
            no_drain: self.no_drain,
            drain_timeout: self.drain_timeout,
            wait_timeout: self.wait_timeout,
            consent: match self.yes {
                true => Consent::Given,
                false if stdin().is_terminal() && stderr().is_terminal() => Consent::Ask(says_yes),
                false => Consent::Missing,
            },
        }
    }
}

fn says_yes() -> bool {
    let mut answer = String::new();
    stdin().read_line(&mut answer).is_ok() && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}
