//! Stands in for what listens in a container: just enough of each protocol to be found ready, over real loopback sockets.

use super::script::Peer;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    fs, io,
    net::TcpListener,
    path::{Path, PathBuf},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// Answers at a published port until it is aborted. `resources` is the folder that a daprd has mounted.
pub(super) async fn serve(listener: TcpListener, peer: Peer, resources: Option<PathBuf>) {
    let ready = listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener));
    let Ok(listener) = ready else { return };
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let resources = resources.clone();
        // A client that hangs up is no matter.
        connections.spawn(async move { answer(stream, peer, resources.as_deref()).await.unwrap_or_default() });
    }
}

async fn answer(mut stream: TcpStream, peer: Peer, resources: Option<&Path>) -> io::Result<()> {
    match peer {
        Peer::Redis => redis(stream).await,
        Peer::Postgres => {
            let mut startup = [0; 256];
            let _ = stream.read(&mut startup).await?;
            // `AuthenticationCleartextPassword`.
            stream.write_all(b"R\0\0\0\x08\0\0\0\x03").await
        }
        Peer::Silent => std::future::pending().await,
        Peer::Http | Peer::Daprd | Peer::UnhealthyDaprd | Peer::EmptyDaprd => http(stream, peer, resources).await,
    }
}

/// Commands come in one piece: the client sends one and waits.
async fn redis(mut stream: TcpStream) -> io::Result<()> {
    const CONSUMER: &[u8] =
        b"*1\r\n*8\r\n$4\r\nname\r\n$1\r\na\r\n$7\r\npending\r\n:0\r\n$4\r\nidle\r\n:0\r\n$8\r\ninactive\r\n:0\r\n";
    let mut command = [0; 1024];
    loop {
        let count = stream.read(&mut command).await?;
        let text = String::from_utf8_lossy(&command[..count]).to_uppercase();
        match text.as_str() {
            "" => return Ok(()),
            text if text.contains("PING") => stream.write_all(b"+PONG\r\n").await?,
            text if text.contains("XINFO") => stream.write_all(CONSUMER).await?,
            _ => stream.write_all(b"-ERR unknown command\r\n").await?,
        }
    }
}

/// One request a connection.
async fn http(mut stream: TcpStream, peer: Peer, resources: Option<&Path>) -> io::Result<()> {
    let mut request = Vec::new();
    let mut chunk = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut chunk).await? {
            0 => return Ok(()),
            count => request.extend_from_slice(&chunk[..count]),
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match peer {
        Peer::EmptyDaprd => daprd(path, peer, None),
        Peer::Daprd | Peer::UnhealthyDaprd => daprd(path, peer, resources),
        _ if path == "/dapr/subscribe" => ("404 Not Found", String::new()),
        _ => ("200 OK", "ok".to_owned()),
    };
    let length = if status.starts_with("204") { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let answer = format!("HTTP/1.1 {status}\r\n{length}Connection: close\r\n\r\n{body}");
    stream.write_all(answer.as_bytes()).await
}

/// What a daprd 1.18.2 has counted, shortened.
const METRICS: &str = r#"# HELP dapr_component_pubsub_egress_count The number of outgoing messages.
# TYPE dapr_component_pubsub_egress_count counter
dapr_component_pubsub_egress_count{app_id="web",component="pubsub",namespace="",success="true",topic="orders"} 5
dapr_component_pubsub_ingress_count{app_id="web",component="pubsub",namespace="",process_status="success",status="success",topic="orders"} 4
dapr_component_pubsub_ingress_count{app_id="web",component="pubsub",namespace="",process_status="retry",status="retry",topic="orders"} 2
dapr_component_state_count{app_id="web",component="statestore",namespace="",operation="set",success="true"} 10
dapr_component_state_latencies_bucket{app_id="web",component="statestore",namespace="",operation="set",success="true",le="1"} 2
dapr_component_state_latencies_bucket{app_id="web",component="statestore",namespace="",operation="set",success="true",le="3"} 10
dapr_component_state_latencies_bucket{app_id="web",component="statestore",namespace="",operation="set",success="true",le="+Inf"} 10
go_goroutines 70
"#;

fn daprd(path: &str, peer: Peer, resources: Option<&Path>) -> (&'static str, String) {
    match path {
        "/v1.0/healthz" if peer == Peer::UnhealthyDaprd => {
            let error =
                json!({"errorCode": "ERR_HEALTH_NOT_READY", "message": "dapr is not ready: [scheduler-watch-hosts]"});
            ("500 Internal Server Error", error.to_string())
        }
        "/v1.0/healthz" | "/v1.0/healthz/outbound" => ("204 No Content", String::new()),
        // On the metrics port; here they all answer alike.
        "/" => ("200 OK", METRICS.to_owned()),
        "/v1.0/metadata" => ("200 OK", metadata(resources).to_string()),
        _ => ("404 Not Found", String::new()),
    }
}

#[derive(Deserialize)]
struct Resource {
    kind: String,
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    r#type: String,
    version: String,
    pubsubname: String,
    topic: String,
}

/// What daprd says of a folder when everything in it could be loaded.
fn metadata(resources: Option<&Path>) -> Value {
    let files = resources.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<_> = files.map(|file| file.path()).collect();
    paths.sort();
    let texts = paths.iter().filter_map(|path| fs::read_to_string(path).ok());
    let resources: Vec<Resource> = texts.filter_map(|text| serde_yaml::from_str(&text).ok()).collect();
    let of_kind = |kind: &'static str| resources.iter().filter(move |resource| resource.kind == kind);
    let component =
        |one: &Resource| json!({"name": one.metadata.name, "type": one.spec.r#type, "version": one.spec.version});
    let subscription =
        |one: &Resource| json!({"pubsubname": one.spec.pubsubname, "topic": one.spec.topic, "rules": []});
    json!({
        "id": "app",
        "runtimeVersion": "1.18.2",
        "components": of_kind("Component").map(component).collect::<Vec<_>>(),
        "subscriptions": of_kind("Subscription").map(subscription).collect::<Vec<_>>(),
    })
}
