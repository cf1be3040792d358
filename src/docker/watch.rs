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
    Started,
    /// It ended, with this exit code.
    Ended(i64),
}

/// A change, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerEvent {
    /// The engine's time of it, from which another stream can go on when this one breaks.
    pub time: Timestamp,
    /// The engine's id of the container; one that is made anew under the same name has another.
    pub id: String,
    /// Its name.
    pub name: ContainerName,
    /// What happened.
    pub change: ContainerChange,
}

impl Docker {
    /// Follows the project's containers from a time on.
    pub fn watch(
        &self,
        project: &ProjectName,
        since: Timestamp,
    ) -> impl Stream<Item = Result<ContainerEvent, DockerError>> + Send + use<> {
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
                    let actor = event.actor.unwrap_or_default();
                    let attributes = actor.attributes.unwrap_or_default();
                    let code = attributes.get("exitCode").and_then(|code| code.parse().ok()).unwrap_or_default();
                    let change = match event.action.as_deref() {
                        Some("start") => Some(ContainerChange::Started),
                        Some("die") => Some(ContainerChange::Ended(code)),
                        _ => None,
                    };
                    let name = attributes.get("name").map(ContainerName::new);
                    let event =
                        |(change, name)| ContainerEvent { time, id: actor.id.unwrap_or_default(), name, change };
                    change.zip(name).map(event).map(Ok)
                }
                Err(error) => Some(Err(DockerError::of("watch", "the project", &error, &endpoint))),
            };
            std::future::ready(change)
        })
    }

    /// Waits until the processes of a container have ended, which the engine tells before it has cleared up after them. `id`: not its
    /// name, which another one may have since.
    ///
    /// # Errors
    /// When it is not there or the engine does not answer.
    pub async fn wait_until_gone(&self, id: &ContainerName) -> Result<(), DockerError> {
        tokio::select! {
            () = self.ending(id) => Ok(()),
            ended = self.wait_until_ended(id) => ended,
        }
    }

    /// Returns at the next ending of a container of this name or id, as soon as its processes are gone; never when the engine
    /// cannot tell.
    pub(super) async fn ending(&self, name: &ContainerName) {
        let filters = HashMap::from([
            ("type", vec!["container".to_owned()]),
            ("container", vec![name.to_string()]),
            ("event", vec!["die".to_owned()]),
        ]);
        let options = EventsOptionsBuilder::default().filters(&filters).build();
        let mut endings = std::pin::pin!(self.client.events(Some(options)));
        while let Some(Ok(event)) = endings.next().await {
            let actor = event.actor.unwrap_or_default();
            let is_it = |other: Option<&String>| other.is_some_and(|other| other == name.as_str());
            if is_it(actor.id.as_ref()) || is_it(actor.attributes.unwrap_or_default().get("name")) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }
}
