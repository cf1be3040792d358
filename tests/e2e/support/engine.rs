//! The engine as the `docker` command sees it: another witness than the code under test.

use super::{
    Context, Result, Value, announce, ensure, eventually,
    run::{Run, Running},
    say, seconds,
};
use std::{collections::BTreeMap, process::Command, sync::OnceLock};

const PROJECT: &str = "dev.sandbox.project";

/// A container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The engine's id for it.
    pub id: String,
    /// `PROJECT-NAME-N`.
    pub name: String,
    /// What sandbox calls it.
    pub short_name: String,
    /// Which replica.
    pub replica: String,
    /// Whether it runs.
    pub is_running: bool,
    /// When it was started last.
    pub started_at: String,
    /// When it ended last.
    pub finished_at: String,
    /// The id of its image.
    pub image_id: String,
    /// The name of its image.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its environment, `NAME=VALUE` each.
    pub environment: Vec<String>,
    /// Host addresses and ports by container port (`8000/tcp`).
    pub ports: Vec<(String, String, u16)>,
}

/// Fails the test when no engine answers: a test that was not run must not look like one that passed.
pub fn require() {
    static ANSWER: OnceLock<Result<String, String>> = OnceLock::new();
    let answer = ANSWER
        .get_or_init(|| docker(&["version", "--format", "{{.Server.Version}}"]).map_err(|error| format!("{error:#}")));
    if let Err(reason) = answer {
        announce(
            "NOT RUN: the end-to-end scenarios need a Docker engine. `make test` installs and starts one where it can; \
             `SANDBOX_E2E=0 cargo test` leaves them out.",
        );
        panic!("no Docker engine answers: {reason}");
    }
}

/// `docker ARGUMENTS`: what it prints.
///
/// # Errors
/// When it fails.
pub fn docker(arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("docker");
    command.args(arguments).env("DOCKER_BUILDKIT", "0");
    let run = Run::of(command).context("cannot run `docker`")?.succeeded()?;
    Ok(run.stdout.trim().to_owned())
}

/// Waits until this has happened to one of the project's containers: `kill NAME`, `die NAME`.
///
/// # Errors
/// When it has not within a minute.
pub fn happens(project: &str, since: jiff::Timestamp, what: &str) -> Result<()> {
    let mut events = Command::new("docker");
    events.args(["events", "--since", &since.to_string(), "--filter", &label(project)]);
    events.args(["--format", "{{.Action}} {{.Actor.Attributes.name}};"]);
    Running::start(events)?.prints(&format!("{what};"), seconds(60))
}

/// What of these kinds (`die`, `kill`) has happened to the project's containers until now, a line of this format each.
///
/// # Errors
/// When it cannot be asked.
pub fn happened(project: &str, since: jiff::Timestamp, kinds: &[&str], format: &str) -> Result<Vec<String>> {
    let (since, until, label) = (since.to_string(), jiff::Timestamp::now().to_string(), label(project));
    let kinds: Vec<_> = kinds.iter().map(|kind| format!("event={kind}")).collect();
    let mut arguments = vec!["events", "--since", &since, "--until", &until, "--format", format, "--filter", &label];
    kinds.iter().for_each(|kind| arguments.extend(["--filter", kind]));
    lines(&arguments)
}

fn lines(arguments: &[&str]) -> Result<Vec<String>> {
    Ok(docker(arguments)?.lines().map(str::to_owned).collect())
}

fn label(project: &str) -> String {
    format!("label={PROJECT}={project}")
}

/// The containers of a project, by name. When one disappears while it is looked at, all are looked at again.
///
/// # Errors
/// When the engine does not answer.
pub fn containers(project: &str) -> Result<Vec<Container>> {
    eventually(seconds(10), || containers_now(project))
}

fn containers_now(project: &str) -> Result<Vec<Container>> {
    let ids = lines(&["ps", "--all", "--quiet", "--no-trunc", "--filter", &label(project)])?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut arguments = vec!["container", "inspect"];
    arguments.extend(ids.iter().map(String::as_str));
    let inspected: Vec<Value> = serde_json::from_str(&docker(&arguments)?)?;
    let mut containers: Vec<_> = inspected.iter().map(container).collect();
    containers.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(containers)
}

fn container(inspected: &Value) -> Container {
    let text = |pointer: &str| inspected.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let labels: BTreeMap<String, String> =
        serde_json::from_value(inspected["Config"]["Labels"].clone()).unwrap_or_default();
    let published = inspected["NetworkSettings"]["Ports"].as_object().into_iter().flatten();
    let ports = published.flat_map(|(port, bindings)| {
        bindings.as_array().into_iter().flatten().map(move |binding| {
            let host = binding["HostPort"].as_str().and_then(|port| port.parse().ok()).unwrap_or_default();
            (port.clone(), binding["HostIp"].as_str().unwrap_or_default().to_owned(), host)
        })
    });
    Container {
        id: text("/Id"),
        name: text("/Name").trim_start_matches('/').to_owned(),
        short_name: labels.get("dev.sandbox.name").cloned().unwrap_or_default(),
        replica: labels.get("dev.sandbox.replica").cloned().unwrap_or_default(),
        is_running: inspected["State"]["Running"] == true,
        started_at: text("/State/StartedAt"),
        finished_at: text("/State/FinishedAt"),
        image_id: text("/Image"),
        image: text("/Config/Image"),
        environment: serde_json::from_value(inspected["Config"]["Env"].clone()).unwrap_or_default(),
        ports: ports.collect(),
        labels,
    }
}

/// Whether these are the same containers, started at the same time.
///
/// # Errors
/// When they are not; with what differs.
pub fn same(before: &[Container], after: &[Container]) -> Result<()> {
    let others: Vec<_> = changed(before, after)?;
    ensure!(others.is_empty(), "not the same any more: {}", others.join(", "));
    Ok(())
}

/// The short names of containers that are not the same any more, or were started again.
///
/// # Errors
/// When there are others than before.
pub fn changed(before: &[Container], after: &[Container]) -> Result<Vec<String>> {
    let names = |list: &[Container]| list.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    ensure!(names(before) == names(after), "other containers: {:?}, before: {:?}", names(after), names(before));
    let differ = |(one, other): &(&Container, &Container)| {
        (&one.id, &one.started_at, one.is_running) != (&other.id, &other.started_at, other.is_running)
    };
    let changed = before.iter().zip(after).filter(differ);
    Ok(changed.map(|(one, _)| one.short_name.clone()).collect())
}

/// Everything but images that carries the project's label, a phrase each.
///
/// # Errors
/// When the engine does not answer.
pub fn leftovers(project: &str) -> Result<Vec<String>> {
    let label = label(project);
    let mut left = Vec::new();
    for (kind, arguments) in [
        ("container", ["ps", "--all", "--filter", &label, "--format", "{{.Names}}"].as_slice()),
        ("network", &["network", "ls", "--filter", &label, "--format", "{{.Name}}"]),
        ("volume", &["volume", "ls", "--filter", &label, "--format", "{{.Name}}"]),
    ] {
        left.extend(lines(arguments)?.into_iter().map(|name| format!("{kind} {name}")));
    }
    Ok(left)
}

/// The images that were built for a project.
///
/// # Errors
/// When the engine does not answer.
pub fn images(project: &str) -> Result<Vec<String>> {
    lines(&["images", "--filter", &label(project), "--format", "{{.Repository}}:{{.Tag}}"])
}

/// Prints what the engine knows of a project.
pub fn tell(project: &str) {
    let label = label(project);
    match docker(&["ps", "--all", "--filter", &label]) {
        Ok(table) => say(table),
        Err(error) => say(format_args!("{error:#}")),
    }
    for container in containers(project).unwrap_or_default() {
        let mut command = Command::new("docker");
        command.args(["logs", "--tail", "25", &container.id]);
        if let Ok(logs) = Run::of(command) {
            say(format_args!("──── {} ────\n{}{}", container.name, logs.stdout, logs.stderr));
        }
    }
}

/// Removes what is left of a project, its images too, as well as it can.
pub fn remove_all(project: &str) {
    let label = label(project);
    for (list, remove) in [
        (["ps", "--all", "--quiet", "--filter", &label].as_slice(), ["rm", "--force", "--volumes"].as_slice()),
        (&["network", "ls", "--quiet", "--filter", &label], &["network", "rm"]),
        (&["volume", "ls", "--quiet", "--filter", &label], &["volume", "rm"]),
        // Their layers stay: another build may be using them.
        (&["images", "--quiet", "--filter", &label], &["rmi", "--force", "--no-prune"]),
    ] {
        let Ok(found) = lines(list) else { continue };
        if !found.is_empty() {
            let found = found.iter().map(String::as_str);
            let _ = docker(&remove.iter().copied().chain(found).collect::<Vec<_>>());
        }
    }
}

/// Runs a command in a container: what it prints.
///
/// # Errors
/// When it fails.
pub fn exec(container: &str, command: &[&str]) -> Result<String> {
    let mut arguments = vec!["exec", container];
    arguments.extend(command);
    docker(&arguments)
}

/// What a binary of an image says of itself. Those of Dapr exit with 2 then.
///
/// # Errors
/// When it cannot be run.
pub fn help(image: &str, binary: &str) -> Result<String> {
    let mut command = Command::new("docker");
    command.args(["run", "--rm", image, binary, "--help"]);
    let run = Run::of(command)?;
    Ok(format!("{}{}", run.stdout, run.stderr))
}

/// What a container has said so far.
///
/// # Errors
/// When it is not there.
pub fn logs(container: &str) -> Result<String> {
    let mut command = Command::new("docker");
    command.args(["logs", container]);
    let run = Run::of(command)?.succeeded()?;
    Ok(run.stdout + &run.stderr)
}

/// The image of the sample, so that each project's build finds its layers built already.
pub fn warm_sample(context: &str) -> Result<()> {
    static BUILT: OnceLock<Result<String, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        docker(&["build", "--quiet", "--tag", "sandbox-e2e/sample", context]).map_err(|error| format!("{error:#}"))
    });
    ensure!(built.is_ok(), "the sample cannot be built: {built:?}");
    Ok(())
}

/// The image of the load's publisher and subscriber; projects use it as it is.
pub const LOAD: &str = "sandbox-e2e/load";

/// Builds it, once. It layers on the sample's.
pub fn warm_load() -> Result<()> {
    static BUILT: OnceLock<Result<String, String>> = OnceLock::new();
    warm_sample(super::sample::APP)?;
    let built = BUILT.get_or_init(|| {
        let context = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/load");
        docker(&["build", "--quiet", "--tag", LOAD, context]).map_err(|error| format!("{error:#}"))
    });
    ensure!(built.is_ok(), "the load's image cannot be built: {built:?}");
    Ok(())
}
