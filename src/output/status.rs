//! `status` for people: a table of containers, a paragraph an app. Pure.

use super::{
    measures,
    style::Paint,
    text::{self, columns, indent},
};
use crate::status::{AppStatus, ComponentStatus, ContainerStatus, ProjectState, Status};
use jiff::Timestamp;

/// All of it. `width` is what the table must fit, where it must.
pub(super) fn lines(status: &Status, now: Timestamp, width: Option<usize>, paint: Paint) -> Vec<String> {
    if status.state == ProjectState::Absent {
        return vec![format!(
            "{}: nothing is there; {} starts it",
            paint.strong(&status.project),
            paint.hint("`sandbox up`")
        )];
    }
    let mut lines = vec![heading(status, paint)];
    if !status.containers.is_empty() {
        lines.push(String::new());
        lines.extend(table(&status.containers, now, width, paint));
    }
    for app in &status.apps {
        lines.push(String::new());
        lines.extend(paragraph(app, paint));
    }
    let stand_ins: Vec<&str> =
        status.containers.iter().filter(|one| one.stand_in).map(|one| one.name.as_str()).collect();
    if !stand_ins.is_empty() {
        lines.push(String::new());
        lines.push(paint.dim(format!("stand-in images (built here, not the originals): {}", stand_ins.join(", "))));
    }
    lines
}

fn heading(status: &Status, paint: Paint) -> String {
    let state = match status.state {
        ProjectState::Ready => paint.good(status.state.as_str()),
        ProjectState::Starting => paint.warn(status.state.as_str()),
        ProjectState::Degraded => paint.bad(status.state.as_str()),
        ProjectState::Stopped | ProjectState::Absent => paint.dim(status.state.as_str()),
    };
    let broker =
        status.broker.as_ref().map(|broker| format!(", broker {} (component {})", broker.kind, broker.component));
    let mtls = if status.mtls { ", mTLS" } else { "" };
    format!("{}: {state}{}{mtls}", paint.strong(&status.project), broker.unwrap_or_default())
}

/// The table whole where it fits; else without images, and with the reasons below it.
fn table(containers: &[ContainerStatus], now: Timestamp, width: Option<usize>, paint: Paint) -> Vec<String> {
    let is_measured = containers.iter().any(|container| container.usage.is_some());
    let [cpu, memory] = if is_measured { ["CPU", "MEMORY"] } else { [""; 2] };
    let titles = ["NAME", "ROLE", "STATE", cpu, memory, "PORTS", "AGE", "IMAGE"];
    let mut rows = vec![titles.map(|title| if title.is_empty() { String::new() } else { paint.dim(title) }).to_vec()];
    rows.extend(containers.iter().map(|container| row(container, now, paint)));
    let Some(width) = width else { return columns(&rows) };
    let fits = |lines: &[String]| lines.iter().all(|line| console::measure_text_width(line) <= width);
    let full = columns(&rows);
    if fits(&full) {
        return full;
    }
    for row in &mut rows {
        row.pop();
    }
    let without_images = columns(&rows);
    if fits(&without_images) {
        return without_images;
    }
    for (row, container) in rows.iter_mut().skip(1).zip(containers) {
        row[2] = state(container, paint);
    }
    let mut lines: Vec<String> = columns(&rows).iter().map(|line| text::fit(line, width)).collect();
    let reason = |container: &ContainerStatus| reason(container).map(|reason| format!("{}: {reason}", container.name));
    let reasons: Vec<String> = containers.iter().filter_map(reason).collect();
    if !reasons.is_empty() {
        lines.push(String::new());
        lines.extend(reasons);
    }
    lines
}

fn row(container: &ContainerStatus, now: Timestamp, paint: Paint) -> Vec<String> {
    let ports: Vec<String> = container.ports.iter().map(|port| format!("{}→{}", port.host, port.container)).collect();
    let age = container.started_at.map(|started| text::age(now.as_second() - started.as_second()));
    let reason = reason(container).map(|reason| format!(": {reason}")).unwrap_or_default();
    let [cpu, memory] = measures::usage(container.usage.as_ref());
    vec![
        container.name.clone(),
        container.role.as_str().to_owned(),
        format!("{}{reason}", state(container, paint)),
        cpu,
        memory,
        ports.join(", "),
        age.unwrap_or_default(),
        paint.dim(&container.image),
    ]
}

fn reason(container: &ContainerStatus) -> Option<&str> {
    container.reason.as_deref().filter(|_| !container.ready)
}

fn state(container: &ContainerStatus, paint: Paint) -> String {
    let word = match (container.state.as_str(), container.ready) {
        ("exited", true) => paint.good("finished"),
        (_, true) => paint.good("ready"),
        ("running", false) => paint.warn("starting"),
        ("exited" | "dead", false) => {
            let code = container.exit_code.map(|code| format!(" ({code})")).unwrap_or_default();
            paint.bad(format!("{}{code}", container.state))
        }
        (other, false) => paint.warn(other),
    };
    let temporary = if container.temporary { " (temporary)" } else { "" };
    let restarts = usize::try_from(container.restarts).unwrap_or(usize::MAX);
    let restarts = if restarts > 0 { format!(", {}", text::count(restarts, "restart")) } else { String::new() };
    format!("{word}{temporary}{restarts}")
}

fn paragraph(app: &AppStatus, paint: Paint) -> Vec<String> {
    let replicas = if app.replicas > 1 { format!("  {} replicas", app.replicas) } else { String::new() };
    let url = app.url.as_deref().map(|url| format!("  {}", paint.hint(url))).unwrap_or_default();
    let mut lines = vec![format!("{}{url}{replicas}", paint.strong(&app.id))];
    lines.extend(section("sidecar", sidecars(app, paint), paint));
    lines.extend(section("components", components(&app.components, paint), paint));
    let subscription = |one: &crate::status::SubscriptionStatus| {
        let route = one.route.as_deref().map(|route| format!(" → {route}")).unwrap_or_default();
        format!("{}/{}{route}", one.pubsub, one.topic)
    };
    lines.extend(section("subscriptions", app.subscriptions.iter().map(subscription).collect(), paint));
    for (title, counted) in measures::counted(app, paint) {
        lines.extend(section(title, counted, paint));
    }
    lines
}

/// A title on the left of the first line, the lines beside it.
fn section(title: &str, lines: Vec<String>, paint: Paint) -> Vec<String> {
    let mut title = title;
    let beside = |line: String| {
        let line = format!("  {}  {line}", paint.dim(text::column(title, 13)));
        title = "";
        line
    };
    lines.into_iter().map(beside).collect()
}

fn sidecars(app: &AppStatus, paint: Paint) -> Vec<String> {
    if app.sidecars.len() > 1 {
        let one = |sidecar: &crate::status::SidecarStatus| {
            vec![
                sidecar.replica.to_string(),
                paint.hint(sidecar.dapr_http.as_deref().unwrap_or("not published")),
                paint.dim(&sidecar.container),
            ]
        };
        return columns(&app.sidecars.iter().map(one).collect::<Vec<_>>());
    }
    let grpc = app.dapr_grpc.as_deref().map(|address| format!("gRPC {}", paint.hint(address)));
    let parts: Vec<String> =
        app.dapr_http.as_deref().map(|address| paint.hint(address)).into_iter().chain(grpc).collect();
    if parts.is_empty() { Vec::new() } else { vec![parts.join(", ")] }
}

fn components(components: &[ComponentStatus], paint: Paint) -> Vec<String> {
    let row = |component: &ComponentStatus| {
        let mark = if component.loaded { paint.good("✔") } else { paint.bad("✘") };
        let note = match (&component.refused, component.loaded) {
            (Some(_), true) => paint.warn("the file's last change was refused"),
            (None, false) | (Some(_), false) => paint.bad("not loaded"),
            (None, true) => String::new(),
        };
        vec![format!("{mark} {}", component.name), format!("{} {}", component.component_type, component.version), note]
    };
    let rows: Vec<Vec<String>> = components.iter().map(row).collect();
    let mut lines = Vec::new();
    for (line, component) in columns(&rows).into_iter().zip(components) {
        lines.push(line);
        if let Some(refused) = &component.refused {
            let place =
                refused.line.map(|line| format!("{}:{line}", refused.file)).unwrap_or_else(|| refused.file.clone());
            lines.extend(indent([format!("{}: {}", paint.hint(place), refused.reason)], "    "));
        }
    }
    lines
}
