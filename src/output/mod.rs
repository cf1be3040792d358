//! The only folder that prints. Data (log lines, JSON, tables, plans) goes to stdout, talk to stderr.
//!
//! Everything but [`Renderer`], `screen`, `sink` and `live` is a pure function from data to lines.

mod block;
mod failure;
mod human;
mod live;
mod log;
mod log_entries;
mod log_stamp;
mod log_text;
mod measures;
mod plain;
mod plan;
mod rendered;
mod sanitize;
mod screen;
mod settings;
mod sink;
mod status;
mod style;
mod swap;
mod talk;
#[cfg(test)]
mod tests;
mod text;

pub use log::LogSettings;
pub use settings::{ColorChoice, Mode, OutputSettings, Surroundings, settings};

use crate::{
    event::{Event, EventKind, SCHEMA, Saying, Utterance},
    status::Status,
};
use failure::Look;
use human::Human;
use jiff::Timestamp;
use plain::Plain;
use screen::Screen;
use std::{
    collections::{BTreeMap, VecDeque},
    io::Write,
};
use style::Names;

/// How many lines of a build are kept to be shown if it fails.
const BUILD_LINES: usize = 1000;

/// Shows events, as they come, to whoever reads.
pub struct Renderer {
    screen: Screen,
    display: Display,
    names: Names,
    log: log::Log,
    builds: BTreeMap<String, VecDeque<String>>,
    failures: Vec<EventKind>,
}

/// What differs between readers.
enum Display {
    Human(Human),
    Plain(Plain),
    Quiet,
    Json,
}

impl Renderer {
    /// Prints to this process's stdout and stderr.
    pub fn stdio(settings: OutputSettings) -> Self {
        Self::new(settings, Box::new(std::io::stdout()), Box::new(std::io::stderr()))
    }

    /// Prints to any two sinks.
    pub fn new(settings: OutputSettings, stdout: Box<dyn Write + Send>, stderr: Box<dyn Write + Send>) -> Self {
        let display = match settings.mode {
            Mode::Human => Display::Human(Human::default()),
            Mode::Plain => Display::Plain(Plain::default()),
            Mode::Quiet => Display::Quiet,
            Mode::Json => Display::Json,
        };
        let screen = Screen::new(settings, stdout, stderr);
        Self {
            screen,
            display,
            names: Names::default(),
            log: log::Log::default(),
            builds: BTreeMap::new(),
            failures: Vec::new(),
        }
    }

    /// Shows an event.
    pub fn event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Speakers(names) => return self.expect_names(names.iter().map(String::as_str)),
            EventKind::Said(sayings) => {
                for Utterance { speaker, saying } in &sayings.utterances {
                    match saying {
                        Saying::Entry(entry) if self.is_told_in_events() => {
                            self.entry_events(speaker, entry, event.time)
                        }
                        Saying::Entry(entry) => self.entry(speaker, entry),
                        Saying::Dropped(lines) => self.dropped(speaker, *lines),
                        Saying::Cut => self.cut(speaker),
                        Saying::Folded(lines) => self.folded(speaker, *lines),
                    }
                }
                return;
            }
            _ => {}
        }
        // What containers said before it stands before it.
        self.flush();
        if let Display::Json = self.display {
            // `logs --json` gives nothing but lines.
            let is_about_lines = matches!(event.kind, EventKind::Exited { .. } | EventKind::Restarted { .. });
            if self.is_told_in_events() || !is_about_lines {
                self.json(event);
            }
            return;
        }
        if let EventKind::Started { containers, .. } = &event.kind {
            self.expect_names(containers.iter().map(|container| container.name.as_str()));
        }
        match &mut self.display {
            Display::Human(human) => human.event(event, &mut self.screen),
            Display::Plain(plain) => plain.event(event, &self.screen),
            Display::Quiet | Display::Json => {}
        }
        self.common(&event.kind);
    }

    /// What every person sees, however talkative the mode.
    fn common(&mut self, kind: &EventKind) {
        let paint = self.screen.talk_paint();
        match kind {
            EventKind::Planned { steps } => self.screen.data(&plan::lines(steps, self.screen.data_paint())),
            EventKind::BuildOutput { name, line } => self.build_output(name.as_str(), line),
            EventKind::StepDone { step, .. } if step.action == "build" => {
                step.name.as_ref().and_then(|name| self.builds.remove(name.as_str()));
            }
            EventKind::Note { message, .. } => match self.display {
                Display::Human(_) | Display::Plain(_) => self.screen.talk(&talk::note(message, paint)),
                Display::Quiet | Display::Json => {}
            },
            EventKind::Notice { message, help, .. } => self.screen.talk(&talk::notice(message, help.as_deref(), paint)),
            EventKind::Reloaded { .. } => self.screen.talk(&talk::reloaded(kind, paint)),
            EventKind::Refused(refusal) => self.screen.talk(&talk::refused(refusal, paint)),
            EventKind::Swap(progress) => match self.display {
                Display::Human(_) | Display::Plain(_) => self.screen.talk(&swap::lines(progress, paint)),
                Display::Quiet | Display::Json => {}
            },
            EventKind::Checked { .. } => {
                if let Display::Human(_) | Display::Plain(_) = self.display {
                    let lines: Vec<_> = talk::checked(kind, paint).into_iter().collect();
                    self.screen.talk(&lines);
                }
            }
            EventKind::Rendered { app, differences, files } => {
                self.screen.data(&rendered::lines(app, differences, files, self.screen.data_paint()));
            }
            EventKind::Restarted { name, replaced } => {
                let what = if *replaced { "was made anew" } else { "started again" };
                self.screen.talk(&[format!("{} {} {what}", paint.dim("·"), paint.strong(name))]);
            }
            EventKind::Exited { name, exit_code, role, tail, .. } => {
                if !tail.is_empty() {
                    let mut lines = vec![String::new()];
                    lines.extend(log::tail(name.as_str(), Some(*role), tail, &mut self.names, paint));
                    lines.push(String::new());
                    self.screen.talk(&lines);
                }
                // 143: it ended because it was told to (SIGTERM), as a JVM says it.
                let mark = if matches!(exit_code, 0 | 143) { paint.dim("·") } else { paint.bad("✘") };
                self.screen.talk(&[format!("{mark} {} {}", paint.strong(name), talk::ending(kind))]);
            }
            EventKind::ContainerFailed { .. } => self.failures.push(kind.clone()),
            EventKind::Failed { code, message, help } => {
                self.tails();
                self.screen.talk(&failure::failed(code, message, help.as_deref(), self.look()));
            }
            EventKind::Started { .. }
            | EventKind::Dropped { .. }
            | EventKind::Log(_)
            | EventKind::Speakers(_)
            | EventKind::Said(_)
            | EventKind::StepStarted(_)
            | EventKind::StepDone { .. }
            | EventKind::PullProgress { .. }
            | EventKind::Waiting { .. }
            | EventKind::ContainerReady { .. }
            | EventKind::Ready { .. }
            | EventKind::Problem { .. }
            | EventKind::Interrupted { .. }
            | EventKind::Finished { .. } => {}
        }
    }

    /// Shows what ended the command; with `--json` as events, the last of them `failed`. Instead of, not after,
    /// [`EventKind::Failed`].
    pub fn failure(&mut self, diagnostic: &dyn miette::Diagnostic, now: Timestamp) {
        self.flush();
        if let Display::Json = self.display {
            for kind in failure::events(diagnostic) {
                self.json(&Event { schema: SCHEMA, time: now, kind });
            }
            return;
        }
        if let Display::Human(human) = &self.display {
            human.stopped(&mut self.screen);
        }
        self.tails();
        self.screen.talk(&failure::lines(diagnostic, self.look()));
    }

    /// Shows a problem that is no failure; with `--json` as an event.
    pub fn problem(&mut self, diagnostic: &dyn miette::Diagnostic, now: Timestamp) {
        self.flush();
        if let Display::Json = self.display {
            if let Some(kind) = failure::event(diagnostic) {
                self.json(&Event { schema: SCHEMA, time: now, kind });
            }
            return;
        }
        let mut lines = failure::lines(diagnostic, self.look());
        lines.push(String::new());
        self.screen.talk(&lines);
    }

    /// Shows a project's status: one object with `--json`, else for people.
    pub fn status(&mut self, status: &Status, now: Timestamp) {
        self.flush();
        match self.display {
            Display::Json => self.screen.data(&[to_json(status)]),
            Display::Human(_) | Display::Plain(_) | Display::Quiet => {
                self.screen.data(&status::lines(status, now, self.screen.data_width(), self.screen.data_paint()));
            }
        }
    }

    /// Prints a line of data as it is: what a command was asked for.
    pub fn data(&mut self, line: &str) {
        self.flush();
        self.screen.data(&[line]);
    }

    /// Prints a line of talk, except where nobody wants it.
    pub fn talk(&mut self, line: &str) {
        self.flush();
        if let Display::Human(_) | Display::Plain(_) = self.display {
            self.screen.talk(&[line]);
        }
    }

    /// Makes names known before their first line, so that colours and alignment are those of `up`.
    pub fn expect_names<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        self.names.learn_all(names.into_iter());
    }

    /// Call about once a second while waiting, so that a reader without a live block learns what is waited for.
    pub fn tick(&mut self, now: Timestamp) {
        self.flush();
        if let Display::Plain(plain) = &mut self.display {
            plain.tick(now, &self.screen);
        }
    }

    /// Whether the reader of stdout has gone, so that there is no point in going on with output.
    pub fn is_closed(&self) -> bool {
        self.screen.is_closed()
    }

    /// Whether data could not be written though its reader is there, as on a full disk; it was told on stderr. Exit 1.
    pub fn has_failed(&self) -> bool {
        self.screen.has_failed()
    }

    /// Takes the live block away and shows what is still held back. Also done on drop.
    pub fn finish(&mut self) {
        self.flush();
        self.screen.end();
        self.tails();
    }

    /// What containers that failed had said, and the output of builds that did not end.
    fn tails(&mut self) {
        let paint = self.screen.talk_paint();
        for kind in std::mem::take(&mut self.failures) {
            let EventKind::ContainerFailed { name, role, tail, .. } = &kind else { continue };
            let build: Vec<String> = self.builds.remove(name.as_str()).unwrap_or_default().into();
            let (role, said) = if tail.is_empty() { (None, &build) } else { (Some(*role), tail) };
            if !said.is_empty() {
                let mut lines = vec![String::new()];
                lines.extend(log::tail(name.as_str(), role, said, &mut self.names, paint));
                lines.push(String::new());
                self.screen.talk(&lines);
            }
        }
    }

    fn build_output(&mut self, name: &str, line: &str) {
        if self.screen.settings.verbose {
            let lines = log::tail(name, None, &[line.to_owned()], &mut self.names, self.screen.talk_paint());
            return self.screen.talk(&lines);
        }
        let kept = self.builds.entry(name.to_owned()).or_default();
        if kept.len() == BUILD_LINES {
            kept.pop_front();
        }
        kept.push_back(line.to_owned());
    }

    fn look(&self) -> Look {
        Look { paint: self.screen.talk_paint(), width: self.screen.talk_width(), verbose: self.screen.settings.verbose }
    }

    fn json(&self, event: &Event) {
        self.screen.data(&[to_json(event)]);
    }
}

impl Drop for Renderer {
    fn drop(&mut self) {
        self.finish();
    }
}

fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("what is printed has only string keys")
}
