//! A reader that does not read: no container waits for it, memory stays bounded, and what is dropped is counted in its place.

use crate::project::{Project, Running, SMALL};
use anyhow::{Context, Result, ensure};
use tokio::sync::watch;

/// Far more than pipe and queue hold.
const LINES: usize = 20_000;
/// What the command may have on top of itself.
const MEMORY: usize = 24 << 20;

/// Lets a container say numbered lines while nobody reads, then reads to the end.
async fn stalled(arguments: &[&str], name: &str) -> Result<()> {
    let project = Project::new(SMALL)?;
    if arguments[0] == "logs" {
        project.succeed(&["up", "-d"]).await?;
    }
    let (read, may_read) = watch::channel(false);
    let mut running = Running::begin_read_when(project.command(arguments), may_read)?;
    if arguments[0] == "up" {
        running.until_said("shop: ready in").await?;
    }
    let follows = |world: &crate::daemon::world::World| {
        world.shown_calls().contains("web-1/logs") || world.shown_calls().contains("follow=true")
    };
    project.daemon.until("the follower", follows).await?;
    let before = running.memory()?;
    let filler = "x".repeat(500);
    for number in 0..LINES {
        project.daemon.say("shop-web-1", &format!("{number} {filler}\n"));
        if number % 1000 == 0 {
            tokio::task::yield_now().await;
        }
    }
    // Everything was read of the engine: the container was never kept waiting.
    let id = project.daemon.world().container("shop-web-1").context("it runs")?.id.clone();
    project.daemon.until_log_read(&id, LINES).await?;
    let grown = running.memory()?.saturating_sub(before);
    ensure!(grown < MEMORY, "it has taken {} MB more", grown >> 20);
    read.send_replace(true);
    project.daemon.say("shop-web-1", "the end\n");
    running.until_written("the end").await?;
    running.signal("INT").await?;
    let written = running.end().await?.stdout;
    let prefix = format!("{name} | ");
    let (mut next, mut dropped) = (0, 0);
    for line in written.lines() {
        if let Some(text) = line.strip_prefix("… ") {
            let count: usize = text.split(' ').next().unwrap_or_default().replace(',', "").parse()?;
            ensure!(text.contains("of web dropped"), "{line}");
            (next, dropped) = (next + count, dropped + count);
        } else if let Some(text) = line.strip_prefix(&prefix).filter(|text| text.ends_with(&filler)) {
            ensure!(text.starts_with(&format!("{next} ")), "{} is there in place of {next}", &text[..10]);
            next += 1;
        }
    }
    ensure!(next == LINES, "{next} of {LINES} lines are shown or counted");
    ensure!(dropped > LINES / 4, "only {dropped} were dropped: this tests nothing");
    Ok(())
}

#[tokio::test]
async fn logs_to_a_reader_that_does_not_read() -> Result<()> {
    stalled(&["logs", "-f", "web"], "web     ").await
}

#[tokio::test]
async fn an_attached_up_whose_lines_nobody_reads() -> Result<()> {
    stalled(&["up"], "web     ").await
}

/// SIGTERM ends it even so.
#[tokio::test]
async fn a_reader_that_never_reads_does_not_keep_it_from_ending() -> Result<()> {
    let project = Project::new(SMALL)?;
    let (_read, may_read) = watch::channel(false);
    let mut running = Running::begin_read_when(project.command(&["up"]), may_read)?;
    running.until_said("shop: ready in").await?;
    for _ in 0..2000 {
        project.daemon.say("shop-web-1", &format!("{}\n", "x".repeat(500)));
    }
    running.signal("TERM").await?;
    project
        .daemon
        .until("the stop", |world| !world.container("shop-web-1").is_some_and(|one| one.is_running()))
        .await?;
    running.gone(143).await
}
