//! `swap-broker`: another broker under a running app while it publishes, and nothing acknowledged is lost.

use crate::support::{
    Project, Result, Scenario,
    checker::{Allowed, Outcome, PATIENCE},
    engine, ensure,
    load::{Load, Mode, Publisher, Series, Subscriber},
    say, scenario, scenario_alone, seconds,
    traffic::Traffic,
};

#[test]
fn redpanda_to_redis_while_messages_flow() {
    scenario_alone("swap", |it| {
        let project = it.project();
        Load::default().describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        swap_under_load(it, &project, "redis", 100, "0")?;
        is_on(it, &project, "redis", &["redpanda"])
    });
}

/// Every pair of Kafka, Redis and RabbitMQ, there and back.
#[test]
fn every_pair_of_brokers() {
    scenario_alone("swap-pairs", |it| {
        let project = it.project();
        Load::default().describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let mut before = "redpanda";
        let kinds = ["rabbitmq", "redis", "kafka", "redpanda", "rabbitmq", "kafka", "redis", "rabbitmq"];
        for (number, kind) in kinds.into_iter().enumerate() {
            swap_under_load(it, &project, kind, 50, &number.to_string())?;
            is_on(it, &project, kind, &[before])?;
            before = kind;
        }
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing().map(drop))
    });
}

/// With the same messages flowing all the time: a broker that is come back to goes on where it was left.
#[test]
fn there_and_back_three_times() {
    scenario_alone("swap-back", |it| {
        let project = it.project();
        Load::default().describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let modes = [("one", Mode::One), ("new", Mode::New), ("sample", Mode::Sample)];
        let series = modes.map(|(name, mode)| Series { name, mode, rate: 40, ..Series::default() });
        let traffic = Traffic::start(&project, &series)?;
        for kind in ["redis", "redpanda"].repeat(3) {
            let sentence = format!("`swap-broker {kind}` succeeds under load");
            traffic.during(it, &sentence, || project.sandbox(&["swap-broker", kind])?.succeeded())?;
        }
        traffic.end(it, "orders")?;
        is_on(it, &project, "redpanda", &["redis"])
    });
}

/// What the real broker holds is drained; what in-memory holds is not, which is said and asked for.
#[test]
fn to_in_memory_and_from_there() {
    scenario("swap-memory", |it| {
        let project = it.project();
        Load { environment: "SLOW_MS = \"10\"", ..Load::default() }.describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let before = project.containers()?;
        it.step("without `--yes` nothing is done", || {
            project.sandbox(&["swap-broker", "in-memory"])?.exited_with(2)?.says(&["swap-broker in-memory --yes"])?;
            engine::same(&before, &project.containers()?)
        })?;
        let publisher = Publisher::of(&project)?;
        let published = |name: &'static str| {
            publisher.start(&Series { name, count: Some(300), ..Series::default() })?;
            publisher.finished(name, seconds(20))
        };
        let delivered = |report| {
            let subscriber = Subscriber::of(&project, "orders")?;
            Outcome::settled(report, &subscriber, "orders", PATIENCE)?.check(&Allowed::default())
        };
        let report = it.step("300 are published, faster than the app takes them", || published("drained"))?;
        it.step("`swap-broker in-memory --yes` succeeds", || {
            project.sandbox(&["swap-broker", "in-memory", "--yes"])?.succeeded()
        })?;
        it.step("they are delivered all the same", || delivered(report))?;
        is_on(it, &project, "in-memory", &["redpanda"])?;
        it.step("what is published now is delivered", || delivered(published("in-memory")?))?;
        it.step("`swap-broker redis --yes` succeeds", || {
            project.sandbox(&["swap-broker", "redis", "--yes"])?.succeeded()
        })?;
        is_on(it, &project, "redis", &[])?;
        it.step("what is published now is delivered", || delivered(published("redis")?))?;
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing().map(drop))
    });
}

/// Swaps while so many messages a second are published in each of four ways.
fn swap_under_load(it: &Scenario, project: &Project, kind: &str, rate: u32, which: &str) -> Result<()> {
    // The subscriber remembers the series of earlier swaps.
    let name = |mode: Mode| -> &'static str { format!("{}-{which}", mode.as_str()).leak() };
    let series = Mode::ALL.map(|mode| Series { name: name(mode), mode, rate, ..Series::default() });
    let traffic = Traffic::start(project, &series)?;
    let run = traffic.during(it, &format!("`swap-broker {kind}` succeeds under load"), || {
        project.sandbox(&["swap-broker", kind])?.succeeded()
    })?;
    say(format_args!("{}", run.stderr));
    traffic.end(it, "orders")
}

/// The target is active, and nothing of the others is left.
pub fn is_on(it: &Scenario, project: &Project, kind: &str, others: &[&str]) -> Result<()> {
    it.step(&format!("the project is on {kind}, and the next `up` has nothing to do"), || {
        ensure!(project.status()?["broker"]["kind"] == kind, "{}", project.status()?);
        let before = project.containers()?;
        for other in others {
            ensure!(before.iter().all(|one| one.short_name != *other), "{other} is still there");
        }
        ensure!(before.iter().all(|one| !one.name.ends_with(".next")), "{before:?}");
        project.up()?.says(&["nothing to change"])?;
        engine::same(&before, &project.containers()?)
    })
}
