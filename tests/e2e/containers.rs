//! `[containers.*]`, dependencies, and apps that call each other.

use crate::support::{Context, Project, Result, engine, ensure, http, scenario, script, seconds};

#[test]
fn containers_start_in_the_order_of_their_dependencies() {
    scenario("order", |it| {
        let project = it.project();
        script::write(&project, "shop", script::SERVE)?;
        script::write(&project, "stock", LATE)?;
        project.describe(&format!(
            r#"
[containers.migrate]
image = "redis:8.0"
command = ["sh", "-c", "sleep 1; echo 42 > /data/answer"]
volumes = ["answers:/data"]
ready = "exited"
[containers.web]
image = "python:3.13-slim"
command = ["python", "-u", "/srv/stock.py"]
volumes = ["./stock.py:/srv/stock.py:ro", "answers:/data:ro"]
depends_on = ["migrate"]
ports = ["0:8000"]
ready = {{ http = "/data/answer", port = 8000 }}
[containers.worker]
image = "redis:8.0"
command = ["sh", "-c", "trap 'exit 0' TERM; sleep 1; echo warm and willing; while :; do sleep 0.1; done"]
depends_on = ["web"]
ready = {{ log = "warm and willing" }}
{}"#,
            script::table("shop", "depends_on = [\"worker\"]")
        ))?;
        it.step("`up -d` succeeds", || project.up())?;
        it.step("each started after what it depends on was ready", || {
            let (migrate, web) = (project.container("migrate")?, project.container("web")?);
            let (worker, shop) = (project.container("worker")?, project.container("shop")?);
            ensure!(!migrate.is_running && migrate.finished_at < web.started_at, "{migrate:?} {web:?}");
            ensure!(after(&web, &worker)? >= 1.0, "web was not ready when the worker started: {web:?} {worker:?}");
            ensure!(
                after(&worker, &shop)? >= 1.0,
                "the worker was not ready when the app started: {worker:?} {shop:?}"
            );
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

/// Listens a second after it has started: until then its published port accepts connections and nobody answers.
const LATE: &str = r#"
import http.server, os, time
time.sleep(1)
os.chdir("/")
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
"#;

/// Seconds between two starts.
fn after(one: &engine::Container, other: &engine::Container) -> Result<f64> {
    let time = |text: &str| text.parse::<jiff::Timestamp>().context("RFC 3339");
    Ok(time(&other.started_at)?.duration_since(time(&one.started_at)?).as_secs_f64())
}

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
