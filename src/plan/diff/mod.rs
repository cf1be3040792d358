//! Desired × Observed → the steps between them. Pure.

mod alone;
mod down;
mod hand_over;
mod images;
mod in_place;
mod restart;
mod swap;
mod up;
mod verdict;

pub use alone::{UpPlan, shown, up_gently};
pub use down::{down, stop};
pub use hand_over::{HandOver, Manner, hand_over, hand_over_in, is_temporary};
pub use images::pull_all;
pub use in_place::{Mounted, Trials, is_throw_away, is_trial, obstacle, trials};
pub use restart::{left_behind, restart};
pub use swap::{DrainSidecar, Drains, Target as SwapTarget, drains, is_drain, pending, removal, target};
pub use up::{old_brokers, up};
pub use verdict::reads_from_redis;

use crate::{
    names::{ImageReference, ShortName},
    plan::{observed::PortHolder, ports::PortClash},
};
use std::path::PathBuf;

/// What a command says about how to go about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpOptions {
    /// When images are pulled.
    pub pull: PullPolicy,
    /// Build images even where nothing changed.
    pub build: bool,
    /// Whether containers that sandbox.toml has no more stay: an `up` of some apps only.
    pub keep_others: bool,
}

/// `--pull`; `--offline` is `Never`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullPolicy {
    /// What is not there.
    #[default]
    Missing,
    /// Everything, each time.
    Always,
    /// Nothing.
    Never,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum PlanError {
    /// Host ports that others hold.
    #[error("{}", describe_clashes(.0))]
    #[diagnostic(code(sandbox::ports::taken), help("{}", clash_help(.0)))]
    PortsTaken(Vec<PortClash>),
    /// Images that are not there and may not be pulled.
    #[error("{} not on this machine and may not be pulled", list_images(.0))]
    #[diagnostic(
        code(sandbox::images::missing),
        help("run `docker pull {}` while there is a network, or `sandbox up` without --offline and --pull never", .0[0].1)
    )]
    ImagesMissing(Vec<(ShortName, ImageReference)>),
    /// A project of the same name lives elsewhere.
    #[error("a project named `{project}` is running from {}", directory.display())]
    #[diagnostic(
        code(sandbox::project::other_folder),
        help(
            "stop that one with `sandbox -p {project} down`, or give this one another name: `sandbox -p NAME up`, or `name = \"NAME\"` in sandbox.toml"
        )
    )]
    OtherFolder {
        /// The name.
        project: String,
        /// Where the other one is.
        directory: PathBuf,
    },
}

fn describe_clashes(clashes: &[PortClash]) -> String {
    let line =
        |clash: &PortClash| format!("port {} for `{}` is taken by {}", clash.port, clash.short_name, clash.holder);
    clashes.iter().map(line).collect::<Vec<_>>().join("; ")
}

fn clash_help(clashes: &[PortClash]) -> String {
    match &clashes[0].holder {
        PortHolder::Container { project: Some(project), .. } => {
            format!(
                "stop that project: `sandbox -p {project} down`; or give another `host_port` or `port` in sandbox.toml, 0 for any"
            )
        }
        PortHolder::Container { name, project: None } => {
            format!("stop it: `docker stop {name}`; or give another `host_port` or `port` in sandbox.toml, 0 for any")
        }
        PortHolder::Own(_) | PortHolder::Process(_) | PortHolder::Starting => {
            "end it, or give another `host_port` or `port` in sandbox.toml, 0 for any".to_owned()
        }
    }
}

fn list_images(images: &[(ShortName, ImageReference)]) -> String {
    let names: Vec<_> = images.iter().map(|(name, image)| format!("`{image}` (for `{name}`)")).collect();
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb}", names.join(", "))
}

impl std::fmt::Display for PortHolder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own(name) => write!(formatter, "`{name}` of this project"),
            Self::Container { name, project: Some(project) } => {
                write!(formatter, "container `{name}` of project `{project}`")
            }
            Self::Container { name, project: None } => write!(formatter, "container `{name}`"),
            Self::Process(Some(process)) => write!(formatter, "process `{process}`"),
            Self::Process(None) => formatter.write_str("another process"),
            Self::Starting => formatter.write_str("a project that is just being started"),
        }
    }
}

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
