//! `status`: looks at every container and asks every sidecar what it has loaded.

use crate::{
    dapr::sidecar::{GRPC_PORT, HTTP_PORT},
    docker::{Docker, Inspection},
    engine::{
        measure,
        project::Project,
        ready::{ReadyContext, look},
        refused,
    },
    error::Failure,
    event::SCHEMA,
    names::{ImageReference, ProjectName},
    plan::{
        diff::is_temporary,
        observed::{ContainerState, Observed, ObservedContainer},
        spec::{ContainerSpec, Readiness, Role},
    },
    probe::{daprd, http},
    refusal::Refusal,
    status::{
        self, AppStatus, BrokerStatus, ComponentStatus, ContainerStatus, PortStatus, ProjectState, SidecarStatus,
        Status, SubscriptionStatus,
    },
};
use futures_util::future::join_all;
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

/// A container that does not answer in this time is not ready.
const LOOK_LIMIT: Duration = Duration::from_secs(3);

/// Looks; `has_metrics`: also at what containers use and sidecars have counted. Without `files` (sandbox.toml cannot be read, `-p` is given) only what the engine knows is told.
///
/// # Errors
/// When the engine does not answer.
pub async fn status(
    docker: &Docker,
    name: &ProjectName,
    files: Option<&Project>,
    has_metrics: bool,
) -> Result<Status, Failure> {
    let context = ReadyContext { docker: docker.clone(), http: http::client() };
    let mut observed = docker.observe(name, &[]).await?;
    let images: Vec<_> = observed.containers.iter().map(|container| ImageReference::new(&container.image)).collect();
    observed.images = docker.observe(name, &images).await?.images;
    let refusal = files.and_then(refusal_of);
    let mut specs = files.map(|files| files.desired.containers.clone()).unwrap_or_default();
    if refusal.is_some() {
        specs.iter_mut().for_each(ask_only_for_health);
    }
    let specs = specs.as_slice();
    let looks = observed.containers.iter().map(|container| {
        let spec = specs.iter().find(|spec| spec.name == container.name);
        container_status(&context, &observed, container, spec)
    });
    let mut containers = join_all(looks).await;
    containers.extend(missing(specs, &observed));
    let mut apps = match files {
        Some(files) => {
            let apps = files.config.apps.keys();
            join_all(apps.map(|app| app_status(&context, files, app, &observed, refusal.as_ref()))).await
        }
        None => Vec::new(),
    };
    if has_metrics {
        let sidecars = measure::sidecars(&context.http, &observed, &mut apps, LOOK_LIMIT);
        tokio::join!(measure::containers(docker, &mut containers), sidecars);
    }
    let broker = files.and_then(active_broker);
    let mtls = observed.containers.iter().any(|one| one.role == Role::Sentry && one.state == ContainerState::Running);
    Ok(Status { schema: SCHEMA, project: name.to_string(), state: state(&containers), mtls, broker, containers, apps })
}

/// The broker that the project is on; sandbox.toml's own word where nothing runs yet.
fn active_broker(files: &Project) -> Option<BrokerStatus> {
    let settings = files.config.broker.as_ref()?;
    Some(BrokerStatus { kind: settings.kind.clone(), component: settings.components.join(", ") })
}

fn state(containers: &[ContainerStatus]) -> ProjectState {
    let is_running = |container: &&ContainerStatus| container.state == "running";
    if containers.iter().all(|container| container.state == "absent") {
        ProjectState::Absent
    } else if containers.iter().all(|container| container.ready) {
        ProjectState::Ready
    } else if !containers.iter().any(|container| is_running(&container)) {
        ProjectState::Stopped
    } else if containers.iter().filter(|container| !container.ready).all(|container| is_running(&container)) {
        ProjectState::Starting
    } else {
        ProjectState::Degraded
    }
}

/// What sandbox.toml wants and the engine has not.
fn missing<'a>(specs: &'a [ContainerSpec], observed: &'a Observed) -> impl Iterator<Item = ContainerStatus> + 'a {
    let missing = specs.iter().filter(|spec| observed.container(&spec.name).is_none());
    missing.map(|spec| ContainerStatus {
        name: spec.display_name().to_owned(),
        role: spec.role,
        app: spec.app.as_ref().map(ToString::to_string),
        container: spec.name.to_string(),
        image: spec.image.to_string(),
        stand_in: false,
        state: "absent".to_owned(),
        ready: false,
        reason: Some("it is not there".to_owned()),
        exit_code: None,
        ports: Vec::new(),
        started_at: None,
        restarts: 0,
        temporary: false,
        usage: None,
    })
}

async fn container_status(
    context: &ReadyContext,
    observed: &Observed,
    container: &ObservedContainer,
    spec: Option<&ContainerSpec>,
) -> ContainerStatus {
    let looked = context.docker.inspect(&container.name).await.unwrap_or_default();
    let readiness = spec.map_or(&Readiness::Running, |spec| &spec.readiness);
    let reason = why_not_ready(context, container, readiness, &looked).await;
    let image = observed.images.get(&ImageReference::new(&container.image));
    let port = |(container, host): (&u16, &u16)| PortStatus {
        host: *host,
        container: *container,
        address: format!("127.0.0.1:{host}"),
    };
    ContainerStatus {
        name: spec.map_or(container.short_name.as_str(), ContainerSpec::display_name).to_owned(),
        role: container.role,
        app: container.app.as_ref().map(ToString::to_string),
        container: container.name.to_string(),
        image: container.image.clone(),
        stand_in: image.is_some_and(|image| image.stand_in.is_some()),
        state: state_word(container.state).to_owned(),
        ready: reason.is_none(),
        reason,
        exit_code: looked.ending.map(|ending| ending.exit_code),
        ports: looked.ports.iter().map(port).collect(),
        started_at: looked.started_at.and_then(|time| time.parse().ok()),
        restarts: u64::try_from(looked.restarts).unwrap_or_default(),
        temporary: is_temporary(&container.name),
        usage: None,
    }
}

fn state_word(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Created => "created",
        ContainerState::Running => "running",
        ContainerState::Paused => "paused",
        ContainerState::Exited => "exited",
    }
}

async fn why_not_ready(
    context: &ReadyContext,
    container: &ObservedContainer,
    readiness: &Readiness,
    looked: &Inspection,
) -> Option<String> {
    if !looked.running && *readiness != Readiness::Exited {
        return Some(if looked.ending.is_some_and(|ending| ending.out_of_memory) {
            "it ran out of memory".to_owned()
        } else {
            "it does not run".to_owned()
        });
    }
    match tokio::time::timeout(LOOK_LIMIT, look(context, &container.name, readiness)).await {
        Ok(Ok(_)) => None,
        Ok(Err(not_yet)) => Some(not_yet.reason),
        Err(_) => Some("no answer in time".to_owned()),
    }
}

async fn app_status(
    context: &ReadyContext,
    files: &Project,
    app: &crate::names::AppId,
    observed: &Observed,
    refusal: Option<&Refusal>,
) -> AppStatus {
    let settings = &files.config.apps[app];
    let of_role = |role: Role| {
        let own = move |container: &&ObservedContainer| container.app.as_ref() == Some(app) && container.role == role;
        observed.containers.iter().filter(own)
    };
    let port = |container: &ObservedContainer, port: u16| container.ports.get(&port).copied();
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let first_sidecar = of_role(Role::Sidecar).min_by_key(|sidecar| (is_temporary(&sidecar.name), sidecar.replica));
    let dapr_http = first_sidecar.and_then(|sidecar| port(sidecar, HTTP_PORT));
    let loaded = match dapr_http {
        Some(port) => {
            let (address, token) = (SocketAddr::from((Ipv4Addr::LOCALHOST, port)), settings.sidecar.api_token());
            daprd::metadata(&context.http, address, token.as_ref(), LOOK_LIMIT).await.ok()
        }
        None => None,
    };
    let subscriptions = loaded.iter().flat_map(|loaded| &loaded.subscriptions).map(|subscription| SubscriptionStatus {
        pubsub: subscription.pubsub.clone(),
        topic: subscription.topic.clone(),
        route: subscription.route.clone(),
    });
    let app_port = of_role(Role::App).next().and_then(|container| port(container, settings.port?));
    AppStatus {
        id: app.to_string(),
        replicas: settings.replicas,
        url: app_port.map(url),
        dapr_http: dapr_http.map(url),
        dapr_grpc: first_sidecar.and_then(|sidecar| port(sidecar, GRPC_PORT)).map(|port| format!("127.0.0.1:{port}")),
        components: components(files, app, loaded.as_ref(), refusal),
        sidecars: of_role(Role::Sidecar)
            .map(|sidecar| SidecarStatus {
                replica: sidecar.replica,
                container: sidecar.name.to_string(),
                dapr_http: port(sidecar, HTTP_PORT).map(url),
                metrics: None,
                metrics_missing: None,
            })
            .collect(),
        subscriptions: subscriptions.collect(),
    }
}

/// What the files want, and whether the sidecar has it; then what the sidecar has beyond that.
fn components(
    files: &Project,
    app: &crate::names::AppId,
    loaded: Option<&daprd::Metadata>,
    refusal: Option<&Refusal>,
) -> Vec<ComponentStatus> {
    let loaded = loaded.map(|loaded| loaded.components.as_slice()).unwrap_or_default();
    let wanted = files.desired.containers.iter().filter(|spec| spec.app.as_ref() == Some(app));
    let wanted = wanted.filter_map(|spec| match &spec.readiness {
        Readiness::Sidecar(readiness) => Some(readiness.components.as_slice()),
        _ => None,
    });
    let wanted = wanted.into_iter().next().unwrap_or_default();
    let status = |component: &crate::plan::spec::ComponentIdentity, is_loaded: bool| ComponentStatus {
        name: component.name.clone(),
        component_type: component.component_type.clone(),
        version: component.version.clone(),
        loaded: is_loaded,
        source: source(files, &component.name),
        refused: refusal.and_then(|refusal| refused(refusal, &component.name)),
    };
    let mut components: Vec<_> = wanted.iter().map(|component| status(component, loaded.contains(component))).collect();
    components.extend(loaded.iter().filter(|one| !wanted.contains(one)).map(|component| status(component, true)));
    components
}

/// The refusal of the files as they are now.
fn refusal_of(files: &Project) -> Option<Refusal> {
    refused::kept(&files.state_directory, &refused::fingerprint(&files.config))
}

/// What goes on is an earlier version, of which the files do not tell any more what it should have.
fn ask_only_for_health(spec: &mut ContainerSpec) {
    if let Readiness::Sidecar(readiness) = &mut spec.readiness {
        readiness.components.clear();
        readiness.subscriptions.clear();
        readiness.consumers.clear();
        readiness.app = None;
    }
}

fn refused(refusal: &Refusal, component: &str) -> Option<status::Refusal> {
    let problem = refusal.problems.iter().find(|problem| problem.component.as_deref() == Some(component))?;
    Some(status::Refusal {
        file: problem.file.clone().unwrap_or_default(),
        line: problem.line,
        reason: problem.reason.clone(),
    })
}

/// The file of a component, relative to the project's folder; generated ones come from sandbox.toml.
fn source(files: &Project, component: &str) -> Option<String> {
    let mut own =
        files.resources.iter().filter(|(_, resource)| resource.kind == "Component" && resource.name == component);
    let file = own.next().map_or(files.config.file.as_path(), |(file, _)| file);
    let relative = file.strip_prefix(&files.config.directory).unwrap_or(file);
    Some(relative.to_string_lossy().into_owned())
}
