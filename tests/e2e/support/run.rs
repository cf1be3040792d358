//! A run of the program: finished with what it said, or still going on.

use super::{Result, bail, ensure, eventually};
use std::{
    fmt,
    io::{BufRead, BufReader, Read},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// Nothing takes so long, the builds of images included: what does hangs, as an engine can (Docker 20.10 locks itself up now and then
/// when several containers of a network end at once).
const LIMIT: Duration = Duration::from_secs(300);

/// A finished run.
#[derive(Clone, Debug)]
pub struct Run {
    command: String,
    status: ExitStatus,
    /// Data.
    pub stdout: String,
    /// Talk.
    pub stderr: String,
    /// How long it took.
    pub took: Duration,
}

impl Run {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be run, or does not end.
    pub fn of(mut command: Command) -> Result<Self> {
        let began = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (id, (sender, ended)) = (child.id().to_string(), mpsc::channel());
        // Nobody receives it any more when it hangs.
        thread::spawn(move || drop(sender.send(child.wait_with_output())));
        let Ok(output) = ended.recv_timeout(LIMIT) else {
            Command::new("kill").args(["-9", &id]).status()?;
            bail!("`{}` has not ended within {LIMIT:?}", words(&command));
        };
        let output = output?;
        Ok(Self {
            command: words(&command),
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            took: began.elapsed(),
        })
    }

    /// The run, if it exited with 0.
    ///
    /// # Errors
    /// With all it said otherwise.
    pub fn succeeded(self) -> Result<Self> {
        self.exited_with(0)
    }

    /// The run, if it exited with this code.
    ///
    /// # Errors
    /// With all it said otherwise.
    pub fn exited_with(self, code: i32) -> Result<Self> {
        ensure!(self.status.code() == Some(code), "exit code {code} was expected of {self}");
        Ok(self)
    }

    /// The run, if its talk has all of the texts.
    ///
    /// # Errors
    /// With the first that is missing.
    pub fn says(&self, texts: &[&str]) -> Result<&Self> {
        for text in texts {
            ensure!(self.stderr.contains(text), "`{text}` should be said by {self}");
        }
        Ok(self)
    }

    /// The run, if it took no longer.
    ///
    /// # Errors
    /// When it did.
    pub fn within(&self, limit: Duration) -> Result<&Self> {
        ensure!(self.took <= limit, "it should take {limit:?} at most: {self}");
        Ok(self)
    }
}

impl fmt::Display for Run {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, status, stdout, stderr, took } = self;
        write!(formatter, "`{command}` ({status} after {took:.1?})\n--- stdout\n{stdout}--- stderr\n{stderr}---")
    }
}

fn words(command: &Command) -> String {
    let words = command.get_args().map(|word| word.to_string_lossy());
    let program = command.get_program().to_string_lossy();
    let program = program.rsplit('/').next().unwrap_or_default();
    std::iter::once(program.into()).chain(words).collect::<Vec<_>>().join(" ")
}

/// A run that goes on. Killed when it is dropped.
pub struct Running {
    child: Child,
    command: String,
    stdout: Listener,
    stderr: Listener,
}

impl Running {
    /// Starts a command.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        let words = words(&command);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let stdout = Listener::begin(child.stdout.take().expect("it is piped"));
        let stderr = Listener::begin(child.stderr.take().expect("it is piped"));
        Ok(Self { child, command: words, stdout, stderr })
    }

    /// Waits until its talk has the text.
    ///
    /// # Errors
    /// When it has not within the limit, or when the run ends first.
    pub fn says(&mut self, text: &str, limit: Duration) -> Result<()> {
        self.has(text, limit, |running| running.stderr.text())
    }

    /// Waits until its data has the text.
    ///
    /// # Errors
    /// When it has not within the limit, or when the run ends first.
    pub fn prints(&mut self, text: &str, limit: Duration) -> Result<()> {
        self.has(text, limit, |running| running.stdout.text())
    }

    /// The data so far.
    pub fn printed(&self) -> String {
        self.stdout.text()
    }

    /// The talk so far.
    pub fn said(&self) -> String {
        self.stderr.text()
    }

    fn has(&mut self, text: &str, limit: Duration, heard: impl Fn(&Self) -> String) -> Result<()> {
        let began = Instant::now();
        let found = eventually(limit, || {
            let has_ended = self.child.try_wait()?.is_some();
            let heard = heard(self);
            if heard.contains(text) {
                return Ok(Ok(()));
            }
            if has_ended {
                return Ok(Err(heard));
            }
            bail!("`{text}` was not said by `{}`, but:\n{heard}", self.command)
        })?;
        let Err(heard) = found else { return Ok(()) };
        bail!("`{}` ended after {:.1?} without `{text}`:\n{heard}", self.command, began.elapsed())
    }

    /// Sends it a signal: `INT` is what Ctrl-C sends.
    ///
    /// # Errors
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) -> Result<()> {
        let mut kill = Command::new("kill");
        kill.args(["-s", name, &self.child.id().to_string()]);
        Run::of(kill)?.succeeded()?;
        Ok(())
    }

    /// The run when it has ended; its time counts from now.
    ///
    /// # Errors
    /// When it does not end within the limit.
    pub fn ends(mut self, limit: Duration) -> Result<Run> {
        let began = Instant::now();
        let status = eventually(limit, || match self.child.try_wait()? {
            Some(status) => Ok(status),
            None => bail!("`{}` still goes on, having said:\n{}", self.command, self.stderr.text()),
        })?;
        let (stdout, stderr) = (self.stdout.finish(), self.stderr.finish());
        Ok(Run { command: self.command.clone(), status, stdout, stderr, took: began.elapsed() })
    }

    /// `kill -9`, the whole of it.
    ///
    /// # Errors
    /// When it had ended already.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        let status = self.child.wait()?;
        ensure!(status.signal() == Some(9), "it had ended before ({status}): {}", self.stderr.text());
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already, or nobody needs it any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Hears one of a run's streams.
struct Listener {
    heard: Arc<Mutex<String>>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    fn begin(stream: impl Read + Send + 'static) -> Self {
        let heard = Arc::<Mutex<String>>::default();
        let into = Arc::clone(&heard);
        let thread = thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                into.lock().expect("nothing panics while it is held").push_str(&String::from_utf8_lossy(&line));
                line.clear();
            }
        });
        Self { heard, thread: Some(thread) }
    }

    fn text(&self) -> String {
        self.heard.lock().expect("nothing panics while it is held").clone()
    }

    fn finish(&mut self) -> String {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("listening does not panic");
        }
        self.text()
    }
}
