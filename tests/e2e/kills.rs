//! `kill -9` of the program loses nothing: the next command finds what is there and goes on from it.

use crate::support::{
    Project, Result, Sample, Scenario, engine, ensure, eventually, sample::Reminders, scenario, script, seconds,
};

#[test]
fn up_goes_on_after_a_kill_while_the_broker_starts() {
    goes_on_after_a_kill("kill-broker", "redpanda", "redpanda");
}

#[test]
fn up_goes_on_after_a_kill_while_the_app_starts() {
    goes_on_after_a_kill("kill-app", "redis", "reminders-dapr");
}

#[test]
fn up_goes_on_after_a_kill_while_containers_are_being_made() {
    scenario("kill-early", |it| {
        let project = it.project();
        script::write(&project, "shop", script::SERVE)?;
        let backends = "broker = { kind = \"redis\", component = \"pubsub\" }\n\
                        state = { kind = \"redis\", component = \"statestore\" }\n";
        project.describe(&format!("{backends}{}", script::table("shop", "")))?;
        // The engine goes on making what it was asked for, and takes some of it back, while the next command looks.
        for count in 1..=5 {
            let up = project.start(&["up", "-d"])?;
            it.step(&format!("{count} of five containers are there"), || {
                eventually(seconds(20), || {
                    let there = project.containers()?.len();
                    ensure!(there >= count, "{there}");
                    Ok(())
                })
            })?;
            up.kill()?;
            it.step("`up -d` at once succeeds", || project.up())?;
            it.step("`down -v` leaves nothing", || project.down_leaves_nothing())?;
        }
        Ok(())
    });
}

fn goes_on_after_a_kill(short_name: &'static str, broker: &str, started: &str) {
    scenario(short_name, |it| {
        let project = it.project();
        Sample { broker, ..Sample::default() }.describe(&project)?;
        let up = project.start(&["up", "-d"])?;
        it.step(&format!("`{started}` has started"), || {
            eventually(seconds(60), || {
                ensure!(project.container(started)?.is_running, "`{started}` does not run yet");
                Ok(())
            })
        })?;
        up.kill()?;
        let before = project.container(started)?;
        becomes_ready(it, &project)?;
        it.step("what had started is still the same", || {
            let after = project.container(started)?;
            ensure!((after.id, after.started_at) == (before.id, before.started_at));
            Ok(())
        })?;
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing().map(drop))
    });
}

#[test]
fn up_adopts_what_a_killed_attached_up_has_left() {
    scenario("kill-attached", |it| {
        let project = it.project();
        Sample::default().describe(&project)?;
        let mut up = project.start(&["up"])?;
        it.step("it is ready", || up.says(&format!("{}: ready in", project.name), seconds(60)))?;
        let before = project.containers()?;
        up.kill()?;
        it.step("everything still runs", || engine::same(&before, &project.containers()?))?;
        becomes_ready(it, &project)?;
        it.step("everything is still the same", || engine::same(&before, &project.containers()?))?;
        let mut attached = project.start(&["up"])?;
        it.step("another attached `up` changes nothing and shows what is said from now on", || {
            attached.says("nothing to change", seconds(20))?;
            let id = Reminders::of(&project)?.deliver("seen again")?;
            attached.prints(&format!("reminder {id} delivered"), seconds(5))
        })?;
        attached.kill()?;
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing().map(drop))
    });
}

fn becomes_ready(it: &Scenario, project: &Project) -> Result<()> {
    it.step("`up -d` succeeds", || project.up())?;
    it.step("a reminder is delivered", || Reminders::of(project)?.deliver("after the kill").map(drop))
}
