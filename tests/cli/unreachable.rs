//! No engine, or none that answers: exit 3, the reason, and what to type next.

use crate::{
    daemon::fault::Fault,
    project::{BINARY, Ended, Project, Running, SMALL},
};
use anyhow::{Context, Result, ensure};
use insta::assert_snapshot;
use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        net::UnixListener,
    },
    path::Path,
    time::{Duration, Instant},
};
use tokio::process::Command;

async fn refused_by(project: &Project, host: &str) -> Result<Ended> {
    let mut command = project.command(&["up", "-d"]);
    command.env("DOCKER_HOST", host);
    let ended = Running::begin(command)?.end().await?;
    ensure!(ended.code == Some(3), "{ended:?}");
    Ok(ended)
}

#[tokio::test]
async fn no_socket() -> Result<()> {
    let project = Project::new(SMALL)?;
    let ended = refused_by(&project, &format!("unix://{}/none.sock", project.directory().display())).await?;
    project.settings().bind(|| assert_snapshot!("no_socket", ended.stderr));
    Ok(())
}

#[tokio::test]
async fn a_socket_where_nobody_listens() -> Result<()> {
    let project = Project::new(SMALL)?;
    let socket = project.directory().join("stale.sock");
    drop(UnixListener::bind(&socket)?);
    let ended = refused_by(&project, &format!("unix://{}", socket.display())).await?;
    project.settings().bind(|| assert_snapshot!("stale_socket", ended.stderr));
    Ok(())
}

/// Root may use any socket, so for root the binary runs as another user.
#[tokio::test]
async fn a_socket_that_may_not_be_used() -> Result<()> {
    let project = Project::new(SMALL)?;
    let folder = tempfile::tempdir()?;
    let socket = folder.path().join("docker.sock");
    let _listener = UnixListener::bind(&socket)?;
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o000))?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
    let host = format!("unix://{}", socket.display());
    let mut command =
        if fs::metadata(&socket)?.uid() == 0 { as_another_user(folder.path())? } else { project.command(&["down"]) };
    command.env("DOCKER_HOST", &host).current_dir(folder.path());
    command.args(["--project-name", "shop"]);
    let ended = Running::begin(command)?.end().await?;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let mut settings = project.settings();
    settings.add_filter(&host, "[SOCKET]");
    settings.bind(|| assert_snapshot!("permission_denied", ended.stderr));
    Ok(())
}

/// The binary may lie where others cannot reach it, so they get a copy.
fn as_another_user(folder: &Path) -> Result<Command> {
    let copy = folder.join("sandbox");
    fs::hard_link(BINARY, &copy).or_else(|_| fs::copy(BINARY, &copy).map(drop)).context("a copy of the binary")?;
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]).arg(copy).arg("down");
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent");
    Ok(command)
}

#[tokio::test]
async fn an_engine_that_never_answers() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.inject(Fault::silence("GET /"));
    let began = Instant::now();
    let ended = refused_by(&project, &project.daemon.host()).await?;
    assert!(began.elapsed() < Duration::from_secs(7), "{:?}", began.elapsed());
    project.settings().bind(|| assert_snapshot!("no_answer", ended.stderr));
    Ok(())
}

#[tokio::test]
async fn an_engine_that_refuses_everything() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.inject(Fault::refuse("GET /", 500, "the engine is shutting down"));
    let ended = refused_by(&project, &project.daemon.host()).await?;
    assert!(ended.stderr.contains("the engine is shutting down"), "{ended:?}");
    Ok(())
}

#[tokio::test]
async fn a_slow_engine_is_waited_for() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.daemon.inject(Fault::delay("GET /version", Duration::from_secs(2)));
    project.succeed(&["down"]).await?;
    Ok(())
}

#[tokio::test]
async fn an_address_of_a_kind_that_is_not_spoken() -> Result<()> {
    let project = Project::new(SMALL)?;
    let ended = refused_by(&project, "ssh://build-host").await?;
    assert!(ended.stderr.contains("ssh://build-host") && ended.stderr.contains("help:"), "{ended:?}");
    Ok(())
}
