//! `down`: what carries the label goes, and nothing else.

use crate::{
    daemon::fault::Fault,
    project::{Project, SHOP, SMALL},
};
use anyhow::Result;
use insta::assert_snapshot;
use serde_json::json;
use std::fs;

/// The place of the first call that begins so.
fn place(changes: &[String], wanted: &str) -> usize {
    changes.iter().position(|change| change.starts_with(wanted)).unwrap_or_else(|| panic!("{wanted}: {changes:#?}"))
}

#[tokio::test]
async fn volumes_stay_unless_they_are_asked_for() -> Result<()> {
    let project = Project::new(SHOP)?;
    project.succeed(&["up", "-d"]).await?;
    project.daemon.world().calls.clear();
    let ended = project.succeed(&["down"]).await?;
    {
        let world = project.daemon.world();
        assert_eq!(world.names("shop"), Vec::<&str>::new());
        assert!(world.networks.is_empty());
        assert_eq!(world.volumes.len(), 3);
    }
    project.settings().bind(|| assert_snapshot!("down", ended.sorted_talk()));
    project.succeed(&["down", "-v"]).await?;
    assert!(project.daemon.world().volumes.is_empty());
    let nothing = project.succeed(&["down", "-v"]).await?;
    project.settings().bind(|| assert_snapshot!("down_again", nothing.stderr));
    Ok(())
}

#[tokio::test]
async fn what_sidecars_hang_on_stops_after_them() -> Result<()> {
    let project = Project::new(SHOP)?;
    project.succeed(&["up", "-d"]).await?;
    project.daemon.world().calls.clear();
    project.succeed(&["down"]).await?;
    let changes = project.daemon.world().changes();
    let sidecar = place(&changes, "POST /containers/shop-web-dapr-1/stop");
    for name in ["redis", "postgres", "scheduler"] {
        assert!(sidecar < place(&changes, &format!("POST /containers/shop-{name}-1/stop")), "{changes:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_name_is_enough_where_sandbox_toml_cannot_be_read() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.succeed(&["up", "-d"]).await?;
    project.write("sandbox.toml", "name = \n")?;
    let ended = project.run(&["down"]).await?;
    assert_eq!(ended.code, Some(2), "{ended:?}");
    project.succeed(&["-p", "shop", "down"]).await?;
    assert_eq!(project.daemon.world().names("shop"), Vec::<&str>::new());
    Ok(())
}

#[tokio::test]
async fn a_name_is_enough_where_there_is_no_sandbox_toml() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.succeed(&["up", "-d"]).await?;
    fs::remove_file(project.directory().join("sandbox.toml"))?;
    assert_eq!(project.run(&["down"]).await?.code, Some(2));
    project.succeed(&["down", "--project-name", "shop"]).await?;
    assert_eq!(project.daemon.world().names("shop"), Vec::<&str>::new());
    Ok(())
}

/// As Docker 20.10 does when a container could not be started for its port.
#[tokio::test]
async fn an_endpoint_that_only_the_engine_sees_is_waited_for_and_then_told() -> Result<()> {
    let project = Project::new(SHOP)?;
    let says = "error while removing network: network shop id 1 has active endpoints";
    project.succeed(&["up", "-d"]).await?;
    project.daemon.world().faults.push(Fault::refuse("DELETE /networks/shop", 403, says).times(2));
    let ended = project.succeed(&["down"]).await?;
    assert!(!ended.stderr.contains("Docker keeps"), "{}", ended.stderr);
    assert!(project.daemon.world().networks.is_empty());

    project.succeed(&["up", "-d"]).await?;
    project.daemon.world().faults.push(Fault::refuse("DELETE /networks/shop", 403, says));
    let ended = project.succeed(&["down", "-v"]).await?;
    assert!(ended.stderr.contains("warning: Docker keeps the network `shop`"), "{}", ended.stderr);
    let world = project.daemon.world();
    assert!(world.names("shop").is_empty() && world.volumes.is_empty(), "{:?}", world.volumes);
    Ok(())
}

/// Somebody else's things look as much like ours as they can without our label.
#[tokio::test]
async fn what_is_not_ours_is_never_touched() -> Result<()> {
    let project = Project::new(SHOP)?;
    {
        let mut world = project.daemon.world();
        world.add_foreign("shop-other-1", json!({"com.docker.compose.project": "shop"}), &[]);
        world.add_foreign("shop2-web-1", json!({"dev.sandbox.project": "shop2", "dev.sandbox.name": "web"}), &[]);
        world.add_network("shop_default", json!({"com.docker.compose.project": "shop"}));
        world.volumes.insert("shop_other".to_owned(), json!({"com.docker.compose.project": "shop"}));
    }
    project.succeed(&["up", "-d"]).await?;
    project.succeed(&["up", "-d"]).await?;
    project.succeed(&["down", "-v"]).await?;
    let world = project.daemon.world();
    assert_eq!(world.names("shop"), ["shop-other-1", "shop2-web-1"]);
    assert!(world.containers.iter().all(|container| container.is_running()));
    assert!(world.has_network("shop_default") && world.volumes.contains_key("shop_other"));
    let touched: Vec<_> = world.changes().into_iter().filter(|change| change.contains("other")).collect();
    assert_eq!(touched, Vec::<String>::new());
    Ok(())
}

/// A container of ours that a person put on our network under a name of theirs keeps it from going; the error says so.
#[tokio::test]
async fn a_network_that_somebody_else_uses_is_told() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.succeed(&["up", "-d"]).await?;
    {
        let mut world = project.daemon.world();
        world.add_foreign("debugger", json!({}), &[]);
        let last = world.containers.len() - 1;
        world.containers[last].body["HostConfig"] = json!({"NetworkMode": "shop"});
    }
    let ended = project.run(&["down"]).await?;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("has active endpoints"), "{}", ended.stderr);
    assert_eq!(project.daemon.world().names("shop"), Vec::<&str>::new());
    Ok(())
}
