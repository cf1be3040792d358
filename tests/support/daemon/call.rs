//! What was asked of the stand-in. Nothing here stands in for anything: it is what tests look at.

use axum::{
    extract::Query,
    http::{Method, Uri},
};
use std::{collections::BTreeMap, fmt};

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GET`, `POST`, `DELETE`.
    pub method: Method,
    /// The path without `/v1.NN`.
    pub path: String,
    /// The query, and the name of what a body creates as `Name`.
    pub query: BTreeMap<String, String>,
}

impl Call {
    pub(super) fn new(method: &Method, uri: &Uri, body: &[u8]) -> Self {
        let query = Query::<BTreeMap<String, String>>::try_from_uri(uri);
        let mut query = query.map(|Query(query)| query).unwrap_or_default();
        let named = serde_json::from_slice::<serde_json::Value>(body).ok();
        let named = named.and_then(|body| body["Name"].as_str().map(str::to_owned));
        query.extend(named.map(|name| ("Name".to_owned(), name)));
        Self { method: method.clone(), path: unversioned(uri.path()), query }
    }

    /// A value of the query that is not empty.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A list of the `filters`, however it was written: `{"label": ["a=b"]}` or `{"label": {"a=b": true}}`.
    pub fn filter(&self, name: &str) -> Vec<String> {
        let filters: serde_json::Value =
            self.value("filters").and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        match &filters[name] {
            serde_json::Value::Array(values) => {
                values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
            }
            serde_json::Value::Object(values) => values.keys().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Whether it changes something. Waiting for an end is a POST and does not.
    pub fn changes(&self) -> bool {
        self.method != Method::GET && self.method != Method::HEAD && !self.path.ends_with("/wait")
    }
}

/// `/v1.41/containers/json` and `/containers/json` are the same.
fn unversioned(path: &str) -> String {
    let path = path.replace("%3A", ":").replace("%2F", "/").replace("%40", "@");
    let version = path.strip_prefix("/v").and_then(|rest| rest.split_once('/'));
    let is_version = |text: &str| text.chars().all(|character| character.is_ascii_digit() || character == '.');
    match version {
        Some((version, rest)) if is_version(version) => format!("/{rest}"),
        _ => path,
    }
}

/// `POST /containers/shop-web-1/stop?t=10`; what is empty, false or long is left out.
impl fmt::Display for Call {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.method, self.path)?;
        let is_shown = |name: &str, value: &str| {
            !matches!(name, "filters" | "labels" | "buildargs") && !matches!(value, "" | "false")
        };
        let shown = self.query.iter().filter(|(name, value)| is_shown(name, value));
        let shown: Vec<_> = shown.map(|(name, value)| format!("{name}={value}")).collect();
        if shown.is_empty() { Ok(()) } else { write!(formatter, "?{}", shown.join("&")) }
    }
}
