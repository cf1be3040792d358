//! A project in a folder of its own, an engine of its own, and the binary run on them.

use crate::daemon::{FakeDaemon, world::World};
use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
};

/// The binary.
pub const BINARY: &str = env!("CARGO_BIN_EXE_sandbox");
/// Longer than any command takes here.
const DEADLINE: Duration = Duration::from_secs(20);

/// Two stores and one app: what most tests run.
pub const SHOP: &str = r#"name = "shop"

[broker]
kind = "redis"
component = "pubsub"

[state]
kind = "postgres"
component = "statestore"

[apps.web]
image = "acme/web:1"
port = 8000
host_port = 0
"#;

/// One app with its sidecar, and nothing they hang on.
pub const SMALL: &str = r#"name = "shop"

[dapr]
scheduler = false

[apps.web]
image = "acme/web:1"
port = 8000
host_port = 0
"#;

/// It.
pub struct Project {
    /// The engine.
    pub daemon: FakeDaemon,
    folder: tempfile::TempDir,
}

/// A command that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; `None`: a signal ended it.
    pub code: Option<i32>,
    /// What it wrote.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
}

/// A command that runs. It is killed when this is dropped.
pub struct Running {
    child: Child,
    stdout: Written,
    stderr: Written,
}

/// What was written so far.
struct Written {
    text: Arc<Mutex<String>>,
    changed: watch::Receiver<()>,
    reading: JoinHandle<()>,
}

impl Project {
    /// A project with this sandbox.toml, and an engine that has every image.
    pub fn new(toml: &str) -> Result<Self> {
        Self::on(toml, World::with_images())
    }

    /// A project with this sandbox.toml, on an engine with this world.
    pub fn on(toml: &str, world: World) -> Result<Self> {
        let project = Self { daemon: FakeDaemon::serve(world)?, folder: tempfile::tempdir()? };
        fs::create_dir(project.folder.path().join("runtime"))?;
        fs::create_dir(project.directory())?;
        project.write("sandbox.toml", toml)?;
        Ok(project)
    }

    /// The folder of sandbox.toml.
    pub fn directory(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// Writes a file of the project.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.directory().join(name);
        fs::create_dir_all(path.parent().context("it has a folder")?)?;
        Ok(fs::write(path, text)?)
    }

    /// The binary with nothing of this machine's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command
            .args(arguments)
            .current_dir(self.directory())
            .env_clear()
            .env("DOCKER_HOST", self.daemon.host())
            .env("HOME", self.folder.path())
            .env("XDG_RUNTIME_DIR", self.folder.path().join("runtime"))
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub async fn run(&self, arguments: &[&str]) -> Result<Ended> {
        self.spawn(arguments)?.end().await
    }

    /// Runs a command that has to end well.
    pub async fn succeed(&self, arguments: &[&str]) -> Result<Ended> {
        let ended = self.run(arguments).await?;
        ensure!(ended.code == Some(0), "{arguments:?}: {ended:?}");
        Ok(ended)
    }

    /// Begins a command.
    pub fn spawn(&self, arguments: &[&str]) -> Result<Running> {
        Running::begin(self.command(arguments))
    }

    /// Filters that make what is shown the same every time.
    pub fn settings(&self) -> insta::Settings {
        let mut settings = stable();
        settings.add_filter(&regex_of(self.folder.path()), "[FOLDER]");
        settings.add_filter(&regex_of(Path::new(&self.daemon.host())), "[DOCKER_HOST]");
        settings
    }
}

/// Filters for durations, ports, hashes and process ids.
pub fn stable() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"\b\d+(\.\d+)? (ms|s|min)\b", "[TIME]");
    settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:[PORT]");
    settings.add_filter(r"\b[0-9a-f]{16}\b", "[HASH]");
    settings.add_filter(r"\bshop-web:[0-9a-f]+", "shop-web:[HASH]");
    settings.add_filter(r"\b\d{5}→", "[PORT]→");
    settings.add_filter(r"\b\ds\b  ", "[AGE]");
    settings.add_filter(r"\(pid \d+\)", "(pid [PID])");
    settings
}

fn regex_of(path: &Path) -> String {
    let escaped = |character: char| (!character.is_alphanumeric()).then_some('\\').into_iter().chain([character]);
    path.display().to_string().chars().flat_map(escaped).collect()
}

impl Running {
    /// Begins any command, with both outputs read as they come.
    pub fn begin(command: Command) -> Result<Self> {
        let (reads, may_read) = watch::channel(true);
        drop(reads);
        Self::begin_read_when(command, may_read)
    }

    /// Begins any command; its stdout is not read before `may_read` holds.
    pub fn begin_read_when(mut command: Command, may_read: watch::Receiver<bool>) -> Result<Self> {
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let stdout = Written::read(child.stdout.take().context("it is piped")?, may_read);
        let stderr = Written::read(child.stderr.take().context("it is piped")?, watch::channel(true).1);
        Ok(Self { child, stdout, stderr })
    }

    /// How much memory it has, in bytes.
    pub fn memory(&self) -> Result<usize> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id().context("it runs")?))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("it has memory")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<usize>()? * 1024)
    }

    /// Waits for its end.
    pub async fn end(mut self) -> Result<Ended> {
        let Ok(status) = tokio::time::timeout(DEADLINE, self.child.wait()).await else {
            bail!("it does not end: {}{}", self.stdout.so_far(), self.stderr.so_far())
        };
        let status: ExitStatus = status?;
        let (stdout, stderr) = (self.stdout.all().await?, self.stderr.all().await?);
        Ok(Ended { code: status.code(), stdout, stderr })
    }

    /// Waits for its end, whether or not its output was read.
    pub async fn gone(mut self, code: i32) -> Result<()> {
        let status = tokio::time::timeout(DEADLINE, self.child.wait()).await.context("it does not end")??;
        ensure!(status.code() == Some(code), "{status}");
        Ok(())
    }

    /// Waits until it has said something on stderr.
    pub async fn until_said(&mut self, text: &str) -> Result<()> {
        let seen = self.stderr.until(text).await;
        seen.with_context(|| format!("`{text}` was not said:\n{}", self.stderr.so_far()))
    }

    /// Waits until it has written something on stdout.
    pub async fn until_written(&mut self, text: &str) -> Result<()> {
        let seen = self.stdout.until(text).await;
        seen.with_context(|| format!("`{text}` was not written:\n{}{}", self.stdout.so_far(), self.stderr.so_far()))
    }

    /// Sends it a signal, by its name.
    pub async fn signal(&self, name: &str) -> Result<()> {
        let id = self.child.id().context("it runs")?;
        let sent = Command::new("kill").args([format!("-{name}"), id.to_string()]).status().await?;
        ensure!(sent.success(), "kill -{name} {id}: {sent}");
        Ok(())
    }
}

impl Written {
    fn read(mut from: impl AsyncRead + Send + Unpin + 'static, mut may_read: watch::Receiver<bool>) -> Self {
        let text = Arc::new(Mutex::new(String::new()));
        let (tell, changed) = watch::channel(());
        let shared = Arc::clone(&text);
        let reading = tokio::spawn(async move {
            // Whoever has let go of the other side has said its last word.
            let _ = may_read.wait_for(|may| *may).await;
            let mut chunk = vec![0; 1 << 16];
            while let Ok(count @ 1..) = from.read(&mut chunk).await {
                let piece = String::from_utf8_lossy(&chunk[..count]).into_owned();
                shared.lock().expect("nothing panics while it is held").push_str(&piece);
                tell.send_replace(());
            }
        });
        Self { text, changed, reading }
    }

    fn so_far(&self) -> String {
        self.text.lock().expect("nothing panics while it is held").clone()
    }

    async fn all(self) -> Result<String> {
        tokio::time::timeout(DEADLINE, self.reading).await.context("somebody still has its output")??;
        let text = self.text.lock().expect("nothing panics while it is held").clone();
        Ok(text)
    }

    async fn until(&mut self, wanted: &str) -> Result<()> {
        let text = Arc::clone(&self.text);
        let waiting =
            self.changed.wait_for(|()| text.lock().expect("nothing panics while it is held").contains(wanted));
        tokio::time::timeout(DEADLINE / 2, waiting).await??;
        Ok(())
    }
}

impl Ended {
    /// What was written with `--json`: every line is an object with schema 1.
    pub fn events(&self) -> Result<Vec<Value>> {
        let parse = |line: &str| -> Result<Value> {
            let event: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
            ensure!(event["schema"] == 1, "no schema: {line}");
            Ok(event)
        };
        self.stdout.lines().map(parse).collect()
    }

    /// The last line of a failure with `--json`.
    pub fn failure(&self) -> Result<Value> {
        let last = self.events()?.pop().with_context(|| format!("nothing was written: {self:?}"))?;
        ensure!(last["event"] == "failed", "the last line is not `failed`: {last}");
        Ok(last)
    }

    /// Its talk without the lines about the sidecar, which goes its own way meanwhile.
    pub fn talk_of_others(&self) -> String {
        self.stderr.lines().filter(|line| !line.contains("web-dapr")).collect::<Vec<_>>().join("\n")
    }

    /// Its talk, the lines sorted: what is done at once is told in any order.
    pub fn sorted_talk(&self) -> String {
        let mut lines: Vec<_> = self.stderr.lines().collect();
        lines.sort_unstable();
        lines.join("\n")
    }
}
