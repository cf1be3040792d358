//! `up` without `-d`: the containers' lines, their endings, and an engine that breaks off.

use crate::{
    daemon::{
        fault::Fault,
        script::{Peer, Script},
    },
    project::{Project, Running, SHOP, SMALL},
};
use anyhow::Result;

async fn attach(project: &Project) -> Result<Running> {
    let mut running = project.spawn(&["up"])?;
    running.until_said("ready in").await?;
    running.until_said("✔ shop: ").await?;
    Ok(running)
}

async fn leave(running: Running) -> Result<String> {
    running.signal("INT").await?;
    Ok(running.end().await?.stdout)
}

#[tokio::test]
async fn every_line_is_shown_with_its_name_to_the_last_one_without_an_end() -> Result<()> {
    let project = Project::new(SMALL)?;
    let app = Script::of(Peer::Http).saying("listening\n").complaining("a warning\n").leaving_with("bye");
    project.daemon.world().add_image("acme/web:1", app);
    let sidecar = Script::of(Peer::Daprd).saying("sidecar here\n").leaving_with("sidecar ");
    project.daemon.world().add_image("daprio/daprd:1.18.2", sidecar);
    let mut running = attach(&project).await?;
    running.until_written("sidecar here").await?;
    running.until_written("a warning").await?;
    let written = leave(running).await?;
    let mut lines: Vec<_> = written.lines().collect();
    lines.sort_unstable();
    let wanted = [
        "web      | a warning",
        "web      | bye",
        "web      | listening",
        "web-dapr | sidecar ",
        "web-dapr | sidecar here",
    ];
    assert_eq!(lines, wanted);
    Ok(())
}

#[tokio::test]
async fn what_runs_already_is_followed_from_now_on() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_image("acme/web:1", Script::of(Peer::Http).saying("long ago\n"));
    project.succeed(&["up", "-d"]).await?;
    let mut running = attach(&project).await?;
    project.daemon.say("shop-web-1", "just now\n");
    running.until_written("just now").await?;
    assert!(!leave(running).await?.contains("long ago"));
    Ok(())
}

#[tokio::test]
async fn an_ending_is_told_with_its_code_and_cause() -> Result<()> {
    let project = Project::new(SMALL)?;
    let mut running = attach(&project).await?;
    project.daemon.say("shop-web-1", "ValueError: no\n");
    project.daemon.let_die("shop-web-1", 3);
    running.until_said("web exited (3)").await?;
    leave(running).await?;
    Ok(())
}

#[tokio::test]
async fn a_container_that_is_started_again_is_followed_again_and_no_line_comes_twice() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_image("acme/web:1", Script::of(Peer::Http).saying("listening\n"));
    let mut running = attach(&project).await?;
    running.until_written("listening").await?;
    project.daemon.let_die("shop-web-1", 0);
    running.until_said("web exited (0)").await?;
    project.succeed(&["up", "-d"]).await?;
    project.daemon.say("shop-web-1", "after the restart\n");
    running.until_written("after the restart").await?;
    assert_eq!(leave(running).await?.matches("listening").count(), 2);
    Ok(())
}

#[tokio::test]
async fn a_log_that_breaks_off_is_taken_up_again_and_no_line_is_lost_or_shown_twice() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_image("acme/web:1", Script::of(Peer::Http).saying("one\n").saying("two\n"));
    project.daemon.inject(Fault::cut("GET /containers/shop-web-1/logs", 1).times(1));
    let mut running = attach(&project).await?;
    running.until_written("two").await?;
    project.daemon.say("shop-web-1", "three\n");
    running.until_written("three").await?;
    let written = leave(running).await?;
    assert_eq!(written.lines().filter(|line| line.starts_with("web ")).count(), 3, "{written}");
    Ok(())
}

/// A log driver that cannot be read (501), or an engine that is going down: asking again must not become a busy loop.
#[tokio::test]
async fn a_log_that_cannot_be_read_is_not_asked_for_without_a_pause() -> Result<()> {
    let project = Project::new(SMALL)?;
    let words = "configured logging driver does not support reading";
    project.daemon.inject(Fault::refuse("GET /containers/shop-web-1/logs", 501, words));
    let running = attach(&project).await?;
    let asked = |world: &crate::daemon::world::World| world.shown_calls().matches("shop-web-1/logs").count();
    let often = project.daemon.until("a busy loop", |world| asked(world) > 30);
    let busy = tokio::time::timeout(std::time::Duration::from_millis(1500), often).await;
    assert!(busy.is_err(), "the log was asked for more than 30 times in 1.5 s");
    leave(running).await?;
    Ok(())
}

#[tokio::test]
async fn an_event_stream_that_breaks_off_is_opened_again_and_no_ending_is_lost() -> Result<()> {
    let project = Project::new(SHOP)?;
    project.succeed(&["up", "-d"]).await?;
    // Nothing has happened yet since this `up` looks, so its first stream breaks when the first thing does.
    project.daemon.inject(Fault::cut("GET /events", 1).times(1));
    let mut running = attach(&project).await?;
    project.daemon.let_die("shop-web-1", 7);
    running.until_said("web exited (7)").await?;
    project.daemon.let_die("shop-web-dapr-1", 8);
    running.until_said("web-dapr exited (8)").await?;
    leave(running).await?;
    Ok(())
}

#[tokio::test]
async fn when_everything_has_ended_every_ending_was_told() -> Result<()> {
    let project = Project::new(SMALL)?;
    let running = attach(&project).await?;
    project.daemon.let_die("shop-web-1", 7);
    project.daemon.let_die("shop-web-dapr-1", 8);
    let ended = running.end().await?;
    for told in ["web exited (7)", "web-dapr exited (8)", "everything has ended"] {
        assert!(ended.stderr.contains(told), "{ended:?}");
    }
    Ok(())
}

#[tokio::test]
async fn no_logs_means_no_logs() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_image("acme/web:1", Script::of(Peer::Http).saying("listening\n"));
    let mut running = project.spawn(&["up", "--no-logs"])?;
    running.until_said("shop: ready in").await?;
    assert_eq!(leave(running).await?, "");
    Ok(())
}
