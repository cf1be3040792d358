//! `sandbox::docker::Docker` over the wire: what it makes of an engine that refuses, breaks off, or is slow.

use crate::daemon::{
    FakeDaemon,
    fault::Fault,
    script::{Peer, Script},
    world::World,
};
use anyhow::{Context, Result};
use futures_util::StreamExt;
use sandbox::{
    docker::{ContainerChange, Docker, DockerError, connect::Surroundings, labels::Origin},
    names::{ContainerName, ImageReference, ProjectName, ShortName},
    plan::{
        Urgency,
        spec::{ContainerSpec, HostPort, NetworkSpec, PortSpec, Readiness, Role, VolumeSpec},
    },
};
use std::{collections::BTreeMap, time::Duration};

async fn connect(daemon: &FakeDaemon) -> Result<Docker, DockerError> {
    let environment = BTreeMap::from([("DOCKER_HOST".to_owned(), daemon.host())]);
    Docker::connect(&Surroundings { environment, home: None }).await
}

async fn serve(world: World) -> Result<(FakeDaemon, Docker)> {
    let daemon = FakeDaemon::serve(world)?;
    let docker = connect(&daemon).await?;
    Ok((daemon, docker))
}

fn origin() -> Origin {
    Origin { project: ProjectName::new("shop"), file: "/shop/sandbox.toml".into(), directory: "/shop".into() }
}

fn spec(name: &str, image: &str, ports: Vec<PortSpec>) -> ContainerSpec {
    ContainerSpec {
        name: ContainerName::new(format!("shop-{name}-1")),
        short_name: ShortName::new(name),
        role: Role::Other,
        app: None,
        replica: 1,
        image: ImageReference::new(image),
        command: None,
        environment: BTreeMap::new(),
        ports,
        mounts: vec![],
        aliases: vec![],
        hostname: None,
        memory: None,
        stop_grace: Duration::from_secs(1),
        readiness: Readiness::Running,
        start_after: vec![],
        broker: None,
    }
}

async fn create(docker: &Docker, spec: &ContainerSpec) -> Result<(), DockerError> {
    docker.create_container(spec, "shop", &origin()).await
}

async fn network(docker: &Docker) -> Result<(), DockerError> {
    docker.create_network(&NetworkSpec { name: "shop".to_owned() }, &origin()).await
}

fn shown<T>(result: Result<T, DockerError>) -> String {
    result.map_or_else(|error| error.to_string(), |_| "no error".to_owned())
}

#[tokio::test]
async fn both_api_versions_are_spoken() -> Result<()> {
    for version in ["1.41", "1.52"] {
        let mut world = World::with_images();
        world.api_version = version.to_owned();
        let (daemon, docker) = serve(world).await?;
        network(&docker).await?;
        let web = spec("web", "acme/web:1", vec![PortSpec::new(80, HostPort::Any, "http", None)]);
        create(&docker, &web).await?;
        docker.start_container(&web.name).await?;
        let observed = docker.observe(&origin().project, std::slice::from_ref(&web.image)).await?;
        assert_eq!(observed.containers[0].spec_hash, web.hash(), "{version}");
        assert!(observed.containers[0].ports.contains_key(&80), "{version}");
        assert_eq!(observed.images.len(), 1, "{version}");
        docker.remove_container(&web.name).await?;
        docker.remove_network("shop").await?;
        assert_eq!(daemon.world().names("shop"), Vec::<&str>::new());
    }
    Ok(())
}

#[tokio::test]
async fn a_create_says_why_it_was_refused() -> Result<()> {
    let (_daemon, docker) = serve(World::with_images()).await?;
    let missing = create(&docker, &spec("web", "acme/none:1", vec![])).await;
    assert!(missing.as_ref().is_err_and(DockerError::is_not_found));
    assert_eq!(shown(missing), "Docker could not create shop-web-1: No such image: acme/none:1");
    create(&docker, &spec("web", "acme/web:1", vec![])).await?;
    let taken = create(&docker, &spec("web", "acme/web:1", vec![])).await;
    assert!(taken.as_ref().is_err_and(DockerError::is_conflict));
    assert!(shown(taken).contains("The container name \"/shop-web-1\" is already in use"));
    Ok(())
}

#[tokio::test]
async fn an_inner_error_of_the_engine_is_shown_in_its_words() -> Result<()> {
    let (daemon, docker) = serve(World::with_images()).await?;
    daemon.inject(Fault::refuse("GET /containers/json", 500, "layer does not exist"));
    let refused = docker.observe(&origin().project, &[]).await.map(drop);
    assert_eq!(shown(refused), "Docker could not list what is there of `shop`: layer does not exist");
    Ok(())
}

#[tokio::test]
async fn a_port_that_is_allocated_is_refused_at_start() -> Result<()> {
    let (daemon, docker) = serve(World::with_images()).await?;
    network(&docker).await?;
    let port = |assigned| PortSpec { assigned: Some(assigned), ..PortSpec::new(80, HostPort::Any, "http", None) };
    let first = spec("first", "acme/web:1", vec![port(0)]);
    create(&docker, &first).await?;
    docker.start_container(&first.name).await?;
    let taken = daemon.world().container("shop-first-1").context("it is there")?.ports[&80];
    let second = spec("second", "acme/web:1", vec![port(taken)]);
    create(&docker, &second).await?;
    assert!(shown(docker.start_container(&second.name).await).contains("port is already allocated"));
    assert!(!daemon.world().container("shop-second-1").context("it is there")?.is_running());
    Ok(())
}

#[tokio::test]
async fn what_is_so_already_is_no_error() -> Result<()> {
    let (_daemon, docker) = serve(World::with_images()).await?;
    network(&docker).await?;
    let web = spec("web", "acme/web:1", vec![]);
    create(&docker, &web).await?;
    for urgency in [Urgency::InOrder, Urgency::AtOnce] {
        docker.stop_container(&web.name, urgency).await?;
    }
    docker.start_container(&web.name).await?;
    docker.start_container(&web.name).await?;
    docker.remove_container(&web.name).await?;
    docker.remove_container(&web.name).await?;
    docker.stop_container(&web.name, Urgency::InOrder).await?;
    docker.remove_network("shop").await?;
    docker.remove_network("shop").await?;
    docker.remove_volume("shop_data").await?;
    assert!(docker.start_container(&web.name).await.is_err_and(|error| error.is_not_found()));
    Ok(())
}

#[tokio::test]
async fn a_network_in_use_and_a_volume_in_use_stay() -> Result<()> {
    let (daemon, docker) = serve(World::with_images()).await?;
    network(&docker).await?;
    let web = spec("web", "acme/web:1", vec![]);
    create(&docker, &web).await?;
    docker.start_container(&web.name).await?;
    assert!(shown(docker.remove_network("shop").await).contains("has active endpoints"));
    let volume = VolumeSpec { name: "shop_data".to_owned(), short_name: "data".to_owned(), in_memory: false };
    docker.create_volume(&volume, &origin()).await?;
    docker.create_volume(&volume, &origin()).await?;
    assert!(daemon.world().has_network("shop") && daemon.world().volumes.contains_key("shop_data"));
    Ok(())
}

#[tokio::test]
async fn a_pull_tells_how_far_it_is_and_a_cut_one_fails() -> Result<()> {
    let mut world = World::with_images();
    world.only_in_registry("redis:8.0");
    let (daemon, docker) = serve(world).await?;
    let image = ImageReference::new("redis:8.0");
    daemon.inject(Fault::cut("POST /images/create", 4).times(1));
    let mut seen = Vec::new();
    let cut = docker.pull(&image, |progress| seen.push(progress)).await;
    assert!(cut.is_err(), "a pull that broke off counts as done");
    assert_eq!(seen.last().map(|progress| progress.current), Some(6_000_000));
    docker.pull(&image, |progress| seen.push(progress)).await?;
    assert_eq!(seen.last().map(|progress| (progress.layers_done, progress.layers)), Some((2, 2)));
    let unknown = docker.pull(&ImageReference::new("acme/none:1"), |_| {}).await;
    assert!(shown(unknown).contains("pull access denied for acme/none:1"));
    Ok(())
}

#[tokio::test]
async fn a_pull_of_an_image_without_a_tag_asks_for_latest_and_never_for_every_tag() -> Result<()> {
    let mut world = World::with_images();
    world.only_in_registry("acme/tool:latest");
    let (daemon, docker) = serve(world).await?;
    docker.pull(&ImageReference::new("acme/tool"), |_| {}).await?;
    assert!(daemon.world().images.contains_key("acme/tool:latest"));
    Ok(())
}

#[tokio::test]
async fn log_pieces_come_with_their_stream_and_a_cut_log_ends_with_an_error() -> Result<()> {
    let mut world = World::with_images();
    world.add_image("acme/web:1", Script::of(Peer::Http).saying("one\n").complaining("two\n").saying("three"));
    let (daemon, docker) = serve(world).await?;
    network(&docker).await?;
    let web = spec("web", "acme/web:1", vec![]);
    create(&docker, &web).await?;
    docker.start_container(&web.name).await?;
    let pieces: Vec<_> = docker.last_logs(&web.name, 2).collect().await;
    let texts: Vec<_> =
        pieces.iter().flatten().map(|piece| String::from_utf8_lossy(&piece.bytes).into_owned()).collect();
    assert!(texts.len() == 2 && texts[0].ends_with(" two\n") && texts[1].ends_with(" three"), "{texts:?}");
    daemon.inject(Fault::cut("/logs", 1).times(1));
    let pieces: Vec<_> = docker.follow_logs(&web.name, sandbox::docker::LogRange::default()).collect().await;
    assert!(pieces.len() == 2 && pieces[0].is_ok() && pieces[1].is_err(), "{pieces:?}");
    Ok(())
}

#[tokio::test]
async fn starts_and_endings_are_told_and_a_cut_stream_ends_with_an_error() -> Result<()> {
    let (daemon, docker) = serve(World::with_images()).await?;
    network(&docker).await?;
    let web = spec("web", "acme/web:1", vec![]);
    create(&docker, &web).await?;
    let changes = docker.watch(&origin().project, Default::default()).take(2).collect::<Vec<_>>();
    let acting = async {
        docker.start_container(&web.name).await?;
        daemon.let_die("shop-web-1", 3);
        Ok::<_, DockerError>(())
    };
    let (changes, acted) = tokio::join!(changes, acting);
    acted?;
    let changes: Vec<_> = changes.into_iter().collect::<Result<_, _>>()?;
    let told: Vec<_> = changes.iter().map(|event| (&event.name, &event.change)).collect();
    assert_eq!(told, [(&web.name, &ContainerChange::Started), (&web.name, &ContainerChange::Ended(3))]);
    assert!(changes[0].id == changes[1].id && !changes[0].id.is_empty() && changes[0].time < changes[1].time);
    daemon.inject(Fault::cut("GET /events", 1));
    let changes: Vec<_> = docker.watch(&origin().project, Default::default()).collect().await;
    assert!(changes.len() == 2 && changes[1].is_err(), "{changes:?}");
    Ok(())
}

#[tokio::test]
async fn an_ending_is_waited_for_whatever_its_code() -> Result<()> {
    let mut world = World::with_images();
    world.add_image("acme/web:1", Script { out_of_memory: true, ..Script::default().ending_with(137) });
    let (_daemon, docker) = serve(world).await?;
    network(&docker).await?;
    let web = spec("web", "acme/web:1", vec![]);
    create(&docker, &web).await?;
    docker.start_container(&web.name).await?;
    docker.wait_until_ended(&web.name).await?;
    let ending = docker.inspect(&web.name).await?.ending.context("it has ended")?;
    assert!(ending.exit_code == 137 && ending.out_of_memory);
    Ok(())
}

#[tokio::test]
async fn only_what_has_all_our_labels_is_observed() -> Result<()> {
    let mut world = World::with_images();
    world.add_foreign("labelled", serde_json::json!({"dev.sandbox.project": "shop"}), &[1234]);
    let (_daemon, docker) = serve(world).await?;
    assert_eq!(docker.observe(&origin().project, &[]).await?.containers, []);
    let foreign = docker.foreign_ports(&origin().project).await?;
    assert_eq!(foreign.iter().map(|foreign| foreign.port).collect::<Vec<_>>(), [3500, 50001]);
    Ok(())
}

/// dockerd 20.10 makes a second network of the same name, and neither can be used by it then.
#[tokio::test]
async fn somebody_elses_network_and_volume_of_our_names_are_refused_and_left_alone() -> Result<()> {
    for version in ["1.41", "1.52"] {
        let mut world = World::with_images();
        world.api_version = version.to_owned();
        world.add_network("shop", serde_json::json!({"com.docker.compose.project": "shop"}));
        world.volumes.insert("shop_data".to_owned(), serde_json::json!({"com.docker.compose.project": "shop"}));
        let (daemon, docker) = serve(world).await?;
        let refused = network(&docker).await;
        assert!(refused.as_ref().is_err_and(DockerError::is_conflict), "{version}: {refused:?}");
        let volume = VolumeSpec { name: "shop_data".to_owned(), short_name: "data".to_owned(), in_memory: false };
        let refused = docker.create_volume(&volume, &origin()).await;
        assert!(refused.as_ref().is_err_and(DockerError::is_conflict), "{version}: {refused:?}");
        assert_eq!(daemon.world().networks.len(), 1);
    }
    Ok(())
}
