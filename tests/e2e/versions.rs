//! Dapr 1.14.4 and 1.16.0 do the main job too, are changed without anybody noticing, and are followed by 1.18.2 in the same way.

use crate::support::{
    Context, Duration, Project, Result, Sample,
    dapr::{has, resiliency},
    engine, ensure,
    load::{Load, Mode, Series, Work},
    sample::{self, Reminders},
    say, scenario, scenario_alone, seconds,
    traffic::Traffic,
};
use sandbox::dapr::versions::{DaprVersion, Feature};
use std::{collections::BTreeSet, fs};

const NEWEST: &str = "1.18.2";

const SERIES: [Series<'static>; 5] = [
    Series { name: "one", rate: 100, ..BASE },
    Series { name: "new", mode: Mode::New, rate: 30, through: "billing", ..BASE },
    Series { name: "sample", mode: Mode::Sample, rate: 30, through: "billing", ..BASE },
    Series { name: "call", rate: 20, through: "billing", work: Work::Call("orders"), ..BASE },
    Series { name: "back", rate: 20, work: Work::Call("billing"), ..BASE },
];
const BASE: Series<'static> =
    Series { name: "", mode: Mode::One, rate: 200, count: None, through: "orders", work: Work::Publish("orders") };

#[test]
fn dapr_1_14_does_the_main_job() {
    does_the_main_job("old-1-14", "1.14.4");
}

#[test]
fn dapr_1_16_does_the_main_job() {
    does_the_main_job("old-1-16", "1.16.0");
}

#[test]
fn dapr_1_14_is_changed_under_load_and_nothing_is_lost() {
    is_changed_under_load("old-load-1-14", "1.14.4");
}

#[test]
fn dapr_1_16_is_changed_under_load_and_nothing_is_lost() {
    is_changed_under_load("old-load-1-16", "1.16.0");
}

/// A message, a row and a job, with every flag that sandbox ever gives; then a change, and then another Dapr.
fn does_the_main_job(short_name: &'static str, version: &str) {
    scenario(short_name, |it| {
        let project = it.project();
        sample::copy(&project, "components")?;
        project.write("dapr/config.yaml", CONFIGURATION)?;
        describe(&project, version)?;
        let run = it.step("`up -d` succeeds", || project.up())?;
        it.step("everything of Dapr is of that version", || is_of(&project, version))?;
        it.step("what a job cannot have is said, with the line", || {
            let says = run.stderr.contains("`overwrite` and `failurePolicy` of a job, since 1.16.0");
            ensure!(says == (version == "1.14.4"), "{run}");
            Ok(())
        })?;
        it.step("each flag is one that the binary knows", || knows_its_flags(&project))?;
        let reminders = Reminders::of(&project)?;
        it.step("a reminder is stored, fired and delivered", || reminders.deliver("tea").map(drop))?;
        it.step("it is a row in Postgres", || {
            let database = project.container("postgres")?.id;
            let count = ["psql", "-U", "sandbox", "-At", "-c", "SELECT count(*) FROM reminders_state"];
            ensure!(engine::exec(&database, &count)? != "0");
            Ok(())
        })?;
        it.step("a second `up -d` has nothing to change", || project.up()?.says(&["nothing to change"]).map(drop))?;

        let before = project.containers()?;
        it.step("a changed component is live, by hand-over", || {
            let pubsub = fs::read_to_string(project.path("components/pubsub.yaml"))?;
            project.write("components/pubsub.yaml", &pubsub.replace("value: \"reminders\"", "value: \"others\""))?;
            let run = project.sandbox(&["reload"])?.succeeded()?;
            run.says(&["reloaded reminders-dapr by hand-over", "pubsub changed"]).map(drop)
        })?;
        it.step("nothing but the sidecar was touched", || changed_only(&project, &before, &["reminders-dapr"]))?;
        it.step("a reminder is delivered", || reminders.deliver("coffee").map(drop))?;

        let early = it.step("a reminder is on its way", || reminders.remind("later", 12.0))?;
        let before = project.containers()?;
        describe(&project, NEWEST)?;
        it.step("`up -d` with another version hands the sidecar over", || {
            let run = project.up()?;
            let loses_jobs = run.stderr.contains("warning: jobs that are scheduled already will not fire");
            ensure!(loses_jobs == (version == "1.14.4"), "{run}");
            let image = format!("daprio/daprd:{version} → daprio/daprd:{NEWEST}");
            run.says(&["reloaded reminders-dapr by hand-over", &image]).map(drop)
        })?;
        it.step("everything of Dapr is of the new version", || is_of(&project, NEWEST))?;
        it.step("app and store were not touched", || {
            changed_only(&project, &before, &["placement", "reminders-dapr", "scheduler"])
        })?;
        if version != "1.14.4" {
            it.step("what the older scheduler was told is delivered", || reminders.is_delivered(&early, seconds(30)))?;
        }
        it.step("a new reminder too", || reminders.deliver("water").map(drop))
    });
}

/// Two apps that publish and call each other through every change.
fn is_changed_under_load(short_name: &'static str, version: &str) {
    scenario_alone(short_name, |it| {
        let project = it.project();
        resiliency(&project, "8s")?;
        describe_load(&project, version)?;
        it.step("`up -d` succeeds", || project.up())?;
        let traffic = it.step("numbers and calls go", || Traffic::start(&project, &SERIES))?;
        let traffic = if version == "1.14.4" { traffic.through_dapr_1_14() } else { traffic };
        traffic.during(it, "a change is live, by hand-over", || {
            resiliency(&project, "9s")?;
            let run = project.sandbox(&["reload"])?.succeeded()?;
            run.says(&["by hand-over", "Resiliency calls changed"])?;
            has(&project, &["billing", "orders"], "9s")
        })?;
        traffic.during(it, "a restarted sidecar is a fresh one", || {
            project.sandbox(&["restart", "orders-dapr"])?.succeeded()
        })?;
        traffic.during(it, "a sidecar that cannot start leaves the old one, and calls to it, as they were", || {
            refuses_another(&project)
        })?;
        let before = project.containers()?;
        traffic.during(it, "another version of Dapr takes over, side by side", || {
            describe_load(&project, NEWEST)?;
            project.up()?.says(&["by hand-over", &format!("daprio/daprd:{NEWEST}")]).map(drop)
        })?;
        it.step("all of Dapr is new, and nothing else is", || {
            is_of(&project, NEWEST)?;
            changed_only(&project, &before, &["billing-dapr", "orders-dapr", "scheduler"])
        })?;
        it.step("no call took long", || no_call_took_long(&traffic))?;
        traffic.end(it, "orders")
    });
}

/// daprd ends by itself of a component that it cannot initialise, and takes itself out of the register as it does.
fn refuses_another(project: &Project) -> Result<()> {
    let metadata = "{name: redisHost, value: 'nowhere:6379'}, {name: redisMaxRetries, value: '0'}";
    let component =
        crate::support::dapr::Component { name: "cache", kind: "state.redis", metadata, further: "scopes: [orders]" };
    component.write(project, "cache.yaml")?;
    let run = project.sandbox(&["reload"])?.exited_with(1)?;
    run.says(&["refused components/cache.yaml:4: ", "cache"])?;
    let run = project.sandbox(&["up", "-d"])?.exited_with(1)?;
    run.says(&["orders-dapr: what was to take over is gone, and what ran before goes on"])?;
    Ok(fs::remove_file(project.path("components/cache.yaml"))?)
}

/// A call that meets nobody is tried again after a second, and again: that is what must not happen.
fn no_call_took_long(traffic: &Traffic<'_>) -> Result<()> {
    for (name, report) in traffic.reports()? {
        say(format_args!("    {name}: p99 {:.0} ms, slowest {:.0} ms", report.p99_ms, report.slowest_ms));
        ensure!(report.slowest_ms < CALL.as_millis() as f64, "`{name}` took {:.0} ms once", report.slowest_ms);
    }
    Ok(())
}

const CALL: Duration = seconds(4);

const CONFIGURATION: &str = "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: config\nspec:\n  api:\n    \
     denied: []\n";

fn describe(project: &Project, version: &str) -> Result<()> {
    let app = format!(
        "host_port = 0\ndapr = {{ log_level = \"info\", api_logging = true }}\n[dapr]\nversion = \"{version}\"\n\
         config = \"dapr/config.yaml\"\nscheduler = true\nplacement = true\n"
    );
    Sample { store: "postgres", components: "components", app: &app, ..Sample::default() }.describe(project)
}

fn describe_load(project: &Project, version: &str) -> Result<()> {
    let further = format!(
        "[dapr]\nversion = \"{version}\"\n[apps.billing]\nimage = \"{image}\"\ncommand = [\"serve\", \"subscriber\"]\nport = \
         8000\nhost_port = 0\nhealth = \"/healthz\"\nenv = {{ TOPICS = \"\" }}\n",
        image = engine::LOAD
    );
    Load { further: &further, ..Load::default() }.describe(project)
}

/// Every image of Dapr's own.
fn is_of(project: &Project, version: &str) -> Result<()> {
    let images = project.containers()?.into_iter().map(|one| one.image).filter(|image| image.starts_with("daprio/"));
    let images: BTreeSet<_> = images.collect();
    let is_of_it = images.iter().all(|image| image.ends_with(&format!(":{version}")));
    ensure!(is_of_it && images.len() > 1, "{images:?}");
    Ok(())
}

fn changed_only(project: &Project, before: &[engine::Container], short_names: &[&str]) -> Result<()> {
    let changed = engine::changed(before, &project.containers()?)?;
    ensure!(changed == short_names, "changed: {changed:?}");
    Ok(())
}

/// What `--help` of each binary lists has all that the running container was given.
fn knows_its_flags(project: &Project) -> Result<()> {
    let mut checked = 0;
    for container in project.containers()?.iter().filter(|one| one.image.starts_with("daprio/")) {
        let words = engine::docker(&["inspect", "--format", "{{json .Config.Cmd}}", &container.id])?;
        let words: Vec<String> = serde_json::from_str(&words)?;
        let known = flags(&container.image, words.first().context("a binary")?)?;
        for flag in words.iter().filter(|word| word.starts_with("--")) {
            let name = flag.split('=').next().unwrap_or_default();
            ensure!(known.contains(name), "{} does not know `{name}`: {known:?}", container.image);
            checked += 1;
        }
    }
    say(format_args!("    {checked} flags"));
    ensure!(checked > 15, "{checked} flags are too few to be all");
    Ok(())
}

/// The flags that a binary lists.
fn flags(image: &str, binary: &str) -> Result<BTreeSet<String>> {
    let help = engine::help(image, binary)?;
    let words = help.lines().filter_map(|line| line.split_whitespace().next()).filter(|word| word.starts_with("--"));
    let flags: BTreeSet<_> = words.map(str::to_owned).collect();
    ensure!(flags.len() > 10, "{image} lists too little: {help}");
    Ok(flags)
}

/// The table of flags against the binaries themselves.
#[test]
fn the_table_of_flags_is_what_the_binaries_say() {
    scenario("flags", |it| {
        let newest = it.step("the newest lists its flags", || flags("daprio/daprd:1.18.2", "/daprd"))?;
        for version in ["1.14.4", "1.16.0", NEWEST] {
            let image = format!("daprio/daprd:{version}");
            it.step(&format!("{version} has those that the table says it has"), || {
                let (has, version) = (flags(&image, "/daprd")?, DaprVersion::of(version));
                for flag in &newest {
                    let feature = Feature::flag(flag.trim_start_matches("--"));
                    let should = feature.is_none_or(|feature| version.has(feature));
                    ensure!(has.contains(flag) == should, "{version} and `{flag}`: the table says {should}");
                }
                Ok(())
            })?;
        }
        Ok(())
    });
}
