//! `sandbox down`.

use super::{context::Context, run::Outcome};
use crate::{
    engine::{
        down::{DownRequest, down},
        project::project_name,
        reporter::Reporter,
    },
    error::Failure,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Remove the project's volumes too, with everything in them
    #[arg(short, long)]
    volumes: bool,
}

pub(super) async fn run(args: Args, context: &Context, reporter: Reporter) -> Result<Outcome, Failure> {
    let named = project_name(&context.load, context.project_name.as_ref())?;
    let session = context.session(reporter).await?;
    let request = DownRequest { project: named.project, volumes: args.volumes, state_directory: named.state_directory };
    down(&session, &request).await.map(|()| Outcome::Done)
}
