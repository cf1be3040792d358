//! What `check --rendered` shows: YAML that can be given to daprd as it is, with the differences as comments. Pure.

use super::{
    sanitize::{one_line, sanitize},
    style::Paint,
};
use crate::names::AppId;
use std::collections::BTreeMap;

/// The resources of one sidecar, one document each.
pub(super) fn lines(
    app: &AppId,
    differences: &[String],
    files: &BTreeMap<String, String>,
    paint: Paint,
) -> Vec<String> {
    let comment = |text: &str| paint.dim(format!("# {}", one_line(text)));
    let mut lines =
        vec![comment(&format!("the sidecar of {app} gets {}", super::text::count(files.len(), "resource")))];
    lines.extend(differences.iter().map(|difference| comment(difference)));
    for (name, text) in files {
        lines.extend(["---".to_owned(), comment(name)]);
        lines.extend(text.trim_end().lines().map(|line| sanitize(line, false).into_owned()));
    }
    lines.push(String::new());
    lines
}
