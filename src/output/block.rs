//! What the live block knows and how it looks: one line a container, in start order. Pure; the time is passed in.

use super::{sanitize::one_line, style::Paint, text};
use crate::event::{ContainerLine, EventKind, StepLine};
use jiff::Timestamp;

const FRAMES: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
/// Work that takes less never shows a block, so that a quick no-op does not flicker.
const QUIET_MILLISECONDS: i64 = 150;
/// Why a container is not ready is worth a look only after this.
const REASON_MILLISECONDS: i64 = 1000;
const WIDEST_NAME: usize = 32;

/// The containers that a command is about, and how far each is.
#[derive(Clone, Debug)]
pub(super) struct Block {
    started: Timestamp,
    latest: Timestamp,
    /// What a container shows before anything was done to it.
    idle: &'static str,
    rows: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Row {
    line: ContainerLine,
    state: State,
    /// Since when it is in this state.
    since: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    /// Nothing has been done for it yet; perhaps with what it waits for.
    Pending(Option<String>),
    Pulling {
        current: u64,
        total: u64,
        layers_done: usize,
        layers: usize,
    },
    /// The last line its build printed.
    Building(Option<String>),
    /// A step is being done: `creating`.
    Working(String),
    /// A step is done and the next has not begun: `created`, or the reason why it is not ready.
    Settled(String),
    /// It runs and is not ready: `starting`, or `checking` one that ran before; why, and since when that is the reason.
    Unready(&'static str, Option<(String, Timestamp)>),
    Ready {
        elapsed_ms: u64,
        detail: Option<String>,
    },
    Failed(String),
    /// Stopped and removed.
    Gone,
}

impl Block {
    pub(super) fn new(command: &str, containers: &[ContainerLine], now: Timestamp) -> Self {
        let row = |line: &ContainerLine| Row { line: line.clone(), state: State::Pending(None), since: now };
        let idle = if command == "up" { "waiting" } else { "" };
        Self { started: now, latest: now, idle, rows: containers.iter().map(row).collect() }
    }

    /// The time of the last event.
    pub(super) fn latest(&self) -> Timestamp {
        self.latest
    }

    /// Takes an event in.
    pub(super) fn apply(&mut self, kind: &EventKind, now: Timestamp) {
        self.latest = now;
        match kind {
            EventKind::StepStarted(step) => self.step(step, now, started),
            EventKind::StepDone { step, .. } => self.step(step, now, done),
            EventKind::PullProgress { image, current, total, layers_done, layers } => {
                let state =
                    State::Pulling { current: *current, total: *total, layers_done: *layers_done, layers: *layers };
                let pulled = |row: &Row| {
                    row.line.image == *image && matches!(row.state, State::Pending(_) | State::Pulling { .. })
                };
                self.change(now, pulled, |_| Some(state.clone()));
            }
            EventKind::BuildOutput { name, line } => {
                self.change(now, |row| row.line.name == *name, |_| Some(State::Building(Some(one_line(line)))))
            }
            EventKind::Waiting { name, reason } => {
                self.change(now, |row| row.line.name == *name, |state| waiting(state, &one_line(reason), now))
            }
            EventKind::ContainerReady { name, elapsed_ms, detail, .. } => {
                let ready = State::Ready { elapsed_ms: *elapsed_ms, detail: detail.as_deref().map(one_line) };
                self.change(now, |row| row.line.name == *name, |_| Some(ready.clone()));
            }
            EventKind::ContainerFailed { name, .. } => {
                let failed = super::talk::ending(kind);
                self.change(now, |row| row.line.name == *name, |_| Some(State::Failed(failed.clone())));
            }
            EventKind::Started { .. }
            | EventKind::Planned { .. }
            | EventKind::Ready { .. }
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
            | EventKind::Interrupted { .. }
            | EventKind::Finished { .. }
            | EventKind::Failed { .. } => {}
        }
    }

    fn step(&mut self, step: &StepLine, now: Timestamp, next: fn(&str, &State) -> Option<State>) {
        let pulls = step.action == "pull";
        let concerned = |row: &Row| {
            if pulls {
                row.line.image.as_str() == step.target && row.is_before_create()
            } else {
                step.name.as_ref() == Some(&row.line.name)
            }
        };
        self.change(now, concerned, |state| next(step.action, state));
    }

    fn change(&mut self, now: Timestamp, concerned: impl Fn(&Row) -> bool, next: impl Fn(&State) -> Option<State>) {
        for row in self.rows.iter_mut().filter(|row| concerned(row)) {
            if let Some(state) = next(&row.state) {
                if std::mem::discriminant(&state) != std::mem::discriminant(&row.state) {
                    row.since = now;
                }
                row.state = state;
            }
        }
    }

    /// The block while work goes on; nothing while it has only just begun.
    pub(super) fn live(&self, now: Timestamp, frame: usize, width: usize, paint: Paint) -> Vec<String> {
        if milliseconds(self.started, now) < QUIET_MILLISECONDS {
            return Vec::new();
        }
        let name_width = self.name_width();
        let row = |row: &Row| {
            let icon = row.icon(FRAMES[frame % FRAMES.len()], paint);
            let name = text::column(row.line.name.as_str(), name_width);
            text::fit(&format!("{icon} {name}  {}", row.text(self.idle, now, paint)), width.saturating_sub(1))
        };
        self.rows.iter().map(row).collect()
    }

    /// The block that stays: how long each container took, or how far each came.
    pub(super) fn last(&self, width: usize, paint: Paint) -> Vec<String> {
        let name_width = self.name_width();
        let is_complete = self.rows.iter().all(|row| matches!(row.state, State::Ready { .. }));
        let row = |row: &Row| {
            let text = match &row.state {
                State::Ready { elapsed_ms, detail } if is_complete => {
                    let time = format!("{:>7}", text::duration(*elapsed_ms));
                    format!("{time}  {}", paint.dim(detail.as_deref().unwrap_or_default()))
                }
                _ => row.text(self.idle, row.since, paint),
            };
            let name = text::column(row.line.name.as_str(), name_width);
            let line = format!("{} {name}  {text}", row.icon(&paint.dim("·"), paint));
            text::fit(&line, width.saturating_sub(1)).trim_end().to_owned()
        };
        self.rows.iter().map(row).collect()
    }

    fn name_width(&self) -> usize {
        self.rows
            .iter()
            .map(|row| console::measure_text_width(row.line.name.as_str()))
            .max()
            .unwrap_or(0)
            .min(WIDEST_NAME)
    }
}

impl Row {
    fn is_before_create(&self) -> bool {
        matches!(self.state, State::Pending(_) | State::Pulling { .. } | State::Building(_))
    }

    fn icon(&self, frame: &str, paint: Paint) -> String {
        match self.state {
            State::Pending(_) | State::Settled(_) => paint.dim("·"),
            State::Ready { .. } | State::Gone => paint.good("✔"),
            State::Failed(_) => paint.bad("✘"),
            State::Pulling { .. } | State::Building(_) | State::Working(_) | State::Unready(..) => paint.hint(frame),
        }
    }

    fn text(&self, idle: &str, now: Timestamp, paint: Paint) -> String {
        match &self.state {
            State::Pending(reason) => paint.dim(reason.as_deref().unwrap_or(idle)),
            State::Pulling { total: 0, .. } => format!("pulling{}", self.elapsed(now, paint)),
            State::Pulling { current, total, layers_done, layers } => {
                format!("pulling {}, {layers_done}/{layers} layers", text::megabytes(*current, *total))
            }
            State::Building(line) => {
                format!("building{}  {}", self.elapsed(now, paint), paint.dim(line.as_deref().unwrap_or_default()))
            }
            State::Working(action) => format!("{action}{}", self.elapsed(now, paint)),
            State::Settled(what) => paint.dim(what),
            State::Unready(verb, Some((reason, since))) if milliseconds(*since, now) >= REASON_MILLISECONDS => {
                format!("{verb}{}  {}", self.elapsed(now, paint), paint.dim(reason))
            }
            State::Unready(verb, _) => format!("{verb}{}", self.elapsed(now, paint)),
            State::Ready { elapsed_ms, detail } => {
                format!("ready {}  {}", text::duration(*elapsed_ms), paint.dim(detail.as_deref().unwrap_or_default()))
            }
            State::Failed(how) => how.clone(),
            State::Gone => "removed".to_owned(),
        }
    }

    /// Whole seconds in this state, so that a long wait shows life and a short one is calm.
    fn elapsed(&self, now: Timestamp, paint: Paint) -> String {
        let seconds = milliseconds(self.since, now) / 1000;
        if seconds < 1 { String::new() } else { paint.dim(format!(" {seconds} s")) }
    }
}

fn started(action: &str, state: &State) -> Option<State> {
    match action {
        "pull" => Some(State::Pulling { current: 0, total: 0, layers_done: 0, layers: 0 }),
        "build" => Some(State::Building(None)),
        "start" => Some(State::Unready("starting", None)),
        // One that this command started is shown as starting already.
        "await" | "await-callable" => matches!(state, State::Pending(_)).then_some(State::Unready("checking", None)),
        _ => Some(State::Working(super::talk::present(action))),
    }
}

fn done(action: &str, state: &State) -> Option<State> {
    match action {
        "pull" | "build" => Some(State::Pending(None)),
        "remove" => Some(State::Gone),
        _ if matches!(state, State::Working(_)) => Some(State::Settled(super::talk::past(action))),
        _ => None,
    }
}

/// A reason changes what a started container shows, and what one that has not begun waits for.
fn waiting(state: &State, reason: &str, now: Timestamp) -> Option<State> {
    match state {
        State::Pending(_) => Some(State::Pending(Some(reason.to_owned()))),
        State::Settled(_) => Some(State::Settled(reason.to_owned())),
        State::Unready(verb, _) => Some(State::Unready(verb, Some((reason.to_owned(), now)))),
        State::Ready { .. } => Some(State::Unready("checking", Some((reason.to_owned(), now)))),
        State::Pulling { .. } | State::Building(_) | State::Working(_) | State::Failed(_) | State::Gone => None,
    }
}

fn milliseconds(from: Timestamp, to: Timestamp) -> i64 {
    to.as_millisecond() - from.as_millisecond()
}
