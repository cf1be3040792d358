//! Ctrl-C stops the project, in order and in seconds, whenever it comes; twice, at once.

use crate::support::{
    Project, Result, Sample, Scenario, engine, ensure, eventually, run::Running, scenario, scenario_alone, script,
    seconds,
};

#[test]
fn ctrl_c_while_the_broker_becomes_ready_stops_everything() {
    scenario("int-broker", |it| {
        let project = it.project();
        Sample { broker: "redpanda", ..Sample::default() }.describe(&project)?;
        let up = project.start(&["up"])?;
        it.step("the broker has started", || is_running(&project, "redpanda"))?;
        it.step("the app has not", || {
            ensure!(!project.container("reminders").is_ok_and(|app| app.is_running));
            Ok(())
        })?;
        stops_on_ctrl_c(it, &project, up)
    });
}

#[test]
fn ctrl_c_after_the_app_has_started_stops_everything() {
    scenario("int-app", |it| {
        let project = it.project();
        // It never listens, so that it is never ready.
        script::describe(&project, "signal.pause()", "")?;
        let up = project.start(&["up"])?;
        it.step("the app has started", || is_running(&project, "shop"))?;
        stops_on_ctrl_c(it, &project, up)
    });
}

#[test]
fn ctrl_c_while_attached_stops_everything() {
    // A stopped sidecar whose host port somebody else takes is made anew.
    scenario_alone("int-attached", |it| {
        let project = it.project();
        Sample::default().describe(&project)?;
        let mut up = project.start(&["up"])?;
        it.step("it is ready", || up.says(&format!("{}: ready in", project.name), seconds(60)))?;
        let before = project.containers()?;
        stops_on_ctrl_c(it, &project, up)?;
        it.step("its containers are still there, ended in order: app, sidecar, the rest", || {
            let ended = |name: &str| project.container(name).map(|container| container.finished_at);
            let (app, sidecar, broker) = (ended("reminders")?, ended("reminders-dapr")?, ended("redis-broker")?);
            ensure!(app < sidecar && sidecar < broker, "app {app}, sidecar {sidecar}, broker {broker}");
            ensure!(project.containers()?.len() == before.len());
            Ok(())
        })?;
        it.step("`up -d` starts the same containers again", || {
            project.up()?;
            let ids = |list: Vec<crate::support::engine::Container>| list.into_iter().map(|one| one.id);
            ensure!(ids(before.clone()).eq(ids(project.containers()?)));
            Ok(())
        })
    });
}

#[test]
fn ctrl_c_of_an_up_that_changes_one_app_leaves_what_ran_before() {
    scenario("int-detached", |it| {
        let project = it.project();
        script::describe(&project, script::SERVE, "")?;
        it.step("`up -d` succeeds", || project.up())?;
        script::write(&project, "late", "signal.pause()")?;
        project.describe(&format!("{}{}", script::table("shop", ""), script::table("late", "")))?;
        let before = project.container("shop")?;
        let up = project.start(&["up", "-d"])?;
        it.step("another app has started", || is_running(&project, "late"))?;
        up.signal("INT")?;
        it.step("it ends with 130", || up.ends(seconds(15))?.exited_with(130))?;
        it.step("the new app was stopped, the old one still runs", || {
            ensure!(!project.container("late")?.is_running);
            let after = project.container("shop")?;
            ensure!(after.is_running && after.started_at == before.started_at, "{after:?}");
            Ok(())
        })
    });
}

#[test]
fn ctrl_c_of_an_up_that_starts_stopped_containers_stops_them_again() {
    scenario("int-again", |it| {
        let project = it.project();
        script::describe(&project, "signal.pause()", "")?;
        let first = project.start(&["up", "-d"])?;
        it.step("the app has started", || is_running(&project, "shop"))?;
        stops_on_ctrl_c(it, &project, first)?;
        let second = project.start(&["up", "-d"])?;
        it.step("the app has started again", || is_running(&project, "shop"))?;
        stops_on_ctrl_c(it, &project, second)
    });
}

#[test]
fn ctrl_c_twice_waits_for_nobody() {
    scenario("int-twice", |it| {
        let project = it.project();
        // Deaf to SIGTERM: stopped in order it takes its grace of ten seconds.
        let deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)";
        script::describe(&project, &format!("{deaf}\n{}", script::SERVE), "")?;
        let mut up = project.start(&["up"])?;
        it.step("it is ready", || up.says(&format!("{}: ready in", project.name), seconds(60)))?;
        up.signal("INT")?;
        it.step("the first is heard", || up.says("Ctrl-C", seconds(2)))?;
        up.signal("INT")?;
        let run = it.step("it ends with 130", || up.ends(seconds(15))?.exited_with(130))?;
        it.step("nothing of it runs", || project.runs_nothing())?;
        it.step("it took no grace", || run.within(seconds(4)).map(drop))?;
        it.step("the next `up -d` does not pay for it", || project.up()?.within(seconds(10)).map(drop))?;
        // Whoever cleans up need not wait for it either.
        engine::docker(&["kill", &project.container("shop")?.id])?;
        Ok(())
    });
}

#[test]
fn sigterm_stops_everything_as_ctrl_c_does() {
    scenario("term", |it| {
        let project = it.project();
        script::describe(&project, script::SERVE, "")?;
        let mut up = project.start(&["up"])?;
        it.step("it is ready", || up.says(&format!("{}: ready in", project.name), seconds(60)))?;
        up.signal("TERM")?;
        it.step("it ends with 143", || up.ends(seconds(15))?.exited_with(143))?;
        it.step("nothing of it runs", || project.runs_nothing())
    });
}

#[test]
fn ctrl_c_while_something_builds_ends_at_once() {
    scenario("int-build", |it| {
        let project = it.project();
        let dockerfile = format!("FROM python:3.13-slim\nRUN echo {} && sleep 60\n", project.name);
        project.write("app/Dockerfile", &dockerfile)?;
        project.describe("[apps.shop]\nbuild = \"app\"\nport = 8000\nhost_port = 0\n")?;
        let mut up = project.start(&["--verbose", "up"])?;
        it.step("the build is under way", || up.says("Running in", seconds(20)))?;
        stops_on_ctrl_c(it, &project, up)?;
        it.step("the engine's build has ended too", || {
            eventually(seconds(5), || {
                let commands = engine::docker(&["ps", "--no-trunc", "--format", "{{.Command}}"])?;
                ensure!(!commands.contains(&project.name), "still building: {commands}");
                Ok(())
            })
        })
    });
}

fn is_running(project: &Project, short_name: &str) -> Result<()> {
    eventually(seconds(60), || {
        ensure!(project.container(short_name)?.is_running, "`{short_name}` does not run yet");
        Ok(())
    })
}

fn stops_on_ctrl_c(it: &Scenario, project: &Project, up: Running) -> Result<()> {
    up.signal("INT")?;
    let run = it.step("it ends with 130 within 15 s", || up.ends(seconds(15))?.exited_with(130))?;
    it.step("nothing of it runs", || project.runs_nothing())?;
    it.step("it says what it does", || run.says(&["Ctrl-C"]).map(drop))
}
