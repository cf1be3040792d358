//! Whether a sidecar is ready: healthy, with every component and subscription that should be there, and its consumers seen
//! by the broker.
//!
//! What is asked stops at the first thing that is missing, so the reason is the next thing to wait for.

mod compare;
mod fetching;
#[cfg(test)]
mod tests;

pub use compare::{Missing, MissingComponent, compare, outdated};

use self::fetching::Fetching;
use super::{
    Kind, NotYet, app_callback,
    daprd::{self, AppSubscription, Health, LoadedSubscription, Metadata},
    inquiry::{Earlier, Question},
    listening::accepts,
};
use crate::{
    names::ContainerName,
    plan::spec::{AppCallback, ComponentIdentity, ConsumerCheck, SidecarReadiness},
};
use reqwest::Client;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Mutex, MutexGuard},
    time::{Duration, Instant},
};

/// daprd's name for itself among what `/v1.0/healthz` waits for. It is there until the app's port was found and
/// subscriptions were started (1.16 to 1.18).
const RUNTIME: &str = "runtime";
/// daprd's name for its first answer from a scheduler (1.15 to 1.18).
const SCHEDULER: &str = "scheduler-watch-hosts";

/// A sidecar that looks after its app asks it within a second of its being well. One that has not by then has asked before.
const ASKS_WITHIN: Duration = Duration::from_secs(3);

/// Where the parties of [`SidecarReadiness`] are reached from the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidecarPeers {
    /// daprd's HTTP port.
    pub daprd: SocketAddr,
    /// The app's port, for an app that is asked for its subscriptions.
    pub app: Option<SocketAddr>,
    /// For each [`crate::plan::spec::ConsumerCheck`]'s broker, where the inquiry is answered.
    pub brokers: BTreeMap<ContainerName, BrokerPeer>,
}

/// Where a broker answers an inquiry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerPeer {
    /// The published port.
    pub address: SocketAddr,
    /// User and password, where the broker wants them.
    pub credentials: Option<(String, String)>,
}

/// What a ready sidecar has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SidecarReport {
    /// Every component that it has loaded.
    pub components: Vec<ComponentIdentity>,
    /// The names of those that it has gone on without (`ignoreErrors`).
    pub left_out: Vec<String>,
    /// Every subscription that it has.
    pub subscriptions: Vec<LoadedSubscription>,
    /// How the app's subscriptions have changed since it was asked for them.
    pub outdated: Option<String>,
}

/// The attempts at one sidecar. It remembers what the app said about its subscriptions, so that the app is asked once and
/// not forty times a second; and which consumers the brokers had before the sidecar served, where that was seen.
#[derive(Debug)]
pub struct SidecarProbe {
    http: Client,
    readiness: SidecarReadiness,
    peers: SidecarPeers,
    deadline: Duration,
    app_subscriptions: Mutex<Option<Vec<AppSubscription>>>,
    unsubscribed_since: Mutex<Option<Instant>>,
    earlier: Mutex<Option<Vec<Earlier>>>,
    fetching: Mutex<Fetching>,
}

impl SidecarProbe {
    /// `deadline` is for each question that an attempt asks, of which there are at most four and one a consumer check.
    pub fn new(http: Client, readiness: SidecarReadiness, peers: SidecarPeers, deadline: Duration) -> Self {
        Self {
            http,
            readiness,
            peers,
            deadline,
            app_subscriptions: Mutex::default(),
            unsubscribed_since: Mutex::default(),
            earlier: Mutex::default(),
            fetching: Mutex::default(),
        }
    }

    /// One attempt.
    ///
    /// # Errors
    /// The first thing that is missing.
    pub async fn attempt(&self) -> Result<SidecarReport, NotYet> {
        let report = self.attempt_once().await;
        let mut fetching = self.fetching.lock().expect("nothing panics while it is held");
        if report.is_err() {
            fetching.missing();
        } else if !fetching.joined(self.readiness.consumers.iter().map(|check| &check.inquiry), Instant::now()) {
            return Err(NotYet::waiting("its consumers have joined, and begin to fetch"));
        }
        report
    }

    async fn attempt_once(&self) -> Result<SidecarReport, NotYet> {
        match daprd::health(&self.http, self.peers.daprd, self.deadline).await {
            Ok(Health::Ready) => {}
            Ok(Health::NotReady { message, waits_for }) => {
                *self.known_app_subscriptions() = None;
                return Err(self.unhealthy(message, waits_for).await);
            }
            Err(not_yet) => {
                if not_yet.kind == Kind::NotListening {
                    self.look_before_it_serves().await;
                }
                return Err(not_yet);
            }
        }
        let metadata = self.metadata().await?;
        let mut subscriptions = self.readiness.subscriptions.clone();
        let wanted = self.app_subscriptions().await?;
        subscriptions.extend(wanted.iter().map(|one| one.identity.clone()));
        // An app that is not asked may want anything.
        let outdated = self.peers.app.and_then(|_| outdated(&metadata, &wanted));
        let mut missing = compare(&metadata, &self.readiness.components, &subscriptions);
        let left_out = missing.forgive(&self.readiness.may_be_missing);
        if !missing.is_empty() {
            // Another sidecar helps only with what it could have.
            let is_possible = missing.components.is_empty() && missing.unknown.is_empty();
            return Err(match outdated {
                Some(reason) if is_possible => NotYet { reason, kind: Kind::OtherSubscriptions },
                None if is_possible && self.has_waited_to_be_asked() => {
                    NotYet { reason: missing.to_string(), kind: Kind::OtherSubscriptions }
                }
                _ => NotYet::waiting(missing.to_string()),
            });
        }
        self.consumers(&metadata).await?;
        Ok(SidecarReport { components: metadata.components, left_out, subscriptions: metadata.subscriptions, outdated })
    }

    /// Whether subscriptions have been missing for so long that daprd would have asked for them.
    fn has_waited_to_be_asked(&self) -> bool {
        let mut since = self.unsubscribed_since.lock().expect("nothing panics while it is held");
        since.get_or_insert_with(Instant::now).elapsed() >= ASKS_WITHIN
    }

    async fn metadata(&self) -> Result<Metadata, NotYet> {
        daprd::metadata(&self.http, self.peers.daprd, self.readiness.asking.api_token.as_ref(), self.deadline).await
    }

    async fn app_subscriptions(&self) -> Result<Vec<AppSubscription>, NotYet> {
        let known = self.known_app_subscriptions().clone();
        match (known, self.peers.app) {
            (Some(known), _) => Ok(known),
            (None, None) => Ok(Vec::new()),
            (None, Some(app)) => {
                let token = self.readiness.asking.app_token.as_ref();
                let listed = match self.readiness.asking.app {
                    AppCallback::Http => daprd::app_subscriptions(&self.http, app, token, self.deadline).await?,
                    AppCallback::Grpc => app_callback::subscriptions(app, self.deadline).await?,
                };
                *self.known_app_subscriptions() = Some(listed.clone());
                Ok(listed)
            }
        }
    }

    fn known_app_subscriptions(&self) -> MutexGuard<'_, Option<Vec<AppSubscription>>> {
        self.app_subscriptions.lock().expect("nothing panics while it is held")
    }

    /// Why daprd is not healthy. While `runtime` is outstanding although the API serves, it is the app that is waited for.
    async fn unhealthy(&self, message: String, waits_for: Option<Vec<String>>) -> NotYet {
        let runtime_outstanding =
            waits_for.as_ref().is_none_or(|targets| targets.iter().any(|target| target == RUNTIME));
        let others = waits_for.iter().flatten().filter(|target| *target != RUNTIME);
        let others: Vec<_> = others.map(|target| if target == SCHEDULER { "the scheduler" } else { target }).collect();
        let outbound = daprd::outbound_is_ready(&self.http, self.peers.daprd, self.deadline).await;
        match outbound {
            Ok(true) if runtime_outstanding => self.waits_for_app().await,
            Ok(_) if others.is_empty() => NotYet::waiting(message),
            Ok(_) => NotYet::waiting(format!("the sidecar waits for {}", others.join(", "))),
            Err(not_yet) => not_yet,
        }
    }

    async fn waits_for_app(&self) -> NotYet {
        let listens = match self.peers.app {
            Some(app) => accepts(app, self.deadline).await,
            None => false,
        };
        if listens {
            return NotYet::waiting(
                "the app listens, and the sidecar is asking it for its configuration and subscriptions",
            );
        }
        let port = match &self.readiness.app {
            Some((_, port)) => Some(*port),
            None => self.metadata().await.ok().map(|metadata| metadata.app_connection_properties.port),
        };
        let reason = match port.filter(|port| *port != 0) {
            Some(port) => format!("the sidecar is up, the app does not listen on port {port} yet"),
            None => "the sidecar is up, the app does not listen yet".to_owned(),
        };
        NotYet { reason, kind: Kind::AppNotListening }
    }

    /// daprd subscribes after its API serves (1.14 to 1.18), so what brokers show while nothing listens is not its own. On a busy
    /// machine it may have come to serve before they answered: then any consumer counts, for its own may be among these.
    async fn look_before_it_serves(&self) {
        if self.known_earlier().is_some() {
            return;
        }
        let mut earlier = Vec::new();
        for check in &self.readiness.consumers {
            let Ok(question) = self.question(check) else { return };
            let Ok(seen) = question.earlier().await else { return };
            earlier.push(seen);
        }
        let still = daprd::health(&self.http, self.peers.daprd, self.deadline).await;
        if !still.is_err_and(|not_yet| not_yet.kind == Kind::NotListening) {
            return;
        }
        *self.known_earlier() = Some(earlier);
    }

    fn known_earlier(&self) -> MutexGuard<'_, Option<Vec<Earlier>>> {
        self.earlier.lock().expect("nothing panics while it is held")
    }

    async fn consumers(&self, metadata: &Metadata) -> Result<(), NotYet> {
        let earlier = self.known_earlier().clone().unwrap_or_default();
        for (index, check) in self.readiness.consumers.iter().enumerate() {
            let of_component = metadata.subscriptions.iter().filter(|loaded| loaded.pubsub == check.component);
            let topics: BTreeSet<_> = of_component.map(|loaded| loaded.topic.clone()).collect();
            if !topics.is_empty() {
                let topics: Vec<_> = topics.into_iter().collect();
                let earlier = earlier.get(index).cloned().unwrap_or_default();
                self.question(check)?.consumers_joined(&topics, &earlier).await?;
            }
        }
        Ok(())
    }

    fn question<'a>(&'a self, check: &'a ConsumerCheck) -> Result<Question<'a>, NotYet> {
        let Some(BrokerPeer { address, credentials }) = self.peers.brokers.get(&check.broker) else {
            return Err(NotYet::unexpected(format!("port {} of {} is not published", check.port, check.broker)));
        };
        let credentials = credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
        let (inquiry, address, deadline) = (&check.inquiry, *address, self.deadline);
        Ok(Question { inquiry, address, credentials, group: &check.group, sidecars: check.sidecars as usize, deadline })
    }
}
