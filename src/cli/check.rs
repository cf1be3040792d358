//! `sandbox check`.

use super::{context::Context, run::Outcome};
use crate::{
    check::{Severity, without_secrets},
    dapr::sidecar::CONFIGURATION_FILE,
    engine::project::{self, Checked},
    error::Failure,
    event::{Event, EventKind, SCHEMA},
    output::Renderer,
};
use jiff::Timestamp;
use std::{collections::BTreeMap, path::PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print the YAML that each sidecar gets, without secrets
    #[arg(long, conflicts_with = "paths")]
    rendered: bool,
    /// Files or folders of Dapr YAML to check instead of the project's; a sandbox.toml need not be there
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Outcome, Failure> {
    let checked = match args.paths.as_slice() {
        [] => project::check(&context.load)?,
        paths => project::check_paths(&context.load, paths)?,
    };
    Ok(Outcome::Checked(Box::new(checked), args.rendered))
}

/// Shows what was found, and what the sidecars get where that is asked for.
pub(super) fn show(checked: &Checked, with_rendered: bool, renderer: &mut Renderer, now: Timestamp) {
    let (notes, problems): (Vec<_>, Vec<_>) =
        checked.problems.iter().partition(|problem| problem.severity == Severity::Note);
    for problem in &problems {
        renderer.problem(*problem, now);
    }
    let mut send = |kind| renderer.event(&Event { schema: SCHEMA, time: now, kind });
    for note in notes {
        send(EventKind::Note { code: note.code, message: note.in_one_line() });
    }
    for (app, rendered) in checked.rendered.sidecars.iter().filter(|_| with_rendered) {
        let configuration = checked.rendered.configuration.iter().map(|text| (CONFIGURATION_FILE.to_owned(), text));
        let files = rendered.files.iter().map(|(name, text)| (name.clone(), text)).chain(configuration);
        let files: BTreeMap<_, _> = files.map(|(name, text)| (name, without_secrets(text))).collect();
        send(EventKind::Rendered { app: app.clone(), differences: rendered.differences.clone(), files });
    }
    let warnings = problems.len();
    let (files, components, dapr) = (checked.files, checked.components, checked.dapr.clone());
    send(EventKind::Checked { files, components, dapr, warnings });
}
