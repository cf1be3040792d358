//! Apps that call each other by id, tokens that say who may call, and apps that speak gRPC.

use crate::support::{
    Context, Project, Result, Value,
    dapr::{Component, api, given, has_stores},
    engine, ensure, eventually, http, json, scenario, script, seconds,
};
use sandbox::probe::app_callback;
use std::net::SocketAddr;

/// Answers with its id and what it was asked; who does not know its token is turned away, but for a question after its health:
/// daprd does not say it there.
const GUARDED: &str = r#"
import http.server, json
TOKEN = os.environ.get("APP_API_TOKEN", "")
SUBSCRIPTIONS = [{"pubsubname": "pubsub", "topic": "orders", "route": "/orders"}]
seen = []
class Guarded(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if self.path == "/healthz":
            return self.answer(200, "well")
        if TOKEN and self.headers.get("dapr-api-token") != TOKEN:
            return self.answer(401, "who are you")
        if self.path == "/orders":
            seen.append(json.loads(body)["data"])
        if self.path == "/dapr/subscribe":
            return self.answer(200, SUBSCRIPTIONS if os.environ.get("SUBSCRIBES") else [])
        self.answer(404 if self.path.startswith("/dapr/") else 200, {"app": os.environ["APP_ID"], "path": self.path, "seen": seen})
    do_POST = do_GET
    def answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Guarded).serve_forever()
"#;

/// What an app answers that another one calls by its id.
fn call(project: &Project, from: &str, to: &str, path: &str) -> Result<Value> {
    let answer = http::get(&api(project, from, &format!("invoke/{to}/method/{path}"))?)?;
    ensure!(answer.status == 200, "{from} → {to}/{path}: {answer:?}");
    Ok(answer.body)
}

#[test]
fn a_resolver_that_the_configuration_names_is_used() {
    scenario("calls-mdns", |it| {
        let project = it.project();
        script::write(&project, "web", GUARDED)?;
        script::write(&project, "jobs", GUARDED)?;
        let apps = script::table("web", "") + &script::table("jobs", "");
        let resolver = |name: &str| {
            format!(
                "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {{name: app}}\nspec: {{nameResolution: {{component: {name}}}}}\n"
            )
        };
        project.write("config.yaml", &resolver("mdns"))?;
        project.describe(&format!("[dapr]\nconfig = \"config.yaml\"\n{apps}"))?;
        it.step("`up -d` succeeds", || project.up())?;
        it.step("the sidecars find each other by mDNS, and by nothing of ours", || {
            for app in ["web", "jobs"] {
                let given = given(&project, app)?;
                ensure!(given.contains("component: mdns") && !given.contains("nameformat"), "{given}");
                let log = engine::logs(&project.container(&format!("{app}-dapr"))?.name)?;
                ensure!(log.contains("Initialized name resolution to mdns"), "{log}");
            }
            Ok(())
        })?;
        it.step("they call each other by id", || {
            for (from, to) in [("web", "jobs"), ("jobs", "web")] {
                // An announcement may be a moment on its way.
                let answer = eventually(seconds(10), || call(&project, from, to, "door"))?;
                ensure!(answer["app"] == to && answer["path"] == "/door", "{answer}");
            }
            Ok(())
        })?;
        it.step("without one they are found by name, after a reload", || {
            project
                .write("config.yaml", "apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata: {name: app}\n")?;
            project.sandbox(&["reload"])?.succeeded()?;
            ensure!(given(&project, "web")?.contains("nameformat"));
            ensure!(call(&project, "web", "jobs", "door")?["app"] == "jobs");
            Ok(())
        })
    });
}

const API_TOKEN: &str = "hunter2-api-91c4";
const APP_TOKEN: &str = "hunter2-app-55d0";

fn with_token(url: &str, token: Option<&str>) -> Result<(u16, Value)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().timeout(seconds(10)).build()?;
        let request = client.get(url);
        let request = token.into_iter().fold(request, |request, token| request.header("dapr-api-token", token));
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        Ok((status, serde_json::from_str(&answer.text().await?).unwrap_or_default()))
    })
}

#[test]
fn tokens_let_in_who_knows_them_and_are_seen_by_nobody() {
    scenario("calls-tokens", |it| {
        let project = it.project();
        script::write(&project, "shop", GUARDED)?;
        script::write(&project, "jobs", GUARDED)?;
        project.write("components/.keep", "")?;
        let tokens = format!("dapr = {{ api_token = \"{API_TOKEN}\", app_token = \"{APP_TOKEN}\" }}");
        let shop = script::table("shop", &format!("health = \"/healthz\"\nenv = {{ SUBSCRIBES = \"1\" }}\n{tokens}"));
        let broker = "[broker]\nkind = \"redis\"\n";
        project.describe(&format!("{broker}{shop}{}", script::table("jobs", "")))?;
        let up =
            it.step("`up -d` is ready although everybody is turned away who does not know them", || project.up())?;
        it.step("`status` shows what the sidecar has, which it tells only who knows the token", || {
            let status = project.status()?;
            ensure!(status["state"] == "ready", "{status}");
            let shop = &status["apps"][0];
            ensure!(shop["components"][0]["loaded"] == true, "{status}");
            ensure!(shop["subscriptions"][0]["topic"] == "orders", "{status}");
            Ok(())
        })?;
        it.step("without it the sidecar answers 401, with it 200", || {
            let url = api(&project, "shop", "metadata")?;
            for (token, status) in [(None, 401), (Some("wrong"), 401), (Some(API_TOKEN), 200)] {
                let answer = with_token(&url, token)?;
                ensure!(answer.0 == status, "{token:?}: {answer:?}");
            }
            Ok(())
        })?;
        it.step("its own app knows both", || {
            let environment = project.container("shop")?.environment;
            for wanted in [format!("DAPR_API_TOKEN={API_TOKEN}"), format!("APP_API_TOKEN={APP_TOKEN}")] {
                ensure!(environment.contains(&wanted), "{wanted} is missing");
            }
            Ok(())
        })?;
        it.step("another app's call arrives: the sidecar says the app's token", || {
            let answer = call(&project, "jobs", "shop", "door")?;
            ensure!(answer["app"] == "shop", "{answer}");
            Ok(())
        })?;
        it.step("a new component is tried and goes live in place", || {
            let before = project.containers()?;
            let cache = Component { name: "cache", kind: "state.in-memory", metadata: "", further: "scopes: [shop]" };
            cache.write(&project, "cache.yaml")?;
            let run = project.sandbox(&["reload"])?.succeeded()?;
            run.says(&["in place"])?;
            engine::same(&before, &project.containers()?)?;
            let loaded = with_token(&api(&project, "shop", "metadata")?, Some(API_TOKEN))?.1.to_string();
            ensure!(loaded.contains("\"cache\""), "{loaded}");
            has_stores(&project, "jobs", &[])
        })?;
        it.step("a hand-over is ready too", || {
            project.sandbox(&["restart", "shop-dapr"])?.succeeded()?;
            ensure!(call(&project, "jobs", "shop", "door")?["app"] == "shop");
            Ok(())
        })?;
        it.step("nobody sees a token", || {
            let containers = project.containers()?;
            let mut seen: Vec<_> = containers.iter().map(|one| format!("{:?}", one.labels)).collect();
            seen.extend([up.stdout, up.stderr, project.status()?.to_string()]);
            for arguments in [&["plan"][..], &["plan", "--json"], &["status"], &["--json", "up", "-d"], &["logs"]] {
                seen.push(project.sandbox(arguments)?.succeeded()?.to_string());
            }
            for name in containers.iter().filter(|one| !one.short_name.starts_with("shop")) {
                seen.push(format!("{:?}", name.environment));
            }
            seen.push(given(&project, "shop")?);
            let shown = seen.iter().find(|text| text.contains("hunter2"));
            ensure!(shown.is_none(), "{shown:?}");
            Ok(())
        })
    });
}

/// The app in `tests/e2e/grpc`, twice: one that lists its subscription, and one that does not know the question.
fn describe_grpc(project: &Project) -> Result<()> {
    script::write(project, "web", GUARDED)?;
    let context = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/grpc");
    let app = |name: &str, further: &str| {
        format!(
            "[apps.{name}]\nbuild = \"{context}\"\nport = 50000\nhost_port = 0\nprotocol = \"grpc\"\nhealth = \"/\"\n{further}\n"
        )
    };
    let orders = app("orders", &format!("dapr = {{ app_token = \"{APP_TOKEN}\" }}"));
    let plain = app("plain", "env = { PLAIN = \"1\" }");
    project.describe(&format!("[broker]\nkind = \"rabbitmq\"\n{orders}{plain}{}", script::table("web", "")))
}

/// What a gRPC app says of itself when it is asked as `up` asks it.
fn asked(project: &Project, app: &str) -> Result<Vec<String>> {
    let container = project.container(app)?;
    let (_, host, port) = container.ports.first().context("a port")?;
    let address: SocketAddr = format!("{host}:{port}").parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listed = runtime.block_on(app_callback::subscriptions(address, seconds(5)));
    let listed = listed.map_err(|not_yet| anyhow::anyhow!("{not_yet}"))?;
    Ok(listed.into_iter().map(|one| format!("{}/{}", one.identity.pubsub, one.identity.topic)).collect())
}

#[test]
fn a_grpc_app_subscribes_and_is_called() {
    scenario("calls-grpc", |it| {
        let project = it.project();
        describe_grpc(&project)?;
        it.step("`up -d` succeeds", || project.up())?;
        it.step("what is published the moment it is ready arrives", || {
            let url = api(&project, "web", "publish/pubsub/orders")?;
            let answer = http::post(&url, &json!({ "number": 1 }))?;
            ensure!(answer.status == 204, "{answer:?}");
            eventually(seconds(10), || {
                let seen = call(&project, "web", "orders", "seen")?;
                ensure!(seen == json!([{ "number": 1 }]), "{seen}");
                Ok(())
            })
        })?;
        it.step("another app calls it by its id, and it answers", || {
            for app in ["orders", "plain"] {
                let url = api(&project, "web", &format!("invoke/{app}/method/echo"))?;
                let answer = http::post(&url, &json!({ "hello": app }))?;
                ensure!(answer.status == 200 && answer.body == json!({ "hello": app }), "{answer:?}");
            }
            Ok(())
        })?;
        it.step("it can be asked for its subscriptions", || {
            ensure!(asked(&project, "orders")? == ["pubsub/orders"]);
            Ok(())
        })?;
        it.step("who does not know the question has none", || {
            ensure!(asked(&project, "plain")?.is_empty());
            Ok(())
        })?;
        it.step("`status` shows what it subscribes to", || {
            let status = project.status()?;
            ensure!(status["state"] == "ready", "{status}");
            ensure!(status["apps"][0]["subscriptions"][0]["topic"] == "orders", "{status}");
            ensure!(status["apps"][1]["subscriptions"] == json!([]), "{status}");
            Ok(())
        })?;
        it.step("after a hand-over messages and calls arrive as before", || {
            project.sandbox(&["restart", "orders-dapr"])?.succeeded()?;
            http::post(&api(&project, "web", "publish/pubsub/orders")?, &json!({ "number": 2 }))?;
            eventually(seconds(10), || {
                let seen = call(&project, "web", "orders", "seen")?;
                ensure!(seen == json!([{ "number": 1 }, { "number": 2 }]), "{seen}");
                Ok(())
            })
        })
    });
}
