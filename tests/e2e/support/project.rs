//! A project on disk and on the engine, with a name of its own.

use super::{
    Context, Result, Value, announce, engine, ensure,
    run::{Run, Running},
    say,
};
use std::{cell::RefCell, fs, path::PathBuf, process::Command};
use tempfile::TempDir;

/// It.
pub struct Project {
    /// Its name.
    pub name: String,
    folder: RefCell<Option<TempDir>>,
    path: PathBuf,
}

impl Project {
    /// An empty one.
    pub(super) fn new(name: String) -> Self {
        let folder = TempDir::with_prefix(format!("{name}-")).expect("a folder can be made");
        // The name under which the engine and sandbox know it, on systems whose temporary folder is a link too.
        let path = folder.path().canonicalize().expect("it was made");
        Self { name, folder: RefCell::new(Some(folder)), path }
    }

    /// A path in its folder.
    pub fn path(&self, relative: &str) -> PathBuf {
        self.path.join(relative)
    }

    /// Writes a file of it, and the folders above.
    ///
    /// # Errors
    /// When it cannot.
    pub fn write(&self, relative: &str, text: &str) -> Result<()> {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().context("a file lies in a folder")?)?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes sandbox.toml: its name, then the text.
    ///
    /// # Errors
    /// When it cannot.
    pub fn describe(&self, text: &str) -> Result<()> {
        self.write("sandbox.toml", &format!("name = \"{}\"\n{text}", self.name))
    }

    /// `sandbox ARGUMENTS` in its folder, to its end.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn sandbox(&self, arguments: &[&str]) -> Result<Run> {
        Run::of(self.command(arguments))
    }

    /// The same with the engine at another address.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn sandbox_at(&self, engine: &str, arguments: &[&str]) -> Result<Run> {
        let mut command = self.command(arguments);
        command.env("DOCKER_HOST", engine);
        Run::of(command)
    }

    /// `sandbox ARGUMENTS` in its folder, going on.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, arguments: &[&str]) -> Result<Running> {
        Running::start(self.command(arguments))
    }

    /// `sandbox up -d`, which must succeed.
    ///
    /// # Errors
    /// When it does not.
    pub fn up(&self) -> Result<Run> {
        self.sandbox(&["up", "-d"])?.succeeded()
    }

    /// `sandbox down -v`, which must succeed and leave nothing.
    ///
    /// # Errors
    /// When it does not.
    pub fn down_leaves_nothing(&self) -> Result<Run> {
        let run = self.sandbox(&["down", "-v"])?.succeeded()?;
        self.has_nothing()?;
        Ok(run)
    }

    /// What `status --json` prints.
    ///
    /// # Errors
    /// When it fails or is no JSON.
    pub fn status(&self) -> Result<Value> {
        let run = self.sandbox(&["status", "--json"])?.succeeded()?;
        serde_json::from_str(&run.stdout).with_context(|| format!("not JSON: {}", run.stdout))
    }

    /// Its containers, by the engine's own account.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub fn containers(&self) -> Result<Vec<engine::Container>> {
        engine::containers(&self.name)
    }

    /// One of them: `reminders`, `reminders-dapr`, `redpanda`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn container(&self, short_name: &str) -> Result<engine::Container> {
        let found = self.containers()?.into_iter().find(|container| container.short_name == short_name);
        found.with_context(|| format!("there is no container `{short_name}`"))
    }

    /// Nothing carries its label: no container, network or volume.
    ///
    /// # Errors
    /// When something does; it is named.
    pub fn has_nothing(&self) -> Result<()> {
        let left = engine::leftovers(&self.name)?;
        ensure!(left.is_empty(), "still there: {}", left.join(", "));
        Ok(())
    }

    /// None of its containers runs.
    ///
    /// # Errors
    /// When one does; it is named.
    pub fn runs_nothing(&self) -> Result<()> {
        let running = self.containers()?.into_iter().filter(|container| container.is_running);
        let running: Vec<_> = running.map(|container| container.name).collect();
        ensure!(running.is_empty(), "still running: {}", running.join(", "));
        Ok(())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
        let ours = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("SANDBOX_"));
        ours.for_each(|name| {
            command.env_remove(name);
        });
        for name in ["CLICOLOR_FORCE", "NO_COLOR", "CI"] {
            command.env_remove(name);
        }
        // Two projects that start at once must not want the same ports: they share the locks, as a user's projects do.
        command.env("XDG_RUNTIME_DIR", env!("CARGO_TARGET_TMPDIR"));
        command.args(arguments).current_dir(&self.path);
        command
    }

    pub(super) fn tell_artifacts(&self) {
        say(format_args!("\n──── project {} ────", self.name));
        if let Ok(text) = fs::read_to_string(self.path("sandbox.toml")) {
            say(format_args!("{text}"));
        }
        if let Ok(run) = self.sandbox(&["status", "--json"]) {
            say(format_args!("{run}"));
        }
        engine::tell(&self.name);
    }

    pub(super) fn keep(&self) {
        if let Some(folder) = self.folder.take() {
            let path = folder.keep();
            announce(format_args!("kept: {}, and what `sandbox -p {} status` shows", path.display(), self.name));
        }
    }

    /// By sandbox itself, then by label whatever that has left.
    pub(super) fn clean_up(&self) {
        let _ = self.sandbox(&["-p", &self.name, "down", "-v"]);
        engine::remove_all(&self.name);
    }
}
