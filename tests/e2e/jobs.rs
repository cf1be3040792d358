//! Scheduled jobs with several replicas, and with parts of them killed: every reminder has its effect once.
//!
//! Callbacks are counted where they arrive, in what the sample's replicas have written: a line each, `fired` or `fired again`.

use crate::support::{
    Project, Result, Sample, Scenario, bail, engine, ensure, eventually, sample::Reminders, say, scenario, seconds,
};
use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

const REMINDERS: usize = 200;
/// The first is due this long after scheduling has begun; the last one ten seconds later.
const LEAD: Duration = Duration::from_secs(5);
const WITHIN: Duration = Duration::from_secs(10);

#[test]
fn each_job_is_called_back_once_over_three_replicas() {
    scenario("jobs-three", |it| {
        let project = it.project();
        ready(it, &project, 3)?;
        let ids = schedule(it, &project)?;
        all_are_delivered(it, &project, &ids, seconds(40))?;
        it.step("each was called back once, over all three replicas", || {
            let callbacks = Callbacks::of(&project)?;
            say(format_args!("    {callbacks}"));
            ensure!(callbacks.all() == REMINDERS && callbacks.again == 0, "{callbacks}");
            ensure!(callbacks.by_replica.values().all(|count| *count > 0), "{callbacks}");
            Ok(())
        })?;
        it.step("`status --metrics` counts the same at the sidecars", || {
            eventually(seconds(5), || {
                let counted = Counted::of(&project)?;
                let wanted = REMINDERS as u64;
                ensure!(
                    (counted.jobs, counted.published, counted.delivered) == (wanted, wanted, wanted),
                    "{counted:?}"
                );
                // Stored once, then once a step.
                ensure!(counted.saved >= 3 * wanted, "{counted:?}");
                Ok(())
            })
        })
    });
}

#[test]
fn each_is_delivered_once_when_a_replica_and_its_sidecar_are_killed() {
    scenario("jobs-kill", |it| {
        let project = it.project();
        ready(it, &project, 3)?;
        let ids = schedule(it, &project)?;
        in_the_middle(it, &project, "the second replica and its sidecar are killed", || {
            let second = project.containers()?.into_iter().filter(|one| one.replica == "2");
            let second: Vec<_> = second.map(|one| one.id).collect();
            ensure!(second.len() == 2, "{second:?}");
            engine::docker(&["kill", &second[0], &second[1]]).map(drop)
        })?;
        all_are_delivered(it, &project, &ids, seconds(60))?;
        tell(it, &project)?;
        it.step("nobody has put it back: `up` was detached; `up -d` does", || {
            let running = |project: &Project| -> Result<usize> {
                Ok(project.containers()?.iter().filter(|one| one.replica == "2" && one.is_running).count())
            };
            ensure!(running(&project)? == 0);
            project.up()?;
            ensure!(running(&project)? == 2);
            Ok(())
        })
    });
}

#[test]
fn each_is_delivered_once_when_the_scheduler_is_restarted() {
    scenario("jobs-scheduler", |it| {
        let project = it.project();
        ready(it, &project, 3)?;
        let ids = schedule(it, &project)?;
        in_the_middle(it, &project, "the scheduler is restarted", || {
            engine::docker(&["restart", "--time", "5", &project.container("scheduler")?.id]).map(drop)
        })?;
        all_are_delivered(it, &project, &ids, seconds(60))?;
        tell(it, &project)
    });
}

#[test]
fn each_is_delivered_once_when_the_only_sidecar_is_killed() {
    scenario("jobs-sidecar", |it| {
        let project = it.project();
        describe(&project, 1)?;
        let mut up = project.start(&["up"])?;
        it.step("it is ready", || up.says(&format!("{}: ready in", project.name), seconds(60)))?;
        let ids = schedule(it, &project)?;
        let killed = project.container("reminders-dapr")?.id;
        in_the_middle(it, &project, "the only sidecar is killed", || engine::docker(&["kill", &killed]).map(drop))?;
        it.step("the attached `up` puts another in its place", || {
            eventually(seconds(20), || {
                let sidecar = project.container("reminders-dapr")?;
                ensure!(sidecar.id != killed && sidecar.is_running, "{sidecar:?}");
                Ok(())
            })
        })?;
        all_are_delivered(it, &project, &ids, seconds(60))?;
        tell(it, &project)?;
        up.kill().map(drop)
    });
}

fn describe(project: &Project, replicas: u32) -> Result<()> {
    let app = format!("host_port = 0\nreplicas = {replicas}");
    Sample { broker: "redpanda", store: "postgres", app: &app, ..Sample::default() }.describe(project)
}

fn ready(it: &Scenario, project: &Project, replicas: u32) -> Result<()> {
    describe(project, replicas)?;
    it.step("`up -d` succeeds", || project.up().map(drop))
}

/// Asks for all reminders, on a few connections at once; their ids come back.
fn schedule(it: &Scenario, project: &Project) -> Result<Vec<String>> {
    let reminders = Reminders::of(project)?;
    it.step("200 reminders are scheduled that are due within ten seconds", || {
        let began = Instant::now();
        let remind = |number: usize| {
            #[expect(clippy::cast_precision_loss, reason = "a share of ten seconds")]
            let due = LEAD + WITHIN.mul_f64(number as f64 / REMINDERS as f64);
            let left = due.saturating_sub(began.elapsed());
            ensure!(!left.is_zero(), "scheduling takes longer than {LEAD:?}");
            reminders.remind(&format!("number {number}"), left.as_secs_f64())
        };
        let every = |first: usize| (first..REMINDERS).step_by(4).map(remind).collect::<Result<Vec<_>>>();
        thread::scope(|scope| {
            let lanes: Vec<_> = (0..4).map(|first| scope.spawn(move || every(first))).collect();
            let ids = lanes.into_iter().map(|lane| lane.join().expect("it does not panic"));
            Ok(ids.collect::<Result<Vec<_>>>()?.concat())
        })
    })
}

/// Does something when part of the callbacks has come; part of them must be still to come then.
fn in_the_middle(it: &Scenario, project: &Project, what: &str, act: impl FnOnce() -> Result<()>) -> Result<()> {
    it.step(&format!("in the middle {what}"), || {
        eventually(seconds(30), || {
            let callbacks = Callbacks::of(project)?.all();
            ensure!(callbacks >= REMINDERS / 4, "{callbacks}");
            Ok(())
        })?;
        let before = Callbacks::of(project)?;
        act()?;
        say(format_args!("    before: {before}"));
        ensure!(before.all() < REMINDERS * 3 / 4, "it was no longer in the middle: {before}");
        Ok(())
    })
}

/// The sample counts the effects that each reminder had.
fn all_are_delivered(it: &Scenario, project: &Project, ids: &[String], limit: Duration) -> Result<()> {
    let reminders = Reminders::of(project)?;
    it.step("each of them has fired and was delivered once", || {
        ensure!(ids.len() == REMINDERS);
        let until = Instant::now() + limit;
        for (number, id) in ids.iter().enumerate() {
            let left = until.saturating_duration_since(Instant::now());
            if let Err(error) = reminders.is_delivered(id, left) {
                bail!("number {number}, after {limit:?} in all: {error:#}");
            }
        }
        Ok(())
    })
}

fn tell(it: &Scenario, project: &Project) -> Result<()> {
    it.step("every reminder was called back, and what came again is counted", || {
        let callbacks = Callbacks::of(project)?;
        say(format_args!("    {callbacks}"));
        // Who is killed between storing and writing its line has told nobody of the first one.
        ensure!(callbacks.all() >= REMINDERS, "{callbacks}");
        Ok(())
    })
}

/// What the replicas of the sample were called with.
#[derive(Default)]
struct Callbacks {
    first: usize,
    again: usize,
    by_replica: BTreeMap<String, usize>,
}

impl Callbacks {
    fn of(project: &Project) -> Result<Self> {
        let mut callbacks = Self::default();
        for app in project.containers()?.into_iter().filter(|one| one.short_name == "reminders") {
            let text = engine::logs(&app.id)?;
            let fired = text.lines().filter(|line| line.contains(": reminder ") && line.contains(" fired"));
            let (again, first): (Vec<_>, Vec<_>) = fired.partition(|line| line.contains(" fired again"));
            callbacks.first += first.len();
            callbacks.again += again.len();
            callbacks.by_replica.insert(app.replica, first.len() + again.len());
        }
        Ok(callbacks)
    }

    fn all(&self) -> usize {
        self.first + self.again
    }
}

impl std::fmt::Display for Callbacks {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { first, again, by_replica } = self;
        write!(
            formatter,
            "{} callbacks for {first} reminders, {again} of them again; by replica {by_replica:?}",
            self.all()
        )
    }
}

/// What `status --metrics` says of all sidecars together.
#[derive(Debug, Default)]
struct Counted {
    jobs: u64,
    published: u64,
    delivered: u64,
    saved: u64,
}

impl Counted {
    fn of(project: &Project) -> Result<Self> {
        let run = project.sandbox(&["status", "--metrics", "--json"])?.succeeded()?;
        let status: crate::support::Value = serde_json::from_str(&run.stdout)?;
        let mut counted = Self::default();
        let sidecars = status["apps"][0]["sidecars"].as_array();
        for sidecar in sidecars.into_iter().flatten() {
            let metrics = &sidecar["metrics"];
            ensure!(metrics.is_object(), "{sidecar}");
            let count = |value: &crate::support::Value| value.as_u64().unwrap_or_default();
            counted.jobs += count(&metrics["jobs"]["succeeded"]);
            for topic in metrics["topics"].as_array().into_iter().flatten() {
                counted.published += count(&topic["published"]);
                counted.delivered += count(&topic["delivered"]);
            }
            for state in metrics["state"].as_array().into_iter().flatten().filter(|one| one["operation"] == "set") {
                counted.saved += count(&state["calls"]);
                ensure!(state["p95_ms"].as_f64() >= state["p50_ms"].as_f64() && state["p50_ms"].is_f64(), "{state}");
            }
        }
        let used = status["containers"].as_array().into_iter().flatten();
        for container in used {
            ensure!(container["usage"]["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{container}");
        }
        Ok(counted)
    }
}
