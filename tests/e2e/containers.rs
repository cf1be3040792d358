//! `[containers.*]`, dependencies, and apps that call each other.

use crate::support::{
    Context, Project, Result, engine, ensure, eventually, http,
    run::{Run, Running},
    scenario, script, seconds,
};
use std::process::Command;

#[test]
fn containers_start_in_the_order_of_their_dependencies() {
    scenario("order", |it| {
        let project = it.project();
        script::write(&project, "shop", script::SERVE)?;
        script::write(&project, "stock", GATED)?;
        std::fs::create_dir(project.path("gates"))?;
        let gated = ["migrate", "web", "worker"];
        for gate in gated {
            let mut mkfifo = Command::new("mkfifo");
            mkfifo.arg(project.path(&format!("gates/{gate}")));
            Run::of(mkfifo)?.succeeded()?;
        }
        project.describe(&format!(
            r#"
[containers.migrate]
image = "redis:8.0"
command = ["sh", "-c", "cat /gates/migrate; echo 42 > /data/answer"]
volumes = ["./gates:/gates:ro", "answers:/data"]
ready = "exited"
[containers.web]
image = "python:3.13-slim"
command = ["python", "-u", "/srv/stock.py"]
volumes = ["./gates:/gates:ro", "./stock.py:/srv/stock.py:ro", "answers:/data:ro"]
depends_on = ["migrate"]
ports = ["0:8000"]
ready = {{ http = "/data/answer", port = 8000 }}
[containers.worker]
image = "redis:8.0"
command = ["sh", "-c", "trap 'exit 0' TERM; cat /gates/worker; echo warm and willing; while :; do sleep 0.1; done"]
volumes = ["./gates:/gates:ro"]
depends_on = ["web"]
ready = {{ log = "warm and willing" }}
{}"#,
            script::table("shop", "depends_on = [\"worker\"]")
        ))?;
        let up = project.start(&["up", "-d"])?;
        let mut opened = Vec::new();
        for gate in gated {
            it.step(&format!("`{gate}` has started, and is let go on"), || {
                eventually(seconds(20), || {
                    ensure!(project.container(gate)?.is_running, "`{gate}` does not run yet");
                    Ok(())
                })?;
                opened.push(jiff::Timestamp::now());
                let mut go_on = Command::new("sh");
                go_on.args(["-c", "echo go on >\"$0\""]).arg(project.path(&format!("gates/{gate}")));
                // It ends when somebody reads there.
                Running::start(go_on)?.ends(seconds(20))?.succeeded().map(drop)
            })?;
        }
        it.step("`up -d` succeeds", || up.ends(seconds(60))?.succeeded())?;
        it.step("each started after what it depends on was ready", || {
            for (next, (gate, opened)) in ["web", "worker", "shop"].into_iter().zip(gated.into_iter().zip(&opened)) {
                let started: jiff::Timestamp = project.container(next)?.started_at.parse().context("RFC 3339")?;
                ensure!(started > *opened, "`{next}` started at {started}, and `{gate}` was let go on at {opened}");
            }
            let (migrate, web) = (project.container("migrate")?, project.container("web")?);
            ensure!(!migrate.is_running && migrate.finished_at < web.started_at, "{migrate:?} {web:?}");
            Ok(())
        })?;
        it.step("`status` says ready, the one that has ended included", || {
            let status = project.status()?;
            ensure!(status["state"] == "ready", "{status}");
            Ok(())
        })?;
        it.step("`down` leaves only volumes", || {
            project.sandbox(&["down"])?.succeeded()?;
            let left = engine::leftovers(&project.name)?;
            ensure!(left.iter().all(|one| one.starts_with("volume ")), "{left:?}");
            Ok(())
        })
    });
}

/// Listens when it is let: until then its published port accepts connections and nobody answers.
const GATED: &str = r#"
import http.server, os
open("/gates/web").read()
os.chdir("/")
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
"#;

#[test]
fn a_one_shot_that_fails_ends_up_with_its_cause() {
    scenario("one-shot", |it| {
        let project = it.project();
        script::write(&project, "shop", script::SERVE)?;
        project.describe(&format!(
            r#"
[containers.migrate]
image = "python:3.13-slim"
command = ["python", "-c", "raise LookupError('no table named orders')"]
ready = "exited"
{}"#,
            script::table("shop", "depends_on = [\"migrate\"]")
        ))?;
        let run = it.step("`up -d` fails", || project.sandbox(&["up", "-d"])?.exited_with(1))?;
        it.step("the app was never started", || {
            ensure!(!project.container("shop").is_ok_and(|app| app.is_running));
            Ok(())
        })?;
        it.step("the cause is named", || {
            run.says(&["`migrate` ended with exit code 1: LookupError: no table named orders"])?.within(seconds(20))?;
            Ok(())
        })
    });
}

#[test]
fn an_app_calls_another_through_its_sidecar() {
    scenario("invoke", |it| {
        let project = it.project();
        script::write(&project, "stock", script::SERVE)?;
        // The one asks the other, by its app id, when it is asked itself.
        script::write(
            &project,
            "shop",
            r#"
import http.server, urllib.request
class Ask(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/ask":
            self.send_error(404)
            return
        url = os.environ["DAPR_HTTP_ENDPOINT"] + "/v1.0/invoke/stock/method/etc/hostname"
        with urllib.request.urlopen(url) as answer:
            body = answer.read()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Ask).serve_forever()
"#,
        )?;
        project.describe(&format!("{}{}", script::table("shop", ""), script::table("stock", "")))?;
        it.step("`up -d` succeeds", || project.up())?;
        let status = project.status()?;
        let url = |app: usize, key: &str| status["apps"][app][key].as_str().map(str::to_owned).context("an address");
        let hostname = engine::exec(&project.container("stock")?.id, &["hostname"])?;
        it.step("from the host, through the caller's sidecar", || {
            invoked(&format!("{}/v1.0/invoke/stock/method/etc/hostname", url(0, "dapr_http")?), &hostname)
        })?;
        it.step("from the app itself", || invoked(&format!("{}/ask", url(0, "url")?), &hostname))?;
        it.step("an app of no such name is not found, soon", || {
            let answer = http::get(&format!("{}/v1.0/invoke/nobody/method/x", url(0, "dapr_http")?))?;
            ensure!(answer.status >= 400, "{answer:?}");
            Ok(())
        })?;
        only_one_app(&project)
    });
}

fn invoked(url: &str, hostname: &str) -> Result<()> {
    let answer = http::get(url)?;
    let body = answer.body.as_str().map(str::trim);
    ensure!(answer.status == 200 && body == Some(hostname), "{answer:?}, not {hostname}");
    Ok(())
}

fn only_one_app(project: &Project) -> Result<()> {
    let before = project.containers()?;
    project.sandbox(&["up", "-d", "stock"])?.succeeded()?;
    engine::same(&before, &project.containers()?).context("`up` of one app leaves the others alone")
}
