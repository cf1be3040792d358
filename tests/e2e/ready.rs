//! When `up -d` returns, a message really can travel: what is published at once is delivered.

use crate::support::{
    Result, Sample, Value, engine, ensure, eventually, http, json,
    sample::{self, Reminders},
    scenario, seconds,
};
use std::fs;

#[test]
fn the_first_message_after_up_is_delivered_by_redpanda() {
    first_message_is_delivered("first-redpanda", "redpanda");
}

#[test]
fn the_first_message_after_up_is_delivered_by_kafka() {
    first_message_is_delivered("first-kafka", "kafka");
}

#[test]
fn the_first_message_after_up_is_delivered_by_rabbitmq() {
    first_message_is_delivered("first-rabbit", "rabbitmq");
}

#[test]
fn the_first_message_after_up_is_delivered_by_redis() {
    first_message_is_delivered("first-redis", "redis");
}

/// One publish and no second try, on a topic that did not exist before `up`. The limit tells a consumer that had joined from one
/// that joins later and reads from the beginning: that takes Kafka's three seconds and more.
fn first_message_is_delivered(short_name: &'static str, broker: &str) {
    scenario(short_name, |it| {
        let project = it.project();
        Sample { broker, store: "in-memory", ..Sample::default() }.describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let reminders = Reminders::of(&project)?;
        it.step("a message published at once is delivered at once", || {
            let id = "6f1c24bd-3a7e-4f7e-9a55-1fd8c5a3f6d1";
            publish(&reminders, id)?;
            reminders.is_delivered(id, seconds(2))
        })
    });
}

/// Publishes what the sample's job would publish.
fn publish(reminders: &Reminders, id: &str) -> Result<()> {
    let due = "2026-01-01T00:00:00+00:00";
    let stored = json!([{ "key": format!("reminder-{id}"),
        "value": { "id": id, "text": "now", "due": due, "fired": 1, "delivered": 0 } }]);
    let saved = http::post(&format!("{}/v1.0/state/statestore", reminders.dapr), &stored)?;
    ensure!(saved.status == 204, "{saved:?}");
    let message = json!({ "id": id, "text": "now" });
    let published = http::post(&format!("{}/v1.0/publish/pubsub/reminders.due", reminders.dapr), &message)?;
    ensure!(published.status == 204, "{published:?}");
    Ok(())
}

#[test]
fn up_of_a_project_that_somebody_stopped_in_part_makes_it_whole() {
    scenario("mended", |it| {
        let project = it.project();
        Sample::default().describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let before = project.containers()?;
        it.step("`status` sees that the app was stopped and the broker removed", || {
            engine::docker(&["stop", "--time", "1", &project.container("reminders")?.id])?;
            engine::docker(&["rm", "--force", &project.container("redis-broker")?.id])?;
            let status = project.status()?;
            let state = |name: &str| {
                let mut containers = status["containers"].as_array().into_iter().flatten();
                containers.find(|one| one["name"] == name).map(|one| one["state"].clone())
            };
            let text = |word: &str| Some(Value::from(word));
            ensure!(status["state"] == "degraded", "{status}");
            ensure!(state("reminders") == text("exited") && state("redis-broker") == text("absent"), "{status}");
            Ok(())
        })?;
        it.step("`up -d` starts the one and makes the other", || project.up())?;
        it.step("what was well is still the same", || {
            let after = project.containers()?;
            let id = |list: &[engine::Container], name: &str| {
                list.iter().find(|one| one.short_name == name).map(|one| one.id.clone())
            };
            for name in ["reminders", "redis", "scheduler"] {
                ensure!(id(&before, name) == id(&after, name), "`{name}` is another one");
            }
            Ok(())
        })?;
        it.step("a reminder is delivered", || Reminders::of(&project)?.deliver("again"))?;
        Ok(())
    });
}

#[test]
fn a_component_whose_errors_are_ignored_does_not_hold_up_the_rest() {
    scenario("ignored", |it| {
        let project = it.project();
        sample::copy(&project, "components")?;
        Sample { broker: "in-memory", store: "in-memory", components: "components", ..Sample::default() }
            .describe(&project)?;
        let text = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {name: cache}\nspec:\n  type: state.redis\n  \
                    version: v1\n  ignoreErrors: true\n  metadata:\n  - {name: redisHost, value: \"nowhere:6379\"}\n";
        fs::write(project.path("components/cache.yaml"), text)?;
        it.step("`up -d` succeeds and says what is missing", || {
            let run = project.sandbox(&["up", "-d"])?.exited_with(0)?;
            run.says(&["WITHOUT cache, whose errors are ignored"]).map(drop)
        })?;
        it.step("`status` says so too", || {
            let status = project.status()?;
            let components = status["apps"][0]["components"].as_array().cloned().unwrap_or_default();
            let loaded =
                |name: &str| components.iter().find(|one| one["name"] == name).map(|one| one["loaded"].clone());
            ensure!(loaded("cache") == Some(false.into()) && loaded("statestore") == Some(true.into()), "{status}");
            ensure!(status["state"] == "ready", "{status}");
            Ok(())
        })
    });
}

#[test]
fn an_app_that_was_down_for_long_gets_its_messages_at_once_when_it_is_back() {
    scenario("back", |it| {
        let project = it.project();
        Sample::default().describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        it.step("the app is down until its sidecar gives it up", || {
            engine::docker(&["stop", "--time", "1", &project.container("reminders")?.id])?;
            eventually(seconds(30), || {
                let said = engine::logs(&project.container("reminders-dapr")?.id)?;
                ensure!(said.contains("App entered un-healthy status"), "not yet");
                Ok(())
            })
        })?;
        it.step("`up -d` succeeds", || project.up())?;
        it.step("a reminder is delivered", || Reminders::of(&project)?.deliver("again"))?;
        Ok(())
    });
}
