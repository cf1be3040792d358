//! A swap of the broker, for people. Pure.

use super::{sanitize::one_line, style::Paint, text};
use crate::swap::{SwapProgress, SwapReport, TopicReport};

/// What is said of a step.
pub(super) fn lines(progress: &SwapProgress, paint: Paint) -> Vec<String> {
    let done = |what: String, elapsed_ms: u64| {
        vec![format!("{} {what} {}", paint.good("✔"), paint.dim(format!("in {}", text::duration(elapsed_ms))))]
    };
    match progress {
        SwapProgress::Began { from, to } => {
            vec![format!("{} swapping {} for {}", paint.dim("·"), paint.strong(from), paint.strong(to))]
        }
        SwapProgress::TargetReady { broker, elapsed_ms } => {
            done(format!("{} is ready", paint.strong(broker)), *elapsed_ms)
        }
        SwapProgress::Declared { broker, subscriptions, elapsed_ms } => {
            let subscriptions = text::count(*subscriptions, "subscription");
            done(format!("{subscriptions} declared on {}", paint.strong(broker)), *elapsed_ms)
        }
        SwapProgress::HandedOver { sidecars, elapsed_ms } => {
            let names: Vec<_> = sidecars.iter().map(|name| paint.strong(name)).collect();
            done(format!("handed over {}", names.join(", ")), *elapsed_ms)
        }
        SwapProgress::Saved { file } => vec![format!("{} saved in {}", paint.good("✔"), one_line(file))],
        SwapProgress::Draining { broker, left, topics } => {
            let topics = topics.iter().filter(|topic| topic.left > 0);
            let topics: Vec<_> = topics.map(|topic| format!("{} {}", one_line(&topic.topic), topic.left)).collect();
            let topics = if topics.is_empty() { String::new() } else { format!(" ({})", topics.join(", ")) };
            vec![paint.dim(format!("· {} left in {broker}{topics}", text::count_u64(*left, "message")))]
        }
        SwapProgress::Drained { broker, drained: 0, elapsed_ms } => {
            done(format!("nothing was left in {}", paint.strong(broker)), *elapsed_ms)
        }
        SwapProgress::Drained { broker, drained, elapsed_ms } => {
            let drained = text::count_u64(*drained, "message");
            done(format!("drained {}: {drained} delivered", paint.strong(broker)), *elapsed_ms)
        }
        SwapProgress::Stopped { broker, elapsed_ms } => {
            done(format!("removed {}, its volume stays", paint.strong(broker)), *elapsed_ms)
        }
        SwapProgress::GaveUp { broker, reason } => vec![
            format!("{} the swap was given up: {}", paint.bad("✘"), one_line(reason)),
            paint.dim(format!("  everything is as it was, on {broker}")),
        ],
        SwapProgress::CutShort { to } => vec![
            format!("{} the swap was cut short, with nothing lost", paint.bad("✘")),
            paint.dim(format!("  `sandbox swap-broker {to}` finishes it")),
        ],
        SwapProgress::Unfinished { broker, reason } => vec![
            format!("{} not all of {} was drained: {}", paint.bad("✘"), paint.strong(broker), one_line(reason)),
            paint.dim(format!("  {broker} goes on running")),
        ],
        SwapProgress::Done(report) => done_lines(report, paint),
    }
}

fn done_lines(report: &SwapReport, paint: Paint) -> Vec<String> {
    let SwapReport { from, to, elapsed_ms, topics, differences, kept } = report;
    let time = paint.dim(format!("in {}", text::duration(*elapsed_ms)));
    let mut lines = vec![format!("{} swapped {} for {} {time}", paint.good("✔"), paint.strong(from), paint.strong(to))];
    if !topics.is_empty() {
        lines.extend(text::indent(text::columns(&rows(topics, paint)), "    "));
    }
    lines.extend(kept.iter().map(|kept| paint.dim(format!("    {kept} goes on running"))));
    lines.extend(differences.iter().map(|difference| format!("    {}", one_line(difference))));
    lines
}

/// What is not known of any topic has no column.
fn rows(topics: &[TopicReport], paint: Paint) -> Vec<Vec<String>> {
    type Column = (&'static str, fn(&TopicReport) -> Option<u64>);
    let columns: [Column; 5] = [
        ("acknowledged", |topic| topic.acknowledged),
        ("delivered", |topic| topic.delivered),
        ("drained", |topic| Some(topic.drained)),
        ("left over", |topic| Some(topic.left_over)),
        ("redelivered", |topic| topic.redelivered),
    ];
    let shown: Vec<_> = columns.iter().filter(|(_, of)| topics.iter().any(|topic| of(topic).is_some())).collect();
    let mut head = vec![paint.dim("topic")];
    head.extend(shown.iter().map(|(name, _)| paint.dim(name)));
    let row = |topic: &TopicReport| {
        let mut row = vec![one_line(&topic.topic)];
        row.extend(shown.iter().map(|(_, of)| of(topic).map_or("?".to_owned(), |count| count.to_string())));
        row
    };
    std::iter::once(head).chain(topics.iter().map(row)).collect()
}
