//! What happens to the project's containers, as it happens.

use super::{Docker, DockerError, labels::PROJECT};
use crate::names::{ContainerName, ProjectName};
use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use std::collections::HashMap;

/// Something that happened to a container. The order that dockerd 20.10–29 gives: `start` for every start; `die` for every
/// end, whatever its cause; a restart is both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerChange {
    /// It was started.
    Started(ContainerName),
    /// It ended.
    Ended(ContainerName, i64),
}

impl Docker {
    /// Follows the project's containers from a time on. Each change comes with the engine's time of it, from which another
    /// stream can go on when this one breaks.
    pub fn watch(
        &self,
        project: &ProjectName,
        since: Timestamp,
    ) -> impl Stream<Item = Result<(Timestamp, ContainerChange), DockerError>> + Send + use<> {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("label", vec![format!("{PROJECT}={project}")]),
            ("event", vec!["start".to_owned(), "die".to_owned()]),
        ]);
        let since = format!("{}.{:09}", since.as_second(), since.subsec_nanosecond());
        let options = EventsOptionsBuilder::default().since(&since).filters(&filters).build();
        let endpoint = self.endpoint.clone();
        let client = self.client.clone();
        client.events(Some(options)).filter_map(move |event| {
            let change = match event {
                Ok(event) => {
                    let time = event.time_nano.and_then(|time| Timestamp::from_nanosecond(time.into()).ok());
                    let time = time.unwrap_or_else(Timestamp::now);
                    let attributes = event.actor.and_then(|actor| actor.attributes).unwrap_or_default();
                    let name = attributes.get("name").map(ContainerName::new);
                    let code = attributes.get("exitCode").and_then(|code| code.parse().ok()).unwrap_or_default();
                    name.and_then(|name| match event.action.as_deref() {
                        Some("start") => Some(Ok((time, ContainerChange::Started(name)))),
                        Some("die") => Some(Ok((time, ContainerChange::Ended(name, code)))),
                        _ => None,
                    })
                }
                Err(error) => Some(Err(DockerError::of("watch", "the project", &error, &endpoint))),
            };
            std::future::ready(change)
        })
    }
}
