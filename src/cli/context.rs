//! What surrounds the process, read once: nobody else reads the environment.

use super::global::{Color, Global};
use crate::{
    config::LoadRequest,
    docker::{Docker, connect},
    engine::{interrupt::Interrupts, lock, reporter::Reporter, reservations::Reservations, up::Session},
    error::Failure,
    names::ProjectName,
    output::{ColorChoice, OutputSettings, Surroundings, settings},
    watch::Method,
};
use std::{collections::BTreeMap, env, io::IsTerminal, path::PathBuf};

/// It.
#[derive(Clone, Debug)]
pub struct Context {
    /// What is needed to find sandbox.toml.
    pub load: LoadRequest,
    /// What is needed to find the engine.
    pub docker: connect::Surroundings,
    /// Where projects are locked.
    pub lock_folder: PathBuf,
    /// `-p` or its variable, where it is a name.
    pub project_name: Option<ProjectName>,
    /// How changes of files are learnt of: `SANDBOX_WATCH`.
    pub watch: Method,
    /// `--json`.
    pub json: bool,
    /// `--verbose`, or `--json`: nothing is left out that nobody looks for.
    pub wants_all: bool,
}

/// How output looks, from flags, environment and terminals.
pub(super) fn output_settings(global: &Global) -> OutputSettings {
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let is_set = |name: &str| !matches!(variable(name).as_str(), "" | "0" | "false");
    settings(&Surroundings {
        color: match global.color {
            None | Some(Color::Auto) => ColorChoice::Auto,
            Some(Color::Always) => ColorChoice::Always,
            Some(Color::Never) => ColorChoice::Never,
        },
        json: global.json,
        quiet: global.quiet,
        verbose: global.verbose,
        stdout_tty: std::io::stdout().is_terminal(),
        stderr_tty: std::io::stderr().is_terminal(),
        no_color: !variable("NO_COLOR").is_empty(),
        color_force: is_set("CLICOLOR_FORCE"),
        dumb: variable("TERM") == "dumb",
        ci: is_set("CI"),
    })
}

impl Context {
    /// What a command that changes a project works with.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub(super) async fn session(&self, reporter: Reporter) -> Result<Session, Failure> {
        let docker = Docker::connect(&self.docker).await?;
        let lock_folder = self.lock_folder.clone();
        let reservations = Reservations::new(lock_folder.clone());
        Ok(Session { docker, reporter, interrupts: Interrupts::listen(), lock_folder, reservations })
    }

    pub(super) fn new(global: Global) -> Self {
        let environment: BTreeMap<_, _> = env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let here = env::current_dir().unwrap_or_default();
        let directory = global.directory.map_or(here.clone(), |directory| here.join(directory));
        let user = environment.get("USER").or_else(|| environment.get("USERNAME")).map_or("user", String::as_str);
        let runtime = environment.get("XDG_RUNTIME_DIR").map(String::as_str);
        let named = global.project_name.clone().filter(|name| ProjectName::is_valid(name));
        Self {
            json: global.json,
            wants_all: global.verbose || global.json,
            lock_folder: lock::folder(runtime, &env::temp_dir(), user),
            docker: connect::Surroundings { environment: environment.clone(), home: env::home_dir() },
            project_name: named.map(ProjectName::new),
            watch: Method::parse(environment.get("SANDBOX_WATCH").map(String::as_str)),
            load: LoadRequest {
                // As if started there, so a relative `--file` is meant from there too.
                file: global.file.map(|file| directory.join(file)),
                directory,
                project_name: global.project_name,
                environment,
            },
        }
    }
}
