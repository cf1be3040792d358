//! Ctrl-C and SIGTERM, at every moment: in order once, at once twice, never ignored.

use crate::{
    daemon::{
        fault::Fault,
        script::{Peer, Script},
        world::World,
    },
    project::{Project, SHOP, SMALL},
};
use anyhow::Result;
use insta::assert_snapshot;

fn place(changes: &[String], wanted: &str) -> usize {
    changes.iter().position(|change| change.starts_with(wanted)).unwrap_or_else(|| panic!("{wanted}: {changes:#?}"))
}

#[tokio::test]
async fn during_a_pull() -> Result<()> {
    let mut world = World::with_images();
    world.only_in_registry("acme/web:1");
    let project = Project::on(SMALL, world)?;
    project.daemon.inject(Fault::stall("POST /images/create", 4));
    let mut running = project.spawn(&["up"])?;
    running.until_said("acme/web:1: 60 %").await?;
    running.signal("INT").await?;
    let ended = running.end().await?;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(project.daemon.world().names("shop-").iter().all(|name| *name != "shop-web-1"));
    Ok(())
}

#[tokio::test]
async fn while_something_is_waited_for() -> Result<()> {
    let project = Project::new(SHOP)?;
    project.daemon.world().add_image("daprio/daprd:1.18.2", Script::of(Peer::UnhealthyDaprd));
    let mut running = project.spawn(&["up"])?;
    running.until_said("web-dapr: waiting").await?;
    running.signal("INT").await?;
    let ended = running.end().await?;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let world = project.daemon.world();
    assert_eq!(world.names("shop-").len(), 5);
    assert!(world.containers.iter().filter(|one| one.name.starts_with("shop-")).all(|one| !one.is_running()));
    Ok(())
}

#[tokio::test]
async fn attached_everything_is_stopped_in_order() -> Result<()> {
    let project = Project::new(SHOP)?;
    let mut running = project.spawn(&["up"])?;
    running.until_said("shop: ready in").await?;
    project.daemon.world().calls.clear();
    running.signal("INT").await?;
    let ended = running.end().await?;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let changes = project.daemon.world().changes();
    assert_eq!(changes.len(), 5, "{changes:#?}");
    assert_eq!(place(&changes, "POST /containers/shop-web-1/stop"), 0, "{changes:#?}");
    assert_eq!(place(&changes, "POST /containers/shop-web-dapr-1/stop"), 1, "{changes:#?}");
    let mut said: Vec<_> = ended.stderr.lines().skip_while(|line| !line.starts_with("stopping")).collect();
    // What apps and sidecars hang on is stopped at once, so told in any order.
    said[3..6].sort_unstable();
    project.settings().bind(|| assert_snapshot!("stopped_in_order", said.join("\n")));
    Ok(())
}

#[tokio::test]
async fn twice_kills_what_does_not_stop() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_image("acme/web:1", Script::of(Peer::Http).deaf());
    let mut running = project.spawn(&["up"])?;
    running.until_said("shop: ready in").await?;
    running.signal("INT").await?;
    project.daemon.until("the stop", |world| world.shown_calls().contains("shop-web-1/stop")).await?;
    running.signal("INT").await?;
    let ended = running.end().await?;
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.stderr.contains("stopping at once"), "{}", ended.stderr);
    let world = project.daemon.world();
    assert!(world.shown_calls().contains("POST /containers/shop-web-1/kill"));
    assert!(world.containers.iter().filter(|one| one.name.starts_with("shop-")).all(|one| !one.is_running()));
    Ok(())
}

#[tokio::test]
async fn sigterm_stops_in_order_and_is_143() -> Result<()> {
    let project = Project::new(SMALL)?;
    let mut running = project.spawn(&["up"])?;
    running.until_said("shop: ready in").await?;
    running.signal("TERM").await?;
    let ended = running.end().await?;
    assert_eq!(ended.code, Some(143), "{ended:?}");
    assert!(!project.daemon.world().container("shop-web-1").is_some_and(|one| one.is_running()));
    Ok(())
}

#[tokio::test]
async fn of_a_detached_up_what_ran_before_goes_on() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.succeed(&["up", "-d"]).await?;
    project.write("sandbox.toml", &format!("{SMALL}\n[apps.worker]\nimage = \"acme/worker:1\"\n"))?;
    for container in &mut project.daemon.world().containers {
        container.created -= jiff::SignedDuration::from_mins(1);
    }
    project.daemon.inject(Fault::silence("POST /containers/create"));
    let running = project.spawn(&["up", "-d"])?;
    project.daemon.until("the creation", |world| world.shown_calls().contains("name=shop-worker-1")).await?;
    running.signal("INT").await?;
    assert_eq!(running.end().await?.code, Some(130));
    assert!(project.daemon.world().container("shop-web-1").is_some_and(|one| one.is_running()));
    Ok(())
}

#[tokio::test]
async fn while_another_command_has_the_lock() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.inject(Fault::silence("POST /containers/create"));
    let mut first = project.spawn(&["up", "-d"])?;
    first.until_said("up shop").await?;
    for arguments in [&["up", "-d"][..], &["down"]] {
        let mut second = project.spawn(arguments)?;
        second.until_said("waiting for `sandbox up` (pid").await?;
        second.signal("INT").await?;
        let ended = second.end().await?;
        assert_eq!(ended.code, Some(130), "{arguments:?}: {ended:?}");
    }
    Ok(())
}

#[tokio::test]
async fn while_the_engine_does_not_answer() -> Result<()> {
    for arguments in [&["plan"][..], &["up", "-d"], &["down"]] {
        let project = Project::new(SMALL)?;
        project.daemon.inject(Fault::silence("GET /containers/json"));
        let running = project.spawn(arguments)?;
        project.daemon.until("the look", |world| world.shown_calls().contains("/containers/json")).await?;
        running.signal("INT").await?;
        let asked = project.daemon.world().calls.len();
        let again = project.daemon.until("a stop's own look", |world| world.calls.len() > asked);
        tokio::select! {
            // `up` looks for what to stop; that is not answered either, so it takes a second Ctrl-C.
            looked = again, if arguments[0] == "up" => { looked?; running.signal("INT").await?; }
            () = std::future::ready(()), if arguments[0] != "up" => {}
        }
        let ended = running.end().await?;
        assert_eq!(ended.code, Some(130), "{arguments:?}: {ended:?}");
    }
    Ok(())
}

#[tokio::test]
async fn of_a_down() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_image("acme/web:1", Script::of(Peer::Http).deaf());
    project.succeed(&["up", "-d"]).await?;
    let running = project.spawn(&["down"])?;
    project.daemon.until("the stop", |world| world.shown_calls().contains("shop-web-1/stop")).await?;
    running.signal("INT").await?;
    assert_eq!(running.end().await?.code, Some(130));
    Ok(())
}
