//! What keeps a project from being ready: the cause, the last lines, and the exit code.

use crate::{
    daemon::{
        fault::Fault,
        script::{Peer, Script},
    },
    project::{Project, SHOP, SMALL},
};
use anyhow::Result;
use insta::assert_snapshot;

const TRACEBACK: [&str; 4] = [
    "Traceback (most recent call last):\n",
    "  File \"/app/main.py\", line 3, in <module>\n",
    "    import reminders\n",
    "ModuleNotFoundError: No module named 'reminders'",
];

#[tokio::test]
async fn an_app_that_exits_at_once_ends_up_with_its_cause() -> Result<()> {
    let project = Project::new(SMALL)?;
    let script = TRACEBACK.into_iter().fold(Script::default(), Script::complaining).ending_with(1);
    project.daemon.world().add_image("acme/web:1", script);
    let ended = project.run(&["up", "-d"]).await?;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let shown = ended.stderr.split("\n\n").skip(1).collect::<Vec<_>>().join("\n\n");
    project.settings().bind(|| assert_snapshot!("app_exits", shown));
    Ok(())
}

#[tokio::test]
async fn an_app_that_ran_out_of_memory_is_told_so() -> Result<()> {
    let project = Project::new(SMALL)?;
    let script = Script { out_of_memory: true, ..Script::default().ending_with(137) };
    project.daemon.world().add_image("acme/web:1", script);
    let ended = project.run(&["up", "-d"]).await?;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("it ran out of memory"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn a_sidecar_that_dies_shows_the_fatal_line() -> Result<()> {
    let project = Project::new(SMALL)?;
    let fatal = "time=\"2026-11-24T12:00:00Z\" level=fatal msg=\"Fatal error from runtime: failed to load components: [INIT_COMPONENT_FAILURE]: connection refused\"\n";
    let script = Script::default().saying("time=\"2026-11-24T12:00:00Z\" level=info msg=\"starting\"\n").saying(fatal);
    project.daemon.world().add_image("daprio/daprd:1.18.2", script.ending_with(1));
    let ended = project.run(&["up", "-d"]).await?;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("INIT_COMPONENT_FAILURE"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn a_sidecar_that_is_never_ready_ends_with_4_and_what_it_waits_for() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_image("daprio/daprd:1.18.2", Script::of(Peer::UnhealthyDaprd).saying("here I am\n"));
    let ended = project.run(&["up", "-d", "--wait-timeout", "1s"]).await?;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let shown = ended.stderr.split("\n\n").skip(1).collect::<Vec<_>>().join("\n\n");
    project.settings().bind(|| assert_snapshot!("never_ready", shown));
    Ok(())
}

#[tokio::test]
async fn a_store_that_accepts_and_says_nothing_is_not_ready() -> Result<()> {
    let project = Project::new(SHOP)?;
    project.daemon.world().add_image("postgres:17", Script::of(Peer::Silent));
    let ended = project.run(&["up", "-d", "--wait-timeout", "1s"]).await?;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("`postgres` is not ready after 1s"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn a_component_that_is_not_loaded_is_named() -> Result<()> {
    let project = Project::new(SHOP)?;
    project.daemon.world().add_image("daprio/daprd:1.18.2", Script::of(Peer::EmptyDaprd));
    let ended = project.run(&["up", "-d", "--wait-timeout", "1s"]).await?;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stderr.contains("component pubsub (pubsub.redis/v1) is not loaded"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn an_engine_that_cannot_create_is_quoted() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.inject(Fault::refuse("POST /containers/create", 500, "no space left on device"));
    let ended = project.run(&["up", "-d"]).await?;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("no space left on device"), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn a_container_somebody_else_made_under_our_name_is_not_taken_over() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_foreign("shop-web-1", serde_json::json!({}), &[]);
    let ended = project.run(&["up", "-d"]).await?;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("is already in use by container"), "{}", ended.stderr);
    assert!(project.daemon.world().container("shop-web-1").is_some_and(|container| container.is_running()));
    Ok(())
}

/// The engine goes away while a container is waited for: that is no end of the container.
#[tokio::test]
async fn a_wait_that_breaks_off_does_not_fail_what_runs_well() -> Result<()> {
    let project = Project::new(SHOP)?;
    project.daemon.inject(Fault::cut("/wait", 0));
    project.succeed(&["up", "-d"]).await?;
    Ok(())
}

/// A Compose project of that name has volumes of the very names that ours get; what is in them is not ours to write to.
#[tokio::test]
async fn a_volume_that_compose_made_is_not_written_to() -> Result<()> {
    let project = Project::new(SHOP)?;
    let labels = serde_json::json!({"com.docker.compose.project": "shop"});
    project.daemon.world().volumes.insert("shop_postgres-data".to_owned(), labels);
    let ended = project.run(&["up", "-d"]).await?;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("shop_postgres-data"), "{}", ended.stderr);
    assert_eq!(project.daemon.world().names("shop-postgres"), Vec::<&str>::new());
    Ok(())
}
