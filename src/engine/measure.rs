//! `status --metrics`: what each container uses, and what each sidecar has counted.

use crate::{
    dapr::{metrics::SidecarMetrics, sidecar::METRICS_PORT},
    docker::{Docker, Usage},
    names::ContainerName,
    plan::{observed::Observed, spec::SubscriptionIdentity},
    probe::daprd,
    status::{AppStatus, ContainerStatus, SidecarStatus, UsageStatus},
};
use futures_util::future::join_all;
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::time::sleep;

/// Between two looks at a container: a share of a processor's time is one of some time.
const BETWEEN_LOOKS: Duration = Duration::from_millis(500);

/// Measures the containers that run. What cannot be measured is left out: `status` tells of the rest all the same.
pub(super) async fn containers(docker: &Docker, containers: &mut [ContainerStatus]) {
    let running = containers.iter_mut().filter(|container| container.state == "running");
    join_all(running.map(|container| async {
        let name = ContainerName::new(container.container.clone());
        container.usage = usage(docker, &name).await;
    }))
    .await;
}

async fn usage(docker: &Docker, name: &ContainerName) -> Option<UsageStatus> {
    let look = async || docker.usage(name).await.ok().flatten();
    let before = look().await?;
    sleep(BETWEEN_LOOKS).await;
    let after = look().await?;
    let limit = docker.inspect(name).await.ok()?.memory_limit;
    Some(UsageStatus { cpu_percent: share(&before, &after), memory_bytes: after.memory, memory_limit_bytes: limit })
}

/// Of one processor, in percent with one decimal. `None` when no time has passed, or it was started again in between.
fn share(before: &Usage, after: &Usage) -> Option<f64> {
    let passed = after.at.duration_since(before.at).as_secs_f64();
    let computed = after.processor.checked_sub(before.processor)?.as_secs_f64();
    (passed > 0.0).then(|| (computed / passed * 1000.0).round() / 10.0)
}

/// Asks every sidecar what it has counted.
pub(super) async fn sidecars(http: &reqwest::Client, observed: &Observed, apps: &mut [AppStatus], limit: Duration) {
    for app in apps {
        let subscription = |one: &crate::status::SubscriptionStatus| SubscriptionIdentity {
            pubsub: one.pubsub.clone(),
            topic: one.topic.clone(),
        };
        let subscriptions: Vec<_> = app.subscriptions.iter().map(subscription).collect();
        join_all(app.sidecars.iter_mut().map(|sidecar| counted(http, observed, sidecar, &subscriptions, limit))).await;
    }
}

async fn counted(
    http: &reqwest::Client,
    observed: &Observed,
    sidecar: &mut SidecarStatus,
    subscriptions: &[SubscriptionIdentity],
    limit: Duration,
) {
    let container = observed.container(&ContainerName::new(sidecar.container.clone()));
    let port = container.and_then(|container| container.ports.get(&METRICS_PORT));
    let Some(port) = port else {
        sidecar.metrics_missing = Some("its metrics port is not published".to_owned());
        return;
    };
    match daprd::metrics(http, SocketAddr::from((Ipv4Addr::LOCALHOST, *port)), limit).await {
        Ok(text) => sidecar.metrics = Some(SidecarMetrics::read(&text, subscriptions)),
        Err(not_yet) => sidecar.metrics_missing = Some(not_yet.reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(at: &str, milliseconds: u64) -> Usage {
        Usage { at: at.parse().expect("a time"), processor: Duration::from_millis(milliseconds), memory: 1 }
    }

    #[test]
    fn the_share_is_of_one_processor_over_the_time_between() {
        let before = usage("2026-11-24T19:30:00Z", 1000);
        assert_eq!(share(&before, &usage("2026-11-24T19:30:00.5Z", 1017)), Some(3.4));
        assert_eq!(share(&before, &usage("2026-11-24T19:30:01Z", 3000)), Some(200.0));
        assert_eq!(share(&before, &usage("2026-11-24T19:30:00Z", 1001)), None, "no time has passed");
        assert_eq!(share(&before, &usage("2026-11-24T19:30:01Z", 10)), None, "it was started again");
    }
}
