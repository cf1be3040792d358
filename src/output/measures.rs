//! What `status --metrics` adds, for people. Pure.

use super::{style::Paint, text::columns};
use crate::status::{AppStatus, SidecarStatus, StateMetrics, TopicMetrics, UsageStatus};

/// Limits are given in these.
const MEBIBYTE: u64 = 1 << 20;

/// `3.4 %` and `84.1/256 MiB`, where they are known.
pub(super) fn usage(usage: Option<&UsageStatus>) -> [String; 2] {
    let Some(usage) = usage else { return Default::default() };
    let cpu = usage.cpu_percent.map(|percent| format!("{percent:.1} %"));
    let limit = usage.memory_limit_bytes.map(|limit| format!("/{}", limit / MEBIBYTE)).unwrap_or_default();
    let (whole, tenth) = (usage.memory_bytes / MEBIBYTE, usage.memory_bytes % MEBIBYTE * 10 / MEBIBYTE);
    [cpu.unwrap_or_default(), format!("{whole}.{tenth}{limit} MiB")]
}

/// A title and its lines each, of what an app's sidecars have counted; none where nobody asked.
pub(super) fn counted(app: &AppStatus, paint: Paint) -> Vec<(&'static str, Vec<String>)> {
    let asked = app.sidecars.iter().any(|one| one.metrics.is_some() || one.metrics_missing.is_some());
    if !asked {
        return Vec::new();
    }
    let has_many = app.sidecars.len() > 1;
    let of_each = |rows: &dyn Fn(&SidecarStatus) -> Vec<Vec<String>>| {
        let numbered = app.sidecars.iter().flat_map(|sidecar| {
            let number = has_many.then(|| sidecar.replica.to_string());
            rows(sidecar).into_iter().map(move |row| number.clone().into_iter().chain(row).collect())
        });
        columns(&numbered.collect::<Vec<Vec<String>>>())
    };
    let topics = |row: fn(&TopicMetrics, Paint) -> Option<Vec<String>>| {
        of_each(&|sidecar| {
            let topics = sidecar.metrics.iter().flat_map(|metrics| &metrics.topics);
            topics.filter_map(|topic| row(topic, paint)).collect()
        })
    };
    let mut sections = vec![
        ("publishes", topics(publishes)),
        ("deliveries", topics(deliveries)),
        ("jobs", of_each(&|sidecar| jobs(sidecar, paint).into_iter().collect())),
        ("state calls", of_each(&|sidecar| sidecar.metrics.iter().flat_map(|one| states(&one.state, paint)).collect())),
    ];
    let missing = of_each(&|sidecar| {
        let reason = sidecar.metrics_missing.as_ref();
        reason.map(|reason| vec![paint.warn(format!("not to be had: {reason}"))]).into_iter().collect()
    });
    sections.retain(|(_, lines)| !lines.is_empty());
    if sections.is_empty() && missing.is_empty() {
        sections.push(("metrics", vec![paint.dim("nothing counted yet")]));
    }
    if !missing.is_empty() {
        sections.push(("metrics", missing));
    }
    sections
}

fn publishes(topic: &TopicMetrics, paint: Paint) -> Option<Vec<String>> {
    let &TopicMetrics { published, publish_failed, .. } = topic;
    let counted = published + publish_failed > 0;
    counted.then(|| row(name(topic), published, [bad(publish_failed, "failed", paint)]))
}

fn deliveries(topic: &TopicMetrics, paint: Paint) -> Option<Vec<String>> {
    let &TopicMetrics { delivered, retried, dropped, .. } = topic;
    let notes = [warn(retried, "tried again", paint), bad(dropped, "dropped", paint)];
    (delivered + retried + dropped > 0).then(|| row(name(topic), delivered, notes))
}

fn name(topic: &TopicMetrics) -> String {
    format!("{}/{}", topic.pubsub, topic.topic)
}

fn jobs(sidecar: &SidecarStatus, paint: Paint) -> Option<Vec<String>> {
    let jobs = sidecar.metrics.as_ref()?.jobs;
    let counted = jobs.succeeded + jobs.failed > 0;
    counted.then(|| row("called back".to_owned(), jobs.succeeded, [bad(jobs.failed, "failed", paint)]))
}

fn states(state: &[StateMetrics], paint: Paint) -> Vec<Vec<String>> {
    let line = |one: &StateMetrics| {
        let notes = [times(one), warn(one.failed, "failed", paint)];
        row(format!("{} {}", one.store, one.operation), one.calls, notes)
    };
    state.iter().map(line).collect()
}

/// `p50 1.2 ms, p95 3.4 ms`.
fn times(state: &StateMetrics) -> Option<String> {
    let milliseconds = |time: f64| if time < 1.0 { "<1 ms".to_owned() } else { format!("{time:.1} ms") };
    let (half, most) = (state.p50_ms?, state.p95_ms?);
    Some(format!("p50 {}, p95 {}", milliseconds(half), milliseconds(most)))
}

fn row<const N: usize>(name: String, count: u64, notes: [Option<String>; N]) -> Vec<String> {
    vec![name, count.to_string(), notes.into_iter().flatten().collect::<Vec<_>>().join(", ")]
}

fn bad(count: u64, what: &str, paint: Paint) -> Option<String> {
    (count > 0).then(|| paint.bad(format!("{count} {what}")))
}

fn warn(count: u64, what: &str, paint: Paint) -> Option<String> {
    (count > 0).then(|| paint.warn(format!("{count} {what}")))
}
