//! daprd's HTTP API, as far as it tells about itself, and the one route of an app that daprd asks. Nothing else knows
//! these routes. Verified against daprd 1.18.2 (source and running); read also in 1.14.4 and 1.16.0.
//!
//! `base` is always `http://ADDRESS` without a path.

use super::{
    NotYet,
    http::{self, Answer},
};
use crate::names::Token;
use crate::plan::spec::{ComponentIdentity, SubscriptionIdentity};
use reqwest::Client;
use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

const HEALTH: &str = "/v1.0/healthz";
const OUTBOUND_HEALTH: &str = "/v1.0/healthz/outbound";
const METADATA: &str = "/v1.0/metadata";
/// On the metrics port.
const METRICS: &str = "/";
const APP_SUBSCRIPTIONS: &str = "/dapr/subscribe";

/// What `/v1.0/healthz` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// 204.
    Ready,
    /// 500 with `ERR_HEALTH_NOT_READY`.
    NotReady {
        /// daprd's words.
        message: String,
        /// What it waits for, sorted: `runtime`, `scheduler-watch-hosts`, `internal-placement-service`, … `None` before
        /// daprd 1.16, which does not say.
        waits_for: Option<Vec<String>>,
    },
}

/// Asks `/v1.0/healthz`: ready when the app's port was found (with an app port), subscriptions were started, and placement
/// and scheduler were found where they are configured.
///
/// # Errors
/// When there is no answer, or none of daprd's.
pub async fn health(http: &Client, daprd: SocketAddr, deadline: Duration) -> Result<Health, NotYet> {
    let answer = get(http, daprd, HEALTH, None, deadline).await?;
    if answer.status.is_success() {
        return Ok(Health::Ready);
    }
    let Ok(error) = serde_json::from_slice::<ApiError>(&answer.body) else { return Err(answer.refused(HEALTH)) };
    let waits_for = error.message.strip_prefix("dapr is not ready: [").and_then(|list| list.strip_suffix(']'));
    let waits_for = waits_for.map(|list| {
        let mut targets: Vec<_> = list.split_whitespace().map(str::to_owned).collect();
        targets.sort_unstable();
        targets
    });
    Ok(Health::NotReady { message: error.message, waits_for })
}

/// Asks `/v1.0/healthz/outbound`: whether components are initialised and the API serves. It does not wait for the app.
///
/// # Errors
/// When there is no answer.
pub async fn outbound_is_ready(http: &Client, daprd: SocketAddr, deadline: Duration) -> Result<bool, NotYet> {
    Ok(get(http, daprd, OUTBOUND_HEALTH, None, deadline).await?.status.is_success())
}

/// Asks `/v1.0/metadata`: what the sidecar has really loaded. Components that failed to initialise, or wait for a secret
/// store, are not in it; subscriptions are, before their consumers have joined. Unlike the health routes it wants the token.
///
/// # Errors
/// When there is no answer, or not 200 (401: daprd runs with another `DAPR_API_TOKEN`).
pub async fn metadata(
    http: &Client,
    daprd: SocketAddr,
    token: Option<&Token>,
    deadline: Duration,
) -> Result<Metadata, NotYet> {
    let answer = get(http, daprd, METADATA, token, deadline).await?;
    if !answer.status.is_success() {
        return Err(answer.refused(METADATA));
    }
    parse(&answer, METADATA)
}

/// Asks the metrics port: what daprd has counted, as Prometheus text (read by `dapr/metrics.rs`).
///
/// # Errors
/// When there is no answer, or not 200: `spec.metrics.enabled: false`, or `--metrics-port` says another one.
pub async fn metrics(http: &Client, metrics: SocketAddr, deadline: Duration) -> Result<String, NotYet> {
    let answer = get(http, metrics, METRICS, None, deadline).await?;
    if answer.status.as_u16() != 200 {
        return Err(answer.refused(METRICS));
    }
    Ok(String::from_utf8_lossy(&answer.body).into_owned())
}

/// Asks an app for its own subscriptions, as daprd does once in its life. Without that route, with an empty answer, or when
/// it answers anything but 200, daprd takes it that there are none; an answer of 5xx is no answer here, as the app may be
/// about to have one.
///
/// # Errors
/// When there is no answer, 5xx, or something that is no list of subscriptions.
pub async fn app_subscriptions(
    http: &Client,
    app: SocketAddr,
    token: Option<&Token>,
    deadline: Duration,
) -> Result<Vec<AppSubscription>, NotYet> {
    let listed = app_list(http, app, token, deadline).await?;
    Ok(listed.into_iter().map(RawSubscription::wanted).collect())
}

/// Which of an app's own subscriptions are bulk subscriptions; daprd's metadata do not tell.
///
/// # Errors
/// When there is no answer, 5xx, or something that is no list of subscriptions.
pub async fn app_bulk_subscriptions(
    http: &Client,
    app: SocketAddr,
    token: Option<&Token>,
    deadline: Duration,
) -> Result<Vec<SubscriptionIdentity>, NotYet> {
    let listed = app_list(http, app, token, deadline).await?;
    Ok(listed.into_iter().filter(|one| one.bulk.enabled).map(RawSubscription::identity).collect())
}

async fn app_list(
    http: &Client,
    app: SocketAddr,
    token: Option<&Token>,
    deadline: Duration,
) -> Result<Vec<RawSubscription>, NotYet> {
    let answer = get(http, app, APP_SUBSCRIPTIONS, token, deadline).await?;
    if answer.status.is_server_error() {
        return Err(answer.refused(&format!("{APP_SUBSCRIPTIONS} at the app")));
    }
    if answer.status.as_u16() != 200 || answer.body.trim_ascii().is_empty() {
        return Ok(Vec::new());
    }
    let listed: Option<Vec<RawSubscription>> = parse(&answer, APP_SUBSCRIPTIONS)?;
    Ok(listed.unwrap_or_default())
}

/// What `/v1.0/metadata` says, as far as it is used. Unknown fields are ignored, missing ones are empty.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    /// The app id.
    pub id: String,
    /// The version that daprd was built as.
    pub runtime_version: String,
    /// Components that were initialised.
    #[serde(deserialize_with = "components")]
    pub components: Vec<ComponentIdentity>,
    /// Subscriptions of files, of the app and of streams.
    #[serde(deserialize_with = "subscriptions")]
    pub subscriptions: Vec<LoadedSubscription>,
    /// How the app is reached.
    #[serde(deserialize_with = "null_is_default")]
    pub app_connection_properties: AppConnection,
}

/// How daprd reaches the app.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AppConnection {
    /// The app's port, 0 when there is none.
    pub port: u16,
}

/// A subscription that a sidecar has.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LoadedSubscription {
    /// The pub/sub component.
    pub pubsub: String,
    /// The topic.
    pub topic: String,
    /// Where the app gets it: the route without a condition, else the first one.
    pub route: Option<String>,
    /// What it says to the component.
    pub metadata: BTreeMap<String, String>,
    /// Where messages go that the app did not take.
    pub dead_letter_topic: Option<String>,
    /// Every path of the app that it is delivered to.
    #[serde(skip)]
    pub paths: BTreeSet<String>,
    /// Whether the app was asked for it. Dapr before 1.14 does not tell.
    #[serde(skip)]
    pub is_from_app: bool,
}

/// A subscription that an app asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppSubscription {
    /// What is subscribed to.
    pub identity: SubscriptionIdentity,
    /// Every path where the app wants it; `None` where that was not read.
    pub paths: Option<BTreeSet<String>>,
}

impl LoadedSubscription {
    /// What is subscribed to.
    pub fn identity(&self) -> SubscriptionIdentity {
        SubscriptionIdentity { pubsub: self.pubsub.clone(), topic: self.topic.clone() }
    }
}

async fn get(
    http: &Client,
    address: SocketAddr,
    path: &str,
    token: Option<&Token>,
    deadline: Duration,
) -> Result<Answer, NotYet> {
    http::exchange(http::with_token(http.get(http::url(address, path)?), token), address, deadline).await
}

fn parse<T: DeserializeOwned>(answer: &Answer, path: &str) -> Result<T, NotYet> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        NotYet::unexpected(format!("GET {path} is answered with something else than expected: {error}"))
    })
}

#[derive(Deserialize)]
struct ApiError {
    message: String,
}

#[derive(Deserialize)]
struct RawComponent {
    name: String,
    #[serde(rename = "type", default)]
    component_type: String,
    #[serde(default)]
    version: String,
}

impl RawComponent {
    /// daprd repeats the version as it is in the file, and takes none for `v1`.
    fn identity(self) -> ComponentIdentity {
        let version = if self.version.is_empty() { "v1".to_owned() } else { self.version };
        ComponentIdentity { name: self.name, component_type: self.component_type, version }
    }
}

#[derive(Deserialize)]
struct RawSubscription {
    #[serde(rename = "pubsubname", alias = "pubsubName", default)]
    pubsub: String,
    #[serde(default)]
    topic: String,
    #[serde(default, deserialize_with = "null_is_default")]
    rules: Vec<RawRule>,
    #[serde(default, deserialize_with = "null_is_default")]
    route: String,
    #[serde(default, deserialize_with = "null_is_default")]
    routes: RawRoutes,
    #[serde(rename = "type", default)]
    origin: Option<String>,
    #[serde(rename = "bulkSubscribe", default, deserialize_with = "null_is_default")]
    bulk: RawBulk,
    #[serde(default, deserialize_with = "null_is_default")]
    metadata: BTreeMap<String, String>,
    #[serde(rename = "deadLetterTopic", default)]
    dead_letter_topic: Option<String>,
}

/// `bulkSubscribe`, in the app's own answer only.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RawBulk {
    enabled: bool,
}

/// `routes`, in the app's own answer only.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRoutes {
    #[serde(deserialize_with = "null_is_default")]
    rules: Vec<RawRule>,
    #[serde(rename = "default", deserialize_with = "null_is_default")]
    otherwise: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawRule {
    #[serde(rename = "match")]
    condition: String,
    path: String,
}

impl RawSubscription {
    fn identity(self) -> SubscriptionIdentity {
        SubscriptionIdentity { pubsub: self.pubsub, topic: self.topic }
    }

    /// `route` counts where there is no default (`GetSubscriptionsHTTP` of 1.18.2).
    fn wanted(self) -> AppSubscription {
        let otherwise = Some(&self.routes.otherwise).filter(|path| !path.is_empty()).unwrap_or(&self.route);
        let paths = self.routes.rules.iter().map(|rule| &rule.path).chain([otherwise]);
        let paths = Some(paths.filter(|path| !path.is_empty()).cloned().collect());
        AppSubscription { paths, identity: self.identity() }
    }

    fn loaded(self) -> LoadedSubscription {
        let is_from_app = self.origin.as_deref() == Some("PROGRAMMATIC");
        let paths = self.rules.iter().map(|rule| rule.path.clone()).collect();
        let unconditional = self.rules.iter().find(|rule| rule.condition.is_empty());
        let route = unconditional.or(self.rules.first()).map(|rule| rule.path.clone());
        let dead_letter_topic = self.dead_letter_topic.filter(|topic| !topic.is_empty());
        LoadedSubscription {
            pubsub: self.pubsub,
            topic: self.topic,
            route,
            metadata: self.metadata,
            dead_letter_topic,
            paths,
            is_from_app,
        }
    }
}

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

fn components<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ComponentIdentity>, D::Error> {
    let listed: Vec<RawComponent> = null_is_default(deserializer)?;
    Ok(listed.into_iter().map(RawComponent::identity).collect())
}

fn subscriptions<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<LoadedSubscription>, D::Error> {
    let listed: Vec<RawSubscription> = null_is_default(deserializer)?;
    Ok(listed.into_iter().map(RawSubscription::loaded).collect())
}

#[cfg(test)]
mod tests;
