//! What a container had said that was made anew: `logs` shows it as before, whatever is asked for, until `down`.

use crate::{
    daemon::{
        fault::Fault,
        script::{Peer, Script},
    },
    project::{Project, SMALL},
};
use anyhow::{Context, Result};
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

/// An app that has said something and was made anew `times` times.
async fn made_anew(times: usize) -> Result<Project> {
    let project = Project::new(SMALL)?;
    let app = Script::of(Peer::Http).saying("INFO: listening\n").complaining("ERROR: odd\n").leaving_with("bye");
    project.daemon.world().add_image("acme/web:1", app);
    project.succeed(&["up", "-d"]).await?;
    for life in 0..times {
        make_anew(&project, life).await?;
    }
    Ok(project)
}

async fn make_anew(project: &Project, life: usize) -> Result<()> {
    project.daemon.say("shop-web-1", &format!("life {life}\n"));
    let env = format!("port = 8000\nenv = {{ LIFE = \"{life}\" }}");
    project.write("sandbox.toml", &SMALL.replace("port = 8000", &env))?;
    project.succeed(&["up", "-d"]).await?;
    Ok(())
}

fn files(project: &Project) -> Result<Vec<PathBuf>> {
    let own = project.directory().join(".sandbox/logs/shop-web-1");
    let files: Result<Vec<_>, _> = fs::read_dir(own)?.map(|entry| entry.map(|entry| entry.path())).collect();
    Ok(files?)
}

async fn shown(project: &Project, arguments: &[&str]) -> Result<Vec<String>> {
    let ended = project.succeed(&[&["logs", "--no-prefix", "web"], arguments].concat()).await?;
    Ok(ended.stdout.lines().map(ToOwned::to_owned).collect())
}

#[tokio::test]
async fn both_lives_are_shown_each_line_once_and_in_order() -> Result<()> {
    let project = made_anew(1).await?;
    let first = ["INFO: listening", "ERROR: odd", "life 0", "bye"];
    let second = ["INFO: listening", "ERROR: odd"];
    assert_eq!(shown(&project, &[]).await?, [&first[..], &second[..]].concat());
    assert_eq!(shown(&project, &["-n", "3"]).await?, ["bye", "INFO: listening", "ERROR: odd"]);
    assert_eq!(shown(&project, &["-n", "1"]).await?, ["ERROR: odd"]);
    assert_eq!(shown(&project, &["--level", "error"]).await?, ["ERROR: odd", "life 0", "bye", "ERROR: odd"]);
    assert_eq!(shown(&project, &["--grep", "life|bye"]).await?, ["life 0", "bye"]);
    assert_eq!(shown(&project, &["--until", "1h"]).await?, Vec::<String>::new());
    assert_eq!(shown(&project, &["--since", "1h"]).await?.len(), 6);
    let told = project.succeed(&["logs", "web", "--json"]).await?;
    let told: Vec<serde_json::Value> = told.stdout.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let times: Vec<_> = told.iter().filter_map(|line| line["time"].as_str()).collect();
    assert!(times.len() == 6 && times.is_sorted(), "{told:?}");
    let is_told = |line: &serde_json::Value| {
        line["stream"] == "stderr" && line["container"] == "shop-web-1" && line["app"] == "web"
    };
    assert_eq!(told.iter().filter(|line| is_told(line)).count(), 2, "{told:?}");
    Ok(())
}

#[tokio::test]
async fn whoever_follows_sees_the_first_life_before_the_second() -> Result<()> {
    let project = made_anew(1).await?;
    let mut running = project.spawn(&["logs", "-f", "--no-prefix", "web"])?;
    project.daemon.until("the follower", |world| world.shown_calls().contains("follow=true")).await?;
    project.daemon.say("shop-web-1", "at last\n");
    running.until_written("at last").await?;
    running.signal("INT").await?;
    let written = running.end().await?.stdout;
    let lines: Vec<_> = written.lines().collect();
    let expected = ["INFO: listening", "ERROR: odd", "life 0", "bye", "INFO: listening", "ERROR: odd", "at last"];
    assert_eq!(lines, expected);
    Ok(())
}

#[tokio::test]
async fn it_is_for_the_user_alone_and_the_last_three_are_remembered() -> Result<()> {
    let project = made_anew(5).await?;
    let files = files(&project)?;
    assert_eq!(files.len(), 3, "{files:?}");
    for (path, wanted) in [(&files[0], 0o600), (&project.directory().join(".sandbox/logs"), 0o700)] {
        assert_eq!(fs::metadata(path)?.permissions().mode() & 0o777, wanted, "{path:?}");
    }
    let shown = shown(&project, &["--grep", "life"]).await?;
    assert_eq!(shown, ["life 2", "life 3", "life 4"]);
    Ok(())
}

#[tokio::test]
async fn what_sandbox_toml_has_no_more_can_still_be_read_by_its_name() -> Result<()> {
    let worker = "\n[containers.worker]\nimage = \"acme/worker:1\"\n";
    let project = Project::new(&format!("{SMALL}{worker}"))?;
    project.daemon.world().add_image("acme/worker:1", Script::of(Peer::Http).saying("worker here\n"));
    project.succeed(&["up", "-d"]).await?;
    project.write("sandbox.toml", SMALL)?;
    project.succeed(&["up", "-d"]).await?;
    let ended = project.succeed(&["logs", "worker"]).await?;
    assert_eq!(ended.stdout, "worker | worker here\n");
    Ok(())
}

#[tokio::test]
async fn down_forgets_it_and_leaves_what_another_project_of_that_folder_had_said() -> Result<()> {
    let project = made_anew(1).await?;
    let other = project.directory().join(".sandbox/logs/shop-x-web-1");
    fs::create_dir(&other)?;
    let text = fs::read_to_string(files(&project)?.first().context("it was saved")?)?;
    fs::write(other.join("1.log"), text.replace("\"project\":\"shop\"", "\"project\":\"shop-x\""))?;
    fs::write(project.directory().join(".sandbox/logs/shop-web-1/2.new"), "killed while it wr")?;
    project.succeed(&["down"]).await?;
    assert!(!project.directory().join(".sandbox/logs/shop-web-1").exists());
    assert!(other.join("1.log").exists());
    fs::remove_dir_all(other)?;
    project.succeed(&["down"]).await?;
    assert!(!project.directory().join(".sandbox/logs").exists());
    Ok(())
}

#[tokio::test]
async fn what_was_too_long_is_said_to_be_cut() -> Result<()> {
    let project = made_anew(1).await?;
    let path = files(&project)?.remove(0);
    let text = fs::read_to_string(&path)?;
    fs::write(&path, text.replace("\"is_cut\":false", "\"is_cut\":true"))?;
    let cut = "… what the removed web had said before was not kept …";
    assert_eq!(shown(&project, &["--grep", "life"]).await?, [cut, "life 0"]);
    assert_eq!(shown(&project, &["-n", "6"]).await?[0], cut);
    assert!(!shown(&project, &["-n", "5"]).await?.contains(&cut.to_owned()), "nobody asked for what was before");
    let told = project.succeed(&["logs", "web", "--json"]).await?;
    assert!(told.stdout.starts_with("{\"cut\":true,\"container\":\"shop-web-1\",\"name\":\"web\"}\n"), "{told:?}");
    Ok(())
}

#[tokio::test]
async fn a_log_that_cannot_be_saved_keeps_nothing_from_being_made_anew() -> Result<()> {
    let project = made_anew(0).await?;
    project.daemon.inject(Fault::refuse("/logs", 501, "configured logging driver does not support reading"));
    project.write("sandbox.toml", &SMALL.replace("port = 8000", "port = 8000\nenv = { A = \"b\" }"))?;
    let ended = project.succeed(&["up", "-d"]).await?;
    let told = "what `web` had said before it was removed is not kept: ";
    assert!(ended.stderr.contains(told) && ended.stderr.contains("does not support reading"), "{ended:?}");
    Ok(())
}

/// The state folder cannot be written to, as on a full disk.
#[tokio::test]
async fn a_folder_that_cannot_be_written_keeps_nothing_from_being_made_anew() -> Result<()> {
    let project = made_anew(0).await?;
    fs::write(project.directory().join(".sandbox/logs"), "a file in its place")?;
    project.write("sandbox.toml", &SMALL.replace("port = 8000", "port = 8000\nenv = { A = \"b\" }"))?;
    let ended = project.succeed(&["up", "-d"]).await?;
    assert!(ended.stderr.contains("what `web` had said before it was removed is not kept: "), "{ended:?}");
    Ok(())
}

/// The engine said no when the container was to be removed: it is still there, and so is what was saved.
#[tokio::test]
async fn what_was_saved_of_a_container_that_is_still_there_is_not_shown_twice() -> Result<()> {
    let project = made_anew(0).await?;
    project.daemon.inject(Fault::refuse("DELETE /containers/shop-web-1", 500, "no").times(1));
    project.write("sandbox.toml", &SMALL.replace("port = 8000", "port = 8000\nenv = { A = \"b\" }"))?;
    assert_ne!(project.run(&["up", "-d"]).await?.code, Some(0));
    assert_eq!(files(&project)?.len(), 1);
    assert_eq!(shown(&project, &[]).await?, ["INFO: listening", "ERROR: odd", "bye"]);
    Ok(())
}

/// A log that the engine cannot give in time: few lines are better than none.
#[tokio::test]
async fn of_a_log_that_takes_too_long_the_last_lines_are_kept() -> Result<()> {
    let project = made_anew(0).await?;
    project.daemon.inject(Fault::silence("/logs").times(1));
    make_anew(&project, 0).await?;
    assert_eq!(shown(&project, &["--grep", "life"]).await?, ["life 0"]);
    Ok(())
}

#[tokio::test]
async fn whose_project_is_not_there_is_told_so() -> Result<()> {
    let project = Project::new(SMALL)?;
    let told = project.succeed(&["logs"]).await?;
    assert_eq!(told.stdout, "");
    assert!(told.stderr.contains("` is there; `sandbox up` starts it"), "{told:?}");
    Ok(())
}
