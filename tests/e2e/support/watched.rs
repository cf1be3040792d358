//! An attached `up --json` that makes edits live, and what its events say of each.

use super::{
    Context, Duration, Project, Result, Value, bail, engine, engine::Container, ensure, eventually, run::Running,
    seconds,
};

/// It.
pub struct Watched {
    running: Running,
    told: usize,
}

/// What became of an edit.
#[derive(Clone, Debug)]
pub struct Told {
    /// The event.
    pub event: Value,
    /// From the edit to the event, in milliseconds.
    pub after_ms: i64,
}

impl Told {
    /// What the event says, in one line.
    pub fn text(&self) -> String {
        self.event.to_string()
    }

    /// The sidecars it is about.
    pub fn sidecars(&self) -> Vec<&str> {
        self.event["sidecars"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

impl Watched {
    /// `up --json`, once it is ready.
    ///
    /// # Errors
    /// When it does not become so.
    pub fn start(project: &Project, arguments: &[&str]) -> Result<Self> {
        let mut running = project.start(&[&["--json", "up"], arguments].concat())?;
        running.prints("\"event\":\"ready\"", seconds(90))?;
        // What was edited while it started is looked at once more; without an edit nothing comes of it.
        let told = events(&running)?.len();
        Ok(Self { running, told })
    }

    /// Makes an edit and waits for the event of one of these kinds that tells what came of it.
    ///
    /// # Errors
    /// When there is none within the limit, or another comes first.
    pub fn edit(&mut self, kind: &str, limit: Duration, edit: impl FnOnce() -> Result<()>) -> Result<Told> {
        edit()?;
        let edited = jiff::Timestamp::now();
        self.next(kind, edited, limit)
    }

    /// The next event that tells of an edit: `reloaded`, `refused` or a `notice`.
    ///
    /// # Errors
    /// When it is of another kind, or there is none within the limit.
    pub fn next(&mut self, kind: &str, edited: jiff::Timestamp, limit: Duration) -> Result<Told> {
        let (at, event) = eventually(limit, || {
            let events = events(&self.running)?;
            let news = events.into_iter().enumerate().skip(self.told).find(|(_, event)| tells(event));
            news.with_context(|| format!("nothing was told; {}", self.running.said()))
        })?;
        self.told = at + 1;
        ensure!(event["event"] == kind, "`{kind}` was expected, not {event}");
        let time: jiff::Timestamp = event["time"].as_str().context("a time")?.parse()?;
        Ok(Told { event, after_ms: time.duration_since(edited).as_millis().try_into()? })
    }

    /// Everything that was told of edits so far.
    ///
    /// # Errors
    /// When what is printed is no JSON.
    pub fn all(&self) -> Result<Vec<Value>> {
        Ok(events(&self.running)?.into_iter().filter(tells).collect())
    }

    /// Every event so far.
    ///
    /// # Errors
    /// When what is printed is no JSON.
    pub fn events(&self) -> Result<Vec<Value>> {
        events(&self.running)
    }

    /// Its talk so far.
    pub fn said(&self) -> String {
        self.running.said()
    }

    /// Nothing was told since the last event that was asked for.
    ///
    /// # Errors
    /// When something was.
    pub fn is_silent(&self) -> Result<()> {
        match events(&self.running)?.into_iter().skip(self.told).find(tells) {
            Some(event) => bail!("told too: {event}"),
            None => Ok(()),
        }
    }

    /// `status` comes to tell of nothing that is refused, nothing more was told, and the containers are those of before.
    ///
    /// # Errors
    /// When it is not so.
    pub fn is_mended(&self, project: &Project, before: &[Container]) -> Result<()> {
        eventually(seconds(10), || {
            let run = project.sandbox(&["status"])?.succeeded()?;
            ensure!(!run.stdout.contains("refused") && run.stderr.is_empty(), "{run}");
            Ok(())
        })?;
        self.is_silent()?;
        engine::same(before, &project.containers()?)
    }

    /// Ctrl-C, and its end.
    ///
    /// # Errors
    /// When it does not end in order.
    pub fn end(self) -> Result<()> {
        self.running.signal("INT")?;
        self.running.ends(seconds(20))?.exited_with(130).map(drop)
    }
}

/// Not what is lost with an old sidecar, or mended: that comes beside it.
fn tells(event: &Value) -> bool {
    match event["event"].as_str() {
        Some("reloaded" | "refused") => true,
        Some("notice") => {
            ["sandbox::reload::sandbox_toml", "sandbox::reload::failed"].iter().any(|code| event["code"] == *code)
        }
        _ => false,
    }
}

fn events(running: &Running) -> Result<Vec<Value>> {
    let printed = running.printed();
    let whole = printed.rsplit_once('\n').map_or("", |(whole, _)| whole);
    whole.lines().map(|line| serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))).collect()
}
