//! Images that are not there: pulled with progress, or named when they may not or cannot be.

use crate::{
    daemon::{fault::Fault, world::World},
    project::{Project, SMALL},
};
use anyhow::Result;
use insta::assert_snapshot;

fn without(images: &[&str]) -> World {
    let mut world = World::with_images();
    images.iter().for_each(|image| world.only_in_registry(image));
    world
}

#[tokio::test]
async fn offline_names_every_image_that_is_missing_and_does_nothing() -> Result<()> {
    let project = Project::on(SMALL, without(&["acme/web:1", "daprio/daprd:1.18.2"]))?;
    for arguments in [&["up", "-d", "--offline"][..], &["up", "-d", "--pull", "never"]] {
        let ended = project.run(arguments).await?;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(project.daemon.world().changes(), Vec::<String>::new());
        project.settings().bind(|| assert_snapshot!("offline", ended.stderr));
    }
    Ok(())
}

#[tokio::test]
async fn what_is_missing_is_pulled_with_progress() -> Result<()> {
    let project = Project::on(SMALL, without(&["acme/web:1"]))?;
    let ended = project.succeed(&["up", "-d"]).await?;
    assert!(ended.stderr.contains("acme/web:1: 60 %, 6.0/10.0 MB"), "{}", ended.stderr);
    assert!(ended.stderr.contains("acme/web:1: pulled in "), "{}", ended.stderr);
    let pulls = project.daemon.world().changes().into_iter().filter(|change| change.contains("/images/create"));
    assert_eq!(pulls.count(), 1);
    Ok(())
}

#[tokio::test]
async fn progress_is_an_event_each_time() -> Result<()> {
    let project = Project::on(SMALL, without(&["acme/web:1"]))?;
    let ended = project.succeed(&["up", "-d", "--json"]).await?;
    let events = ended.events()?;
    let progress: Vec<_> = events.iter().filter(|event| event["event"] == "pull-progress").collect();
    let last = progress.last().copied().cloned().unwrap_or_default();
    assert_eq!((&last["current"], &last["total"]), (&10_000_000.into(), &10_000_000.into()), "{last}");
    assert_eq!((&last["layers_done"], &last["layers"]), (&2.into(), &2.into()), "{last}");
    assert_eq!(ended.stderr, "");
    Ok(())
}

#[tokio::test]
async fn an_image_of_two_apps_is_pulled_once() -> Result<()> {
    let two = format!("{SMALL}\n[apps.worker]\nimage = \"acme/web:1\"\n");
    let project = Project::on(&two, without(&["acme/web:1"]))?;
    project.succeed(&["up", "-d"]).await?;
    let pulls = project.daemon.world().changes().into_iter().filter(|change| change.contains("/images/create"));
    assert_eq!(pulls.count(), 1);
    Ok(())
}

#[tokio::test]
async fn an_image_that_nobody_has_fails_with_the_registrys_words() -> Result<()> {
    let project = Project::new(&SMALL.replace("acme/web:1", "acme/none:1"))?;
    let ended = project.run(&["up", "-d"]).await?;
    assert_eq!(ended.code, Some(1));
    assert_eq!(project.daemon.world().names("shop-web-1"), Vec::<&str>::new());
    project.settings().bind(|| assert_snapshot!("pull_failed", ended.talk_of_others()));
    Ok(())
}

#[tokio::test]
async fn a_pull_that_breaks_off_is_a_failure_with_its_image() -> Result<()> {
    let project = Project::on(SMALL, without(&["acme/web:1"]))?;
    project.daemon.inject(Fault::cut("POST /images/create", 4));
    let ended = project.run(&["up", "-d"]).await?;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("error: image `acme/web:1` cannot be pulled: "), "{}", ended.stderr);
    Ok(())
}

#[tokio::test]
async fn pull_always_asks_for_every_image_once() -> Result<()> {
    let mut world = World::with_images();
    world.registry.clone_from(&world.images);
    let project = Project::on(SMALL, world)?;
    project.succeed(&["up", "-d", "--pull", "always"]).await?;
    let pulls = project.daemon.world().changes().into_iter().filter(|change| change.contains("/images/create"));
    assert_eq!(pulls.count(), 2);
    Ok(())
}

#[tokio::test]
async fn an_image_without_a_tag_is_the_latest_one_and_is_pulled_once() -> Result<()> {
    let mut world = World::with_images();
    world.only_in_registry("acme/tool:latest");
    let project = Project::on(&SMALL.replace("acme/web:1", "acme/tool"), world)?;
    project.succeed(&["up", "-d"]).await?;
    project.daemon.world().calls.clear();
    project.succeed(&["up", "-d"]).await?;
    assert_eq!(project.daemon.world().changes(), Vec::<String>::new());
    Ok(())
}
