//! What a container uses at this moment.

use super::{Docker, DockerError};
use crate::names::ContainerName;
use bollard::{
    errors::Error as ClientError,
    models::{ContainerMemoryStats, ContainerStatsResponse},
    query_parameters::StatsOptionsBuilder,
};
use futures_util::StreamExt;
use jiff::Timestamp;
use std::time::Duration;

/// One look at what a container uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// When the engine looked.
    pub at: Timestamp,
    /// The time that all its processes have computed since it started, on all processors together.
    pub processor: Duration,
    /// Its memory in bytes, without files that are only kept in case they are read again: what `docker stats` shows.
    pub memory: u64,
}

impl Docker {
    /// Looks once, at once: what takes the engine a second is the comparison of two looks, which is left to the caller.
    /// `None` when it does not run.
    ///
    /// # Errors
    /// When it is not there or the engine does not answer.
    pub async fn usage(&self, name: &ContainerName) -> Result<Option<Usage>, DockerError> {
        let once = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let looked = Box::pin(self.client.stats(name.as_str(), Some(once))).next().await;
        let looked = looked.unwrap_or(Err(ClientError::RequestTimeoutError));
        looked.map(usage).map_err(|error| self.error("measure", name, &error))
    }
}

/// One that does not run has no numbers, and a time of the year 1.
fn usage(stats: ContainerStatsResponse) -> Option<Usage> {
    let processor = stats.cpu_stats?.cpu_usage?.total_usage?;
    let memory = memory(&stats.memory_stats?)?;
    Some(Usage { at: stats.read?.parse().ok()?, processor: Duration::from_nanos(processor), memory })
}

/// The name of what is left out differs between the two kinds of control groups.
fn memory(stats: &ContainerMemoryStats) -> Option<u64> {
    let details = stats.stats.as_ref();
    let kept = details.and_then(|stats| stats.get("total_inactive_file").or_else(|| stats.get("inactive_file")));
    Some(stats.usage?.saturating_sub(kept.copied().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Usage> {
        usage(serde_json::from_str(text).expect("stats"))
    }

    #[test]
    fn files_that_are_only_kept_do_not_count() {
        let text = |details: &str| {
            format!(
                r#"{{"read":"2026-11-24T19:30:07.5Z","cpu_stats":{{"cpu_usage":{{"total_usage":1500000000}}}},
                     "memory_stats":{{"usage":1000,"limit":5000,"stats":{{{details}}}}}}}"#
            )
        };
        let of = |details| read(&text(details)).expect("it runs");
        assert_eq!(of(r#""total_inactive_file":300,"inactive_file":1"#).memory, 700);
        assert_eq!(of(r#""inactive_file":200"#).memory, 800);
        assert_eq!(of(r#""inactive_file":2000"#).memory, 0);
        assert_eq!((of("").memory, of("").processor), (1000, Duration::from_millis(1500)));
    }

    #[test]
    fn what_does_not_run_uses_nothing() {
        let stopped =
            r#"{"read":"0001-01-01T00:00:00Z","cpu_stats":{"cpu_usage":{"total_usage":0}},"memory_stats":{}}"#;
        assert_eq!(read(stopped), None);
        assert_eq!(read("{}"), None);
    }
}
