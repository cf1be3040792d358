//! When something cannot start, `up` ends soon, and the first thing on the screen is the cause.

use crate::support::{Result, Scenario, Value, ensure, http, run::Run, scenario, script, seconds};

#[test]
fn an_app_that_crashes_ends_up_at_once_with_its_traceback() {
    scenario("crash", |it| {
        let project = it.project();
        script::describe(&project, "print('reading the price list')\nimport price_list", "")?;
        let run = it.step("`up -d` fails", || project.sandbox(&["up", "-d"])?.exited_with(1))?;
        it.step("its last words and the cause are shown", || {
            run.says(&[
                "reading the price list",
                "`shop` ended with exit code 1: ModuleNotFoundError: No module named 'price_list'",
                "sandbox logs",
            ])
            .map(drop)
        })?;
        it.step("it did not wait for the limit", || run.within(seconds(20)).map(drop))?;
        it.step("`status` tells how it ended", || {
            let status = project.status()?;
            let app = status["containers"].as_array().into_iter().flatten().find(|one| one["name"] == "shop");
            ensure!(app.is_some_and(|app| app["exit_code"] == 1 && app["ready"] == false), "{status}");
            Ok(())
        })?;
        it.step("with --json the last line is the failure", || {
            let run = project.sandbox(&["up", "-d", "--json"])?.exited_with(1)?;
            let last: Value = serde_json::from_str(run.stdout.lines().last().unwrap_or_default())?;
            ensure!(last["schema"] == 1 && last["event"] == "failed" && last["code"] == "sandbox::up::ended", "{last}");
            ensure!(last["message"].as_str().is_some_and(|text| text.contains("price_list")), "{last}");
            Ok(())
        })?;
        it.step("mended, `up -d` makes it ready", || {
            script::write(&project, "shop", script::SERVE)?;
            project.up()
        })?;
        Ok(())
    });
}

#[test]
fn an_app_that_dies_later_is_told_and_the_others_go_on() {
    scenario("dies-later", |it| {
        let project = it.project();
        let program = "
import http.server
class Die(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == '/die':
            print('RuntimeError: out of tea', flush=True)
            os._exit(3)
        self.send_error(404)
http.server.ThreadingHTTPServer(('0.0.0.0', 8000), Die).serve_forever()
";
        script::describe(&project, program, "")?;
        let mut up = project.start(&["up"])?;
        it.step("it is ready", || up.says(&format!("{}: ready in", project.name), seconds(60)))?;
        let url = project.status()?["apps"][0]["url"].as_str().unwrap_or_default().to_owned();
        // It dies instead of answering.
        let _ = http::get(&format!("{url}/die"));
        it.step("its end, code and cause are told", || {
            up.says("shop exited (3): RuntimeError: out of tea", seconds(5))
        })?;
        it.step("`status` says degraded", || {
            let status = project.status()?;
            ensure!(status["state"] == "degraded", "{status}");
            Ok(())
        })?;
        it.step("`up -d` from elsewhere brings it back", || project.up())?;
        it.step("what it says then is shown too", || {
            let _ = http::get(&format!("{}/die", project.status()?["apps"][0]["url"].as_str().unwrap_or_default()));
            up.says("exited (3)", seconds(5))
        })
    });
}

const CALLS_FIRST: &str = r#"
import urllib.request
urllib.request.urlopen(os.environ["DAPR_HTTP_ENDPOINT"] + "/v1.0/metadata").read()
"#;
/// Keeps the sidecar from listening for a second: daprd opens its API when its components are there, and looks long for this one.
const NO_KAFKA: &str = r#"
apiVersion: dapr.io/v1alpha1
kind: Component
metadata:
  name: orders
spec:
  type: pubsub.kafka
  version: v1
  initTimeout: 5s
  metadata:
  - name: brokers
    value: "kafka.nowhere.invalid:9092"
  - name: authType
    value: "none"
"#;

#[test]
fn an_app_that_calls_its_sidecar_too_early_is_told_to_wait_for_it() {
    scenario("too-early", |it| {
        let project = it.project();
        let program = format!("{CALLS_FIRST}{}", script::SERVE);
        project.write("components/orders.yaml", NO_KAFKA)?;
        script::describe(&project, &program, "")?;
        let run = it.step("`up -d` fails", || project.sandbox(&["up", "-d"])?.exited_with(1))?;
        it.step("the cause and the setting that mends it are named", || {
            run.says(&["`shop` ended with exit code 1", "wait_for_sidecar = true"]).map(drop)
        })
    });
}

#[test]
fn an_app_that_waits_for_its_sidecar_may_call_it_while_it_starts() {
    scenario("waits", |it| {
        let project = it.project();
        let program = format!("{CALLS_FIRST}{}", script::SERVE);
        script::describe(&project, &program, "wait_for_sidecar = true")?;
        it.step("`up -d` succeeds", || project.up())?;
        it.step("the sidecar was there first", || {
            let (app, sidecar) = (project.container("shop")?, project.container("shop-dapr")?);
            ensure!(sidecar.started_at < app.started_at, "{} {}", sidecar.started_at, app.started_at);
            Ok(())
        })
    });
}

#[test]
fn an_app_and_a_sidecar_that_wait_for_each_other_are_recognised() {
    scenario("deadlock", |it| {
        let project = it.project();
        let program = r#"
import time, urllib.request
while True:
    try:
        urllib.request.urlopen(os.environ["DAPR_HTTP_ENDPOINT"] + "/v1.0/healthz")
        break
    except OSError:
        time.sleep(0.1)
"#;
        script::describe(&project, &format!("{program}{}", script::SERVE), "")?;
        let up = ["up", "-d", "--wait-timeout", "8s"];
        let run = it.step("`up -d` gives up at its limit", || project.sandbox(&up)?.exited_with(4))?;
        it.step("that each waits for the other is said", || {
            run.says(&["not ready after 8s", "port 8000", "each waits for the other", "/v1.0/healthz/outbound"])
                .map(drop)
        })?;
        it.step("it did not wait much longer", || run.within(seconds(14)).map(drop))
    });
}

#[test]
fn a_component_that_daprd_cannot_load_is_named_with_its_reason() {
    scenario("component", |it| {
        let project = it.project();
        project.write("components/orders.yaml", NO_KAFKA)?;
        script::describe(&project, script::SERVE, "")?;
        let run = it.step("`up -d` fails", || project.sandbox(&["up", "-d"])?.exited_with(1))?;
        it.step("component, type and daprd's reason are in the error", || {
            let error = error(&run)?;
            for word in ["`shop-dapr`", "orders", "pubsub.kafka"] {
                ensure!(error.contains(word), "`{word}` is not in: {error}");
            }
            Ok(())
        })?;
        it.step("it did not wait for the limit", || run.within(seconds(30)).map(drop))
    });
}

/// The line of the error.
fn error(run: &Run) -> Result<String> {
    let line = run.stderr.lines().find(|line| line.starts_with("error: "));
    ensure!(line.is_some(), "no error: {run}");
    Ok(line.unwrap_or_default().to_owned())
}

#[test]
fn an_image_that_is_not_there_stops_an_offline_up_before_it_creates_anything() {
    scenario("offline", |it| {
        let project = it.project();
        project.describe("[apps.shop]\nimage = \"sandbox-e2e/nowhere:1\"\n")?;
        let run = it.step("`up -d --offline` fails", || project.sandbox(&["up", "-d", "--offline"])?.exited_with(1))?;
        it.step("nothing was created", || project.has_nothing())?;
        it.step("image and app are named", || {
            run.says(&["`sandbox-e2e/nowhere:1`", "`shop`", "docker pull sandbox-e2e/nowhere:1"])?
                .within(seconds(3))?;
            Ok(())
        })
    });
}

#[test]
fn a_build_that_fails_shows_what_it_said() {
    scenario("build", |it| {
        let project = it.project();
        let dockerfile = "FROM python:3.13-slim\nRUN echo the cat sat on the keyboard && exit 7\n";
        project.write("app/Dockerfile", dockerfile)?;
        project.describe("[apps.shop]\nbuild = \"app\"\nport = 8000\nhost_port = 0\n")?;
        let run = it.step("`up -d` fails", || project.sandbox(&["up", "-d"])?.exited_with(1))?;
        it.step("the build's output and the failing step are shown", || {
            run.says(&["the cat sat on the keyboard", "exit 7"]).map(drop)
        })?;
        says_how_to_clean_up(it, &project)
    });
}

fn says_how_to_clean_up(it: &Scenario, project: &crate::support::Project) -> Result<()> {
    it.step("`down -v` leaves nothing of what had begun", || project.down_leaves_nothing().map(drop))
}
