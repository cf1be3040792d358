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
    let sidecar = Script::of(Peer::Daprd).saying("what is folded\n").leaving_with("sidecar ");
    project.daemon.world().add_image("daprio/daprd:1.18.2", sidecar);
    let mut running = attach(&project).await?;
    running.until_written("1 line until ready").await?;
    project.daemon.say("shop-web-dapr-1", "sidecar here\n");
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
        "web-dapr | … 1 line until ready",
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

/// Everything after the first line of the second command.
const WORKER: &str = "\n[containers.worker]\nimage = \"acme/worker:1\"\n";

#[tokio::test]
async fn what_another_command_adds_is_shown_from_its_first_line() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_image("acme/worker:1", Script::of(Peer::Http).saying("worker here\n"));
    let mut running = attach(&project).await?;
    project.write("sandbox.toml", &format!("{SMALL}{WORKER}"))?;
    project.succeed(&["up", "-d"]).await?;
    running.until_written("worker here").await?;
    project.daemon.let_die("shop-worker-1", 4);
    running.until_said("worker exited (4)").await?;
    assert_eq!(leave(running).await?.matches("worker   | worker here").count(), 1);
    Ok(())
}

#[tokio::test]
async fn a_container_that_is_made_anew_is_followed_under_its_name() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_image("acme/web:1", Script::of(Peer::Http).saying("listening\n").leaving_with("bye"));
    let mut running = attach(&project).await?;
    running.until_written("listening").await?;
    project.write("sandbox.toml", &SMALL.replace("port = 8000", "port = 8000\nenv = { LIFE = \"second\" }"))?;
    project.succeed(&["up", "-d"]).await?;
    running.until_said("web was made anew").await?;
    project.daemon.say("shop-web-1", "the second says something\n");
    running.until_written("the second says something").await?;
    let written = leave(running).await?;
    let web: Vec<_> = written.lines().filter_map(|line| line.strip_prefix("web      | ")).collect();
    assert_eq!(web, ["listening", "bye", "listening", "the second says something", "bye"]);
    Ok(())
}

#[tokio::test]
async fn an_ending_comes_after_the_last_lines_and_a_start_before_the_next() -> Result<()> {
    let project = Project::new(SMALL)?;
    let mut running = project.spawn(&["up", "--json"])?;
    running.until_written("\"event\":\"ready\"").await?;
    for number in 0..3 {
        project.daemon.say("shop-web-1", &format!("ValueError: number {number}"));
        project.daemon.let_die("shop-web-1", 3);
        running.until_written(&format!("\"cause\":\"ValueError: number {number}\"")).await?;
        project.succeed(&["up", "-d"]).await?;
    }
    project.daemon.say("shop-web-1", "at last\n");
    running.until_written("at last").await?;
    running.signal("INT").await?;
    let events = running.end().await?.events()?;
    let told = events.iter().skip_while(|event| event["event"] != "ready").filter_map(|event| {
        match event["event"].as_str()? {
            "log" if event["name"] == "web" => event["text"].as_str(),
            "exited" => Some("exited"),
            "restarted" => Some("restarted"),
            _ => None,
        }
    });
    let told: Vec<_> = told.collect();
    let wanted = [
        "ValueError: number 0",
        "exited",
        "restarted",
        "ValueError: number 1",
        "exited",
        "restarted",
        "ValueError: number 2",
        "exited",
        "restarted",
        "at last",
    ];
    assert_eq!(told, wanted);
    Ok(())
}

fn with_noise(project: &Project) {
    let noise = "2026-11-24 12:36:51.608 UTC [1] LOG:  noise\n";
    let warning = "2026-11-24 12:36:51.608 UTC [1] WARNING:  look at this\n";
    let script = Script::of(Peer::Postgres).complaining(noise).complaining(noise).complaining(warning);
    project.daemon.world().add_image("postgres:17", script);
}

#[tokio::test]
async fn what_a_store_says_until_it_is_ready_is_folded_and_what_it_says_then_is_shown() -> Result<()> {
    let project = Project::new(SHOP)?;
    with_noise(&project);
    let mut running = attach(&project).await?;
    running.until_written("… 3 lines until ready").await?;
    project.daemon.say("shop-postgres-1", "2026-11-24 12:36:52.608 UTC [1] LOG:  later\n");
    running.until_written("later").await?;
    let written = leave(running).await?;
    assert!(!written.contains("noise") && !written.contains("look at this"), "{written}");
    for arguments in [&["up", "-v"][..], &["up", "--json"]] {
        project.succeed(&["down"]).await?;
        let mut running = project.spawn(arguments)?;
        running.until_written("noise").await?;
        leave(running).await?;
    }
    Ok(())
}

#[tokio::test]
async fn when_something_fails_nothing_stays_folded() -> Result<()> {
    let project = Project::new(SHOP)?;
    with_noise(&project);
    project.daemon.world().add_image("postgres:17", Script::of(Peer::Silent).saying("what nobody looks for\n"));
    let ended = project.run(&["up", "--wait-timeout", "1s"]).await?;
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stdout.contains("postgres  | what nobody looks for"), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn whatever_the_filter_a_death_is_told_with_its_last_lines_and_its_cause() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.succeed(&["up", "-d"]).await?;
    for filter in [&["--level", "error"][..], &["--grep", "nowhere"]] {
        let mut running = project.spawn(&[&["logs", "-f"], filter].concat())?;
        project.daemon.until("the follower", |world| world.shown_calls().contains("/events")).await?;
        project.daemon.say("shop-web-1", "INFO: reading the list\nINFO: still reading\n");
        project.daemon.say("shop-web-1", "OSError: no list");
        project.daemon.let_die("shop-web-1", 3);
        running.until_said("web exited (3): OSError: no list").await?;
        running.signal("INT").await?;
        let ended = running.end().await?;
        assert!(ended.stderr.contains("  web | INFO: reading the list\n"), "{ended:?}");
        assert!(!ended.stdout.contains("reading the list"), "{ended:?}");
        project.daemon.world().calls.clear();
        project.succeed(&["up", "-d"]).await?;
        project.daemon.world().calls.clear();
    }
    Ok(())
}

/// The sidecar that is made in the place of a dead one is not ready while its app is dead, too.
#[tokio::test]
async fn ctrl_c_is_heard_while_a_dead_sidecar_is_replaced() -> Result<()> {
    let project = Project::new(SHOP)?;
    let mut running = attach(&project).await?;
    project.daemon.let_die("shop-web-1", 7);
    running.until_said("web exited (7)").await?;
    project.daemon.let_die("shop-web-dapr-1", 8);
    running.until_said("web-dapr was made anew").await?;
    leave(running).await?;
    Ok(())
}
