//! Waits until a container is ready, and says why it is not yet.

use crate::{
    docker::Docker,
    names::ContainerName,
    plan::{
        Target,
        spec::{Protocol, Readiness, Role, SidecarReadiness},
    },
    probe::{
        Kind, NotYet, daprd, greeting, http, listening,
        sidecar::{BrokerPeer, SidecarPeers, SidecarProbe, SidecarReport},
        until,
    },
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

/// The next attempt begins this long after the last one began.
const ATTEMPT_EVERY: Duration = Duration::from_millis(25);
/// One attempt takes no longer; a peer that says nothing is asked again.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(2);

/// What waiting needs.
#[derive(Clone, Debug)]
pub struct ReadyContext {
    /// The engine.
    pub docker: Docker,
    /// For probes over HTTP.
    pub http: reqwest::Client,
}

/// What a wait has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readied {
    /// What is worth knowing of a sidecar.
    pub detail: Option<String>,
    /// Why a sidecar must be replaced: its app asks for other subscriptions than those that it has.
    pub outdated: Option<String>,
}

/// Waits until the target is ready; `on_reason` hears why not, whenever that changes. Ends only by success or by being dropped. One
/// that has run all along `may_be_outdated`: waiting does not help it.
pub async fn until_ready(
    context: &ReadyContext,
    target: &Target,
    readiness: &Readiness,
    may_be_outdated: bool,
    mut on_reason: impl FnMut(&NotYet),
) -> Readied {
    let probe = until(ATTEMPT_EVERY, || prepare(context, &target.name, readiness), &mut on_reason).await;
    let attempt = || async {
        match attempt(context, &target.name, &probe).await {
            Err(NotYet { kind: Kind::OtherSubscriptions, reason }) if may_be_outdated => {
                Ok(Readied { detail: None, outdated: Some(reason) })
            }
            Ok(readied) if !may_be_outdated => Ok(Readied { outdated: None, ..readied }),
            other => other,
        }
    };
    until(ATTEMPT_EVERY, attempt, on_reason).await
}

/// Looks once whether a container is ready. What is worth knowing of a sidecar comes back.
///
/// # Errors
/// Why it is not ready.
pub async fn look(
    context: &ReadyContext,
    name: &ContainerName,
    readiness: &Readiness,
) -> Result<Option<String>, NotYet> {
    let probe = prepare(context, name, readiness).await?;
    Ok(attempt(context, name, &probe).await?.detail)
}

/// Waits until a sidecar takes calls, whether or not its app is there.
pub async fn until_callable(context: &ReadyContext, target: &Target, on_reason: impl FnMut(&NotYet)) {
    let attempt = || async {
        let address = address(context, &target.name, crate::dapr::sidecar::HTTP_PORT).await?;
        match daprd::outbound_is_ready(&context.http, address, ATTEMPT_LIMIT).await? {
            true => Ok(()),
            false => Err(NotYet::waiting("the sidecar initialises its components")),
        }
    };
    until(ATTEMPT_EVERY, attempt, on_reason).await;
}

/// A readiness with the addresses it is asked at: a container's ports are known once it has started, and stay.
enum Probe<'a> {
    Engine(&'a Readiness),
    Http(SocketAddr, &'a str),
    Listening(SocketAddr, u16),
    Greeting(Protocol, SocketAddr),
    Sidecar(Box<SidecarProbe>),
}

async fn prepare<'a>(
    context: &ReadyContext,
    name: &ContainerName,
    readiness: &'a Readiness,
) -> Result<Probe<'a>, NotYet> {
    Ok(match readiness {
        Readiness::Running | Readiness::Exited | Readiness::Engine | Readiness::Log(_) => Probe::Engine(readiness),
        Readiness::Http { port, path } => Probe::Http(address(context, name, *port).await?, path),
        Readiness::Listening { port } => Probe::Listening(address(context, name, *port).await?, *port),
        Readiness::Greeting { protocol, port } => Probe::Greeting(*protocol, address(context, name, *port).await?),
        Readiness::Sidecar(readiness) => {
            let peers = sidecar_peers(context, name, readiness).await?;
            let probe = SidecarProbe::new(context.http.clone(), (**readiness).clone(), peers, ATTEMPT_LIMIT);
            Probe::Sidecar(Box::new(probe))
        }
    })
}

async fn attempt(context: &ReadyContext, name: &ContainerName, probe: &Probe<'_>) -> Result<Readied, NotYet> {
    match probe {
        Probe::Engine(Readiness::Exited) => exited(context, name).await?,
        Probe::Engine(Readiness::Engine) => healthy(context, name).await?,
        Probe::Engine(Readiness::Log(text)) => logged(context, name, text).await?,
        Probe::Engine(_) => running(context, name).await?,
        Probe::Http(address, path) => http::answers(&context.http, *address, path, ATTEMPT_LIMIT).await?,
        Probe::Listening(address, port) => listening::listens(*address, *port, ATTEMPT_LIMIT).await?,
        Probe::Greeting(protocol, address) => greeting::greet(*protocol, *address, ATTEMPT_LIMIT).await?,
        Probe::Sidecar(probe) => {
            let report = probe.attempt().await?;
            let detail = Some(describe(&report)).filter(|detail| !detail.is_empty());
            return Ok(Readied { detail, outdated: report.outdated });
        }
    }
    Ok(Readied::default())
}

async fn running(context: &ReadyContext, name: &ContainerName) -> Result<(), NotYet> {
    let looked = context.docker.inspect(name).await.map_err(|error| NotYet::waiting(error.to_string()))?;
    if looked.running { Ok(()) } else { Err(NotYet::waiting("it does not run")) }
}

async fn exited(context: &ReadyContext, name: &ContainerName) -> Result<(), NotYet> {
    let looked = context.docker.inspect(name).await.map_err(|error| NotYet::waiting(error.to_string()))?;
    match looked.ending {
        Some(ending) if ending.exit_code == 0 => Ok(()),
        Some(ending) => Err(NotYet::unexpected(format!("it ended with exit code {}", ending.exit_code))),
        None => Err(NotYet::waiting("it still runs")),
    }
}

async fn healthy(context: &ReadyContext, name: &ContainerName) -> Result<(), NotYet> {
    let looked = context.docker.inspect(name).await.map_err(|error| NotYet::waiting(error.to_string()))?;
    match looked.healthy {
        _ if !looked.running => Err(NotYet::waiting("it does not run")),
        None | Some(true) => Ok(()),
        Some(false) => Err(NotYet::waiting("its own health check does not say healthy yet")),
    }
}

async fn logged(context: &ReadyContext, name: &ContainerName, text: &str) -> Result<(), NotYet> {
    use futures_util::StreamExt;
    let mut pieces = std::pin::pin!(context.docker.last_logs(name, usize::from(u16::MAX)));
    while let Some(Ok(piece)) = pieces.next().await {
        if String::from_utf8_lossy(&piece.bytes).contains(text) {
            return Ok(());
        }
    }
    Err(NotYet::waiting(format!("its log does not contain `{text}` yet")))
}

async fn sidecar_peers(
    context: &ReadyContext,
    name: &ContainerName,
    readiness: &SidecarReadiness,
) -> Result<SidecarPeers, NotYet> {
    let daprd = address(context, name, readiness.http_port).await?;
    let app = match &readiness.app {
        Some((container, port)) => Some(address(context, container, *port).await?),
        None => None,
    };
    let mut brokers = BTreeMap::new();
    for check in &readiness.consumers {
        let address = address(context, &check.broker, check.port).await?;
        brokers.insert(check.broker.clone(), BrokerPeer { address, credentials: check.credentials.clone() });
    }
    Ok(SidecarPeers { daprd, app, brokers })
}

pub(super) async fn address(context: &ReadyContext, name: &ContainerName, port: u16) -> Result<SocketAddr, NotYet> {
    let looked = context.docker.inspect(name).await.map_err(|error| NotYet::waiting(error.to_string()))?;
    let host = looked.ports.get(&port).copied();
    let host = host.ok_or_else(|| {
        NotYet::waiting(match looked.running {
            true => format!("port {port} of `{name}` is not published yet"),
            false => format!("`{name}` does not run"),
        })
    })?;
    Ok((Ipv4Addr::LOCALHOST, host).into())
}

fn describe(report: &SidecarReport) -> String {
    let component = |component: &crate::plan::spec::ComponentIdentity| match component.version.as_str() {
        "v1" | "" => format!("{} ({})", component.name, component.component_type),
        version => format!("{} ({}/{version})", component.name, component.component_type),
    };
    let mut parts: Vec<_> = report.components.iter().map(component).collect();
    match report.subscriptions.len() {
        0 => {}
        1 => parts.push(format!("subscribed to {}", report.subscriptions[0].topic)),
        many => parts.push(format!("{many} subscriptions")),
    }
    parts.extend(report.left_out.iter().map(|name| format!("WITHOUT {name}, whose errors are ignored")));
    parts.join(", ")
}

/// What a person can do about a container that is not ready in time.
pub fn help(target: &Target, kind: Kind) -> String {
    let name = &target.short_name;
    match kind {
        Kind::AppNotListening => {
            "does the app listen on 0.0.0.0 and on the `port` of sandbox.toml? Does it wait for its \
            sidecar first? Then each waits for the other: let it listen at once, or ask the sidecar for \
            /v1.0/healthz/outbound instead of /v1.0/healthz"
                .to_owned()
        }
        Kind::Waiting | Kind::NotListening | Kind::OtherSubscriptions | Kind::Unexpected => {
            let data = match target.role {
                Role::Broker | Role::State | Role::Scheduler | Role::Sentry => {
                    "; if its first start was cut short, `sandbox down -v` removes what that left"
                }
                Role::App | Role::Sidecar | Role::Placement | Role::Other => "",
            };
            format!(
                "look at its log with `sandbox logs {name}`; a slow machine may need `--wait-timeout 5m`; `{name}` is still running{data}"
            )
        }
    }
}
