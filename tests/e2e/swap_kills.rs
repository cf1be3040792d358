//! `kill -9` of a swap at each of its steps, under load: nothing is lost, and the same command finishes it. And consumers that
//! take their time, in two replicas.

use crate::{
    support::{
        Context, Project, Result, Scenario, Value, engine, ensure, eventually, json,
        load::{Load, Mode, Publisher, Series, Subscriber},
        run::Running,
        say, scenario_alone, seconds,
        traffic::Traffic,
    },
    swap::is_on,
};

/// When the program is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// It has told this step.
    Told(&'static str),
    /// This has happened to the container in the old sidecar's place: by turns the old one and the lasting one.
    Sidecar(&'static str),
    /// This has happened to the bridge between them.
    Bridge(&'static str),
    /// The old broker is asked to end: it is stopped then, and not removed.
    OldBroker,
}

impl Moment {
    const ALL: [Self; 10] = [
        Self::Told("began"),
        Self::Told("target-ready"),
        Self::Told("declared"),
        Self::Bridge("start"),
        Self::Sidecar("kill"),
        Self::Sidecar("destroy"),
        Self::Sidecar("start"),
        Self::Told("handed-over"),
        Self::Told("draining"),
        Self::OldBroker,
    ];

    /// Begins the swap and waits until it has come so far.
    fn of_swap(self, project: &Project, kind: &str) -> Result<Running> {
        let (what, name) = match self {
            Self::Told(step) => {
                let mut swap = project.start(&["--json", "swap-broker", kind])?;
                swap.prints(&format!("\"step\":\"{step}\""), seconds(60))?;
                return Ok(swap);
            }
            Self::Sidecar(what) => (what, "orders-dapr-1"),
            Self::Bridge(what) => (what, "orders-dapr-1.next"),
            Self::OldBroker if kind == "redis" => ("kill", "redpanda-1"),
            Self::OldBroker => ("kill", "redis-1"),
        };
        let since = jiff::Timestamp::now();
        let swap = project.start(&["swap-broker", kind])?;
        engine::happens(&project.name, since, &format!("{what} {}-{name}", project.name))?;
        Ok(swap)
    }
}

#[test]
fn a_swap_that_is_killed_at_any_step_is_finished_by_the_same_command() {
    scenario_alone("swap-kill", |it| {
        let project = it.project();
        Load::default().describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let mut before = "redpanda";
        for (moment, number) in Moment::ALL.into_iter().zip(0..) {
            // A backlog is what a drain is there for.
            let slow = matches!(moment, Moment::Told("draining"));
            Subscriber::of(&project, "orders")?.behave(&json!({ "slow_ms": if slow { 40 } else { 0 } }))?;
            let kind = if before == "redpanda" { "redis" } else { "redpanda" };
            killed_and_finished(it, &project, kind, moment, number)?;
            is_on(it, &project, kind, &[before])?;
            before = kind;
        }
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing().map(drop))
    });
}

fn killed_and_finished(it: &Scenario, project: &Project, kind: &str, moment: Moment, number: usize) -> Result<()> {
    // The subscriber remembers the series of earlier swaps.
    let name = |mode: Mode| -> &'static str { format!("{}-{number}", mode.as_str()).leak() };
    let series = [Mode::One, Mode::Sample].map(|mode| Series { name: name(mode), mode, rate: 40, ..Series::default() });
    let traffic = Traffic::start(project, &series)?;
    traffic.during(it, &format!("a swap to {kind} is killed: {moment:?}"), || {
        moment.of_swap(project, kind)?.kill()?;
        let run = project.sandbox(&["swap-broker", kind])?.succeeded()?;
        say(format_args!("{}", run.stderr));
        Ok(())
    })?;
    traffic.end(it, "orders")
}

/// A member of a Kafka group that was killed stays in it for ten seconds, and who comes next used to wait for that.
#[test]
fn a_kafka_drain_that_was_killed_holds_up_nobody() {
    scenario_alone("swap-kill-drain", |it| {
        let project = it.project();
        Load::default().describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let publisher = Publisher::of(&project)?;
        let subscriber = Subscriber::of(&project, "orders")?;
        subscriber.behave(&json!({ "slow_ms": 500 }))?;
        let series = Series { name: "left", mode: Mode::Many, rate: 100, count: Some(60), ..Series::default() };
        publisher.start(&series)?;
        let report = publisher.finished("left", seconds(30))?;
        let taken = || -> Result<u64> { Ok(subscriber.seen("left", "orders")?.numbers.len()) };
        it.step("the swap is killed while its drain delivers", || {
            let mut swap = project.start(&["--json", "swap-broker", "redis"])?;
            swap.prints("\"step\":\"draining\"", seconds(60))?;
            let before = taken()?;
            eventually(seconds(20), || {
                ensure!(taken()? > before + 2, "the drain has delivered nothing yet");
                Ok(())
            })?;
            swap.kill()
        })?;
        it.step("the same command finishes it and does not wait for the dead one", || {
            let mut swap = project.start(&["--json", "swap-broker", "redis"])?;
            swap.prints("\"step\":\"draining\"", seconds(60))?;
            subscriber.behave(&json!({ "slow_ms": 0 }))?;
            swap.ends(seconds(6))?.succeeded().map(drop)
        })?;
        it.step("nothing is lost", || {
            eventually(seconds(10), || {
                let taken = subscriber.seen("left", "orders")?.numbers;
                ensure!(taken == report.acknowledged, "{taken} of {}", report.acknowledged);
                Ok(())
            })
        })?;
        is_on(it, &project, "redis", &["redpanda"])?;
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing().map(drop))
    });
}

#[test]
fn a_second_ctrl_c_ends_a_hand_over_at_once_and_the_same_command_finishes_it() {
    scenario_alone("swap-int-twice", |it| {
        let project = it.project();
        Load::default().describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let series = Series { name: "sample", mode: Mode::Sample, rate: 40, ..Series::default() };
        let traffic = Traffic::start(&project, &[series])?;
        traffic.during(it, "Ctrl-C comes twice while the old sidecar ends", || {
            let swap = Moment::Sidecar("kill").of_swap(&project, "redis")?;
            swap.signal("INT")?;
            // Two signals that nobody has heard yet are one: it is asked until it has heard the second.
            eventually(seconds(5), || {
                swap.signal("INT")?;
                ensure!(swap.said().contains("cut short"), "it has not heard it: {}", swap.said());
                Ok(())
            })?;
            let run = swap.ends(seconds(5))?.exited_with(130)?;
            run.says(&["cut short", "`sandbox swap-broker redis` finishes it"])?;
            ensure!(!run.stderr.contains("swapped redpanda for redis"), "{run}");
            ensure!(project.containers()?.iter().any(|one| one.name.ends_with("-dapr-1.next")), "{run}");
            let run = project.sandbox(&["swap-broker", "redis"])?.succeeded()?;
            say(format_args!("{}", run.stderr));
            Ok(())
        })?;
        traffic.end(it, "orders")?;
        is_on(it, &project, "redis", &["redpanda"])?;
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing().map(drop))
    });
}

#[test]
fn what_slow_replicas_have_not_taken_yet_is_drained() {
    scenario_alone("swap-slow", |it| {
        let project = it.project();
        Load { replicas: 2, ..Load::default() }.describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let publisher = Publisher::of(&project)?;
        let subscriber = Subscriber::of(&project, "orders")?;
        // Redpanda gives them one at a time and Redis twenty; RabbitMQ all at once, and the old sidecars finish them.
        for (kind, slow_ms, leaves_some) in [("rabbitmq", 100, true), ("redis", 2500, false), ("redpanda", 600, true)] {
            subscriber.behave(&json!({ "slow_ms": slow_ms }))?;
            let (name, count) = (format!("before-{kind}"), 300);
            let series = Series { name: &name, mode: Mode::Many, rate: 200, count: Some(count), ..Series::default() };
            let report =
                it.step(&format!("300 messages are published, each of which takes the app {slow_ms} ms"), || {
                    publisher.start(&series)?;
                    publisher.finished(&name, seconds(30))
                })?;
            ensure!(report.acknowledged.len() == count, "{}", report.acknowledged);
            let run = it.step(&format!("`swap-broker {kind}` succeeds"), || {
                project.sandbox(&["--json", "swap-broker", kind])?.succeeded()
            })?;
            it.step("the broker itself has said that nothing is left, and nothing is lost", || {
                let events = run.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
                let done = events.into_iter().find(|event| event["step"] == "done").context("a report")?;
                let topic = &done["topics"][0];
                say(format_args!("{} ms, {topic}", done["elapsed_ms"]));
                let was_drained = topic["drained"].as_u64() > Some(0);
                ensure!((was_drained || !leaves_some) && topic["left_over"] == 0, "{done}");
                eventually(seconds(10), || {
                    let taken = subscriber.seen(&name, "orders")?.numbers;
                    ensure!(taken == report.acknowledged, "{taken} of {}", report.acknowledged);
                    Ok(())
                })
            })?;
        }
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing().map(drop))
    });
}
