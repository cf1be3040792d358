//! Host ports that somebody has are found before anything is created, and the error names who has them.

use crate::project::{Project, SMALL};
use anyhow::Result;
use insta::assert_snapshot;
use serde_json::json;
use std::net::{Ipv4Addr, TcpListener};

fn wanting(port: u16) -> String {
    SMALL.replace("host_port = 0", &format!("host_port = {port}"))
}

async fn refused(project: &Project) -> Result<String> {
    let ended = project.run(&["up", "-d"]).await?;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(project.daemon.world().changes(), Vec::<String>::new());
    Ok(ended.stderr)
}

#[tokio::test]
async fn a_process_that_holds_a_port_is_named() -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let project = Project::new(&wanting(port))?;
    let said = refused(&project).await?;
    assert!(said.contains(&format!("(pid {})", std::process::id())), "{said}");
    let mut settings = project.settings();
    settings.add_filter(&port.to_string(), "[HELD]");
    settings.add_filter(r"process `\S+ \(", "process `[NAME] (");
    settings.bind(|| assert_snapshot!("port_of_a_process", said));
    Ok(())
}

#[tokio::test]
async fn a_container_of_another_project_that_holds_a_port_is_named() -> Result<()> {
    let project = Project::new(&wanting(8123))?;
    let labels = json!({"dev.sandbox.project": "billing"});
    project.daemon.world().add_foreign("billing-web-1", labels, &[8123]);
    let said = refused(&project).await?;
    project.settings().bind(|| assert_snapshot!("port_of_another_project", said));
    Ok(())
}

#[tokio::test]
async fn a_container_of_nobody_that_holds_a_port_is_named() -> Result<()> {
    let project = Project::new(&wanting(8124))?;
    project.daemon.world().add_foreign("nginx", json!({}), &[8124]);
    let said = refused(&project).await?;
    assert!(said.contains("port 8124 for `web` is taken by container `nginx`"), "{said}");
    assert!(said.contains("docker stop nginx"), "{said}");
    Ok(())
}

/// The world holds Dapr's usual ports, so the sidecar gets another, and says why.
#[tokio::test]
async fn a_port_that_was_only_preferred_is_another_one_and_that_is_said() -> Result<()> {
    let project = Project::new(SMALL)?;
    let ended = project.succeed(&["up", "-d"]).await?;
    assert!(ended.stderr.contains("3500 is taken by container `devbox`"), "{}", ended.stderr);
    Ok(())
}

/// Between the look and the start somebody may be quicker; then the engine's words are shown, and the next `up` goes on.
#[tokio::test]
async fn a_port_that_is_lost_at_the_last_moment_is_told_in_the_engines_words() -> Result<()> {
    use crate::daemon::fault::Fault;
    let project = Project::new(SMALL)?;
    let words =
        "driver failed programming external connectivity: Bind for 127.0.0.1:8000 failed: port is already allocated";
    project.daemon.inject(Fault::refuse("POST /containers/shop-web-1/start", 500, words).times(1));
    let ended = project.run(&["up", "-d"]).await?;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("port is already allocated"), "{}", ended.stderr);
    project.succeed(&["up", "-d"]).await?;
    Ok(())
}
