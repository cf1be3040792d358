//! Who reads what of a broker, and how that broker is asked: out of what the sidecars say of their subscriptions.

use crate::{
    broker::{BrokerAt, Declaration, Group},
    dapr::resource::Resource,
    engine::{
        executor::Executor,
        project::Project,
        ready::{ReadyContext, address},
    },
    names::{AppId, Token},
    plan::{
        diff::is_throw_away,
        observed::{ContainerState, Observed},
        spec::{ConsumerCheck, ContainerSpec, Readiness, Role},
    },
    probe::{
        NotYet,
        daprd::{self, LoadedSubscription},
    },
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// One question to a sidecar or to a broker.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The subscriptions of each app to the broker's components.
pub(super) type Subscriptions = BTreeMap<AppId, Vec<LoadedSubscription>>;

/// Asks a running sidecar of each app; what the files say comes on top.
///
/// # Errors
/// When none of an app answers.
pub(super) async fn subscriptions(
    executor: &Executor,
    project: &Project,
    observed: &Observed,
) -> Result<Subscriptions, NotYet> {
    let components = project.broker_components();
    let mut all = Subscriptions::new();
    for app in project.broker_users() {
        let spec = project.desired.sidecars_with(components).find(|spec| spec.app.as_ref() == Some(&app));
        let token = spec.and_then(|spec| spec.api_token());
        let mut own = loaded(&executor.ready, &app, token, observed).await?;
        own.retain(|one| components.contains(&one.pubsub));
        let Some(Readiness::Sidecar(readiness)) = spec.map(|spec| &spec.readiness) else { continue };
        for identity in readiness.subscriptions.iter().filter(|one| components.contains(&one.pubsub)) {
            if !own.iter().any(|one| one.identity() == *identity) {
                own.push(LoadedSubscription {
                    pubsub: identity.pubsub.clone(),
                    topic: identity.topic.clone(),
                    ..LoadedSubscription::default()
                });
            }
        }
        all.insert(app, own);
    }
    Ok(all)
}

async fn loaded(
    context: &ReadyContext,
    app: &AppId,
    token: Option<&Token>,
    observed: &Observed,
) -> Result<Vec<LoadedSubscription>, NotYet> {
    let mut last = NotYet::waiting(format!("no sidecar of `{app}` runs"));
    let is_its = |one: &crate::plan::observed::ObservedContainer| {
        one.role == Role::Sidecar && one.app.as_ref() == Some(app) && !is_throw_away(&one.name)
    };
    let running = observed.containers.iter().filter(|one| is_its(one) && one.state == ContainerState::Running);
    for sidecar in running {
        let asked = async {
            let address = address(context, &sidecar.name, crate::dapr::sidecar::HTTP_PORT).await?;
            daprd::metadata(&context.http, address, token, ANSWER_LIMIT).await
        };
        match asked.await {
            Ok(metadata) => return Ok(metadata.subscriptions),
            Err(not_yet) => last = not_yet,
        }
    }
    Err(last)
}

/// The consumer groups of one sidecar on the broker of its project.
pub(super) fn groups(spec: &ContainerSpec, subscriptions: &Subscriptions) -> BTreeSet<Group> {
    let own = spec.app.as_ref().and_then(|app| subscriptions.get(app)).into_iter().flatten();
    own.filter_map(|subscription| Some(group(check(spec, &subscription.pubsub)?, subscription))).collect()
}

/// What one sidecar's subscriptions need on the broker of its project.
pub(super) fn declarations(project: &Project, spec: &ContainerSpec, subscriptions: &Subscriptions) -> Vec<Declaration> {
    let own = spec.app.as_ref().and_then(|app| subscriptions.get(app)).into_iter().flatten();
    let declaration = |subscription: &LoadedSubscription| {
        let check = check(spec, &subscription.pubsub)?;
        Some(Declaration {
            group: group(check, subscription),
            component: component_metadata(project, spec, &subscription.pubsub),
            subscription: subscription.metadata.clone(),
        })
    };
    own.filter_map(declaration).collect()
}

fn group(check: &ConsumerCheck, subscription: &LoadedSubscription) -> Group {
    let queue = subscription.metadata.get("queueName").cloned();
    Group { consumer_group: check.group.clone(), topic: subscription.topic.clone(), queue }
}

fn check<'a>(spec: &'a ContainerSpec, component: &str) -> Option<&'a ConsumerCheck> {
    let Readiness::Sidecar(readiness) = &spec.readiness else { return None };
    readiness.consumers.iter().find(|check| check.component == component)
}

pub(super) fn component_metadata(project: &Project, spec: &ContainerSpec, component: &str) -> BTreeMap<String, String> {
    let resources = project.resources_of(spec).into_values().flat_map(|text| Resource::parse_good(&text));
    let found = resources.into_iter().find(|one| one.kind == "Component" && one.name == component);
    found.map(|resource| resource.metadata_values()).unwrap_or_default()
}

/// How the broker of a project is asked; `None` where nobody's group in it can be known.
///
/// # Errors
/// When it is not reached.
pub(super) async fn broker_at(executor: &Executor, project: &Project) -> Result<Option<BrokerAt>, NotYet> {
    let checks = project.desired.sidecars_with(project.broker_components()).filter_map(|spec| match &spec.readiness {
        Readiness::Sidecar(readiness) => readiness.consumers.first(),
        _ => None,
    });
    let Some(check) = checks.into_iter().next() else { return Ok(None) };
    let context = &executor.ready;
    let management = match check.management_port {
        Some(port) => Some(address(context, &check.broker, port).await?),
        None => None,
    };
    Ok(Some(BrokerAt {
        inquiry: check.inquiry.clone(),
        address: address(context, &check.broker, check.port).await?,
        management,
        credentials: check.credentials.clone(),
        http: context.http.clone(),
        deadline: ANSWER_LIMIT,
    }))
}
