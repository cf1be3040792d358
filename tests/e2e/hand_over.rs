//! `sandbox reload` and `sandbox restart`, whatever comes between, and a sidecar that dies by itself.

use crate::support::{
    Context, Project, Result, Scenario,
    dapr::{Component, answers, has, resiliency},
    engine, ensure, eventually,
    run::Running,
    say, scenario, script, seconds,
    watched::Watched,
};
use std::fs;

#[test]
fn reload_and_restart_end_with_what_came_of_them() {
    scenario("reload-once", |it| {
        let project = it.project();
        describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let before = project.containers()?;
        it.step("`reload` of unchanged files exits with 0 and says so", || {
            project.sandbox(&["reload"])?.succeeded()?.says(&["every sidecar has what the files say"]).map(drop)
        })?;
        it.step("a component that cannot start is refused with 1, and why", || {
            cache(
                &project,
                "state.redis",
                "{name: redisHost, value: 'nowhere:6379'}, {name: redisMaxRetries, value: '0'}",
            )?;
            let run = project.sandbox(&["reload"])?.exited_with(1)?;
            run.says(&["refused components/cache.yaml:4: ", "nowhere:6379", "still serving the version of"])?;
            Ok(())
        })?;
        it.step("`status` shows it", || status_says(&project, "nowhere:6379", true))?;
        it.step("YAML that is none is refused with 1, and where", || {
            project.write("components/cache.yaml", "kind: Component\nmetadata: {name: [\n")?;
            let run = project.sandbox(&["reload"])?.exited_with(1)?;
            run.says(&["refused components/cache.yaml:2: "])?;
            status_says(&project, "components/cache.yaml:2: ", true)
        })?;
        it.step("mended, `status` says nothing of it, before `reload` and after", || {
            cache(&project, "state.in-memory", "")?;
            status_says(&project, "refused", false)?;
            project.sandbox(&["reload"])?.succeeded()?;
            status_says(&project, "refused", false)
        })?;
        it.step("all of this has changed nothing", || engine::same(&before, &project.containers()?))?;
        it.step("a new Resiliency is live, in the sidecar alone", || {
            resiliency(&project, "3s")?;
            let run = project.sandbox(&["reload"])?.succeeded()?;
            run.says(&["reloaded shop-dapr", "Resiliency calls added"])?;
            has(&project, &["shop"], "3s")?;
            let changed = engine::changed(&before, &project.containers()?)?;
            ensure!(changed == ["shop-dapr"], "{changed:?}");
            Ok(())
        })?;
        it.step("`restart` replaces the sidecar alone", || {
            let before = project.containers()?;
            let run = project.sandbox(&["restart", "shop-dapr"])?.succeeded()?;
            run.says(&["replaced shop-dapr"])?;
            let changed = engine::changed(&before, &project.containers()?)?;
            ensure!(changed == ["shop-dapr"], "{changed:?}");
            Ok(())
        })?;
        it.step("`restart` of nobody exits with 2 and names who there is", || {
            project.sandbox(&["restart", "shopp-dapr"])?.exited_with(2)?.says(&["shop-dapr"]).map(drop)
        })?;
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing())?;
        it.step("with nothing running `reload` exits with 1", || {
            project.sandbox(&["reload"])?.exited_with(1)?.says(&["sandbox up"]).map(drop)
        })
    });
}

#[test]
fn a_reload_that_is_cut_short_leaves_the_old_or_the_new() {
    scenario("reload-cut", |it| {
        let project = it.project();
        describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let shop = project.container("shop")?.id;
        for (signal, exit_code) in [("INT", 130), ("TERM", 143)] {
            it.step(&format!("SIG{signal} while the new sidecar starts changes nothing"), || {
                let before = project.containers()?;
                resiliency(&project, "3s")?;
                let reload = starting(&project, &shop)?;
                reload.signal(signal)?;
                reload.ends(seconds(10))?.exited_with(exit_code)?;
                engine::docker(&["unpause", &shop])?;
                engine::same(&before, &project.containers()?)
            })?;
        }
        it.step("`kill -9` then leaves the old one serving, and `up -d` makes it whole", || {
            starting(&project, &shop)?.kill()?;
            engine::docker(&["unpause", &shop])?;
            answers_at_the_alias(&shop)?;
            is_whole_after_up(it, &project, "3s")
        })?;
        it.step("`kill -9` while only the bridge serves, and `up -d` makes it whole", || {
            resiliency(&project, "4s")?;
            let (old, since) = (project.container("shop-dapr")?.name, jiff::Timestamp::now());
            let reload = project.start(&["reload"])?;
            engine::happens(&project.name, since, &format!("die {old}"))?;
            reload.kill()?;
            answers_at_the_alias(&shop)?;
            is_whole_after_up(it, &project, "4s")
        })?;
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing().map(drop))
    });
}

#[test]
fn a_sidecar_that_dies_is_replaced() {
    scenario("reload-died", |it| {
        let project = it.project();
        describe(&project)?;
        let mut up = it.step("`up` is ready", || Watched::start(&project, &[]))?;
        let before = project.containers()?;
        let told = it.step("killed, it is replaced", || {
            let killed = jiff::Timestamp::now();
            engine::docker(&["kill", &project.container("shop-dapr")?.id])?;
            up.next("reloaded", killed, seconds(20))
        })?;
        say(format_args!("    after {} ms: {}", told.after_ms, told.event));
        it.step("that it died was told, with how", || {
            let events = up.events()?;
            let died = events.iter().find(|event| event["event"] == "exited").context("no word of it")?;
            ensure!(died["name"] == "shop-dapr" && died["exit_code"] == 137, "{died}");
            Ok(())
        })?;
        it.step("nothing else was touched, and it answers", || {
            let changed = engine::changed(&before, &project.containers()?)?;
            ensure!(changed == ["shop-dapr"], "{changed:?}");
            answers(&project, "shop", "healthz", 204)
        })?;
        it.step("Ctrl-C ends it", || up.end())
    });
}

/// An app with one store and nothing else, whose sidecar has the usual host ports where they are free.
fn describe(project: &Project) -> Result<()> {
    cache(project, "state.in-memory", "")?;
    script::describe(project, script::SERVE, "")
}

fn cache(project: &Project, kind: &str, metadata: &str) -> Result<()> {
    Component { name: "cache", kind, metadata, further: "" }.write(project, "cache.yaml")
}

fn status_says(project: &Project, text: &str, says: bool) -> Result<()> {
    let run = project.sandbox(&["status"])?.succeeded()?;
    ensure!((run.stdout.contains(text) || run.stderr.contains(text)) == says, "{run}");
    Ok(())
}

fn sidecars(project: &Project) -> Result<Vec<engine::Container>> {
    let is_sidecar = |one: &engine::Container| one.short_name == "shop-dapr";
    Ok(project.containers()?.into_iter().filter(is_sidecar).collect())
}

/// A reload whose new sidecar is starting, and goes on doing so: it asks the app, which is paused.
fn starting(project: &Project, shop: &str) -> Result<Running> {
    engine::docker(&["pause", shop])?;
    let reload = project.start(&["reload"])?;
    eventually(seconds(20), || {
        let there = sidecars(project)?;
        ensure!(there.iter().any(|one| one.name.ends_with(".next") && one.is_running), "{there:?}");
        Ok(())
    })?;
    Ok(reload)
}

/// Some sidecar answers to the app, which knows nothing but the name.
fn answers_at_the_alias(shop: &str) -> Result<()> {
    let program = "import urllib.request; print(urllib.request.urlopen('http://shop-dapr:3500/v1.0/healthz').status)";
    let said = engine::exec(shop, &["python", "-c", program])?;
    ensure!(said == "204", "{said}");
    Ok(())
}

fn is_whole_after_up(it: &Scenario, project: &Project, timeout: &str) -> Result<()> {
    it.step("`up -d` succeeds", || project.up())?;
    let there = sidecars(project)?;
    ensure!(there.len() == 1 && there[0].is_running && !there[0].name.ends_with(".next"), "{there:?}");
    has(project, &["shop"], timeout)?;
    answers(project, "shop", "healthz", 204)?;
    let before = project.containers()?;
    project.sandbox(&["reload"])?.succeeded()?.says(&["every sidecar has what the files say"])?;
    let kept: Vec<_> = fs::read_dir(project.path(".sandbox/resources/shop-1"))?.collect();
    ensure!(kept.len() == 1, "rendered folders that nobody needs: {kept:?}");
    engine::same(&before, &project.containers()?)
}
