//! A component that comes or goes is live in the sidecar that runs; what cannot be initialised never reaches it.

use crate::support::{
    Context, Project, Result, Value, announce, engine, ensure, eventually, http, json, run::Running, scenario, script,
    seconds,
};
use std::{fs, time::Instant};

const SIDECAR: &str = "shop-dapr";
/// How often the time from saving to being live is measured.
const ROUNDS: usize = 5;

#[test]
fn components_come_and_go_in_the_sidecar_that_runs() {
    scenario("in-place", |it| {
        let project = it.project();
        describe(&project)?;
        let mut up = project.start(&["up", "--no-logs"])?;
        it.step("an attached `up` is ready", || up.says("ready in", seconds(60)))?;
        // The project's own messages begin only now.
        let (before, sidecar) = (project.containers()?, Sidecar::of(&project)?);
        it.step("an added component is live in place", || {
            project.write("components/cache.yaml", CACHE)?;
            sidecar.has("cache", true)?;
            up.says("reloaded shop-dapr in place", seconds(5))?;
            sidecar.stores("cache")
        })?;
        it.step("no container is another, and none was added", || same(&project, &before))?;
        it.step("daprd says itself that it loaded it", || {
            let said = engine::logs(&project.container(SIDECAR)?.id)?;
            ensure!(said.contains("Component loaded: cache (state.in-memory/v1)"), "{said}");
            Ok(())
        })?;
        it.step("`up -d` has nothing to change", || {
            project.up()?.says(&["nothing to change"])?;
            same(&project, &before)
        })?;
        it.step("one that cannot be initialised is refused, with the line and daprd's reason", || {
            project.write("components/broken.yaml", BROKEN)?;
            up.says("refused components/broken.yaml:4: ", seconds(20))?;
            up.says("nowhere:6379", seconds(1))
        })?;
        it.step("the sidecar has seen nothing of it", || {
            same(&project, &before)?;
            sidecar.stores("cache")?;
            let said = engine::logs(&project.container(SIDECAR)?.id)?;
            ensure!(!said.contains("broken"), "{said}");
            Ok(())
        })?;
        it.step("a removed one goes in place", || {
            fs::remove_file(project.path("components/broken.yaml"))?;
            fs::remove_file(project.path("components/cache.yaml"))?;
            sidecar.has("cache", false)?;
            same(&project, &before)
        })?;
        it.step("`up -d` has nothing to change", || {
            project.up()?.says(&["nothing to change"])?;
            same(&project, &before)
        })?;
        measure(&project, &sidecar)?;
        it.step("a changed one is handed over", || {
            project.write("components/cache.yaml", CACHE)?;
            sidecar.has("cache", true)?;
            same(&project, &before)?;
            project
                .write("components/cache.yaml", &format!("{CACHE}  metadata: [{{name: keyPrefix, value: name}}]\n"))?;
            up.says("reloaded shop-dapr by hand-over", seconds(20))?;
            let changed = engine::changed(&before, &project.containers()?)?;
            ensure!(changed == [SIDECAR], "changed: {changed:?}");
            Ok(())
        })?;
        it.step("what a component was tried with is gone, and one folder is left", || {
            ensure!(!project.path(".sandbox/trial").exists());
            let left: Vec<_> = fs::read_dir(project.path(".sandbox/resources/shop-1"))?.collect();
            ensure!(left.len() == 1, "{left:?}");
            Ok(())
        })
    });
}

#[test]
fn a_trial_that_is_cut_short_leaves_nothing_behind() {
    scenario("in-place-cut", |it| {
        let project = it.project();
        describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let (before, sidecar) = (project.containers()?, Sidecar::of(&project)?);
        project.write("components/broken.yaml", &BROKEN.replace("initTimeout: 2s", "initTimeout: 60s"))?;
        it.step("Ctrl-C ends the trial of a component that takes long", || {
            let reload = trying(&project)?;
            reload.signal("INT")?;
            reload.ends(seconds(10))?.exited_with(130)?;
            same(&project, &before)
        })?;
        it.step("`kill -9` leaves a trial that the next reload removes", || {
            trying(&project)?.kill()?;
            fs::remove_file(project.path("components/broken.yaml"))?;
            project.write("components/cache.yaml", CACHE)?;
            project.sandbox(&["reload"])?.succeeded()?.says(&["by hand-over"])?;
            let changed = engine::changed(&before, &project.containers()?)?;
            ensure!(changed == [SIDECAR], "changed: {changed:?}");
            Sidecar::of(&project)?.stores("cache")
        })?;
        let before = project.containers()?;
        it.step("`sandbox reload` does it in place again", || {
            fs::remove_file(project.path("components/cache.yaml"))?;
            project.sandbox(&["reload"])?.succeeded()?.says(&["in place"])?;
            Sidecar::of(&project)?.has("cache", false)?;
            same(&project, &before)
        })?;
        drop(sidecar);
        it.step("a second one finds nothing to do", || {
            project.sandbox(&["reload"])?.succeeded()?.says(&["every sidecar has what the files say"])?;
            same(&project, &before)
        })
    });
}

#[test]
fn what_daprd_does_not_follow_is_handed_over_or_refused() {
    scenario("in-place-not", |it| {
        let project = it.project();
        describe(&project)?;
        project.write("dapr/config.yaml", DENIES)?;
        let toml = fs::read_to_string(project.path("sandbox.toml"))?;
        project.write("sandbox.toml", &toml.replace("[dapr]\n", "[dapr]\nconfig = \"dapr/config.yaml\"\n"))?;
        it.step("`up -d` succeeds", || project.up())?;
        let before = project.containers()?;
        it.step("what the Configuration denies is refused, and does not stay in the sidecar's folder", || {
            project.write("components/cache.yaml", &CACHE.replace("name: cache", "name: lock"))?;
            let run = project.sandbox(&["reload", "--wait-timeout", "3s"])?.exited_with(1)?;
            run.says(&["refused components/cache.yaml:4: "])?;
            same(&project, &before)?;
            ensure!(!mounted(&project)?.contains(&"component-lock.yaml".to_owned()));
            Ok(())
        })?;
        it.step("a sidecar that does not answer is replaced", || {
            project.write("dapr/config.yaml", &DENIES.replace("state.in-memory", "state.sqlite"))?;
            fs::remove_file(project.path("components/cache.yaml"))?;
            project.up()?;
            let before = project.containers()?;
            engine::docker(&["kill", "--signal", "STOP", &project.container(SIDECAR)?.id])?;
            project.write("components/cache.yaml", CACHE)?;
            project.sandbox(&["reload"])?.succeeded()?.says(&["by hand-over"])?;
            let changed = engine::changed(&before, &project.containers()?)?;
            ensure!(changed == [SIDECAR], "changed: {changed:?}");
            Sidecar::of(&project)?.stores("cache")
        })
    });
}

const DENIES: &str = "apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: config}
spec:
  components:
    deny: [state.in-memory/v1]
";

/// The names of the files that the sidecar has mounted.
fn mounted(project: &Project) -> Result<Vec<String>> {
    let format = "{{range .Mounts}}{{if eq .Destination \"/dapr/resources\"}}{{.Source}}{{end}}{{end}}";
    let folder = engine::docker(&["inspect", "--format", format, &project.container(SIDECAR)?.id])?;
    let files = fs::read_dir(folder)?.map(|file| Ok(file?.file_name().to_string_lossy().into_owned()));
    files.collect()
}

const CACHE: &str = "apiVersion: dapr.io/v1alpha1\nkind: Component\nmetadata:\n  name: cache\nspec:\n  type: state.in-memory\n  version: v1\n";

const BROKEN: &str = "apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: broken
spec:
  type: state.redis
  version: v1
  initTimeout: 2s
  metadata:
  - {name: redisHost, value: 'nowhere:6379'}
  - {name: redisPassword, value: ''}
scopes: [shop]
";

fn describe(project: &Project) -> Result<()> {
    fs::create_dir_all(project.path("components"))?;
    script::write(project, "shop", script::SERVE)?;
    project
        .describe(&format!("[dapr]\nscheduler = false\n[broker]\nkind = \"in-memory\"\n{}", script::table("shop", "")))
}

/// A `reload` whose trial runs.
fn trying(project: &Project) -> Result<Running> {
    let reload = project.start(&["reload"])?;
    eventually(seconds(20), || {
        let there = project.containers()?;
        ensure!(
            there.iter().any(|one| one.name.ends_with(".trial.next") && one.is_running),
            "no trial runs: {there:?}"
        );
        Ok(())
    })?;
    Ok(reload)
}

/// The same containers and no other, once what is on its way out has gone.
fn same(project: &Project, before: &[engine::Container]) -> Result<()> {
    eventually(seconds(5), || engine::same(before, &project.containers()?))
}

/// Tells how long it takes from saving a file until the sidecar has the component.
fn measure(project: &Project, sidecar: &Sidecar) -> Result<()> {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        project.write("components/cache.yaml", CACHE)?;
        sidecar.has("cache", true)?;
        times.push(began.elapsed());
        fs::remove_file(project.path("components/cache.yaml"))?;
        sidecar.has("cache", false)?;
    }
    times.sort_unstable();
    announce(format_args!("from saving to live in place: {times:.2?}"));
    Ok(())
}

struct Sidecar {
    dapr: String,
}

impl Sidecar {
    fn of(project: &Project) -> Result<Self> {
        let status = project.status()?;
        let dapr = status.pointer("/apps/0/dapr_http").and_then(Value::as_str);
        Ok(Self { dapr: dapr.with_context(|| format!("no address in {status}"))?.to_owned() })
    }

    fn has(&self, component: &str, wanted: bool) -> Result<()> {
        eventually(seconds(20), || {
            let metadata = http::get(&format!("{}/v1.0/metadata", self.dapr))?.body;
            let listed = metadata["components"].as_array().context("a list")?;
            let has = listed.iter().any(|one| one["name"] == component);
            ensure!(has == wanted, "{component} is {}in {metadata}", if has { "" } else { "not " });
            Ok(())
        })
    }

    fn stores(&self, component: &str) -> Result<()> {
        let url = format!("{}/v1.0/state/{component}", self.dapr);
        let stored = http::post(&url, &json!([{ "key": "a", "value": "b" }]))?;
        ensure!(stored.status == 204, "{stored:?}");
        let read = http::get(&format!("{url}/a"))?;
        ensure!(read.body == "b", "{read:?}");
        Ok(())
    }
}
