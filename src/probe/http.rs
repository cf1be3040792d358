//! HTTP on loopback: no proxy, no redirects, answers bounded in size and time.

use super::{NotYet, wire};
use crate::names::Token;
use reqwest::{Client, RequestBuilder, StatusCode, Url, header::HeaderMap, redirect};
use std::{
    error::Error,
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

/// The largest body that is read; what lies beyond is an error. A daprd with hundreds of components has less.
const MAX_BODY: usize = 1 << 22;

/// The client that every probe uses. Connections are kept for a second only: a kept one says nothing about new ones, and
/// would hold up the shutdown of a server that waits for its clients.
pub fn client() -> Client {
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .pool_idle_timeout(Duration::from_secs(1))
        .user_agent(concat!("sandbox/", env!("CARGO_PKG_VERSION")))
        .build()
        .expect("without TLS and proxies there is nothing to load")
}

/// The URL of a path on a published port. A path may hold a query.
///
/// # Errors
/// When no URL can be made of the path.
pub fn url(address: SocketAddr, path: &str) -> Result<Url, NotYet> {
    let separator = if path.starts_with('/') { "" } else { "/" };
    let text = format!("http://{address}{separator}{path}");
    Url::parse(&text).map_err(|error| NotYet::unexpected(format!("{text} is no URL: {error}")))
}

/// One GET, answered with 2xx. A redirect is not followed and does not count.
///
/// # Errors
/// The reason when there is no answer in time, or another one.
pub async fn answers(http: &Client, address: SocketAddr, path: &str, deadline: Duration) -> Result<(), NotYet> {
    let url = url(address, path)?;
    let answer = get(http, url.clone(), None, deadline).await?;
    if answer.status.is_success() { Ok(()) } else { Err(answer.refused(url.path())) }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The reason when this is not the answer that counts.
    pub(crate) fn refused(&self, path: &str) -> NotYet {
        let beginning = self.body.iter().take(120).copied().collect::<Vec<_>>();
        let text = String::from_utf8_lossy(&beginning);
        let first_line = text.lines().next().unwrap_or_default().trim();
        let detail = if first_line.is_empty() { String::new() } else { format!(": {first_line}") };
        NotYet::waiting(format!("GET {path} is answered with {}{detail}", self.status))
    }
}

/// One GET with a bounded body, within the deadline.
pub(crate) async fn get(
    http: &Client,
    url: Url,
    credentials: Option<(&str, &str)>,
    deadline: Duration,
) -> Result<Answer, NotYet> {
    let address = address_of(&url);
    let mut request = http.get(url);
    if let Some((user, password)) = credentials {
        request = request.basic_auth(user, Some(password));
    }
    exchange(request, address, deadline).await
}

/// Says the token, where one is wanted: daprd's callers and daprd itself say it in the same way.
pub(super) fn with_token(request: RequestBuilder, token: Option<&Token>) -> RequestBuilder {
    match token {
        Some(token) => request.header("dapr-api-token", token.reveal()),
        None => request,
    }
}

/// One question and its answer, with a bounded body, within the deadline.
pub(super) async fn exchange(
    request: RequestBuilder,
    address: SocketAddr,
    deadline: Duration,
) -> Result<Answer, NotYet> {
    wire::within(address, deadline, async {
        let mut response = request.send().await.map_err(|error| reason(address, &error))?;
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| wire::half(address))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(NotYet::unexpected(format!("the answer on {address} has more than {MAX_BODY} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body })
    })
    .await
}

fn address_of(url: &Url) -> SocketAddr {
    let ip = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse().ok());
    SocketAddr::new(ip.unwrap_or(Ipv4Addr::LOCALHOST.into()), url.port_or_known_default().unwrap_or_default())
}

/// What hyper found, in our words: it tells no one in its own what went wrong.
fn reason(address: SocketAddr, error: &reqwest::Error) -> NotYet {
    let mut cause: &dyn Error = error;
    loop {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return wire::no_answer(address, error);
        }
        match cause.source() {
            Some(source) => cause = source,
            None => break,
        }
    }
    match cause.to_string() {
        text if text.contains("connection closed") || text.contains("connection was not ready") => {
            wire::closed(address)
        }
        text if text.contains("parsed") => {
            NotYet::unexpected(format!("what listens on {address} does not speak HTTP ({text})"))
        }
        text => NotYet::waiting(format!("no answer on {address} yet: {text}")),
    }
}

#[cfg(test)]
mod tests;
