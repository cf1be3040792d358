//! What there is to be done, out of what runs.

use super::{Consent, SwapRequest};
use crate::{
    catalog::Catalog,
    config::suggest::nearest,
    dapr::bridge,
    engine::{
        project::Project,
        trust,
        up::{self, Session},
    },
    error::Failure,
    event::EventKind,
    names::{AppId, ContainerName},
    plan::{
        active::{self, BrokerMark},
        diff::{Manner, UpOptions, pending, reads_from_redis},
        observed::{ContainerState, Observed, ObservedContainer},
        spec::{FolderSpec, Role, SpecHash},
    },
    swap::SwapFailure,
};
use std::collections::{BTreeMap, BTreeSet};

/// It.
pub(super) struct Swap {
    /// The broker that is active.
    pub from: String,
    /// The project on the target.
    pub target: Project,
    /// Whether the target has a container.
    pub target_has_container: bool,
    /// What runs.
    pub observed: Observed,
    /// The sidecars to hand over.
    pub which: BTreeSet<ContainerName>,
    /// Whether some sidecars are on the target already.
    pub is_half_done: bool,
    /// Brokers of before, each with the project on it.
    pub old: Vec<(ObservedContainer, Project)>,
}

/// Looks.
///
/// # Errors
/// When there is nothing to swap, or nothing runs.
pub(super) async fn look(session: &Session, request: &SwapRequest) -> Result<Swap, Failure> {
    let (kind, catalog) = (request.kind.as_str(), Catalog::embedded());
    let Some(entry) = catalog.brokers.get(kind) else {
        return Err(unknown(kind, &catalog).into());
    };
    let mut target = Project::load_on(&request.load, Some(kind))?;
    let Some(mark) = target.broker.as_mut() else {
        return Err(SwapFailure::NoBroker { wanted: kind.to_owned() }.into());
    };
    let in_file = mark.in_file.clone();
    if request.save {
        // It will be.
        kind.clone_into(&mut mark.in_file);
    }
    let mark = mark.clone();
    target.desired.mark(&mark);
    let there = session.docker.observe(&target.origin.project, &[]).await?;
    let is_there = |app: &&AppId| there.containers.iter().any(|container| container.app.as_ref() == Some(*app));
    let apps: Vec<_> = target.config.apps.keys().filter(is_there).cloned().collect();
    target.desired = target.desired.only(&apps);
    trust::resolve(&session.docker, &mut target.desired).await?;
    let options = UpOptions { keep_others: true, ..UpOptions::default() };
    let (_, observed) = up::plan(session, &target, options).await?;
    let runs = |one: &ObservedContainer| one.role == Role::Sidecar && one.state == ContainerState::Running;
    if !observed.containers.iter().any(runs) {
        return Err(Failure::NothingRuns { project: target.origin.project.to_string() });
    }
    let which = pending(&target.desired, target.broker_components(), &observed);
    let on_target = |one: &ObservedContainer| {
        one.role == Role::Sidecar && one.broker.as_ref().is_some_and(|mark| mark.active == kind)
    };
    let newest = active::newest(&observed, &target.broker_users());
    let old = old_brokers(request, &target, &observed)?;
    let from = match newest {
        Some(mark) if mark.active != kind => mark.active,
        // Some are on the target already.
        _ => old.first().and_then(|(_, project)| project.broker.as_ref()).map_or(in_file, |mark| mark.active.clone()),
    };
    Ok(Swap {
        from,
        is_half_done: observed.containers.iter().any(on_target),
        target_has_container: entry.description.image.is_some(),
        target,
        observed,
        which,
        old,
    })
}

/// Every broker but the target, whoever has left it: each may have something in it.
fn old_brokers(
    request: &SwapRequest,
    target: &Project,
    observed: &Observed,
) -> Result<Vec<(ObservedContainer, Project)>, Failure> {
    let is_target = |one: &&ObservedContainer| target.desired.containers.iter().any(|spec| spec.name == one.name);
    let old = observed.containers.iter().filter(|one| one.role == Role::Broker && !is_target(one));
    old.map(|container| {
        let kind = container.broker.as_ref().map_or(container.short_name.as_str(), |mark| mark.active.as_str());
        let mut project = Project::load_on(&request.load, Some(kind))?;
        let apps: Vec<_> = target.desired.containers.iter().filter_map(|spec| spec.app.clone()).collect();
        project.desired = project.desired.only(&apps);
        Ok((container.clone(), project))
    })
    .collect()
}

impl Swap {
    /// Whether nothing is left to be done.
    pub(super) fn is_done(&self) -> bool {
        self.which.is_empty() && self.old.is_empty()
    }

    /// How its sidecars are handed over. A bridge on a broker that keeps messages leaves them to the lasting sidecar.
    pub(super) fn manner(&self) -> Manner {
        let mut publish_only = BTreeMap::new();
        for spec in self.target.desired.containers.iter().filter(|spec| self.which.contains(&spec.name)) {
            let Some(app) = spec.app.as_ref().filter(|_| self.target_has_container) else { continue };
            let (resources, components) = (self.target.resources_of(spec), self.target.broker_components());
            let files = bridge::files(&resources, components, app.as_str(), reads_from_redis(spec));
            let path = self.target.trial_folder().join(spec.name.as_str()).join(SpecHash::of_files(&files).as_str());
            publish_only.insert(spec.name.clone(), FolderSpec { path, files });
        }
        Manner { publish_only, resumes: true }
    }

    /// What is on the old broker and is not moved.
    pub(super) async fn say_what_stays(&self, session: &Session) {
        let hosts: Vec<_> = self.old.iter().map(|(container, _)| container.short_name.to_string()).collect();
        let components = self.target.broker_components();
        for (_, resource) in self.target.resources.iter().filter(|(_, one)| !components.contains(&one.name)) {
            let Some(view) = resource.component() else { continue };
            let values = resource.metadata_values();
            let names = |host: &&String| values.values().any(|value| names_host(value, host));
            if let Some(host) = hosts.iter().find(names) {
                let message = format!("`{}` ({}) is on `{host}` and stays there", view.name, view.component_type);
                let help = Some("a swap moves pub/sub; `--keep-old` leaves the old broker running for it".to_owned());
                session.reporter.send(EventKind::Notice { code: "sandbox::swap::stays", message, help }).await;
            }
        }
    }

    /// Says what cannot be kept, before anything is done.
    ///
    /// # Errors
    /// When nobody agrees.
    pub(super) async fn ask_consent(&self, session: &Session, consent: Consent) -> Result<(), Failure> {
        let Some(what) = self.what_is_lost().filter(|_| !self.which.is_empty()) else { return Ok(()) };
        let to = self.target.broker.as_ref().map(|mark: &BrokerMark| mark.active.clone()).unwrap_or_default();
        let help = match consent {
            Consent::Missing => return Err(SwapFailure::NeedsConsent { what, to }.into()),
            Consent::Given => None,
            Consent::Ask(_) => Some("type `yes` to swap all the same".to_owned()),
        };
        let notice = EventKind::Notice { code: "sandbox::swap::consent", message: what.clone(), help };
        session.reporter.send(notice).await;
        match consent {
            Consent::Ask(ask) if !tokio::task::spawn_blocking(ask).await.unwrap_or(false) => {
                Err(SwapFailure::NeedsConsent { what, to }.into())
            }
            _ => Ok(()),
        }
    }

    fn what_is_lost(&self) -> Option<String> {
        let catalog = Catalog::embedded();
        let is_in_memory = |kind: &str| catalog.brokers.get(kind).is_some_and(|one| one.description.image.is_none());
        let from = &self.from;
        let to = self.target.broker.as_ref().map(|mark| mark.active.as_str()).unwrap_or_default();
        if is_in_memory(from) {
            return Some(format!(
                "`{from}` keeps messages in each sidecar's memory: what an app has not taken yet is gone with the old sidecar"
            ));
        }
        is_in_memory(to).then(|| {
            format!(
                "`{to}` keeps messages in each sidecar's memory: from then on they do not cross to another sidecar, and are gone with \
                 theirs; what is left in `{from}` is delivered first"
            )
        })
    }
}

fn unknown(kind: &str, catalog: &Catalog) -> SwapFailure {
    let near = nearest(kind, catalog.brokers.keys().map(String::as_str));
    let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    let known = catalog.brokers.keys().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
    SwapFailure::UnknownKind { wanted: kind.to_owned(), near, known }
}

/// Whether a value of a component names a container: `redpanda:9092`, `amqp://user@rabbitmq:5672`.
fn names_host(value: &str, host: &str) -> bool {
    let is_part = |character: char| !(character.is_ascii_alphanumeric() || character == '-' || character == '.');
    value.split(is_part).any(|part| part == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_there_is_not_is_told_with_the_nearest_one() {
        let help =
            |kind: &str| miette::Diagnostic::help(&unknown(kind, &Catalog::embedded())).expect("a help").to_string();
        assert!(
            help("redsi").starts_with("did you mean `redis`? the brokers are `in-memory`, `kafka`, "),
            "{}",
            help("redsi")
        );
        assert!(help("nats").starts_with("the brokers are `in-memory`"), "{}", help("nats"));
    }

    #[test]
    fn a_value_names_a_host_where_that_stands_alone() {
        for value in ["redpanda:9092", "a:1,redpanda:9092", "amqp://u:p@redpanda:5672/", "redpanda"] {
            assert!(names_host(value, "redpanda"), "{value}");
        }
        for value in ["redpanda.example:9092", "my-redpanda:9092", ""] {
            assert!(!names_host(value, "redpanda"), "{value}");
        }
    }
}
