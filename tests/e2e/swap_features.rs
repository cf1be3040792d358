//! What a swap must carry over besides plain messages: dead letters, bulk subscriptions, and what an app sends back for a while.

use crate::support::{
    Context, Project, Result, Value,
    checker::{Allowed, Outcome, PATIENCE},
    engine, ensure, eventually, json,
    load::{Load, Mode, Publisher, Report, Series, Subscriber},
    say, scenario_alone, seconds,
};

#[test]
fn dead_letters_are_delivered_over_a_swap() {
    scenario_alone("swap-dead", |it| {
        let project = it.project();
        Load { environment: "DEAD_LETTER = \"failed\"", ..Load::default() }.describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let subscriber = Subscriber::of(&project, "orders")?;
        for kind in ["redis", "rabbitmq", "redpanda"] {
            let bad_one = format!("bad-{kind}");
            subscriber.behave(&json!({ "answer": "FAIL", "publisher": bad_one }))?;
            let ([good, bad], report) = it
                .step(&format!("to {kind} while the app fails half of what comes"), || {
                    swapped(&project, kind, &[format!("good-{kind}"), bad_one.clone()], 50)
                })?;
            it.step("the report says nothing of messages that are failed, and what was counted", || {
                let failures = differences(&report).into_iter().find(|one| one.contains("without Resiliency"));
                let is_told = failures.as_ref().is_some_and(|one| one.contains("`orders`"));
                ensure!(!is_told, "it has a dead letter topic: {failures:?}");
                counted(&report, "orders", true)
            })?;
            it.step("what it took was delivered, and every one it failed lies in the dead letter topic", || {
                delivered(good, &subscriber, "orders")?;
                delivered(bad, &subscriber, "failed")?;
                let taken = subscriber.seen(&bad_one, "orders")?.numbers;
                ensure!(taken.is_empty(), "it took {taken}, and should have failed them");
                Ok(())
            })?;
        }
        Ok(())
    });
}

#[test]
fn bulk_subscriptions_go_on_over_a_swap() {
    scenario_alone("swap-bulk", |it| {
        let project = it.project();
        let environment = "BULK = \"1\", TOPICS = \"orders,returns\"";
        Load { broker: "redis", apps: &["orders", "billing"], environment, ..Load::default() }.describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        for kind in ["kafka", "rabbitmq", "redis"] {
            let ([one, many], report) = it.step(&format!("to {kind}"), || {
                swapped(&project, kind, &["one", "many"].map(|name| format!("{name}-{kind}")), 50)
            })?;
            it.step("the report says how bulk subscriptions differ, and what was counted", || {
                let is_told = differences(&report).iter().any(|one| one.starts_with("bulk subscriptions (`orders`"));
                ensure!(is_told, "no two of them do the same: {report}");
                counted(&report, "orders", false)
            })?;
            it.step("both apps have everything", || {
                for app in ["orders", "billing"] {
                    let subscriber = Subscriber::of(&project, app)?;
                    delivered(one.clone(), &subscriber, "orders")?;
                    delivered(many.clone(), &subscriber, "orders")?;
                }
                Ok(())
            })?;
        }
        // Back on Redis, which takes for handled what a sidecar fails when it ends.
        project.write("components/resiliency.yaml", RESILIENCY)?;
        let publisher = Publisher::of(&project)?;
        let series = Series { name: "reload", mode: Mode::Many, rate: 100, ..Series::default() };
        publisher.start(&series)?;
        let since = jiff::Timestamp::now();
        let run = it.step("`reload` hands over", || project.sandbox(&["reload", "--json"])?.succeeded())?;
        it.step("the old sidecar and the bridge were killed, and not told to stop", || {
            let ended = "{{.Actor.Attributes.exitCode}} {{.Actor.Attributes.name}}";
            let all = engine::happened(&project.name, since, &["die"], ended)?;
            for name in ["orders-dapr-1", "orders-dapr-1.next", "billing-dapr-1"] {
                let killed = format!("137 {}-{name}", project.name);
                ensure!(all.contains(&killed), "{killed}: {all:?}");
            }
            Ok(())
        })?;
        ensure!(run.stdout.contains("hand-over"), "{}", run.stdout);
        let report = publisher.stop("reload")?;
        it.step("everything is delivered", || delivered(report, &Subscriber::of(&project, "orders")?, "orders"))
    });
}

#[test]
fn what_the_app_sends_back_for_a_while_is_delivered_over_a_swap() {
    scenario_alone("swap-retry", |it| {
        let project = it.project();
        Load { broker: "redis", ..Load::default() }.describe(&project)?;
        project.write("components/resiliency.yaml", RESILIENCY)?;
        it.step("`up -d` succeeds", || project.up())?;
        let subscriber = Subscriber::of(&project, "orders")?;
        for kind in ["redpanda", "rabbitmq", "redis"] {
            subscriber.behave(&json!({ "answer": "RETRY", "first": 1 }))?;
            let ([one, many], report) = it.step(&format!("to {kind} while each is sent back once"), || {
                swapped(&project, kind, &["one", "many"].map(|name| format!("{name}-{kind}")), 8)
            })?;
            it.step("the report says what was counted", || counted(&report, "orders", true))?;
            it.step("and how often a message came again", || {
                let topic = &report["topics"][0];
                ensure!(topic["redelivered"].as_u64().is_some_and(|count| count >= 25), "{topic}");
                Ok(())
            })?;
            it.step("none is missing in the end", || {
                delivered(one, &subscriber, "orders")?;
                delivered(many, &subscriber, "orders")
            })?;
        }
        Ok(())
    });
}

/// As production needs it: for ever, and soon.
const RESILIENCY: &str = "apiVersion: dapr.io/v1alpha1
kind: Resiliency
metadata:
  name: orders
spec:
  policies:
    retries:
      redeliver: {policy: constant, duration: 50ms, maxRetries: -1}
  targets:
    components:
      pubsub:
        inbound: {retry: redeliver}
";

/// Swaps while two series with new names are published; they end after it.
fn swapped(project: &Project, kind: &str, names: &[String; 2], rate: u32) -> Result<([Report; 2], Value)> {
    let publisher = Publisher::of(project)?;
    let [one, many] = names.each_ref().map(String::as_str);
    let series =
        [(one, Mode::One), (many, Mode::Many)].map(|(name, mode)| Series { name, mode, rate, ..Series::default() });
    series.iter().try_for_each(|series| publisher.start(series))?;
    let goes_on = || {
        let before = publisher.report(one)?.acknowledged.len();
        eventually(seconds(20), || {
            let now = publisher.report(one)?.acknowledged.len();
            ensure!(now >= before + 25, "{now} are acknowledged, {before} were before");
            Ok(())
        })
    };
    goes_on()?;
    let mut before = 0;
    for name in [one, many] {
        before += publisher.report(name)?.acknowledged.len();
    }
    let run = project.sandbox(&["swap-broker", kind, "--json"])?.succeeded()?;
    say(format_args!("{}", run.stdout));
    let done = run.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let done = done.into_iter().find(|event| event["step"] == "done").context("a report")?;
    goes_on()?;
    let acknowledged = done["topics"].as_array().into_iter().flatten().find(|topic| topic["topic"] == "orders");
    let acknowledged = acknowledged.and_then(|topic| topic["acknowledged"].as_u64());
    ensure!(acknowledged >= Some(before), "{before} were acknowledged before the swap: {done}");
    Ok(([publisher.stop(one)?, publisher.stop(many)?], done))
}

fn differences(report: &Value) -> Vec<String> {
    let all = report["differences"].as_array().into_iter().flatten();
    all.filter_map(|one| one.as_str().map(str::to_owned)).collect()
}

/// What the old sidecars had published and delivered is known, and nothing is left. Of bulk subscriptions daprd counts the calls only.
fn counted(report: &Value, topic: &str, counts_deliveries: bool) -> Result<()> {
    let topics = report["topics"].as_array().context("topics")?;
    let found = topics.iter().find(|one| one["topic"] == topic).context("the topic")?;
    ensure!(found["left_over"] == 0 && found["delivered"].is_u64() == counts_deliveries, "{found}");
    ensure!(found["redelivered"].is_u64() == counts_deliveries, "{found}");
    Ok(())
}

fn delivered(report: Report, subscriber: &Subscriber, topic: &str) -> Result<()> {
    let outcome = Outcome::settled(report, subscriber, topic, PATIENCE)?;
    say(&outcome);
    // Two sidecars end on its way: the old one, and the bridge.
    outcome.check(&Allowed { refused_on_each_connection: 2, ..Allowed::default() })
}
