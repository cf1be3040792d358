//! Numbers through real parts: the harness that reload and swap are measured with, and the proof that it can fail.

use crate::support::{
    Duration, Project, Result, Scenario,
    checker::{Allowed, Outcome, PATIENCE},
    engine, ensure, eventually, json,
    load::{Load, Mode, Publisher, Series, Subscriber, Work},
    say, scenario, seconds,
};

#[test]
fn every_mode_delivers_what_was_acknowledged() {
    scenario("load", |it| {
        let project = it.project();
        let load = Load::default();
        up(it, &project, &load)?;
        for mode in Mode::ALL {
            let series = Series { name: mode.as_str(), mode, count: Some(1000), ..Series::default() };
            it.step(&format!("5 s at 200 a second arrive, none refused: {}", mode.as_str()), || {
                publishes(&project, &series, &["orders"])
            })?;
        }
        Ok(())
    });
}

#[test]
fn two_apps_of_two_replicas_get_everything_each() {
    scenario("load-apps", |it| {
        let project = it.project();
        let load = Load {
            broker: "redis",
            apps: &["orders", "billing"],
            replicas: 2,
            environment: "TOPICS = \"orders,returns\", BULK = \"1\"",
            ..Load::default()
        };
        up(it, &project, &load)?;
        for topic in ["orders", "returns"] {
            it.step(&format!("`{topic}` arrives at both"), || {
                let work = Work::Publish(topic);
                let series = Series { name: topic, mode: Mode::Many, count: Some(400), work, ..Series::default() };
                publishes(&project, &series, &["orders", "billing"])
            })?;
        }
        it.step("one calls the other by its id", || {
            let publisher = Publisher::of(&project)?;
            let work = Work::Call("orders");
            publisher.start(&Series {
                name: "calls",
                rate: 20,
                count: Some(40),
                through: "billing",
                work,
                ..Series::default()
            })?;
            let report = publisher.finished("calls", seconds(10))?;
            ensure!(report.acknowledged.len() == 40, "{:?}", report.reasons);
            Ok(())
        })
    });
}

#[test]
fn what_a_subscriber_sends_back_comes_again() {
    scenario("load-retry", |it| {
        let project = it.project();
        up(it, &project, &Load { broker: "rabbitmq", ..Load::default() })?;
        let (publisher, subscriber) = (Publisher::of(&project)?, Subscriber::of(&project, "orders")?);
        it.step("each is sent back once, and none is missing in the end", || {
            subscriber.behave(&json!({ "answer": "RETRY", "first": 1 }))?;
            publisher.start(&Series { count: Some(100), ..Series::default() })?;
            let report = publisher.finished("numbers", seconds(10))?;
            let outcome = Outcome::settled(report, &subscriber, "orders", PATIENCE)?;
            outcome.check(&Allowed::default())?;
            ensure!(outcome.delivered.offered >= 200, "{:?}", outcome.delivered);
            Ok(())
        })
    });
}

/// A harness that cannot fail proves nothing.
#[test]
fn a_sidecar_that_goes_away_is_noticed() {
    scenario("load-fails", |it| {
        let project = it.project();
        up(it, &project, &Load::default())?;
        let (publisher, subscriber) = (Publisher::of(&project)?, Subscriber::of(&project, "orders")?);
        let modes = Mode::ALL.map(|mode| Series { name: mode.as_str(), mode, rate: 100, ..Series::default() });
        modes.iter().try_for_each(|series| publisher.start(series))?;
        it.step("the sidecar is away for a moment", || {
            let goes_on = |more| {
                let before = publisher.report("new")?.acknowledged.len();
                eventually(seconds(30), || {
                    let now = publisher.report("new")?.acknowledged.len();
                    ensure!(now >= before + more, "{now} are acknowledged, {before} were before");
                    Ok(())
                })
            };
            goes_on(50)?;
            engine::docker(&["restart", &project.container("orders-dapr")?.id])?;
            goes_on(50)
        })?;
        for series in &modes {
            it.step(&format!("what it did to the publishes is told: {}", series.name), || {
                let outcome = Outcome::settled(publisher.stop(series.name)?, &subscriber, "orders", PATIENCE)?;
                say(&outcome);
                ensure!(outcome.lost().is_empty() && outcome.report.longest_gap_ms > 100.0, "{outcome}");
                let gap = Allowed { longest_gap: Some(Duration::from_millis(100)), ..Allowed::default() };
                ensure!(complaint(&outcome, &gap).contains("no acknowledgement for"), "{outcome}");
                match series.mode {
                    Mode::Sample => ensure!(outcome.report.retries > 0, "it tried nothing again: {outcome}"),
                    _ => ensure!(complaint(&outcome, &gap).contains("were refused on one connection"), "{outcome}"),
                }
                Ok(())
            })?;
        }
        it.step("messages that the app does not take are lost", || {
            subscriber.behave(&json!({ "answer": "DROP", "publisher": "dropped" }))?;
            publisher.start(&Series { name: "dropped", count: Some(20), ..Series::default() })?;
            let report = publisher.finished("dropped", seconds(10))?;
            let outcome = Outcome::settled(report, &subscriber, "orders", seconds(1))?;
            let complaint = complaint(&outcome, &Allowed::default());
            ensure!(complaint.starts_with("LOST, although acknowledged: 20 (0–19)"), "{complaint}\n{outcome}");
            Ok(())
        })
    });
}

fn complaint(outcome: &Outcome, allowed: &Allowed) -> String {
    outcome.check(allowed).err().map(|error| format!("{error:#}")).unwrap_or_default()
}

fn up(it: &Scenario, project: &Project, load: &Load<'_>) -> Result<()> {
    load.describe(project)?;
    it.step("`up -d` succeeds", || project.up())?;
    it.step("every replica runs", || {
        for app in load.apps {
            let replicas = Subscriber::of(project, app)?.replicas();
            ensure!(replicas == load.replicas as usize, "`{app}` has {replicas}");
        }
        Ok(())
    })
}

/// To its end, without a single refusal, and then to each of the apps.
fn publishes(project: &Project, series: &Series<'_>, apps: &[&str]) -> Result<()> {
    let Work::Publish(topic) = series.work else { return Ok(()) };
    let publisher = Publisher::of(project)?;
    publisher.start(series)?;
    let report = publisher.finished(series.name, seconds(30))?;
    ensure!(Some(report.sent.len()) == series.count, "sent {}", report.sent);
    for app in apps {
        let outcome = Outcome::settled(report.clone(), &Subscriber::of(project, app)?, topic, PATIENCE)?;
        say(&outcome);
        outcome.check(&Allowed::default())?;
    }
    Ok(())
}
