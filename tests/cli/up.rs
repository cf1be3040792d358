//! `up -d`, `up` again, `plan`: what is done, and above all what is not.

use crate::{
    daemon::script::{Peer, Script},
    project::{Project, SHOP, SMALL},
};
use anyhow::{Context, Result};
use insta::assert_snapshot;
use std::fs;

#[tokio::test]
async fn everything_is_started_and_ready() -> Result<()> {
    let project = Project::new(SHOP)?;
    let ended = project.succeed(&["up", "-d"]).await?;
    let world = project.daemon.world();
    let names = ["shop-redis-1", "shop-postgres-1", "shop-scheduler-1", "shop-web-1", "shop-web-dapr-1"];
    for name in names {
        assert!(world.container(name).context(name)?.is_running(), "{name}");
    }
    let volumes: Vec<_> = world.volumes.keys().map(String::as_str).collect();
    assert_eq!(volumes, ["shop_postgres-data", "shop_redis-data", "shop_scheduler-data"]);
    assert_eq!(ended.stdout, "");
    drop(world);
    project.settings().bind(|| assert_snapshot!("up", ended.sorted_talk()));
    Ok(())
}

#[tokio::test]
async fn a_second_up_changes_nothing_and_looks_again() -> Result<()> {
    let project = Project::new(SHOP)?;
    project.succeed(&["up", "-d"]).await?;
    project.daemon.world().calls.clear();
    let ended = project.succeed(&["up", "-d"]).await?;
    assert_eq!(project.daemon.world().changes(), Vec::<String>::new());
    project.settings().bind(|| assert_snapshot!("up_again", ended.sorted_talk()));
    Ok(())
}

#[tokio::test]
async fn one_changed_field_recreates_one_container() -> Result<()> {
    let project = Project::new(SHOP)?;
    project.succeed(&["up", "-d"]).await?;
    project.daemon.world().calls.clear();
    project.write("sandbox.toml", &format!("{SHOP}env = {{ GREETING = \"hello\" }}\n"))?;
    project.succeed(&["up", "-d"]).await?;
    let changes = project.daemon.world().changes();
    assert_eq!(
        changes,
        [
            "POST /containers/shop-web-1/stop",
            "DELETE /containers/shop-web-1?force=true&v=true",
            "POST /containers/create?name=shop-web-1",
            "POST /containers/shop-web-1/start",
        ]
    );
    Ok(())
}

#[tokio::test]
async fn plan_and_dry_run_change_nothing() -> Result<()> {
    let project = Project::new(SHOP)?;
    let planned = project.succeed(&["plan"]).await?;
    let dry = project.succeed(&["up", "--dry-run"]).await?;
    assert_eq!(planned.stdout, dry.stdout);
    assert_eq!(project.daemon.world().changes(), Vec::<String>::new());
    assert!(!project.directory().join(".sandbox").exists());
    project.settings().bind(|| assert_snapshot!("plan", planned.stdout));
    project.succeed(&["up", "-d"]).await?;
    project.daemon.world().calls.clear();
    let nothing = project.succeed(&["plan"]).await?;
    assert_eq!(project.daemon.world().changes(), Vec::<String>::new());
    project.settings().bind(|| assert_snapshot!("plan_of_what_runs", nothing.stdout));
    Ok(())
}

#[tokio::test]
async fn what_was_stopped_is_started_and_not_made_anew() -> Result<()> {
    let project = Project::new(SHOP)?;
    project.succeed(&["up", "-d"]).await?;
    project.daemon.let_die("shop-redis-1", 0);
    project.daemon.world().calls.clear();
    project.succeed(&["up", "-d"]).await?;
    assert_eq!(project.daemon.world().changes(), ["POST /containers/shop-redis-1/start"]);
    Ok(())
}

#[tokio::test]
async fn what_sandbox_toml_has_no_more_is_removed_unless_only_an_app_was_asked_for() -> Result<()> {
    let both = format!("{SMALL}\n[apps.worker]\nimage = \"acme/worker:1\"\n");
    let project = Project::new(&both)?;
    project.succeed(&["up", "-d"]).await?;
    project.write("sandbox.toml", SMALL)?;
    project.daemon.world().calls.clear();
    project.succeed(&["up", "-d", "web"]).await?;
    assert_eq!(project.daemon.world().changes(), Vec::<String>::new());
    project.succeed(&["up", "-d"]).await?;
    assert_eq!(project.daemon.world().names("shop-"), ["shop-web-1", "shop-web-dapr-1"]);
    Ok(())
}

#[tokio::test]
async fn only_the_apps_that_were_asked_for_are_started() -> Result<()> {
    let project = Project::new(&format!("{SMALL}\n[apps.worker]\nimage = \"acme/worker:1\"\n"))?;
    let ended = project.succeed(&["up", "-d", "worker"]).await?;
    assert!(ended.stderr.lines().all(|line| !line.ends_with(", ")), "{}", ended.stderr);
    assert_eq!(project.daemon.world().names("shop-"), ["shop-worker-1", "shop-worker-dapr-1"]);
    Ok(())
}

#[tokio::test]
async fn an_app_that_is_not_there_is_refused_with_the_nearest_one() -> Result<()> {
    let project = Project::new(SMALL)?;
    let ended = project.run(&["up", "-d", "wed"]).await?;
    assert_eq!(ended.code, Some(2));
    assert_eq!(project.daemon.world().changes(), Vec::<String>::new());
    project.settings().bind(|| assert_snapshot!("unknown_app", ended.stderr));
    Ok(())
}

/// What is wrong in a file is known without Docker, so it is said without Docker.
#[tokio::test]
async fn a_wrong_sandbox_toml_is_told_whether_or_not_docker_answers() -> Result<()> {
    let project = Project::new(&SMALL.replace("image =", "imgae ="))?;
    for arguments in [&["up", "-d"][..], &["up", "--dry-run"], &["plan"], &["status"], &["down"]] {
        let mut command = project.command(arguments);
        command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
        let ended = crate::project::Running::begin(command)?.end().await?;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("imgae"), "{ended:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_project_of_that_name_from_another_folder_is_refused() -> Result<()> {
    let project = Project::new(SMALL)?;
    project.succeed(&["up", "-d"]).await?;
    project.write("elsewhere/sandbox.toml", SMALL)?;
    project.daemon.world().calls.clear();
    let ended = project.run(&["-C", "elsewhere", "up", "-d"]).await?;
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(project.daemon.world().changes(), Vec::<String>::new());
    project.settings().bind(|| assert_snapshot!("other_folder", ended.stderr));
    Ok(())
}

const BUILT: &str =
    "name = \"shop\"\n[dapr]\nscheduler = false\n[apps.web]\nbuild = \"app\"\nport = 8000\nhost_port = 0\n";

#[tokio::test]
async fn an_app_is_built_once_and_again_when_its_files_change() -> Result<()> {
    let project = Project::new(BUILT)?;
    project.write("app/Dockerfile", "FROM scratch\n")?;
    project.daemon.world().built = Script::of(Peer::Http);
    let is_build = |change: &String| change.starts_with("POST /build");
    for (text, builds) in [("one", 1), ("one", 0), ("two", 1)] {
        project.write("app/main.py", text)?;
        project.succeed(&["up", "-d"]).await?;
        let changes = project.daemon.world().take_changes();
        assert_eq!(changes.iter().filter(|change| is_build(change)).count(), builds, "{changes:?}");
    }
    let images = project.daemon.world().images.keys().filter(|name| name.starts_with("shop-web:")).count();
    assert_eq!(images, 1, "the image of the old context is still there");
    Ok(())
}

#[tokio::test]
async fn a_build_that_fails_shows_what_it_said() -> Result<()> {
    let project = Project::new(BUILT)?;
    project.write("app/Dockerfile", "FROM scratch\nRUN make\n")?;
    let failure = "The command '/bin/sh -c make' returned a non-zero code: 2";
    project.daemon.world().build_failure = Some(failure.to_owned());
    let ended = project.run(&["up", "-d"]).await?;
    assert_eq!(ended.code, Some(1));
    assert_eq!(project.daemon.world().names("shop-web-1"), Vec::<&str>::new());
    project.settings().bind(|| assert_snapshot!("build_failed", ended.talk_of_others()));
    Ok(())
}

#[tokio::test]
async fn a_sidecar_gets_the_projects_components_with_what_is_different_here() -> Result<()> {
    let project = Project::new(SHOP)?;
    let own = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: pubsub\nspec:\n  type: pubsub.kafka\n  version: v1\n  metadata:\n  - name: brokers\n    value: kafka.production:9092\n";
    project.write("components/pubsub.yaml", own)?;
    let ended = project.succeed(&["up", "-d"]).await?;
    assert!(ended.stderr.contains("web-dapr: ready"), "{ended:?}");
    let world = project.daemon.world();
    let body = world.container("shop-web-dapr-1").context("it is there")?.body.clone();
    let mount = &body["HostConfig"]["Mounts"][0];
    assert_eq!((mount["Target"].as_str(), mount["ReadOnly"].as_bool()), (Some("/dapr/resources"), Some(true)));
    let folder = mount["Source"].as_str().context("a folder")?;
    let text = fs::read_to_string(format!("{folder}/component-pubsub.yaml"))?;
    assert!(text.contains("pubsub.redis") && text.contains("redis:6379") && !text.contains("production"), "{text}");
    Ok(())
}

#[tokio::test]
async fn subscriptions_count_only_with_a_consumer_at_the_broker() -> Result<()> {
    let project = Project::new(SHOP)?;
    let own = "apiVersion: dapr.io/v1alpha1\nkind: Subscription\nmetadata:\n  name: orders\nspec:\n  pubsubname: pubsub\n  topic: orders\n  route: /orders\n";
    project.write("components/subscription.yaml", own)?;
    let ended = project.succeed(&["up", "-d"]).await?;
    assert!(ended.stderr.contains("subscribed to orders"), "{ended:?}");
    Ok(())
}
