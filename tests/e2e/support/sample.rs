//! The sample of `templates/init/python` as a project, and its API.

use super::{Context, Project, Result, Value, engine, ensure, eventually, http, json, seconds};
use std::{fs, path::Path};

const COMPONENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/init/python/components");
/// The sample's build context.
pub const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/templates/init/python/app");

/// The sample's sandbox.toml.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// `[broker] kind`.
    pub broker: &'a str,
    /// `[state] kind`.
    pub store: &'a str,
    /// Further lines of `[apps.reminders]`.
    pub app: &'a str,
    /// Where the app lies, relative to the project or absolute.
    pub build: &'a str,
    /// Where the components lie.
    pub components: &'a str,
}

impl Default for Sample<'_> {
    fn default() -> Self {
        Self { broker: "redis", store: "redis", app: "host_port = 0", build: APP, components: COMPONENTS }
    }
}

impl Sample<'_> {
    /// Writes it.
    ///
    /// # Errors
    /// When it cannot be written, or its image cannot be built.
    pub fn describe(&self, project: &Project) -> Result<()> {
        engine::warm_sample(APP)?;
        let Self { broker, store, app, build, components } = self;
        project.describe(&format!(
            r#"
[broker]
kind = "{broker}"
component = "pubsub"
[state]
kind = "{store}"
component = "statestore"
[components]
path = "{components}"
[apps.reminders]
build = "{build}"
port = 8000
health = "/healthz"
{app}
"#
        ))
    }
}

/// Copies the sample's app or components into the project, to be changed there.
///
/// # Errors
/// When they cannot be copied.
pub fn copy(project: &Project, what: &str) -> Result<()> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/init/python").join(what);
    copy_folder(&from, &project.path(what))
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type()?.is_dir() {
            true if entry.file_name() == "__pycache__" => {}
            true => copy_folder(&from, &to)?,
            false => fs::copy(&from, &to).map(drop)?,
        }
    }
    Ok(())
}

/// The sample of a project, where `status` says it is.
#[derive(Clone, Debug)]
pub struct Reminders {
    /// The app.
    pub url: String,
    /// Its sidecar.
    pub dapr: String,
}

impl Reminders {
    /// Asks `status` for it.
    ///
    /// # Errors
    /// When it has no address.
    pub fn of(project: &Project) -> Result<Self> {
        let status = project.status()?;
        let text = |pointer: &str| {
            let found = status.pointer(pointer).and_then(Value::as_str);
            found.map(str::to_owned).with_context(|| format!("no {pointer} in {status}"))
        };
        Ok(Self { url: text("/apps/0/url")?, dapr: text("/apps/0/dapr_http")? })
    }

    /// Asks for a reminder; its id comes back.
    ///
    /// # Errors
    /// When the app refuses.
    pub fn remind(&self, text: &str, in_seconds: f64) -> Result<String> {
        let body = json!({ "text": text, "in_seconds": in_seconds });
        let answer = http::post(&format!("{}/reminders", self.url), &body)?;
        ensure!(answer.status == 201, "{answer:?}");
        Ok(answer.body["id"].as_str().context("it has an id")?.to_owned())
    }

    /// A reminder as it stands.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn reminder(&self, id: &str) -> Result<Value> {
        let answer = http::get(&format!("{}/reminders/{id}", self.url))?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(answer.body)
    }

    /// Waits until a reminder was delivered, once.
    ///
    /// # Errors
    /// When it is not within the limit.
    pub fn is_delivered(&self, id: &str, limit: std::time::Duration) -> Result<()> {
        eventually(limit, || {
            let reminder = self.reminder(id)?;
            let once = reminder["status"] == "delivered" && reminder["fired"] == 1 && reminder["delivered"] == 1;
            ensure!(once, "{reminder}");
            Ok(())
        })
    }

    /// Asks for a reminder and waits until it was delivered; its id comes back.
    ///
    /// # Errors
    /// When it is not.
    pub fn deliver(&self, text: &str) -> Result<String> {
        let id = self.remind(text, 0.5)?;
        self.is_delivered(&id, seconds(10))?;
        Ok(id)
    }
}
