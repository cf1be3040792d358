//! `mtls = true`: who has no certificate of the project's sentry gets nowhere, who has one goes on whatever changes.

use crate::support::{
    Project, Result, announce, bail,
    dapr::{Component, api, has_stores},
    engine, ensure, eventually, http,
    load::{Load, Mode, Series, Work},
    scenario, scenario_alone, script, seconds,
    traffic::Traffic,
};
use std::collections::BTreeSet;

/// Answers every path with itself.
const ECHO: &str = r#"
import http.server
class Echo(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = self.path.encode()
        self.send_response(404 if self.path.startswith("/dapr/") else 200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Echo).serve_forever()
"#;

/// A daprd of nobody's, which finds the others as they find each other, and has no certificate.
const STRANGER: &str = r#"
[containers.stranger]
image = "daprio/daprd:1.18.2"
command = ["/daprd", "--app-id", "stranger", "--resources-path", "/tmp", "--config", "/stranger.yaml"]
volumes = ["./stranger.yaml:/stranger.yaml:ro"]
ports = ["0:3500"]
ready = { http = "/v1.0/healthz/outbound", port = 3500 }
"#;

const BY_NAME: &str = "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: stranger}\nspec:\n  nameResolution: \
                       {component: nameformat, configuration: {format: '{appid}-dapr:50002'}}\n";

/// As it is in a cluster: `web` may open, and nothing else.
const LIST: &str = r#"
apiVersion: dapr.io/v1alpha1
kind: Configuration
metadata: {name: app}
spec:
  accessControl:
    defaultAction: deny
    policies:
    - appId: web
      namespace: production
      trustDomain: acme.example
      defaultAction: deny
      operations:
      - {name: /open/*, httpVerb: ['*'], action: allow}
"#;

fn describe(project: &Project, dapr: &str, further: &str) -> Result<()> {
    script::write(project, "web", ECHO)?;
    script::write(project, "jobs", ECHO)?;
    let (web, jobs) = (script::table("web", ""), script::table("jobs", ""));
    project.describe(&format!("[dapr]\nversion = \"1.18.2\"\n{dapr}\n{further}{web}{jobs}"))
}

/// What a call of one app by another is answered with.
fn call(project: &Project, from: &str, to: &str, path: &str) -> Result<http::Answer> {
    http::get(&api(project, from, &format!("invoke/{to}/method/{path}"))?)
}

fn allowed(project: &Project, from: &str, to: &str, path: &str) -> Result<()> {
    let answer = call(project, from, to, path)?;
    ensure!(answer.status == 200, "{from} → {to}/{path}: {} {}", answer.status, answer.body);
    Ok(())
}

fn denied(project: &Project, from: &str, to: &str, path: &str) -> Result<()> {
    let answer = call(project, from, to, path)?;
    ensure!(answer.status == 403, "{from} → {to}/{path}: {} {}", answer.status, answer.body);
    Ok(())
}

#[test]
fn a_sidecar_without_a_certificate_is_refused() {
    scenario("mtls-stranger", |it| {
        let project = it.project();
        project.write("stranger.yaml", BY_NAME)?;
        describe(&project, "mtls = true", STRANGER)?;
        it.step("`up -d` succeeds", || project.up())?;
        it.step("`status` says that it is on, and that all of it is ready", || {
            let status = project.status()?;
            ensure!(status["mtls"] == true && status["state"] == "ready", "{status}");
            let roles: BTreeSet<_> = status["containers"]
                .as_array()
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .iter()
                .filter_map(|one| one["role"].as_str().map(str::to_owned))
                .collect();
            ensure!(roles.contains("sentry"), "{roles:?}");
            ensure!(project.sandbox(&["status"])?.stdout.contains("ready, mTLS"));
            Ok(())
        })?;
        it.step("a second `up -d` changes nothing", || {
            let before = project.containers()?;
            project.up()?;
            engine::same(&before, &project.containers()?)
        })?;
        it.step("the apps call each other", || {
            allowed(&project, "web", "jobs", "a")?;
            allowed(&project, "jobs", "web", "a")
        })?;
        it.step("a stranger's call is refused", || {
            let answer = stranger_calls(&project)?;
            ensure!(answer.status == 500, "{answer:?}");
            let reason = answer.body["message"].as_str().unwrap_or_default();
            ensure!(reason.contains("reading server preface") || reason.contains("connection"), "{answer:?}");
            Ok(())
        })?;
        it.step("without mTLS the same call arrives", || {
            describe(&project, "mtls = false", STRANGER)?;
            project.up()?;
            ensure!(project.status()?["mtls"] == false);
            let answer = stranger_calls(&project)?;
            ensure!(answer.status == 200, "{answer:?}");
            Ok(())
        })?;
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing().map(drop))
    });
}

#[test]
fn older_sidecars_authenticate_each_other_too() {
    scenario("mtls-older", |it| {
        for version in ["1.16.0", "1.14.4"] {
            if engine::docker(&["image", "inspect", &format!("daprio/sentry:{version}")]).is_err() {
                announce(format_args!(
                    "NOT RUN: mTLS with Dapr {version}; `tests/images/build.sh dapr-{version}` builds it"
                ));
                continue;
            }
            let project = it.project();
            project.write("config.yaml", LIST)?;
            describe(&project, "mtls = true\nplacement = true\nconfig = \"config.yaml\"", "")?;
            let text = std::fs::read_to_string(project.path("sandbox.toml"))?;
            project.write("sandbox.toml", &text.replace("1.18.2", version))?;
            it.step(&format!("{version}: `up -d` succeeds"), || project.up())?;
            it.step(&format!("{version}: what the list allows is answered, the rest denied"), || {
                // The register in which they find each other is read again every few seconds.
                eventually(seconds(20), || allowed(&project, "web", "jobs", "open/door"))?;
                denied(&project, "web", "jobs", "closed")?;
                eventually(seconds(20), || denied(&project, "jobs", "web", "open/door"))
            })?;
            it.step(&format!("{version}: a second `up -d` changes nothing"), || {
                let before = project.containers()?;
                project.up()?;
                engine::same(&before, &project.containers()?)
            })?;
            it.step(&format!("{version}: calls arrive after a hand-over"), || {
                project.sandbox(&["restart", "jobs-dapr"])?.succeeded()?;
                eventually(seconds(20), || allowed(&project, "web", "jobs", "open/door"))
            })?;
            it.step(&format!("{version}: `down -v` leaves nothing"), || project.down_leaves_nothing())?;
        }
        Ok(())
    });
}

fn stranger_calls(project: &Project) -> Result<http::Answer> {
    let stranger = project.container("stranger")?;
    let Some((_, host, port)) = stranger.ports.first() else { bail!("{stranger:?}") };
    http::get(&format!("http://{host}:{port}/v1.0/invoke/jobs/method/a"))
}

#[test]
fn who_may_call_whom_holds_through_every_change() {
    scenario("mtls-lists", |it| {
        let project = it.project();
        project.write("config.yaml", LIST)?;
        project.write("components/.keep", "")?;
        describe(&project, "mtls = true\nplacement = true\nconfig = \"config.yaml\"", "")?;
        it.step("`up -d` succeeds, and says whom the list means here", || {
            project.up()?.says(&["`web` in namespace `default`"]).map(drop)
        })?;
        let holds = || {
            allowed(&project, "web", "jobs", "open/door")?;
            denied(&project, "web", "jobs", "closed")?;
            denied(&project, "jobs", "web", "open/door")
        };
        it.step("what the list allows is answered, everything else is denied", holds)?;
        it.step("a new component is tried and goes live in place", || {
            let before = project.containers()?;
            let cache = Component { name: "cache", kind: "state.in-memory", metadata: "", further: "" };
            cache.write(&project, "cache.yaml")?;
            project.sandbox(&["reload"])?.succeeded()?;
            engine::same(&before, &project.containers()?)?;
            has_stores(&project, "web", &[("cache", "state.in-memory")])
        })?;
        it.step("another list is live after a reload, in the sidecars alone", || {
            let before = project.containers()?;
            project.write("config.yaml", &LIST.replace("/open/*", "/closed"))?;
            project.sandbox(&["reload"])?.succeeded()?;
            allowed(&project, "web", "jobs", "closed")?;
            denied(&project, "web", "jobs", "open/door")?;
            let changed = engine::changed(&before, &project.containers()?)?;
            ensure!(changed == ["jobs-dapr", "web-dapr"], "{changed:?}");
            project.write("config.yaml", LIST)?;
            project.sandbox(&["reload"])?.succeeded()?;
            holds()
        })?;
        it.step("after `down` and `up` sentry is the same", || {
            let before = anchors(&project)?;
            project.sandbox(&["down"])?.succeeded()?;
            project.up()?;
            ensure!(anchors(&project)? == before, "other trust anchors");
            holds()
        })?;
        it.step("with another sentry `up -d` makes anew whoever trusted the old one, and nobody else", || {
            let (before, old) = (project.containers()?, anchors(&project)?);
            forget(&project)?;
            let sentry = project.container("sentry")?.name;
            engine::docker(&["restart", &sentry])?;
            eventually(seconds(20), || {
                ensure!(anchors(&project)? != old, "the same trust anchors");
                Ok(())
            })?;
            project.up()?;
            let changed = engine::changed(&before, &project.containers()?)?;
            ensure!(changed == ["jobs-dapr", "placement", "scheduler", "sentry", "web-dapr"], "{changed:?}");
            holds()
        })?;
        it.step("and then a second one changes nothing", || {
            let before = project.containers()?;
            project.up()?;
            engine::same(&before, &project.containers()?)
        })?;
        it.step("without mTLS nobody can prove who it is, and `check` says so", || {
            describe(&project, "config = \"config.yaml\"", "")?;
            project.sandbox(&["check"])?.succeeded()?.says(&["without mTLS no caller can prove who it is"])?;
            project.up()?;
            denied(&project, "web", "jobs", "open/door")
        })?;
        it.step("`down -v` leaves nothing", || project.down_leaves_nothing().map(drop))
    });
}

fn anchors(project: &Project) -> Result<String> {
    let folder = project.path(".anchors");
    let sentry = project.container("sentry")?.name;
    engine::docker(&["cp", &format!("{sentry}:/var/lock/ca.crt"), &folder.to_string_lossy()])?;
    Ok(std::fs::read_to_string(folder)?)
}

/// Takes sentry's credentials away.
fn forget(project: &Project) -> Result<()> {
    let volume = format!("{}_sentry-data:/data", project.name);
    let program = "import os; [os.remove('/data/' + name) for name in ('ca.crt', 'issuer.crt', 'issuer.key')]";
    engine::docker(&["run", "--rm", "--volume", &volume, "python:3.13-slim", "python", "-c", program]).map(drop)
}

#[test]
fn calls_go_on_while_certified_sidecars_and_their_broker_are_replaced() {
    scenario_alone("mtls-hand-over", |it| {
        let project = it.project();
        let apps = ["orders", "billing"];
        Load { broker: "rabbitmq", apps: &apps, further: "[dapr]\nmtls = true", ..Load::default() }
            .describe(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        let base = Series { rate: 20, through: "billing", work: Work::Call("orders"), ..Series::default() };
        let series = [
            Series { name: "call", ..base },
            Series { name: "sample", mode: Mode::Sample, ..base },
            Series { name: "numbers", rate: 50, ..Series::default() },
        ];
        let traffic = Traffic::start(&project, &series)?;
        for name in ["orders-dapr", "billing-dapr"] {
            traffic.during(it, &format!("calls go on while {name} is replaced"), || {
                project.sandbox(&["restart", name])?.succeeded()
            })?;
        }
        traffic.during(it, "calls and messages go on while the broker is swapped", || {
            project.sandbox(&["swap-broker", "redis"])?.succeeded()
        })?;
        traffic.end(it, "orders")?;
        it.step("a second swap and a second `up -d` find nothing to do", || {
            let before = project.containers()?;
            project.sandbox(&["swap-broker", "redis"])?.succeeded()?.says(&["looked at"])?;
            project.up()?.says(&["nothing to change"])?;
            engine::same(&before, &project.containers()?)
        })
    });
}
