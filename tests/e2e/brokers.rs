//! The main job, for every broker and store: a message delivered, a row stored, and nothing left behind.

use crate::support::{
    Context, Project, Result, Sample, Scenario, Value, engine, ensure, http, json,
    run::Run,
    sample::{APP, Reminders},
    scenario, seconds,
};
use std::{path::Path, process::Command};

#[test]
fn redpanda_and_postgres_deliver_and_store() {
    delivers_and_stores("redpanda", "redpanda", "pubsub.kafka", "postgres", |it, project| {
        it.step("the sample's own tests pass against this daprd", || pytest_passes(project))
    });
}

#[test]
fn kafka_and_postgres_deliver_and_store() {
    delivers_and_stores("kafka", "kafka", "pubsub.kafka", "postgres", |_, _| Ok(()));
}

#[test]
fn redis_and_postgres_deliver_and_store() {
    delivers_and_stores("redis", "redis", "pubsub.redis", "postgres", |_, _| Ok(()));
}

#[test]
fn rabbitmq_and_postgres_deliver_and_store() {
    delivers_and_stores("rabbitmq", "rabbitmq", "pubsub.rabbitmq", "postgres", |_, _| Ok(()));
}

#[test]
fn in_memory_broker_and_postgres_deliver_and_store() {
    delivers_and_stores("memory-pg", "in-memory", "pubsub.in-memory", "postgres", |_, _| Ok(()));
}

#[test]
fn redis_as_broker_and_as_store_delivers_and_stores() {
    delivers_and_stores("redis-redis", "redis", "pubsub.redis", "redis", |_, _| Ok(()));
}

#[test]
fn rabbitmq_and_redis_deliver_and_store() {
    delivers_and_stores("rabbit-redis", "rabbitmq", "pubsub.rabbitmq", "redis", |_, _| Ok(()));
}

#[test]
fn memory_alone_delivers_and_stores() {
    delivers_and_stores("memory", "in-memory", "pubsub.in-memory", "in-memory", |_, project| {
        let containers = project.containers()?.into_iter().map(|container| container.short_name);
        let containers: Vec<_> = containers.collect();
        ensure!(containers == ["reminders", "reminders-dapr", "scheduler"], "{containers:?}");
        Ok(())
    });
}

fn delivers_and_stores(
    short_name: &'static str,
    broker: &str,
    broker_type: &str,
    store: &str,
    further: impl FnOnce(&Scenario, &Project) -> Result<()>,
) {
    scenario(short_name, |it| {
        let project = it.project();
        Sample { broker, store, ..Sample::default() }.describe(&project)?;
        it.step("`check` finds nothing to say against it", || checks_clean(&project))?;
        let up = it.step("`up -d` succeeds", || project.up())?;
        let reminders = Reminders::of(&project)?;
        let id = it.step("a reminder is delivered, once", || reminders.deliver("buy milk"))?;
        it.step("the store itself has the row", || has_row(&project, store, &reminders, &id))?;
        it.step("`status` says ready, and what the sidecar has loaded", || {
            says_ready(&project.status()?, broker, broker_type, store)
        })?;
        it.step("`up` said so too", || up.says(&["ready in"]).map(drop))?;
        further(it, &project)?;
        it.step("a second `up -d` changes nothing", || changes_nothing(&project))?;
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing())?;
        Ok(())
    });
}

/// What `check` says is in order is what daprd loads a moment later.
fn checks_clean(project: &Project) -> Result<()> {
    let run = project.sandbox(&["check"])?.succeeded()?;
    run.says(&["for daprd 1.18.2: no problems"]).map(drop)
}

fn has_row(project: &Project, store: &str, reminders: &Reminders, id: &str) -> Result<()> {
    let key = format!("reminders||reminder-{id}");
    let row = match store {
        "postgres" => {
            let query = format!("select convert_from(value, 'UTF8') from reminders_state where key = '{key}'");
            let psql = ["psql", "-U", "sandbox", "-d", "sandbox", "-Atc", &query];
            engine::exec(&project.container("postgres")?.id, &psql)?
        }
        "redis" => {
            let state = project.container("redis")?;
            engine::exec(&state.id, &["redis-cli", "--raw", "HGET", &key, "data"])?
        }
        _ => http::get(&format!("{}/v1.0/state/statestore/reminder-{id}", reminders.dapr))?.body.to_string(),
    };
    let row: Value = serde_json::from_str(&row).with_context(|| format!("not JSON: {row}"))?;
    ensure!(row["id"] == id && row["text"] == "buy milk" && row["delivered"] == 1, "{row}");
    Ok(())
}

fn says_ready(status: &Value, broker: &str, broker_type: &str, store: &str) -> Result<()> {
    ensure!(status["schema"] == 1 && status["state"] == "ready", "{status}");
    ensure!(status["broker"] == json!({ "kind": broker, "component": "pubsub" }), "{}", status["broker"]);
    let containers = status["containers"].as_array().context("a list")?;
    ensure!(containers.iter().all(|one| one["ready"] == true && one["state"] == "running"), "{containers:?}");
    let (store_type, version) = match store {
        "postgres" => ("state.postgresql", "v2"),
        "redis" => ("state.redis", "v1"),
        _ => ("state.in-memory", "v1"),
    };
    let app = &status["apps"][0];
    let components = app["components"].as_array().context("a list")?;
    for (name, component_type, version) in [("pubsub", broker_type, "v1"), ("statestore", store_type, version)] {
        let is_loaded = components.iter().any(|one| {
            one["name"] == name && one["type"] == component_type && one["version"] == version && one["loaded"] == true
        });
        ensure!(is_loaded, "{name} ({component_type}/{version}) is not among {components:?}");
    }
    let expected = json!([{ "pubsub": "pubsub", "topic": "reminders.due", "route": "/events/reminders-due" }]);
    ensure!(app["subscriptions"] == expected, "{}", app["subscriptions"]);
    let metadata = http::get(&format!("{}/v1.0/metadata", app["dapr_http"].as_str().context("an address")?))?;
    ensure!(metadata.body["id"] == "reminders", "another sidecar answers there: {metadata:?}");
    Ok(())
}

fn changes_nothing(project: &Project) -> Result<()> {
    let before = project.containers()?;
    let again = project.up()?;
    let after = project.containers()?;
    engine::same(&before, &after)?;
    again.says(&["nothing to change"])?.within(seconds(5))?;
    Ok(())
}

/// In the environment that `make sample-tests` uses, made when it is not there.
fn pytest_passes(project: &Project) -> Result<()> {
    let environment = "target/sample-venv";
    let mut make = Command::new("make");
    make.args(["--silent", &format!("{environment}/installed")]).current_dir(env!("CARGO_MANIFEST_DIR"));
    Run::of(make)?.succeeded()?;
    let reminders = Reminders::of(project)?;
    let mut pytest = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(environment).join("bin/python"));
    pytest.args(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_real_daprd.py"]).current_dir(APP);
    pytest.envs([("SANDBOX_E2E", "1"), ("PYTHONDONTWRITEBYTECODE", "1")]);
    pytest.envs([("DAPR_HTTP_ENDPOINT", &reminders.dapr), ("REMINDERS_URL", &reminders.url)]);
    Run::of(pytest)?.succeeded()?;
    Ok(())
}
