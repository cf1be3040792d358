//! What is stored outlives the containers; what is one app can be several.

use crate::support::{Result, Sample, engine, ensure, eventually, sample::Reminders, scenario, seconds};

#[test]
fn down_keeps_rows_and_jobs_for_the_next_up() {
    scenario("volumes", |it| {
        let project = it.project();
        Sample { store: "postgres", ..Sample::default() }.describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let reminders = Reminders::of(&project)?;
        let delivered = it.step("a reminder is delivered", || reminders.deliver("before"))?;
        let due_soon = it.step("another is due while nothing runs", || reminders.remind("meanwhile", 3.0))?;
        let due_late = it.step("another is due after that", || reminders.remind("later", 10.0))?;
        it.step("`down` succeeds", || project.sandbox(&["down"])?.succeeded())?;
        it.step("volumes are left, and nothing else", || {
            let left = engine::leftovers(&project.name)?;
            ensure!(!left.is_empty() && left.iter().all(|one| one.starts_with("volume ")), "{left:?}");
            Ok(())
        })?;
        it.step("`up -d` succeeds", || project.up())?;
        let reminders = Reminders::of(&project)?;
        it.step("the first can still be read", || {
            let reminder = reminders.reminder(&delivered)?;
            ensure!(reminder["text"] == "before" && reminder["delivered"] == 1, "{reminder}");
            Ok(())
        })?;
        it.step("the job that was due meanwhile fires", || reminders.is_delivered(&due_soon, seconds(20)))?;
        it.step("the job that is due later fires then", || reminders.is_delivered(&due_late, seconds(30)))
    });
}

#[test]
fn two_replicas_share_the_work_and_deliver_once() {
    scenario("replicas", |it| {
        let project = it.project();
        let app = "host_port = 0\nreplicas = 2";
        Sample { broker: "redpanda", store: "postgres", app, ..Sample::default() }.describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        it.step("there are two pairs, and they are ready", || {
            let status = project.status()?;
            ensure!(status["state"] == "ready" && status["apps"][0]["replicas"] == 2, "{status}");
            let sidecars = status["apps"][0]["sidecars"].as_array().map_or(0, Vec::len);
            ensure!(sidecars == 2, "{status}");
            let containers = project.containers()?.into_iter();
            let pairs: Vec<_> = containers
                .filter(|one| one.short_name.starts_with("reminders"))
                .map(|one| format!("{} {}", one.short_name, one.replica))
                .collect();
            ensure!(pairs == ["reminders 1", "reminders 2", "reminders-dapr 1", "reminders-dapr 2"], "{pairs:?}");
            Ok(())
        })?;
        let reminders = Reminders::of(&project)?;
        it.step("twenty reminders are delivered, each once", || {
            let asked = (0..20).map(|number| reminders.remind(&format!("number {number}"), 0.5));
            let ids = asked.collect::<Result<Vec<_>>>()?;
            ids.iter().try_for_each(|id| reminders.is_delivered(id, seconds(20)))
        })?;
        it.step("with one replica stopped the other delivers", || {
            for name in ["reminders", "reminders-dapr"] {
                let containers = project.containers()?.into_iter();
                let second = containers.filter(|one| one.short_name == name && one.replica == "2");
                for container in second {
                    engine::docker(&["stop", "--time", "5", &container.id])?;
                }
            }
            let id = reminders.remind("alone", 0.5)?;
            reminders.is_delivered(&id, seconds(30))
        })?;
        it.step("`up -d` with one replica removes the other pair", || {
            Sample { broker: "redpanda", store: "postgres", ..Sample::default() }.describe(&project)?;
            project.up()?;
            let containers = project.containers()?;
            ensure!(containers.iter().all(|one| one.replica == "1"), "{containers:?}");
            Ok(())
        })?;
        eventually(seconds(10), || Reminders::of(&project)?.deliver("the last"))?;
        Ok(())
    });
}
