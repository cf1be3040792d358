//! When `up -d` returns, a message really can travel: what is published at once is delivered.

use crate::support::{Result, Sample, Value, ensure, eventually, http, json, sample::Reminders, scenario, seconds};

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
            crate::support::engine::docker(&["stop", "--time", "1", &project.container("reminders")?.id])?;
            crate::support::engine::docker(&["rm", "--force", &project.container("redis")?.id])?;
            let status = project.status()?;
            let state = |name: &str| {
                let containers = status["containers"].as_array().into_iter().flatten();
                containers.filter(|one| one["name"] == name).map(|one| one["state"].clone()).next()
            };
            let text = |word: &str| Some(Value::from(word));
            ensure!(status["state"] == "degraded", "{status}");
            ensure!(state("reminders") == text("exited") && state("redis") == text("absent"), "{status}");
            Ok(())
        })?;
        it.step("`up -d` starts the one and makes the other", || project.up())?;
        it.step("what ran is still the same", || {
            let after = project.containers()?;
            let same = |name: &str| {
                let id = |list: &[crate::support::engine::Container]| {
                    list.iter().find(|one| one.short_name == name).map(|one| one.id.clone())
                };
                id(&before) == id(&after)
            };
            ensure!(same("reminders") && same("redis-state") && same("scheduler"), "{before:#?} {after:#?}");
            ensure!(!same("redis"), "the broker was removed: it cannot be the same");
            Ok(())
        })?;
        let reminders = eventually(seconds(5), || Reminders::of(&project))?;
        it.step("a reminder is delivered", || reminders.deliver("again"))?;
        Ok(())
    });
}
