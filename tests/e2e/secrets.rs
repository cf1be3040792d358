//! Secrets reach components and apps as in a cluster, changed ones too, and nobody else.

use crate::support::{
    Duration, Project, Result, Value,
    dapr::{Component, api},
    engine, ensure, http, json,
    load::{Load, Mode, Series, Work},
    say, scenario_alone, seconds,
    traffic::Traffic,
    watched::{Told, Watched},
};
use std::{fs, os::unix::fs::PermissionsExt};

/// What an edit may take until it is live: two cores carry the load too.
const LIVE: Duration = seconds(30);
const REDIS: &str = "secrets/redis.yaml";
const CACHE: &str = "components/cache.yaml";
/// Passwords that the locked Redis takes, one that it does not, and other values; nobody is to see any of them.
const FIRST: &str = "first-Zu4hohx7";
const SECOND: &str = "second-aiQu3ohb";
const WRONG: &str = "wrong-Ohgh5fei";
const TOKEN: &str = "token-eiN7phoo";
const LATER: &str = "later-Fah6quie";
const VALUES: [&str; 5] = [FIRST, SECOND, WRONG, TOKEN, LATER];
/// The first and the second one, as base64.
const ENCODED: [&str; 2] = ["Zmlyc3QtWnU0aG9oeDc=", "c2Vjb25kLWFpUXUzb2hi"];

const SERIES: [Series<'static>; 2] = [
    Series { name: "one", mode: Mode::One, rate: 200, count: None, through: "orders", work: Work::Publish("orders") },
    Series {
        name: "sample",
        mode: Mode::Sample,
        rate: 50,
        count: None,
        through: "orders",
        work: Work::Publish("orders"),
    },
];

#[test]
fn secrets_resolve_and_changed_ones_are_live_without_anybody_noticing() {
    scenario_alone("secrets", |it| {
        let project = it.project();
        describe(&project)?;
        let mut outputs = Vec::new();
        it.step("a key that is not there is refused before anything starts", || {
            cache(&project, "pasword")?;
            for arguments in [&["up", "-d"][..], &["check"], &["plan"]] {
                let run = project.sandbox(arguments)?.exited_with(2)?;
                run.says(&[CACHE, "`pasword` of the secret `redis`", "`password`, `user`", "secrets/redis.yaml:4"])?;
                outputs.push(run.to_string());
            }
            project.has_nothing()
        })?;
        cache(&project, "password")?;
        let mut up = it.step("`up` is ready", || Watched::start(&project, &[]))?;
        it.step("the API has a cluster's shape, under every store's name", || {
            is_served(&project, "kubernetes", "redis", &json!({"password": FIRST, "user": "default"}))?;
            is_served(&project, "vault", "redis", &json!({"password": FIRST, "user": "default"}))?;
            is_served(&project, "kubernetes", "TOKEN", &json!({ "TOKEN": TOKEN }))?;
            let all = http::get(&api(&project, "orders", "secrets/kubernetes/bulk")?)?.body;
            ensure!(all["redis"]["user"] == "default" && all["TOKEN"]["TOKEN"] == TOKEN, "{all}");
            Ok(())
        })?;
        it.step("a component with a secret works", || stores(&project, "one"))?;

        let traffic = it.step("numbers go", || Traffic::start(&project, &SERIES))?;
        let told =
            traffic.during(it, "a changed secret is live", || up.edit("reloaded", LIVE, || redis(&project, SECOND)))?;
        is_live(&told, "redis", "password")?;
        it.step("it is served, and the component works with it", || {
            is_served(&project, "kubernetes", "redis", &json!({"password": SECOND, "user": "default"}))?;
            stores(&project, "two")
        })?;
        let before = project.containers()?;
        let told = traffic.during(it, "a key that went is refused", || {
            up.edit("refused", seconds(10), || project.write(REDIS, &secret("user: default")))
        })?;
        is_refused(&told, CACHE, "`password` of the secret `redis`, which has `user`")?;
        let told = traffic.during(it, "a password that the server does not take is refused", || {
            up.edit("refused", LIVE, || redis(&project, WRONG))
        })?;
        is_refused(&told, CACHE, "WRONGPASS")?;
        let told = traffic.during(it, "a file that went is refused", || {
            up.edit("refused", LIVE, || Ok(fs::remove_file(project.path(REDIS))?))
        })?;
        is_refused(&told, CACHE, "the secret `redis`")?;
        it.step("the old sidecar serves as before, and `status` tells why", || {
            engine::same(&before, &project.containers()?)?;
            is_served(&project, "kubernetes", "redis", &json!({"password": SECOND, "user": "default"}))?;
            stores(&project, "three")?;
            let run = project.sandbox(&["status"])?.succeeded()?;
            ensure!(format!("{run}").contains("the secret `redis`"), "{run}");
            outputs.push(run.to_string());
            Ok(())
        })?;
        it.step("it comes back as it was, and nothing is refused any more", || {
            redis(&project, SECOND)?;
            up.is_mended(&project, &before)
        })?;
        let told = traffic.during(it, "a file that comes is live", || {
            let text = format!("kind: Secret\nmetadata: {{name: mail}}\nstringData: {{password: {LATER}}}\n");
            up.edit("reloaded", LIVE, || project.write("secrets/mail.yaml", &text))
        })?;
        is_live(&told, "mail", "added")?;
        it.step("it is served", || is_served(&project, "kubernetes", "mail", &json!({ "password": LATER })))?;
        traffic.end(it, "orders")?;

        it.step("other commands are run", || {
            for arguments in [
                &["--verbose", "up", "-d"][..],
                &["reload"],
                &["status", "--json"],
                &["check", "--rendered"],
                &["plan"],
                &["logs"],
                &["logs", "--raw", "--json"],
                &["restart", "orders-dapr"],
            ] {
                outputs.push(project.sandbox(arguments)?.succeeded()?.to_string());
            }
            Ok(())
        })?;
        it.step("a rendered reference is still one", || {
            let run = project.sandbox(&["check", "--rendered"])?.succeeded()?;
            ensure!(run.stdout.contains("secretKeyRef:") && run.stdout.contains("secretstores.local.file"), "{run}");
            Ok(())
        })?;
        it.step("no value is in any output", || {
            outputs.extend(up.events()?.iter().map(Value::to_string));
            outputs.push(up.said());
            say(format_args!(
                "    {} outputs, {} bytes",
                outputs.len(),
                outputs.iter().map(String::len).sum::<usize>()
            ));
            outputs.iter().try_for_each(|output| has_no_value(output))
        })?;
        it.step("no value is in a label, an environment or anything else that the engine tells", || {
            for container in project.containers()? {
                has_no_value(&engine::docker(&["inspect", &container.id])?)?;
            }
            has_no_value(&engine::docker(&["network", "inspect", &project.name])?)
        })?;
        it.step("only the user can enter the folder that has them", || {
            let mode = fs::metadata(project.path(".sandbox"))?.permissions().mode();
            ensure!(mode & 0o777 == 0o700, "{mode:o}");
            let left: Vec<_> = fs::read_dir(project.path(".sandbox/secrets/orders-1"))?.collect();
            ensure!(left.len() == 1, "old secrets are still there: {left:?}");
            Ok(())
        })?;
        it.step("Ctrl-C ends it", || up.end())?;
        it.step("`down` removes the values", || {
            project.down_leaves_nothing()?;
            ensure!(!project.path(".sandbox/secrets").exists(), "they are still there");
            Ok(())
        })
    });
}

fn has_no_value(text: &str) -> Result<()> {
    for value in VALUES.iter().chain(&ENCODED) {
        ensure!(!text.contains(value), "`{value}` is in {text}");
    }
    Ok(())
}

fn is_served(project: &Project, store: &str, name: &str, wanted: &Value) -> Result<()> {
    let answer = http::get(&api(project, "orders", &format!("secrets/{store}/{name}"))?)?;
    ensure!(answer.status == 200 && answer.body == *wanted, "{answer:?}");
    Ok(())
}

/// The store behind the password keeps a row.
fn stores(project: &Project, value: &str) -> Result<()> {
    let answer = http::post(&api(project, "orders", "state/cache")?, &json!([{"key": "a", "value": value}]))?;
    ensure!(answer.status == 204, "{answer:?}");
    let answer = http::get(&api(project, "orders", "state/cache/a")?)?;
    ensure!(answer.body == value, "{answer:?}");
    Ok(())
}

fn is_live(told: &Told, secret: &str, change: &str) -> Result<()> {
    say(format_args!("    live after {} ms: {}", told.after_ms, told.text()));
    ensure!(told.sidecars() == ["orders-dapr"] && told.event["how"] == "hand-over", "{}", told.text());
    let shown = told.event["changes"][0].to_string();
    ensure!(shown.contains("\"Secret\"") && shown.contains(secret) && shown.contains(change), "{}", told.text());
    Ok(())
}

fn is_refused(told: &Told, file: &str, reason: &str) -> Result<()> {
    say(format_args!("    refused after {} ms: {}", told.after_ms, told.text()));
    let problem = &told.event["problems"][0];
    ensure!(problem["file"] == file && problem["line"].as_u64().is_some(), "{}", told.text());
    ensure!(problem["reason"].as_str().is_some_and(|found| found.contains(reason)), "{}", told.text());
    ensure!(told.event["serving_since"].is_string(), "{}", told.text());
    Ok(())
}

/// A Redis that wants a password, which is nowhere but in files; and a second store of secrets.
fn describe(project: &Project) -> Result<()> {
    let rule = format!("user default on >{FIRST} >{SECOND} ~* &* +@all\nprotected-mode no\nsave \"\"\n");
    project.write("locked/redis.conf", &rule)?;
    redis(project, FIRST)?;
    project.write(".env", &format!("# of the app\nTOKEN='{TOKEN}'\n"))?;
    let metadata = "{name: url, value: 'http://localhost:8000'}, {name: securityToken, envRef: TOKEN}, \
                    {name: securityTokenHeader, value: x-token}";
    Component { name: "crm", kind: "bindings.http", metadata, further: "" }.write(project, "crm.yaml")?;
    let metadata = "{name: url, secretKeyRef: {name: TOKEN}}";
    Component { name: "other", kind: "bindings.http", metadata, further: "auth: {secretStore: vault}" }
        .write(project, "other.yaml")?;
    let further = r#"
[secrets]
files = ["secrets/*.yaml", ".env"]
[components.override.cache]
redisHost = "locked:6379"
[containers.locked]
image = "redis:8.0"
command = ["redis-server", "/locked/redis.conf"]
volumes = ["./locked:/locked:ro"]
"#;
    Load { environment: "BULK = \"1\"", further, ..Load::default() }.describe(project)
}

/// What it wants of the secret `redis` is in line 9.
fn cache(project: &Project, key: &str) -> Result<()> {
    let metadata = format!(
        "{{name: redisHost, value: 'cache.example.com:6379'}}, {{name: redisMaxRetries, value: '0'}}, {{name: redisPassword, \
         secretKeyRef: {{name: redis, key: {key}}}}}"
    );
    Component { name: "cache", kind: "state.redis", metadata: &metadata, further: "" }.write(project, "cache.yaml")
}

fn redis(project: &Project, password: &str) -> Result<()> {
    project.write(REDIS, &secret(&format!("user: default, password: {password}")))
}

fn secret(data: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: redis\n  namespace: shop\nstringData: {{{data}}}\n")
}
