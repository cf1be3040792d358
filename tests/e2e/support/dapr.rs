//! Components as a project has them, and the API of its sidecars.

use super::{Context, Project, Result, Value, engine, ensure, http};
use std::fs;

/// A component that is to be written.
#[derive(Clone, Copy, Debug)]
pub struct Component<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its type.
    pub kind: &'a str,
    /// Its metadata, the inside of a YAML list: `{name: a, value: b}, …`.
    pub metadata: &'a str,
    /// A further line.
    pub further: &'a str,
}

impl Component<'_> {
    /// Writes it as a file of the project's folder; its name is in line 4.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, project: &Project, file: &str) -> Result<()> {
        let Self { name, kind, metadata, further } = self;
        let text = format!(
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: {name}\nspec:\n  type: {kind}\n  version: v1\n  \
             initTimeout: 2s\n  metadata: [{metadata}]\n{further}\n"
        );
        project.write(&format!("components/{file}"), &text)
    }
}

/// An address of the API of an app's sidecar.
///
/// # Errors
/// When there is no such sidecar, or it publishes nothing.
pub fn api(project: &Project, app: &str, path: &str) -> Result<String> {
    let sidecar = project.container(&format!("{app}-dapr"))?;
    let published = sidecar.ports.iter().find(|(port, ..)| port == "3500/tcp");
    let (_, host, port) = published.with_context(|| format!("{sidecar:?}"))?;
    Ok(format!("http://{host}:{port}/v1.0/{path}"))
}

/// The sidecar answers so.
///
/// # Errors
/// When it does not.
pub fn answers(project: &Project, app: &str, path: &str, status: u16) -> Result<()> {
    let answer = http::get(&api(project, app, path)?)?;
    ensure!(answer.status == status, "{answer:?}");
    Ok(())
}

/// The sidecar has these stores with their types, besides `statestore`, and no others.
///
/// # Errors
/// When it has not.
pub fn has_stores(project: &Project, app: &str, stores: &[(&str, &str)]) -> Result<()> {
    let metadata = http::get(&api(project, app, "metadata")?)?.body;
    let components = metadata["components"].as_array().context("components")?;
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let loaded = components.iter().map(|one| (text(one, "name"), text(one, "type")));
    let loaded: Vec<_> = loaded.filter(|(name, kind)| kind.starts_with("state.") && name != "statestore").collect();
    let is_so = loaded.iter().map(|(name, kind)| (name.as_str(), kind.as_str())).eq(stores.iter().copied());
    ensure!(is_so, "{loaded:?}");
    Ok(())
}

/// What these apps' sidecars were given says so.
///
/// # Errors
/// When it does not.
pub fn has(project: &Project, apps: &[&str], text: &str) -> Result<()> {
    for app in apps {
        let given = given(project, app)?;
        ensure!(given.contains(text), "`{app}`: {given}");
    }
    Ok(())
}

/// The files that an app's sidecar was given, one after the other, as documents of one.
///
/// # Errors
/// When there is no such sidecar.
pub fn given(project: &Project, app: &str) -> Result<String> {
    let id = project.container(&format!("{app}-dapr"))?.id;
    let mounts = engine::docker(&["inspect", "--format", "{{range .Mounts}}{{.Source}}\n{{end}}", &id])?;
    let files = mounts.lines().filter(|line| !line.is_empty()).flat_map(fs::read_dir).flatten().flatten();
    let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
    Ok(texts.map(|text| format!("---\n{text}")).collect())
}

/// Writes a Resiliency.
///
/// # Errors
/// When it cannot be written.
pub fn resiliency(project: &Project, timeout: &str) -> Result<()> {
    project.write("components/resiliency.yaml", &resiliency_text(timeout))
}

/// A Resiliency with one timeout. Not for an app: who has a policy for one and no retries in it goes without daprd's own.
pub fn resiliency_text(timeout: &str) -> String {
    format!(
        "apiVersion: dapr.io/v1alpha1\nkind: Resiliency\nmetadata:\n  name: calls\nspec:\n  policies:\n    timeouts:\n      \
         general: {timeout}\n  targets:\n    components:\n      pubsub:\n        inbound:\n          timeout: general\n"
    )
}
