//! `sandbox status`.

use super::{context::Context, run::Outcome};
use crate::{
    docker::Docker,
    engine::{
        project::{Project, project_name},
        status::status,
    },
    error::Failure,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_: Args, context: &Context) -> Result<Outcome, Failure> {
    let (project, files) = match Project::load(&context.load) {
        Ok(files) => (files.origin.project.clone(), Some(files)),
        // What runs can be shown although the files are in the middle of an edit.
        Err(failure) if context.project_name.is_none() => return Err(failure),
        Err(_) => (project_name(&context.load, context.project_name.as_ref())?.project, None),
    };
    let docker = Docker::connect(&context.docker).await?;
    let status = status(&docker, &project, files.as_ref()).await?;
    Ok(Outcome::Status(Box::new(status)))
}
