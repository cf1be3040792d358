//! What people and programs read: JSON lines, colours, help, closed pipes.

use crate::{
    daemon::{
        fault::Fault,
        script::{Peer, Script},
    },
    project::{Ended, Project, Running, SHOP, SMALL, stable},
};
use anyhow::{Context, Result};
use insta::assert_snapshot;
use serde_json::Value;
use std::{io, process::Stdio};

#[tokio::test]
async fn json_is_one_event_a_line_from_started_to_ready() -> Result<()> {
    let project = Project::new(SHOP)?;
    let ended = project.succeed(&["up", "-d", "--json"]).await?;
    let events = ended.events()?;
    assert_eq!(events[0]["event"], "started");
    assert_eq!(events[events.len() - 1]["event"], "ready");
    assert_eq!(ended.stderr, "");
    let ready = events.iter().filter(|event| event["event"] == "container-ready").count();
    assert_eq!(ready, 5);
    let planned = project.succeed(&["plan", "--json"]).await?.events()?;
    assert!(planned[0]["steps"].is_array(), "{planned:?}");
    let down = project.succeed(&["--json", "down", "-v"]).await?.events()?;
    assert_eq!(down[down.len() - 1]["event"], "finished");
    Ok(())
}

#[tokio::test]
async fn the_last_json_line_of_a_failure_says_what_failed() -> Result<()> {
    let project = Project::new(SMALL)?;
    let code = |ended: &Ended| -> Result<Value> { Ok(ended.failure()?["code"].clone()) };
    assert_eq!(code(&project.run(&["up", "-d", "none", "--json"]).await?)?, "sandbox::usage::app");
    let missing = Project::new(&SMALL.replace("acme/web:1", "acme/none:1"))?;
    assert_eq!(code(&missing.run(&["up", "-d", "--json"]).await?)?, "sandbox::images::pull");
    assert_eq!(code(&missing.run(&["up", "-d", "--json", "--offline"]).await?)?, "sandbox::images::missing");
    project.daemon.world().add_image("acme/web:1", Script::default().saying("no\n").ending_with(1));
    assert_eq!(code(&project.run(&["up", "-d", "--json"]).await?)?, "sandbox::up::ended");
    project.write("sandbox.toml", "nmae = 1\n")?;
    let wrong = project.run(&["up", "-d", "--json"]).await?;
    assert_eq!((wrong.code, wrong.stderr.as_str()), (Some(2), ""), "{wrong:?}");
    assert!(wrong.failure()?["message"].is_string());
    let mut command = project.command(&["-p", "shop", "down", "--json"]);
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    assert_eq!(code(&Running::begin(command)?.end().await?)?, "sandbox::docker::unreachable");
    Ok(())
}

#[tokio::test]
async fn an_app_that_dies_is_an_event_before_the_failure() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_image("acme/web:1", Script::default().saying("ValueError: no\n").ending_with(3));
    let events = project.run(&["up", "-d", "--json"]).await?.events()?;
    let failed = events.iter().find(|event| event["event"] == "container-failed").context("it failed")?;
    assert_eq!((&failed["exit_code"], &failed["tail"][0]), (&3.into(), &"ValueError: no".into()));
    Ok(())
}

#[tokio::test]
async fn status_is_one_object_as_the_contract_has_it() -> Result<()> {
    let project = Project::new(SHOP)?;
    let absent: Value = serde_json::from_str(&project.succeed(&["status", "--json"]).await?.stdout)?;
    assert_eq!(absent["state"], "absent");
    project.succeed(&["up", "-d"]).await?;
    let ready: Value = serde_json::from_str(&project.succeed(&["status", "--json"]).await?.stdout)?;
    assert_eq!((&ready["schema"], &ready["project"], &ready["state"]), (&1.into(), &"shop".into(), &"ready".into()));
    let components = ready["apps"][0]["components"].as_array().context("components")?;
    assert!(components.len() == 2 && components.iter().all(|component| component["loaded"] == true), "{ready}");
    let shown = project.succeed(&["ps"]).await?.stdout;
    project.settings().bind(|| assert_snapshot!("status", shown));
    project.daemon.let_die("shop-redis-1", 1);
    let broken: Value = serde_json::from_str(&project.succeed(&["status", "--json"]).await?.stdout)?;
    assert_eq!(broken["state"], "degraded", "{broken}");
    project.write("components/bad.yaml", "kind: [\n")?;
    let edited: Value = serde_json::from_str(&project.succeed(&["status", "--json"]).await?.stdout)?;
    assert_eq!(edited["state"], "degraded", "{edited}");
    Ok(())
}

#[tokio::test]
async fn status_measures_when_it_is_asked_to() -> Result<()> {
    let project = Project::new(SHOP)?;
    project.succeed(&["up", "-d"]).await?;
    let status = async |arguments: &[&str]| -> Result<Value> {
        Ok(serde_json::from_str(&project.succeed(&[&["status", "--json"], arguments].concat()).await?.stdout)?)
    };
    let plain = status(&[]).await?;
    assert!(plain.pointer("/containers/0/usage").is_none() && plain.pointer("/apps/0/sidecars/0/metrics").is_none());
    let measured = status(&["--metrics"]).await?;
    let usage = |name: &str| {
        let containers = measured["containers"].as_array().into_iter().flatten();
        containers.clone().find(|one| one["name"] == name).map(|one| one["usage"].clone()).unwrap_or_default()
    };
    assert_eq!((&usage("web")["cpu_percent"], &usage("web")["memory_bytes"]), (&5.0.into(), &60_000_000.into()));
    assert_eq!(usage("web")["memory_limit_bytes"], Value::Null);
    assert_eq!(usage("web-dapr")["memory_limit_bytes"], 256 * 1024 * 1024);
    let metrics = &measured["apps"][0]["sidecars"][0]["metrics"];
    assert_eq!(
        (&metrics["topics"][0]["published"], &metrics["state"][0]["calls"]),
        (&5.into(), &10.into()),
        "{metrics}"
    );
    let shown = project.succeed(&["status", "--metrics"]).await?.stdout;
    project.settings().bind(|| assert_snapshot!("status_metrics", shown));
    // One that has ended uses nothing, and what the others use is told all the same.
    project.daemon.let_die("shop-redis-1", 1);
    project.daemon.inject(Fault::refuse("GET /containers/shop-web-1/stats", 500, "no cgroup"));
    let broken = status(&["--metrics"]).await?;
    let used = broken["containers"].as_array().into_iter().flatten().filter(|one| one.get("usage").is_some());
    let used: Vec<_> = used.filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(used, ["postgres", "scheduler", "web-dapr"], "{broken}");
    Ok(())
}

#[tokio::test]
async fn colours_are_where_they_are_asked_for() -> Result<()> {
    let project = Project::new(SMALL)?;
    let table = [("always", "", true), ("never", "", false), ("auto", "", false), ("always", "1", true)];
    for (when, no_color, coloured) in table {
        let mut command = project.command(&["--color", when, "plan"]);
        command.env("NO_COLOR", no_color);
        let ended = Running::begin(command)?.end().await?;
        assert_eq!(ended.stdout.contains('\u{1b}'), coloured, "--color {when}, NO_COLOR={no_color}: {ended:?}");
    }
    let mut command = project.command(&["up", "-d"]);
    command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1");
    let ended = Running::begin(command)?.end().await?;
    assert!(!ended.stderr.contains('\u{1b}'), "{ended:?}");
    Ok(())
}

/// Control sequences in a log do not reach a terminal as they are.
#[tokio::test]
async fn a_log_cannot_move_the_cursor() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_image("acme/web:1", Script::of(Peer::Http).saying("\u{1b}[2Jgone\r\n"));
    let mut running = project.spawn(&["up"])?;
    running.until_written("gone").await?;
    running.until_said("shop: ready in").await?;
    running.signal("INT").await?;
    let ended = running.end().await?;
    assert!(!ended.stdout.contains('\u{1b}') && !ended.stdout.contains('\r'), "{ended:?}");
    Ok(())
}

fn with_closed_stdout(project: &Project, arguments: &[&str]) -> Result<tokio::process::Child> {
    let (reader, writer) = io::pipe()?;
    drop(reader);
    let mut command = project.command(arguments);
    Ok(command.stdout(Stdio::from(writer)).stderr(Stdio::piped()).kill_on_drop(true).spawn()?)
}

#[tokio::test]
async fn a_reader_that_has_gone_is_no_error() -> Result<()> {
    let project = Project::new(SMALL)?;
    for arguments in [&["plan"][..], &["status"], &["status", "--json"], &["--help"], &["plan", "--json"]] {
        let ended = with_closed_stdout(&project, arguments)?.wait_with_output().await?;
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(said.is_empty(), "{arguments:?}: {said}");
        assert_eq!(ended.status.code(), Some(0), "{arguments:?}");
    }
    Ok(())
}

/// `sandbox up | head -1`: the first line that cannot be written ends it, and what runs goes on.
#[tokio::test]
async fn an_attached_up_ends_when_nobody_reads_its_logs_any_more() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.world().add_image("acme/web:1", Script::of(Peer::Http).saying("one\n").saying("two\n"));
    let child = with_closed_stdout(&project, &["up"])?;
    let ended = tokio::time::timeout(std::time::Duration::from_secs(4), child.wait_with_output()).await;
    let ended = ended.context("it goes on although nobody reads")??;
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!said.contains("error") && !said.contains("panic"), "{said}");
    assert_eq!(ended.status.code(), Some(0), "{said}");
    assert!(project.daemon.world().container("shop-web-1").is_some_and(|container| container.is_running()));
    Ok(())
}

#[tokio::test]
async fn quiet_says_nothing_when_all_is_well() -> Result<()> {
    let project = Project::new(SMALL)?;
    for arguments in [&["up", "-d", "--quiet"][..], &["-q", "down"]] {
        let ended = project.succeed(arguments).await?;
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""), "{arguments:?}");
    }
    Ok(())
}

#[tokio::test]
async fn help_and_version_need_nothing() -> Result<()> {
    let project = Project::new("not even TOML")?;
    let version = project.succeed(&["--version"]).await?;
    assert_eq!(version.stdout, format!("sandbox {}\n", env!("CARGO_PKG_VERSION")));
    let help = project.succeed(&["--help"]).await?;
    let up = project.succeed(&["up", "--help"]).await?;
    stable().bind(|| assert_snapshot!("help", format!("{}\n{}", help.stdout, up.stdout)));
    let wrong = project.run(&["upp"]).await?;
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
    assert!(wrong.stderr.contains("similar") && wrong.stderr.contains("up"), "{wrong:?}");
    assert_eq!(project.daemon.world().calls.len(), 0);
    Ok(())
}
