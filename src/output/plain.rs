//! A file, CI or a dumb terminal: one line for each thing that matters, in order, with no cursor movement.

use super::{sanitize::one_line, screen::Screen, style::Paint, talk, text};
use crate::event::{Event, EventKind, StepLine};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A pull says how far it is at most this often, and at most four times.
const BETWEEN_PULL_LINES_MS: i64 = 1000;
/// A reason is told when it has been the reason for this long.
const REASON_MS: i64 = 1000;

/// What was told, so that it is not told too often.
#[derive(Debug, Default)]
pub(super) struct Plain {
    project: String,
    pulls: BTreeMap<String, (u64, Timestamp)>,
    reasons: BTreeMap<String, (String, Timestamp)>,
}

impl Plain {
    pub(super) fn event(&mut self, event: &Event, screen: &Screen) {
        let lines = self.lines(event, screen.talk_paint(), screen.settings.verbose);
        if !lines.is_empty() {
            screen.talk(&lines);
        }
    }

    /// Tells the reasons that have lasted.
    pub(super) fn tick(&mut self, now: Timestamp, screen: &Screen) {
        let lines = self.lasting(now);
        if !lines.is_empty() {
            screen.talk(&lines);
        }
    }

    fn lines(&mut self, event: &Event, paint: Paint, verbose: bool) -> Vec<String> {
        let now = event.time;
        if let EventKind::Waiting { name, reason } = &event.kind {
            self.reasons.insert(name.to_string(), (reason.clone(), now));
        }
        if let EventKind::ContainerReady { name, .. } | EventKind::ContainerFailed { name, .. } = &event.kind {
            self.reasons.remove(name.as_str());
        }
        let mut lines = self.lasting(now);
        lines.extend(self.own(event, paint, verbose));
        lines
    }

    fn own(&mut self, event: &Event, paint: Paint, verbose: bool) -> Vec<String> {
        let done = paint.good("✔");
        match &event.kind {
            EventKind::Started { project, command, containers } => {
                self.project.clone_from(project);
                vec![format!("{command} {project}: {}", text::count(containers.len(), "container"))]
            }
            EventKind::StepStarted(step) => vec![step_started(step, paint, verbose)].into_iter().flatten().collect(),
            EventKind::StepDone { step, elapsed_ms } => {
                vec![step_done(step, *elapsed_ms, paint, verbose)].into_iter().flatten().collect()
            }
            EventKind::PullProgress { image, current, total, layers_done, layers } => self
                .pull(image.as_str(), *current, *total, event.time)
                .map(|percent| {
                    format!(
                        "{image}: {percent} %, {}, {layers_done}/{layers} layers",
                        text::megabytes(*current, *total)
                    )
                })
                .into_iter()
                .collect(),
            EventKind::ContainerReady { name, elapsed_ms, detail, .. } => {
                let detail = detail.as_ref().map(|detail| format!(", {detail}")).unwrap_or_default();
                vec![format!("{done} {name}: ready in {}{detail}", text::duration(*elapsed_ms))]
            }
            EventKind::ContainerFailed { name, .. } => {
                vec![format!("{} {name}: {}", paint.bad("✘"), talk::ending(&event.kind))]
            }
            EventKind::Ready { elapsed_ms, unchanged, addresses } => {
                let what = if *unchanged { "nothing to change, ready" } else { "ready" };
                let mut lines = vec![format!("{done} {}: {what} in {}", self.project, text::duration(*elapsed_ms))];
                lines.extend(talk::addresses(addresses, usize::MAX, paint));
                lines
            }
            EventKind::Interrupted { count } => vec![talk::interrupted(*count).to_owned()],
            EventKind::Finished { elapsed_ms, summary } => {
                vec![format!("{done} {summary} in {}", text::duration(*elapsed_ms))]
            }
            EventKind::Planned { .. }
            | EventKind::BuildOutput { .. }
            | EventKind::Waiting { .. }
            | EventKind::Log(_)
            | EventKind::Speakers(_)
            | EventKind::Said(_)
            | EventKind::Exited { .. }
            | EventKind::Restarted { .. }
            | EventKind::Dropped { .. }
            | EventKind::Problem { .. }
            | EventKind::Checked { .. }
            | EventKind::Rendered { .. }
            | EventKind::Note { .. }
            | EventKind::Reloaded { .. }
            | EventKind::Refused(_)
            | EventKind::Swap(_)
            | EventKind::Notice { .. }
            | EventKind::Failed { .. } => Vec::new(),
        }
    }

    /// The quarter that a pull has newly reached, in percent.
    fn pull(&mut self, image: &str, current: u64, total: u64, now: Timestamp) -> Option<u64> {
        let percent = current.saturating_mul(100).checked_div(total)?;
        let quarter = percent / 25;
        let (told, last) = self.pulls.get(image).copied().unwrap_or((0, Timestamp::MIN));
        let is_due = now.as_millisecond().saturating_sub(last.as_millisecond()) >= BETWEEN_PULL_LINES_MS;
        if quarter <= told || !is_due {
            return None;
        }
        self.pulls.insert(image.to_owned(), (quarter, now));
        Some(percent)
    }

    fn lasting(&mut self, now: Timestamp) -> Vec<String> {
        let has_lasted = |since: &Timestamp| now.as_millisecond() - since.as_millisecond() >= REASON_MS;
        let due: Vec<String> =
            self.reasons.iter().filter(|(_, (_, since))| has_lasted(since)).map(|(name, _)| name.clone()).collect();
        due.into_iter()
            .filter_map(|name| self.reasons.remove_entry(&name))
            .map(|(name, (reason, _))| waiting(&name, &reason))
            .collect()
    }
}

fn waiting(name: &str, reason: &str) -> String {
    let reason = one_line(reason);
    if reason.starts_with("waiting") { format!("{name}: {reason}") } else { format!("{name}: waiting: {reason}") }
}

fn step_started(step: &StepLine, paint: Paint, verbose: bool) -> Option<String> {
    let subject = subject(step);
    match step.action {
        _ if verbose => Some(talk::step(step, None, paint)),
        "pull" | "build" | "start" => Some(format!("{subject}: {}", talk::present(step.action))),
        _ => None,
    }
}

fn step_done(step: &StepLine, elapsed_ms: u64, paint: Paint, verbose: bool) -> Option<String> {
    let subject = subject(step);
    match step.action {
        _ if verbose => Some(talk::step(step, Some(elapsed_ms), paint)),
        "pull" | "build" => Some(format!("{subject}: {} in {}", talk::past(step.action), text::duration(elapsed_ms))),
        "stop" => Some(format!("{subject}: stopped")),
        _ => None,
    }
}

/// A pull is about an image, everything else about a container.
fn subject(step: &StepLine) -> &str {
    match &step.name {
        Some(name) if step.action != "pull" => name.as_str(),
        _ => &step.target,
    }
}
