//! Where the engine is: `DOCKER_HOST`, then the docker context, then the usual sockets.

use super::{Docker, DockerError};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

/// Long enough for a busy machine, short enough that a person waits for it.
const PING_LIMIT: Duration = Duration::from_secs(5);

/// Where to look: the environment and the home folder, decided by `cli/context.rs`.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The process's environment.
    pub environment: BTreeMap<String, String>,
    /// The user's home folder.
    pub home: Option<PathBuf>,
}

#[derive(Deserialize)]
struct ClientConfig {
    #[serde(rename = "currentContext")]
    current_context: Option<String>,
}

#[derive(Deserialize)]
struct ContextMeta {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Endpoints")]
    endpoints: BTreeMap<String, ContextEndpoint>,
}

#[derive(Deserialize)]
struct ContextEndpoint {
    #[serde(rename = "Host")]
    host: Option<String>,
}

impl Docker {
    /// Finds the engine and asks it for the newest API version that both speak.
    ///
    /// # Errors
    /// When nobody answers.
    pub async fn connect(surroundings: &Surroundings) -> Result<Self, DockerError> {
        let endpoint = find_endpoint(surroundings)?;
        let client = open(&endpoint)?;
        let docker = Self { client, endpoint };
        let negotiated = tokio::time::timeout(PING_LIMIT, docker.client.clone().negotiate_version()).await;
        match negotiated {
            Ok(Ok(client)) => Ok(Self { client, endpoint: docker.endpoint }),
            Ok(Err(error)) => Err(DockerError::refused(&error, &docker.endpoint)),
            Err(_) => Err(DockerError::unreachable(&docker.endpoint, io::ErrorKind::TimedOut)),
        }
    }
}

fn open(endpoint: &str) -> Result<bollard::Docker, DockerError> {
    let unsupported = endpoint.starts_with("ssh://") || endpoint.starts_with("https://");
    if unsupported {
        return Err(DockerError::Unreachable {
            endpoint: endpoint.to_owned(),
            reason: "this kind of address is not supported".to_owned(),
            help: "forward the engine's socket and set DOCKER_HOST=unix:///path/to/socket".to_owned(),
        });
    }
    bollard::Docker::connect_with_host(endpoint)
        .map_err(|error| DockerError::of("connect to", endpoint, &error, endpoint))
}

fn find_endpoint(surroundings: &Surroundings) -> Result<String, DockerError> {
    let variable = |name: &str| surroundings.environment.get(name).filter(|value| !value.is_empty()).cloned();
    if let Some(host) = variable("DOCKER_HOST") {
        return Ok(host);
    }
    let folder = variable("DOCKER_CONFIG")
        .map(PathBuf::from)
        .or_else(|| surroundings.home.as_ref().map(|home| home.join(".docker")));
    let context = variable("DOCKER_CONTEXT").or_else(|| current_context(folder.as_deref()?));
    match context.filter(|context| context != "default") {
        // Another engine than the one that was asked for would be a surprise.
        Some(context) => {
            folder.and_then(|folder| context_host(&folder, &context)).ok_or_else(|| DockerError::Unreachable {
                endpoint: format!("the context `{context}`"),
                reason: "there is no such context".to_owned(),
                help: "`docker context ls` lists them; DOCKER_CONTEXT or `docker context use` chooses one".to_owned(),
            })
        }
        None => Ok(usual_socket(variable("XDG_RUNTIME_DIR").as_deref(), surroundings.home.as_deref())),
    }
}

fn current_context(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("config.json")).ok()?;
    serde_json::from_str::<ClientConfig>(&text).ok()?.current_context
}

/// The folder of a context is the hash of its name; reading each one's own name needs no hash.
fn context_host(folder: &Path, context: &str) -> Option<String> {
    let folders = fs::read_dir(folder.join("contexts/meta")).ok()?;
    folders.filter_map(Result::ok).find_map(|entry| {
        let text = fs::read_to_string(entry.path().join("meta.json")).ok()?;
        let mut meta: ContextMeta = serde_json::from_str(&text).ok()?;
        if meta.name == context { meta.endpoints.remove("docker")?.host } else { None }
    })
}

fn usual_socket(runtime: Option<&str>, home: Option<&Path>) -> String {
    if cfg!(windows) {
        return "npipe:////./pipe/docker_engine".to_owned();
    }
    let system = PathBuf::from("/var/run/docker.sock");
    let rootless = runtime.map(|runtime| Path::new(runtime).join("docker.sock"));
    let desktop = home.map(|home| home.join(".docker/run/docker.sock"));
    let podman = runtime.map(|runtime| Path::new(runtime).join("podman/podman.sock"));
    let others = [rootless, desktop, podman].into_iter().flatten();
    let found = std::iter::once(system.clone()).chain(others).find(|path| path.exists());
    format!("unix://{}", found.unwrap_or(system).display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn surroundings(home: &Path, variables: &[(&str, &str)]) -> Surroundings {
        let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Surroundings { environment, home: Some(home.to_owned()) }
    }

    fn home_with_context() -> tempfile::TempDir {
        let home = tempfile::tempdir().expect("a folder");
        let meta = home.path().join(".docker/contexts/meta/abc");
        fs::create_dir_all(&meta).expect("made");
        let text = r#"{"Name":"colima","Metadata":{},"Endpoints":{"docker":{"Host":"unix:///colima.sock"}}}"#;
        fs::write(meta.join("meta.json"), text).expect("written");
        fs::write(home.path().join(".docker/config.json"), r#"{"currentContext":"colima"}"#).expect("written");
        home
    }

    #[test]
    fn the_variable_wins_over_the_context_and_the_context_over_the_socket() {
        let home = home_with_context();
        let found = |variables| find_endpoint(&surroundings(home.path(), variables)).expect("an address");
        assert_eq!(found(&[("DOCKER_HOST", "tcp://127.0.0.1:2375")]), "tcp://127.0.0.1:2375");
        assert_eq!(found(&[]), "unix:///colima.sock");
        assert_eq!(found(&[("DOCKER_CONTEXT", "default")]), usual_socket(None, Some(home.path())));
    }

    #[test]
    fn a_context_that_is_not_there_is_not_another_engine() {
        let home = home_with_context();
        let error = find_endpoint(&surroundings(home.path(), &[("DOCKER_CONTEXT", "nope")])).expect_err("refused");
        assert_eq!(error.to_string(), "cannot reach Docker at the context `nope`: there is no such context");
    }

    #[test]
    fn an_address_that_is_not_supported_says_what_to_do() {
        let error = open("ssh://somewhere").expect_err("refused");
        assert_eq!(error.to_string(), "cannot reach Docker at ssh://somewhere: this kind of address is not supported");
    }
}
