//! Calls from the host, as a user's curl would make them.

use super::{Context, Result, Value};
use std::time::Duration;

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body; text that is no JSON is a JSON string.
    pub body: Value,
}

/// `GET`.
///
/// # Errors
/// When nobody answers.
pub fn get(url: &str) -> Result<Answer> {
    call(url, |client| client.get(url))
}

/// `POST` with a JSON body.
///
/// # Errors
/// When nobody answers.
pub fn post(url: &str, body: &Value) -> Result<Answer> {
    call(url, |client| client.post(url).json(body))
}

fn call(url: &str, request: impl FnOnce(&reqwest::Client) -> reqwest::RequestBuilder) -> Result<Answer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let answer = runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        let answer = request(&client).send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        anyhow::Ok(Answer { status, body: serde_json::from_str(&text).unwrap_or(Value::String(text)) })
    });
    answer.with_context(|| format!("no answer from {url}"))
}
