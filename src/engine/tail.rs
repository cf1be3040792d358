//! The last lines of a container that has something to answer for.

use crate::{docker::Docker, logs::lines::LineAssembler, names::ContainerName};
use futures_util::StreamExt;
use std::time::Duration;

/// How many lines are shown.
pub const LINES: usize = 20;
/// The engine may hold back the last line of a container that has just ended; it does not take longer than this.
const LIMIT: Duration = Duration::from_secs(2);

/// Reads them; what cannot be read is left out, for the failure that is being explained matters more.
pub async fn last_lines(docker: &Docker, name: &ContainerName) -> Vec<String> {
    let mut assembler = LineAssembler::of_engine();
    let mut lines = Vec::new();
    let mut pieces = std::pin::pin!(docker.last_logs(name, LINES));
    let reading = async {
        while let Some(Ok(piece)) = pieces.next().await {
            lines.extend(assembler.push(piece.stream, &piece.bytes));
        }
    };
    let _ = tokio::time::timeout(LIMIT, reading).await;
    lines.extend(assembler.finish());
    lines.sort_by_key(|line| line.time);
    let mut texts: Vec<_> = lines.into_iter().map(|line| line.text).collect();
    let excess = texts.len().saturating_sub(LINES);
    texts.drain(..excess);
    texts
}
