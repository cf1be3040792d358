//! `up` on a running project changes what changed and nothing else.

use crate::support::{
    Project, Result, Sample, Scenario, Value,
    checker::{Allowed, Outcome, PATIENCE},
    engine, ensure, http,
    load::{Load, Publisher, Series, Subscriber, Work},
    sample::{Reminders, copy},
    scenario, script, seconds,
};
use std::fs;

#[test]
fn a_changed_environment_makes_the_app_anew_and_on_redis_its_sidecar() {
    scenario("change-env", |it| {
        let project = it.project();
        Sample::default().describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let sample = Sample { app: "host_port = 0\nenv = { GREETING = \"hello\" }", ..Sample::default() };
        sample.describe(&project)?;
        // On Redis daprd would give its first message to a reader of before, and again only after a minute.
        changes_only(it, &project, &["reminders", "reminders-dapr"])?;
        it.step("the app has the new environment", || {
            let app = project.container("reminders")?;
            ensure!(app.environment.contains(&"GREETING=hello".to_owned()), "{:?}", app.environment);
            Ok(())
        })
    });
}

#[test]
fn a_changed_file_makes_only_image_and_app_anew() {
    scenario("change-file", |it| {
        let project = it.project();
        copy(&project, "app")?;
        Sample { build: "app", broker: "rabbitmq", ..Sample::default() }.describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let (before, images) = (project.container("reminders")?, engine::images(&project.name)?);
        ensure!(images.len() == 1, "{images:?}");
        it.step("a file that .dockerignore names changes nothing", || {
            project.write("app/__pycache__/main.pyc", "x")?;
            project.up()?;
            ensure!(project.container("reminders")?.id == before.id);
            Ok(())
        })?;
        let main = fs::read_to_string(project.path("app/reminders/main.py"))?;
        project.write(
            "app/reminders/main.py",
            &main.replace("PlainTextResponse(\"ok\")", "PlainTextResponse(\"better\")"),
        )?;
        changes_only(it, &project, &["reminders"])?;
        it.step("the new code runs", || {
            let answer = http::get(&format!("{}/healthz", Reminders::of(&project)?.url))?;
            ensure!(answer.body == "better", "{answer:?}");
            Ok(())
        })?;
        it.step("the old image is gone", || {
            let after = engine::images(&project.name)?;
            ensure!(after.len() == 1 && after != images, "{images:?}, then {after:?}");
            ensure!(project.container("reminders")?.image == after[0]);
            Ok(())
        })
    });
}

#[test]
fn a_changed_component_makes_only_the_sidecar_anew() {
    scenario("change-component", |it| {
        let project = it.project();
        copy(&project, "components")?;
        let sample = Sample { components: "components", ..Sample::default() };
        sample.describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let before = rendered(&project)?;
        let pubsub = fs::read_to_string(project.path("components/pubsub.yaml"))?;
        ensure!(pubsub.contains("value: \"reminders\""), "{pubsub}");
        project.write("components/pubsub.yaml", &pubsub.replace("value: \"reminders\"", "value: \"others\""))?;
        changes_only(it, &project, &["reminders-dapr"])?;
        it.step("the sidecar's group is the new one on the broker", || {
            let groups = ["redis-cli", "--raw", "XINFO", "GROUPS", "reminders.due"];
            let groups = engine::exec(&project.container("redis-broker")?.id, &groups)?;
            ensure!(groups.lines().any(|line| line == "others"), "{groups}");
            Ok(())
        })?;
        it.step("what was rendered before is gone", || {
            let after = rendered(&project)?;
            ensure!(after.len() == 1 && before.len() == 1 && after != before, "{before:?}, then {after:?}");
            Ok(())
        })
    });
}

#[test]
fn an_app_that_is_restarted_gets_its_next_message_at_once() {
    scenario("restart-app", |it| {
        let project = it.project();
        Sample::default().describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let (before, app) = (project.containers()?, project.container("reminders")?);
        it.step("`restart reminders` succeeds", || project.sandbox(&["restart", "reminders"])?.succeeded())?;
        it.step("the app has been started again, and its sidecar, which reads from Redis, is another", || {
            ensure!(project.container("reminders")?.id == app.id);
            let changed = engine::changed(&before, &project.containers()?)?;
            ensure!(changed == ["reminders", "reminders-dapr"], "changed: {changed:?}");
            Ok(())
        })?;
        it.step("a reminder is delivered", || Reminders::of(&project)?.deliver("after the restart").map(drop))
    });
}

/// daprd asks its app for subscriptions once.
#[test]
fn an_app_that_is_made_anew_with_another_subscription_gets_its_messages() {
    scenario("change-topics", |it| {
        let project = it.project();
        let describe = |topics: &str| {
            let environment = format!("TOPICS = \"{topics}\"");
            Load { environment: &environment, ..Load::default() }.describe(&project)
        };
        let subscribed = || -> Result<Vec<Value>> {
            let status = project.status()?;
            let listed = status["apps"][0]["subscriptions"].as_array().into_iter().flatten();
            Ok(listed.map(|one| one["topic"].clone()).collect())
        };
        describe("")?;
        it.step("`up -d` of an app that subscribes to nothing succeeds", || project.up())?;
        for (topics, why) in [
            ("orders", "no subscription to orders"),
            ("orders,returns", "subscribes to returns now"),
            ("returns", "subscribes to orders no more"),
        ] {
            describe(topics)?;
            it.step(&format!("`up -d` with an app that subscribes to {topics} hands its sidecar over"), || {
                project.up()?.says(&["replaced orders-dapr by hand-over", why])?;
                let (subscribed, wanted) = (subscribed()?, topics.split(',').collect::<Vec<_>>());
                ensure!(subscribed == wanted, "{subscribed:?}");
                Ok(())
            })?;
        }
        it.step("what is published there at once is delivered", || {
            let (publisher, subscriber) = (Publisher::of(&project)?, Subscriber::of(&project, "orders")?);
            let returns = Series { count: Some(20), work: Work::Publish("returns"), ..Series::default() };
            publisher.start(&returns)?;
            let report = publisher.finished(returns.name, seconds(20))?;
            Outcome::settled(report, &subscriber, "returns", PATIENCE)?.check(&Allowed::default())
        })?;
        it.step("a second `up -d` has nothing to change", || project.up()?.says(&["nothing to change"]).map(drop))
    });
}

/// Its new sidecar must not ask the old one, which answers until it has gone.
#[test]
fn an_app_that_leaves_slowly_and_its_sidecar_are_both_made_anew() {
    scenario("leaves-slowly", |it| {
        let project = it.project();
        let describe = |topics: &str, level: &str| {
            engine::warm_load()?;
            project.describe(&format!(
                r#"
[broker]
kind = "redpanda"
component = "pubsub"
[apps.orders]
image = "{image}"
command = ["sh", "-c", "serve subscriber & trap 'sleep 2; kill $!; wait $!' TERM; wait $!"]
port = 8000
host_port = 0
health = "/healthz"
env = {{ TOPICS = "{topics}" }}
dapr = {{ log_level = "{level}" }}
"#,
                image = engine::LOAD
            ))
        };
        describe("orders", "info")?;
        it.step("`up -d` succeeds", || project.up())?;
        let before = project.containers()?;
        describe("returns", "debug")?;
        it.step("`up -d` of both changed succeeds, with what the new one subscribes to", || project.up())?;
        let changed = engine::changed(&before, &project.containers()?)?;
        ensure!(changed == ["orders", "orders-dapr"], "changed: {changed:?}");
        Ok(())
    });
}

#[test]
fn an_app_that_sandbox_toml_has_no_more_is_removed() {
    scenario("change-orphan", |it| {
        let project = it.project();
        let tables =
            |names: &[&str]| names.iter().map(|name| crate::support::script::table(name, "")).collect::<String>();
        for name in ["shop", "stock"] {
            crate::support::script::write(&project, name, crate::support::script::SERVE)?;
        }
        project.describe(&tables(&["shop", "stock"]))?;
        it.step("`up -d` succeeds", || project.up())?;
        let before = project.containers()?;
        project.describe(&tables(&["shop"]))?;
        it.step("`up -d` succeeds", || project.up())?;
        it.step("app and sidecar are gone, the others are the same", || {
            let kept: Vec<_> = before.into_iter().filter(|one| !one.short_name.starts_with("stock")).collect();
            engine::same(&kept, &project.containers()?)
        })
    });
}

#[test]
fn the_memory_that_sandbox_toml_gives_the_broker_is_its_limit() {
    scenario("change-memory", |it| {
        let project = it.project();
        script::write(&project, "shop", script::SERVE)?;
        let describe = |memory: &str| {
            let broker = format!("[broker]\nkind = \"redis\"\nmemory = \"{memory}\"\n");
            project.describe(&(broker + &script::table("shop", "")))
        };
        describe("96MB")?;
        it.step("`up -d` succeeds", || project.up())?;
        it.step("the engine holds the broker to it", || has_limit(&project, 96 << 20))?;
        let (before, broker) = (project.containers()?, project.container("redis")?);
        it.step("`up -d` with the same changes nothing", || {
            project.up()?;
            engine::same(&before, &project.containers()?)
        })?;
        describe("0.125GB")?;
        it.step("`up -d` with another succeeds", || project.up())?;
        it.step("the broker was made anew with it", || {
            ensure!(project.container("redis")?.id != broker.id);
            has_limit(&project, 128 << 20)
        })?;
        it.step("`status` is ready", || {
            ensure!(project.status()?["state"] == "ready");
            Ok(())
        })
    });
}

/// Whether the engine itself names it.
fn has_limit(project: &Project, bytes: u64) -> Result<()> {
    let limit = engine::docker(&["inspect", "--format", "{{.HostConfig.Memory}}", &project.container("redis")?.id])?;
    ensure!(limit == bytes.to_string(), "{limit}, not {bytes}");
    Ok(())
}

fn changes_only(it: &Scenario, project: &Project, short_names: &[&str]) -> Result<()> {
    let before = project.containers()?;
    it.step("`up -d` succeeds", || project.up())?;
    it.step(&format!("only {} changed", short_names.join(" and ")), || {
        let changed = engine::changed(&before, &project.containers()?)?;
        ensure!(changed == short_names, "changed: {changed:?}");
        Ok(())
    })?;
    let reminders = Reminders::of(project)?;
    it.step("a reminder is delivered", || reminders.deliver("after the change").map(drop))
}

/// The generations of the sidecar's resources in `.sandbox/`.
fn rendered(project: &Project) -> Result<Vec<String>> {
    let folder = project.path(".sandbox/resources/reminders-1");
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    names.collect()
}
