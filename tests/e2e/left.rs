//! What lies in a broker for its consumers, asked of the broker itself; and what was published before there was one.

use crate::support::{
    Context, Project, Result,
    broker::{Broker, metadata},
    checker::{Allowed, Outcome, PATIENCE},
    engine, ensure, eventually, json,
    load::{Load, Publisher, Report, Series, Subscriber},
    say, scenario, seconds,
};
use serde_json::Value;
use std::fs;

#[test]
fn redpanda_tells_what_is_left() {
    left_is_told("left-redpanda", "redpanda", false);
}

#[test]
fn kafka_tells_what_is_left() {
    left_is_told("left-kafka", "kafka", false);
}

#[test]
fn redis_tells_what_is_left() {
    left_is_told("left-redis", "redis", true);
}

#[test]
fn rabbitmq_tells_what_is_left() {
    left_is_told("left-rabbitmq", "rabbitmq", true);
}

#[test]
fn redpanda_delivers_what_was_published_before_the_first_subscriber() {
    early_messages("early-redpanda", "redpanda", 50);
}

#[test]
fn kafka_delivers_what_was_published_before_the_first_subscriber() {
    early_messages("early-kafka", "kafka", 50);
}

#[test]
fn redis_delivers_what_was_published_before_the_first_subscriber() {
    early_messages("early-redis", "redis", 50);
}

/// As the README says.
#[test]
fn rabbitmq_drops_what_was_published_before_the_first_subscriber() {
    early_messages("early-rabbitmq", "rabbitmq", 0);
}

#[test]
fn what_is_declared_beforehand_is_what_daprd_declares() {
    declared("declared", "");
}

#[test]
fn what_is_declared_beforehand_with_dead_letters_and_limits_is_what_daprd_declares() {
    declared(
        "declared-dlq",
        "{name: enableDeadLetter, value: true}, {name: maxLen, value: 1000}, {name: maxLenBytes, value: 1000000}, {name: exchangeKind, value: topic}",
    );
}

/// `knows_in_flight`: Kafka does not know what its consumers have in hand.
fn left_is_told(short_name: &'static str, kind: &str, knows_in_flight: bool) {
    scenario(short_name, |it| {
        let project = it.project();
        Load { broker: kind, apps: &["orders", "billing"], ..Load::default() }.describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let (broker, publisher) = (Broker::of(&project, kind)?, Publisher::of(&project)?);
        let subscriber = Subscriber::of(&project, "orders")?;
        let total = |app: &str| Ok::<_, anyhow::Error>(broker.left(app, "orders")?.total());
        it.step("at first nothing is left", || {
            ensure!((total("orders")?, total("billing")?, broker.left("nobody", "nothing")?.total()) == (0, 0, 0));
            Ok(())
        })?;

        let sidecar = project.container("orders-dapr")?.id;
        engine::docker(&["stop", &sidecar])?;
        let report = it.step("300 are published while one of the two apps has no sidecar", || {
            published(&publisher, &Series { count: Some(300), through: "billing", ..Series::default() })
        })?;
        it.step("all of them wait for that one, none is in flight", || {
            let left = broker.left("orders", "orders")?;
            ensure!((left.waiting, left.in_flight) == (300, 0), "{left:?}");
            eventually(seconds(10), || nothing(total("billing")?))
        })?;
        if kind == "redis" {
            it.step("what a group has that began in the midst is counted", || {
                let redis = project.container("redis")?.id;
                let ask = |words: &[&str]| engine::exec(&redis, &[&["redis-cli", "-e", "--json"], words].concat());
                let entries: Vec<(String, Value)> =
                    serde_json::from_str(&ask(&["XRANGE", "orders", "-", "+", "COUNT", "100"])?)?;
                let (hundredth, _) = entries.last().context("an entry")?;
                ask(&["XGROUP", "CREATE", "orders", "half", hundredth])?;
                ensure!(ask(&["XINFO", "GROUPS", "orders"])?.contains("null"));
                let left = total("half")?;
                ask(&["XGROUP", "DESTROY", "orders", "half"])?;
                ensure!(left == 200, "{left}");
                Ok(())
            })?;
        }
        it.step("with its sidecar it becomes less, and zero means that all was delivered", || {
            subscriber.behave(&json!({ "slow_ms": 40 }))?;
            // Its host ports may be somebody else's by now.
            project.up()?;
            let (mut seen, mut last) = (Vec::new(), 300);
            eventually(seconds(60), || {
                let now = total("orders")?;
                seen.push(now);
                nothing(now)
            })?;
            let delivered = subscriber.seen("numbers", "orders")?;
            seen.dedup();
            say(format_args!("left: {seen:?}"));
            ensure!(delivered.numbers.len() == 300, "zero was said at {}", delivered.numbers);
            for now in seen {
                ensure!(now <= last, "{now} after {last}, and nobody publishes");
                last = now;
            }
            Outcome::settled(report, &subscriber, "orders", PATIENCE)?.check(&Allowed::default())
        })?;
        it.step("what the app has in hand is left too", || {
            subscriber.behave(&json!({ "slow_ms": 1500 }))?;
            let slow = Series { name: "slow", count: Some(5), through: "billing", ..Series::default() };
            published(&publisher, &slow)?;
            let left = broker.left("orders", "orders")?;
            let in_hand = if knows_in_flight { (0, 5) } else { (5, 0) };
            ensure!((left.waiting, left.in_flight) == in_hand, "{left:?}");
            eventually(seconds(20), || nothing(total("orders")?))?;
            let delivered = subscriber.seen("slow", "orders")?;
            ensure!(delivered.numbers.len() == 5, "zero was said at {}", delivered.numbers);
            Ok(())
        })
    });
}

fn nothing(left: u64) -> Result<()> {
    ensure!(left == 0, "{left} are left");
    Ok(())
}

fn published(publisher: &Publisher, series: &Series<'_>) -> Result<Report> {
    publisher.start(series)?;
    let report = publisher.finished(series.name, seconds(20))?;
    ensure!(Some(report.acknowledged.len()) == series.count, "{:?}", report.reasons);
    Ok(report)
}

/// `kept`: how many of 50 that were published before the first subscriber was there are delivered to it.
fn early_messages(short_name: &'static str, kind: &str, kept: u64) {
    scenario(short_name, |it| {
        let project = it.project();
        describe_billing(&project, kind)?;
        it.step("`up -d` succeeds with an app that does not subscribe", || project.up())?;
        let (broker, publisher) = (Broker::of(&project, kind)?, Publisher::of(&project)?);
        let early = Series { name: "early", count: Some(50), through: "billing", ..Series::default() };
        it.step("50 are published and acknowledged", || published(&publisher, &early).map(drop))?;
        it.step("the broker says what it has for a subscriber to come", || {
            let left = broker.left("orders", "orders")?.total();
            ensure!(left == kept, "{left}");
            Ok(())
        })?;
        add_orders(&project)?;
        it.step("the subscriber comes", || project.up())?;
        let subscriber = Subscriber::of(&project, "orders")?;
        it.step(&format!("it gets {kept} of them, and all that follow"), || {
            let late = Series { name: "late", count: Some(50), through: "billing", ..Series::default() };
            let report = published(&publisher, &late)?;
            Outcome::settled(report, &subscriber, "orders", PATIENCE)?.check(&Allowed::default())?;
            eventually(seconds(20), || nothing(broker.left("orders", "orders")?.total()))?;
            let seen = subscriber.seen("early", "orders")?.numbers;
            ensure!(seen.len() == kept, "{seen}");
            Ok(())
        })
    });
}

/// On RabbitMQ, with further metadata of the component.
fn declared(short_name: &'static str, further: &str) {
    scenario(short_name, |it| {
        let project = it.project();
        describe_billing(&project, "rabbitmq")?;
        let component = format!(
            "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata: {{name: pubsub}}\nspec:\n  type: pubsub.rabbitmq\n  version: v1\n  metadata: [{{name: host, value: 'amqp://production'}}, {further}]\n"
        );
        project.write("components/pubsub.yaml", &component)?;
        it.step("`up -d` succeeds", || project.up())?;
        let (broker, publisher) = (Broker::of(&project, "rabbitmq")?, Publisher::of(&project)?);
        let component = metadata(&project, "billing")?;
        it.step("what daprd has declared can be declared again", || {
            broker.declare("billing", "other", component.clone())
        })?;
        it.step("what is declared before the subscriber keeps its messages", || {
            broker.declare("orders", "orders", component.clone())?;
            let series = Series { count: Some(50), through: "billing", ..Series::default() };
            let report = published(&publisher, &series)?;
            let left = broker.left("orders", "orders")?;
            ensure!((left.waiting, left.in_flight) == (50, 0), "{left:?}");
            add_orders(&project)?;
            project.up()?;
            let subscriber = Subscriber::of(&project, "orders")?;
            Outcome::settled(report, &subscriber, "orders", PATIENCE)?.check(&Allowed::default())
        })?;
        it.step("no sidecar was refused", || {
            let log = engine::logs(&project.container("orders-dapr")?.id)?;
            ensure!(!log.contains("PRECONDITION_FAILED"), "{log}");
            Ok(())
        })?;
        it.step("the declared ones fit what daprd has made of them", || broker.declare("orders", "orders", component))
    });
}

/// An app that subscribes to something else.
fn describe_billing(project: &Project, kind: &str) -> Result<()> {
    Load { broker: kind, apps: &["billing"], environment: "TOPICS = \"other\"", ..Load::default() }.describe(project)
}

fn add_orders(project: &Project) -> Result<()> {
    let path = project.path("sandbox.toml");
    let text = fs::read_to_string(&path)?;
    let billing = text.find("[apps.billing]").context("an app")?;
    let end = text.find("[containers.").context("a publisher")?;
    let orders = text[billing..end].replace("billing", "orders").replace("other", "orders");
    fs::write(&path, format!("{text}\n{orders}"))?;
    Ok(())
}
