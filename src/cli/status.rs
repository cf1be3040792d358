//! `sandbox status`.

use super::{context::Context, run::Outcome};
use crate::{
    docker::Docker,
    engine::{
        active,
        project::{Project, project_name},
        refused,
        reporter::Reporter,
        status::status,
    },
    error::Failure,
    event::EventKind,
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Show also what each container uses (CPU, memory) and what each sidecar has counted since it started: publishes,
    /// deliveries, jobs, and state calls with how long they took
    #[arg(long)]
    metrics: bool,
}

pub(super) async fn run(Args { metrics }: Args, context: &Context, reporter: Reporter) -> Result<Outcome, Failure> {
    let (project, files) = match Project::load(&context.load) {
        Ok(files) => (files.origin.project.clone(), Some(files)),
        // What runs can be shown although the files are in the middle of an edit.
        Err(failure) => {
            let Ok(named) = project_name(&context.load, context.project_name.as_ref()) else { return Err(failure) };
            // A program reads one object and nothing beside it.
            if context.project_name.is_none() && !context.json {
                reporter.send(unusable(&failure)).await;
            }
            (named.project, None)
        }
    };
    let docker = Docker::connect(&context.docker).await?;
    let files = match files {
        Some(files) => Some(active::as_it_runs(&docker, files, &context.load).await?),
        None => None,
    };
    let status = status(&docker, &project, files.as_ref(), metrics).await?;
    Ok(Outcome::Status(Box::new(status)))
}

/// What is wrong with the files; what runs is shown all the same.
fn unusable(failure: &Failure) -> EventKind {
    let problems: Vec<_> = refused::of_files(failure).iter().map(ToString::to_string).collect();
    let problems = problems.join("; ");
    let message = format!("the files cannot be used as they are, and what runs goes on: {problems}");
    EventKind::Notice { code: "sandbox::status::files", message, help: None }
}
