//! Makes new resources live in the sidecars that run: tried first, then left to daprd's own reload, then confirmed.

use crate::{
    dapr::{resource::Resource, sidecar::HTTP_PORT, trial::trial},
    docker::Docker,
    engine::{executor::Executor, folders, sidecar_change::SidecarChange, up::Session},
    error::Failure,
    names::ContainerName,
    plan::{
        diff::{Trials, trials},
        spec::ComponentIdentity,
    },
    probe::{NotYet, daprd, until},
};
use futures_util::future::join_all;
use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};
use tokio::task::JoinHandle;

/// A running sidecar is asked again this long after the last time.
const ASK_EVERY: Duration = Duration::from_millis(10);
const ANSWER_LIMIT: Duration = Duration::from_secs(2);
/// How long daprd may take to notice that a file has gone.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// How it went.
pub(super) struct InPlace {
    /// Whether the sidecars have it. If not, their folders are as they were.
    pub is_live: Result<bool, Failure>,
    /// Takes the throw-away sidecars away; it is to be waited for.
    pub clearing: JoinHandle<Result<(), Failure>>,
}

/// Tries what is new and makes it live.
///
/// # Errors
/// Why what is new cannot be initialised, or that it was interrupted before that was known; no running sidecar has seen anything of
/// it then.
pub(super) async fn in_place(
    session: &Session,
    executor: &Executor,
    sidecars: &[SidecarChange],
    folder: &Path,
) -> Result<InPlace, Failure> {
    let tried = sidecars.iter().map(|sidecar| (&sidecar.spec, trial(&sidecar.after, &sidecar.added())));
    let trials = trials(tried, folder);
    let prepared = tokio::select! {
        prepared = executor.run(trials.prepare.clone()) => prepared,
        interruption = session.interrupts.reach(1) => Err(Failure::Interrupted(interruption)),
    };
    if let Err(failure) = prepared {
        executor.settled().await;
        clear(executor.clone(), trials).await?;
        return Err(failure);
    }
    let clearing = tokio::spawn(clear(executor.clone(), trials));
    let is_live = tokio::select! {
        is_live = make_live(executor, sidecars) => is_live,
        interruption = session.interrupts.reach(1) => Err(Failure::Interrupted(interruption)),
    };
    Ok(InPlace { is_live, clearing })
}

async fn clear(executor: Executor, trials: Trials) -> Result<(), Failure> {
    let cleared = executor.run(trials.clear).await;
    for folder in &trials.folders {
        // What cannot be removed is left for the next time.
        let _ = fs::remove_dir_all(folder);
    }
    cleared
}

/// Changes the folders and waits until daprd has followed; changes them back where one does not.
async fn make_live(executor: &Executor, sidecars: &[SidecarChange]) -> Result<bool, Failure> {
    let mut changed = Ok(());
    for sidecar in sidecars {
        changed = changed.and_then(|()| folders::change(&sidecar.folder, &sidecar.before, &sidecar.changed_in_place()));
    }
    let is_live = match &changed {
        Ok(()) => {
            join_all(sidecars.iter().map(|sidecar| is_live(executor, sidecar))).await.into_iter().all(|live| live)
        }
        Err(_) => false,
    };
    if !is_live {
        for sidecar in sidecars {
            folders::change(&sidecar.folder, &sidecar.changed_in_place(), &sidecar.before)?;
        }
    }
    changed.map(|()| is_live)
}

/// Waits until a sidecar has what was added, and has not what was removed; no longer than daprd itself would.
async fn is_live(executor: &Executor, sidecar: &SidecarChange) -> bool {
    let Some(port) = sidecar.ports.get(&HTTP_PORT) else { return false };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, *port));
    let (added, removed) = (added_components(sidecar), sidecar.removed());
    let ask = || async {
        match daprd::metadata(&executor.ready.http, address, sidecar.spec.api_token(), ANSWER_LIMIT).await {
            Ok(metadata) if follows(&metadata.components, &added, &removed) => Ok(true),
            Ok(_) => Err(NotYet::waiting("daprd has not followed yet")),
            Err(_) if has_ended(&executor.ready.docker, &sidecar.spec.name).await => Ok(false),
            Err(not_yet) => Err(not_yet),
        }
    };
    tokio::time::timeout(limit(sidecar), until(ASK_EVERY, ask, |_| {})).await.unwrap_or(false)
}

fn follows(loaded: &[ComponentIdentity], added: &[ComponentIdentity], removed: &BTreeSet<String>) -> bool {
    added.iter().all(|one| loaded.contains(one)) && !loaded.iter().any(|one| removed.contains(&one.name))
}

async fn has_ended(docker: &Docker, name: &ContainerName) -> bool {
    docker.inspect(name).await.is_ok_and(|looked| !looked.running)
}

fn added_components(sidecar: &SidecarChange) -> Vec<ComponentIdentity> {
    let views = added_resources(sidecar).into_iter().filter_map(|resource| resource.component());
    let identity = |view: crate::dapr::resource::ComponentView| ComponentIdentity {
        name: view.name,
        component_type: view.component_type,
        version: view.version,
    };
    views.map(identity).collect()
}

fn added_resources(sidecar: &SidecarChange) -> Vec<Resource> {
    let added = sidecar.added();
    let resources = sidecar.after.values().flat_map(|text| Resource::parse_good(text));
    resources.filter(|resource| resource.kind == "Component" && added.contains(&resource.name)).collect()
}

fn limit(sidecar: &SidecarChange) -> Duration {
    let init = added_resources(sidecar).iter().map(Resource::init_timeout).max();
    init.unwrap_or_default().max(CLOSE_LIMIT)
}
