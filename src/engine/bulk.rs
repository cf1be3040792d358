//! Who subscribes in bulk, which sidecars do not tell, and what becomes of theirs when they end.

use crate::{
    catalog::features::Subscribed,
    engine::{
        project::Project,
        ready::{ReadyContext, address},
    },
    names::{AppId, ContainerName},
    plan::{
        diff::reads_from_redis,
        spec::{Readiness, SubscriptionIdentity},
    },
    probe::daprd,
};
use std::{collections::BTreeSet, time::Duration};

/// An app that takes longer to say what it subscribes to has said nothing.
const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// Who subscribes to what in bulk.
pub(super) type Bulk = BTreeSet<(AppId, SubscriptionIdentity)>;

/// The bulk subscriptions of files and of the apps themselves: a sidecar does not tell. An app that does not answer has none.
pub(super) async fn bulk_subscriptions(context: &ReadyContext, project: &Project) -> Bulk {
    let of_files = |app: &AppId| {
        let own = project.resources.iter().filter(|(_, resource)| resource.is_for(app.as_str()));
        let bulk = own.filter_map(|(_, resource)| Subscribed::of(resource)).filter(|(_, one)| one.is_bulk);
        bulk.map(|(pubsub, one)| SubscriptionIdentity { pubsub, topic: one.topic }).collect::<Vec<_>>()
    };
    let mut found = Bulk::new();
    for spec in project.desired.sidecars_with(project.broker_components()) {
        let (Some(app), Readiness::Sidecar(readiness)) = (&spec.app, &spec.readiness) else { continue };
        found.extend(of_files(app).into_iter().map(|one| (app.clone(), one)));
        let Some((container, port)) = &readiness.app else { continue };
        let Ok(address) = address(context, container, *port).await else { continue };
        let token = readiness.asking.app_token.as_ref();
        let own = daprd::app_bulk_subscriptions(&context.http, address, token, ANSWER_LIMIT).await;
        found.extend(own.unwrap_or_default().into_iter().map(|one| (app.clone(), one)));
    }
    found
}

/// Which of these sidecars must be killed rather than stopped, so that nothing is lost.
///
/// daprd 1.18.2 collects what Redis gives for a bulk subscription, and when it ends fails what it has collected. The Redis
/// component takes what the app fails for handled, unless it has heard of the end by then: it hears of it in the same moment
/// (`defaultBulkSubscriber`, `processMessage` of components-contrib v1.18.3). Whoever is killed acknowledges nothing.
pub(super) async fn killed_at_their_end(
    context: &ReadyContext,
    project: &Project,
    which: &BTreeSet<ContainerName>,
) -> BTreeSet<ContainerName> {
    let specs =
        || project.desired.containers.iter().filter(|spec| which.contains(&spec.name) && reads_from_redis(spec));
    if specs().next().is_none() {
        return BTreeSet::new();
    }
    let bulk = bulk_subscriptions(context, project).await;
    let collects = |app: &AppId| bulk.iter().any(|(own, _)| own == app);
    specs().filter(|spec| spec.app.as_ref().is_some_and(collects)).map(|spec| spec.name.clone()).collect()
}
