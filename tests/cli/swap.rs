//! `swap-broker`: what is refused before anything is done, what is taken back, and how long a swap is remembered.

use crate::{
    daemon::fault::Fault,
    project::{Project, SHOP},
};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::fs;

/// A running project on Redis.
async fn shop() -> Result<Project> {
    let project = Project::new(SHOP)?;
    project.succeed(&["up", "-d"]).await?;
    project.daemon.world().calls.clear();
    Ok(project)
}

async fn active(project: &Project) -> Result<Value> {
    let ended = project.succeed(&["status", "--json"]).await?;
    let status: Value = serde_json::from_str(&ended.stdout)?;
    Ok(status["broker"]["kind"].clone())
}

fn changes(project: &Project) -> Vec<String> {
    project.daemon.world().changes()
}

#[tokio::test]
async fn a_swap_lasts_until_down_and_the_file_may_be_what_it_was() -> Result<()> {
    let project = shop().await?;
    project.succeed(&["swap-broker", "in-memory", "--yes"]).await?;
    assert_eq!(active(&project).await?, "in-memory");
    assert_eq!(
        project.daemon.world().names("shop-"),
        ["shop-postgres-1", "shop-scheduler-1", "shop-web-1", "shop-web-dapr-1"]
    );
    project.daemon.world().calls.clear();
    let up = project.succeed(&["up", "-d"]).await?;
    assert_eq!(changes(&project), Vec::<String>::new(), "{}", up.stderr);
    let edited = SHOP.replace("kind = \"redis\"", "kind = \"kafka\"");
    project.write("sandbox.toml", &edited)?;
    let refused = project.run(&["up", "-d"]).await?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("`sandbox swap-broker kafka`"), "{}", refused.stderr);
    assert_eq!(changes(&project), Vec::<String>::new());
    project.write("sandbox.toml", SHOP)?;
    project.succeed(&["down"]).await?;
    assert_eq!(project.daemon.world().names("shop-"), Vec::<&str>::new());
    project.succeed(&["up", "-d"]).await?;
    assert_eq!(active(&project).await?, "redis");
    Ok(())
}

#[tokio::test]
async fn there_and_back_is_as_before() -> Result<()> {
    let project = shop().await?;
    let names = |project: &Project| {
        let world = project.daemon.world();
        world.names("shop-").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let before = names(&project);
    project.succeed(&["swap-broker", "in-memory", "--yes"]).await?;
    project.succeed(&["swap-broker", "redis", "--yes"]).await?;
    assert_eq!((active(&project).await?, names(&project)), (Value::from("redis"), before));
    project.daemon.world().calls.clear();
    project.succeed(&["up", "-d"]).await?;
    assert_eq!(changes(&project), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_kept_is_said_before_anything_is_done() -> Result<()> {
    let project = shop().await?;
    let refused = project.run(&["swap-broker", "in-memory"]).await?;
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("keeps messages in each sidecar's memory"), "{}", refused.stderr);
    assert!(refused.stderr.contains("sandbox swap-broker in-memory --yes"), "{}", refused.stderr);
    assert_eq!(changes(&project), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn nothing_to_swap_is_said() -> Result<()> {
    let project = shop().await?;
    let same = project.succeed(&["swap-broker", "redis"]).await?;
    assert!(same.stderr.contains("the project is on `redis`"), "{}", same.stderr);
    let unknown = project.run(&["swap-broker", "rabbit"]).await?;
    assert_eq!(unknown.code, Some(2), "{unknown:?}");
    assert!(
        unknown.stderr.contains("did you mean `rabbitmq`? the brokers are `in-memory`, `kafka`"),
        "{}",
        unknown.stderr
    );
    assert_eq!(changes(&project), Vec::<String>::new());
    project.succeed(&["down"]).await?;
    let nothing = project.run(&["swap-broker", "kafka"]).await?;
    assert_eq!(nothing.code, Some(1), "{nothing:?}");
    assert!(nothing.stderr.contains("nothing of `shop` runs"), "{}", nothing.stderr);
    Ok(())
}

/// Ids and names of what there is, and the volumes.
fn world(project: &Project) -> (Vec<String>, Vec<String>) {
    let world = project.daemon.world();
    let mut containers: Vec<_> = world.containers.iter().map(|one| format!("{} {}", one.name, one.id)).collect();
    containers.sort();
    (containers, world.volumes.keys().cloned().collect())
}

#[tokio::test]
async fn a_target_that_cannot_be_had_changes_nothing() -> Result<()> {
    let project = shop().await?;
    let before = world(&project);
    let failed = project.run(&["swap-broker", "rabbitmq"]).await?;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("everything is as it was, on redis"), "{}", failed.stderr);
    assert_eq!(world(&project), before);
    assert_eq!(active(&project).await?, "redis");
    Ok(())
}

#[tokio::test]
async fn a_new_sidecar_that_cannot_be_made_takes_the_target_with_it() -> Result<()> {
    let project = Project::new(&SHOP.replace("kind = \"redis\"", "kind = \"in-memory\""))?;
    project.succeed(&["up", "-d"]).await?;
    let before = world(&project);
    let refusal = Fault::refuse("POST /containers/shop-web-dapr-1.next/start", 500, "no space left on device");
    project.daemon.world().faults.push(refusal);
    let failed = project.run(&["swap-broker", "redis", "--yes"]).await?;
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("no space left on device"), "{}", failed.stderr);
    assert_eq!(world(&project), before);
    project.daemon.world().faults.clear();
    project.succeed(&["swap-broker", "redis", "--yes"]).await?;
    assert_eq!(active(&project).await?, "redis");
    Ok(())
}

#[tokio::test]
async fn saved_it_is_what_the_file_says_and_comments_stay() -> Result<()> {
    let own = "kind = \"redis\" # ours\nmemory = \"128MB\"";
    let project = Project::new(&SHOP.replacen("kind = \"redis\"", own, 1))?;
    project.succeed(&["up", "-d"]).await?;
    let ended = project.succeed(&["swap-broker", "in-memory", "--yes", "--save"]).await?;
    assert!(ended.stderr.contains("saved in sandbox.toml"), "{}", ended.stderr);
    let text = fs::read_to_string(project.directory().join("sandbox.toml"))?;
    assert!(text.contains("kind = \"in-memory\" # ours\n# of redis: memory = \"128MB\"\n"), "{text}");
    project.daemon.world().calls.clear();
    project.succeed(&["up", "-d"]).await?;
    assert_eq!(changes(&project), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn an_old_broker_that_is_kept_stays_over_up_and_is_named() -> Result<()> {
    let project = shop().await?;
    project.succeed(&["swap-broker", "in-memory", "--yes", "--keep-old"]).await?;
    project.daemon.world().calls.clear();
    let up = project.succeed(&["up", "-d"]).await?;
    assert_eq!(changes(&project), Vec::<String>::new());
    assert!(up.stderr.contains("`redis` is still there from before the swap to `in-memory`"), "{}", up.stderr);
    project.succeed(&["swap-broker", "in-memory"]).await?;
    assert!(project.daemon.world().container("shop-redis-1").is_none());
    Ok(())
}

#[tokio::test]
async fn a_program_hears_every_step() -> Result<()> {
    let project = shop().await?;
    let ended = project.succeed(&["--json", "swap-broker", "in-memory", "--yes"]).await?;
    let events = ended.events()?;
    let steps = events.iter().filter(|event| event["event"] == "swap").map(|event| event["step"].as_str());
    let steps: Vec<_> = steps.collect::<Option<_>>().context("each has a step")?;
    assert_eq!(steps, ["began", "handed-over", "drained", "stopped", "done"]);
    let done = events.last().context("there is one")?;
    ensure!(done["from"] == "redis" && done["to"] == "in-memory", "{done}");
    Ok(())
}

#[tokio::test]
async fn an_attached_up_shows_what_another_command_swaps() -> Result<()> {
    let project = Project::new(SHOP)?;
    let mut up = project.spawn(&["up"])?;
    up.until_said("ready in").await?;
    // It listens from then on: what it does not follow would be in nobody's way.
    project.succeed(&["swap-broker", "in-memory", "--yes"]).await?;
    up.until_said("swapped redis for in-memory").await?;
    up.signal("INT").await?;
    up.gone(130).await
}
