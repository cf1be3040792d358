//! `sandbox down`.

use super::{context::Context, run::Outcome};
use crate::{
    docker::Docker,
    engine::{
        down::{DownRequest, down},
        interrupt::Interrupts,
        project::project_name,
        reporter::Reporter,
        up::Session,
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
    let session = Session {
        docker: Docker::connect(&context.docker).await?,
        reporter,
        interrupts: Interrupts::listen(),
        lock_folder: context.lock_folder.clone(),
    };
    let request = DownRequest { project: named.project, volumes: args.volumes, state_directory: named.state_directory };
    down(&session, &request).await.map(|()| Outcome::Done)
}
