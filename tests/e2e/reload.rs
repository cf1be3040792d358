//! An edit is live without anybody noticing, or refused with nothing changed.

use crate::support::{
    Context, Duration, Project, Result, Value,
    dapr::{Component, answers, api, has, has_stores, resiliency, resiliency_text},
    engine, ensure, eventually, http, json,
    load::{Load, Mode, Series, Work},
    say, scenario_alone, seconds,
    traffic::Traffic,
    watched::{Told, Watched},
};
use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// What an edit may take until it is live: two cores carry the load too.
const LIVE: Duration = seconds(30);
/// Changes of a file, 100 ms apart.
const FLAPS: u32 = 100;
const CACHE: &str = "components/cache.yaml";

/// Through the sidecar whose host ports are any, and through the one whose host ports stay, which takes a bridge.
const SERIES: [Series<'static>; 5] = [
    Series { name: "one", mode: Mode::One, rate: 200, ..BASE },
    Series { name: "new", mode: Mode::New, rate: 100, through: "billing", ..BASE },
    Series { name: "sample", mode: Mode::Sample, rate: 50, through: "billing", ..BASE },
    Series { name: "call", rate: 20, through: "billing", work: Work::Call("orders"), ..BASE },
    Series { name: "back", rate: 20, work: Work::Call("billing"), ..BASE },
];
const BASE: Series<'static> =
    Series { name: "", mode: Mode::One, rate: 200, count: None, through: "orders", work: Work::Publish("orders") };

#[test]
fn edits_are_live_under_load_and_nothing_is_lost() {
    scenario_alone("reload-load", |it| {
        let project = it.project();
        describe(&project, "one")?;
        let mut up = it.step("`up` is ready", || Watched::start(&project, &["--no-logs"]))?;
        let traffic = it.step("numbers go", || Traffic::start(&project, &SERIES))?;

        it.step("4 KiB are too much at first", || publishes(&project, 4096, false))?;
        let told = traffic
            .during(it, "a Kafka setting is live", || up.edit("reloaded", LIVE, || pubsub(&project, "1048576")))?;
        is_live(&told, &["billing-dapr", "orders-dapr"], "metadata.maxMessageBytes 2048 → 1048576")?;
        ensure!(told.event["how"] == "hand-over", "{}", told.text());
        it.step("4 KiB are taken", || publishes(&project, 4096, true))?;

        let told = traffic.during(it, "another type of a component is live", || {
            up.edit("reloaded", LIVE, || cache(&project, "cache", REDIS))
        })?;
        is_live(&told, &["orders-dapr"], "type state.in-memory → state.redis")?;
        it.step("it is loaded", || has_stores(&project, "orders", &[("cache", "state.redis")]))?;

        let before = project.containers()?;
        let told = traffic.during(it, "a host that is not there is refused", || {
            up.edit("refused", seconds(10), || cache(&project, "cache", &REDIS.replace("redis:6379", "nowhere:6379")))
        })?;
        is_refused(&told, CACHE, Some(4), "nowhere")?;
        it.step("`status` shows it", || status_says(&project, "nowhere:6379: "))?;
        let told = traffic.during(it, "broken YAML is refused", || {
            up.edit("refused", seconds(10), || project.write(CACHE, "kind: Component\nmetadata: {name: [\n"))
        })?;
        is_refused(&told, CACHE, Some(2), "no YAML")?;
        it.step("`status` shows it", || status_says(&project, "no YAML"))?;
        let told = traffic.during(it, "a name in two files is refused", || {
            cache(&project, "cache", REDIS)?;
            up.edit("refused", seconds(10), || {
                let text = fs::read_to_string(project.path(CACHE))?;
                project.write("components/other.yaml", &text)
            })
        })?;
        is_refused(&told, "components/other.yaml", Some(4), "cache")?;
        it.step("mended, nothing is refused any more and nothing was replaced", || {
            fs::remove_file(project.path("components/other.yaml"))?;
            up.is_mended(&project, &before)
        })?;

        let told = traffic.during(it, "a deleted file is live", || {
            up.edit("reloaded", LIVE, || Ok(fs::remove_file(project.path(CACHE))?))
        })?;
        is_live(&told, &["orders-dapr"], "removed")?;
        it.step("it is not loaded", || has_stores(&project, "orders", &[]))?;
        let told = traffic
            .during(it, "a restored file is live", || up.edit("reloaded", LIVE, || cache(&project, "cache", REDIS)))?;
        is_live(&told, &["orders-dapr"], "added")?;
        let told = traffic
            .during(it, "another name is live", || up.edit("reloaded", LIVE, || cache(&project, "store", REDIS)))?;
        is_live(&told, &["orders-dapr"], "removed")?;
        it.step("the new name is loaded alone", || has_stores(&project, "orders", &[("store", "state.redis")]))?;

        let told =
            traffic.during(it, "Resiliency is live", || up.edit("reloaded", LIVE, || resiliency(&project, "9s")))?;
        is_live(&told, &["billing-dapr", "orders-dapr"], "Resiliency")?;
        it.step("the sidecars have it", || has(&project, &["billing", "orders"], "9s"))?;
        it.step("the state API answers", || answers(&project, "orders", "state/store/none", 204))?;
        let told = traffic.during(it, "the Configuration is live", || {
            up.edit("reloaded", LIVE, || {
                configuration(&project, "denied: [{name: state, version: v1.0, protocol: http}]")
            })
        })?;
        is_live(&told, &["billing-dapr", "orders-dapr"], "Configuration")?;
        it.step("the state API is denied", || answers(&project, "orders", "state/store/none", 404))?;

        it.step("a secret is the first", || secret(&project, "one"))?;
        let told = traffic.during(it, "another secret in sandbox.toml is named, with the command", || {
            up.edit("notice", seconds(10), || describe_toml(&project, "two"))
        })?;
        ensure!(told.text().contains("billing-dapr") && told.text().contains("sandbox up -d"), "{}", told.text());
        traffic.during(it, "`reload` makes it live", || project.sandbox(&["reload"])?.succeeded())?;
        it.step("a secret is the second", || secret(&project, "two"))?;

        traffic.end(it, "orders")?;
        it.step("nothing else was told", || up.is_silent())?;
        it.step("Ctrl-C ends it", || up.end())
    });
}

#[test]
fn what_changes_all_the_time_starves_nothing() {
    scenario_alone("reload-flap", |it| {
        let project = it.project();
        resiliency(&project, "0s")?;
        // What was in hand when a sidecar ended comes again soon, and not after a minute.
        let metadata = "{name: processingTimeout, value: 5s}, {name: redeliverInterval, value: 1s}";
        Component { name: "pubsub", kind: "pubsub.redis", metadata, ..NOTHING }.write(&project, "pubsub.yaml")?;
        Load { broker: "redis", ..Load::default() }.describe(&project)?;
        let up = it.step("`up` is ready", || Watched::start(&project, &["--no-logs"]))?;
        let series = [Series { name: "one", ..BASE }, Series { name: "sample", mode: Mode::Sample, rate: 50, ..BASE }];
        let traffic = it.step("numbers go", || Traffic::start(&project, &series))?;
        traffic.during(
            it,
            "a file changes every 100 ms for 10 s, sometimes to rubbish, and another one is live meanwhile",
            || {
                let path = project.path("components/resiliency.yaml");
                let is_flapping = AtomicBool::new(true);
                thread::scope(|scope| {
                    let flapping = scope.spawn(|| {
                        let flapped = (1..=FLAPS).try_for_each(|number| {
                            thread::sleep(Duration::from_millis(100));
                            let is_rubbish = number % 10 == 5;
                            fs::write(
                                &path,
                                if is_rubbish { "kind: [".to_owned() } else { resiliency_text(&format!("{number}s")) },
                            )
                        });
                        is_flapping.store(false, Ordering::Relaxed);
                        flapped
                    });
                    cache(&project, "cache", IN_MEMORY)?;
                    eventually(seconds(10), || has_stores(&project, "orders", &[("cache", "state.in-memory")]))?;
                    ensure!(is_flapping.load(Ordering::Relaxed), "the other one was live only afterwards");
                    Ok(flapping.join().expect("it does not panic")?)
                })
            },
        )?;
        traffic.during(it, "its last state is live", || {
            eventually(seconds(40), || {
                let last = up.all()?.into_iter().rfind(|event| event["event"] == "reloaded").context("none")?;
                ensure!(last.to_string().contains(&format!("\"after\":\"{FLAPS}s\"")), "{last}");
                Ok(())
            })?;
            has(&project, &["orders"], &format!("{FLAPS}s"))
        })?;
        it.step("each state was told once, and the last word is no refusal", || {
            let told = up.all()?;
            say(format_args!("    {} reloads and refusals", told.len()));
            ensure!(told.last().context("some")?["event"] == "reloaded", "{told:#?}");
            Ok(())
        })?;
        traffic.end(it, "orders")?;
        it.step("Ctrl-C ends it", || up.end())
    });
}

fn status_says(project: &Project, text: &str) -> Result<()> {
    let run = project.sandbox(&["status"])?.succeeded()?;
    ensure!(run.stdout.contains(text) || run.stderr.contains(text), "{run}");
    Ok(())
}

fn is_live(told: &Told, sidecars: &[&str], change: &str) -> Result<()> {
    say(format_args!("    live after {} ms: {}", told.after_ms, told.text()));
    let mut found = told.sidecars();
    found.sort_unstable();
    ensure!(found == sidecars, "{}", told.text());
    let shown = told.event["changes"].as_array().context("changes")?.iter().map(Value::to_string);
    let shown = shown.collect::<String>();
    for word in change.split(' ').filter(|word| *word != "→") {
        ensure!(shown.contains(word.trim_start_matches("metadata.")), "`{word}` is not in {shown}");
    }
    Ok(())
}

fn is_refused(told: &Told, file: &str, line: Option<u64>, reason: &str) -> Result<()> {
    say(format_args!("    refused after {} ms: {}", told.after_ms, told.text()));
    let problem = &told.event["problems"][0];
    ensure!(problem["file"] == file && problem["line"].as_u64() == line, "{}", told.text());
    ensure!(problem["reason"].as_str().context("a reason")?.contains(reason), "{}", told.text());
    ensure!(told.event["serving_since"].is_string(), "{}", told.text());
    Ok(())
}

/// `billing` is the first app: its sidecar has the usual host ports where they are free.
fn describe(project: &Project, secret: &str) -> Result<()> {
    pubsub(project, "2048")?;
    cache(project, "cache", IN_MEMORY)?;
    resiliency(project, "8s")?;
    configuration(project, "denied: []")?;
    Component { name: "env", kind: "secretstores.local.env", ..NOTHING }.write(project, "env.yaml")?;
    describe_toml(project, secret)
}

fn describe_toml(project: &Project, secret: &str) -> Result<()> {
    let further = format!(
        r#"
[state]
kind = "redis"
component = "statestore"
[dapr]
config = "dapr/config.yaml"
[apps.billing]
image = "{image}"
command = ["serve", "subscriber"]
port = 8000
host_port = 0
health = "/healthz"
env = {{ TOPICS = "" }}
dapr = {{ env = {{ GREETING = "{secret}" }} }}
"#,
        image = engine::LOAD
    );
    Load { further: &further, environment: "BULK = \"1\"", ..Load::default() }.describe(project)
}

const NOTHING: Component<'static> = Component { name: "", kind: "", metadata: "", further: "" };
const IN_MEMORY: &str = "state.in-memory";
const REDIS: &str = "state.redis\n{name: redisHost, value: 'redis:6379'}, {name: redisMaxRetries, value: '0'}";

/// The store that only `orders` has: its type, then its metadata.
fn cache(project: &Project, name: &str, kind: &str) -> Result<()> {
    let (kind, metadata) = kind.split_once('\n').unwrap_or((kind, ""));
    Component { name, kind, metadata, further: "scopes: [orders]" }.write(project, "cache.yaml")
}

fn pubsub(project: &Project, most: &str) -> Result<()> {
    let metadata = format!(
        "{{name: brokers, value: 'kafka.example.com:9093'}}, {{name: authType, value: none}}, {{name: maxMessageBytes, value: \
         '{most}'}}"
    );
    Component { name: "pubsub", kind: "pubsub.kafka", metadata: &metadata, ..NOTHING }.write(project, "pubsub.yaml")
}

fn configuration(project: &Project, api: &str) -> Result<()> {
    project.write(
        "dapr/config.yaml",
        &format!(
            "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: config\nspec:\n  api:\n    {api}\n"
        ),
    )
}

/// So many bytes are taken, or are not.
fn publishes(project: &Project, bytes: usize, is_taken: bool) -> Result<()> {
    for app in ["billing", "orders"] {
        let answer = http::post(&api(project, app, "publish/pubsub/large")?, &json!("x".repeat(bytes)))?;
        ensure!((answer.status == 204) == is_taken, "{app}: {answer:?}");
    }
    Ok(())
}

fn secret(project: &Project, value: &str) -> Result<()> {
    let answer = http::get(&api(project, "billing", "secrets/env/GREETING")?)?;
    ensure!(answer.body["GREETING"] == value, "{answer:?}");
    Ok(())
}
