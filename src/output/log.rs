//! Log lines: `NAME | text`, many at once. Pure.

use super::{
    log_stamp::Stamps,
    log_text,
    sanitize::sanitize,
    style::{Names, Paint},
    text,
};
use crate::{
    event::Stream,
    logs::{group::Entry, level::Level, speaker::Speaker},
    plan::spec::Role,
};
use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use std::{collections::HashMap, mem};

/// Lines are written when they are this many bytes: large enough to be fast, small enough to stay in a cache.
const FULL: usize = 64 * 1024;
/// On a terminal names take at most this part of its width, and never less than this.
const PART_OF_WIDTH: usize = 5;
const NARROWEST: usize = 8;
/// So much of the end of a name that is cut stays: `-dapr`.
const TAIL: usize = 5;

/// How log lines look.
#[derive(Clone, Debug, Default)]
pub struct LogSettings {
    /// `--timestamps`: the engine's time before each line, in this zone.
    pub timestamps: Option<TimeZone>,
    /// `--no-prefix`: no names.
    pub no_prefix: bool,
    /// `--raw`: lines as they were written, control sequences included.
    pub raw: bool,
    /// With `--json` a line is an event among others, as in `up`.
    pub events: bool,
}

/// Lines on their way, and what they share.
#[derive(Debug, Default)]
pub(super) struct Log {
    stamps: Option<Stamps>,
    no_prefix: bool,
    raw: bool,
    pub(super) events: bool,
    /// The widest a name may be.
    widest: Option<usize>,
    /// The column's width for which the prefixes were made.
    width: usize,
    prefixes: HashMap<String, String>,
    out: String,
}

/// A line, whoever gave it.
#[derive(Clone, Copy)]
struct View<'a> {
    time: Timestamp,
    name: &'a str,
    role: Role,
    text: &'a str,
}

/// A line of `logs --json`.
#[derive(Serialize)]
struct JsonLine<'a> {
    time: String,
    container: &'a str,
    name: &'a str,
    role: Role,
    app: Option<&'a str>,
    stream: Stream,
    level: Option<Level>,
    text: &'a str,
}

/// What `logs --json` says in the place of lines that could not be shown in time.
#[derive(Serialize)]
struct JsonDropped<'a> {
    dropped: u64,
    container: &'a str,
    name: &'a str,
}

/// What `logs --json` says where the log of a removed container begins that was too long to keep.
#[derive(Serialize)]
struct JsonCut<'a> {
    cut: bool,
    container: &'a str,
    name: &'a str,
}

impl Log {
    pub(super) fn new(settings: LogSettings) -> Self {
        let LogSettings { timestamps, no_prefix, raw, events } = settings;
        Self { stamps: timestamps.map(Stamps::new), no_prefix, raw, events, ..Self::default() }
    }

    /// Makes names fit a terminal of this width.
    pub(super) fn fit(&mut self, width: Option<usize>) {
        let widest = width.map(|width| (width / PART_OF_WIDTH).max(NARROWEST));
        if self.widest != widest {
            self.widest = widest;
            self.prefixes.clear();
        }
    }

    pub(super) fn entry(&mut self, speaker: &Speaker, entry: &Entry, names: &mut Names, paint: Paint) {
        for line in entry.lines() {
            let view = View { time: line.time, name: &speaker.name, role: speaker.role, text: &line.text };
            self.view(view, names, paint);
        }
    }

    pub(super) fn json(&mut self, speaker: &Speaker, entry: &Entry) {
        let level = entry.level(speaker.role);
        for line in entry.lines() {
            self.object(&JsonLine {
                time: format!("{:.9}", line.time),
                container: speaker.container.as_str(),
                name: &speaker.name,
                role: speaker.role,
                app: speaker.app.as_ref().map(|app| app.as_str()),
                stream: line.stream,
                level,
                text: &line.text,
            });
        }
    }

    pub(super) fn dropped(&mut self, speaker: &Speaker, lines: u64, json: bool, paint: Paint) {
        if json {
            let Speaker { container, name, .. } = speaker;
            return self.object(&JsonDropped { dropped: lines, container: container.as_str(), name });
        }
        let text = format!("… {} of {} dropped …", lines_in_words(lines), sanitize(&speaker.name, false));
        self.out.push_str(&paint.warn(text));
        self.out.push('\n');
    }

    pub(super) fn cut(&mut self, speaker: &Speaker, json: bool, paint: Paint) {
        let Speaker { container, name, .. } = speaker;
        if json {
            return self.object(&JsonCut { cut: true, container: container.as_str(), name });
        }
        let text = format!("… what the removed {} had said before was not kept …", sanitize(name, false));
        self.out.push_str(&paint.warn(text));
        self.out.push('\n');
    }

    pub(super) fn folded(&mut self, speaker: &Speaker, lines: u64, names: &mut Names, paint: Paint) {
        self.begin(&speaker.name, None, names, paint);
        let text = format!("… {} until ready", lines_in_words(lines));
        self.space();
        self.out.push_str(&paint.dim(text));
        self.out.push('\n');
    }

    pub(super) fn is_full(&self) -> bool {
        self.out.len() >= FULL
    }

    pub(super) fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The lines taken so far, without the last end.
    pub(super) fn take(&mut self) -> Option<String> {
        self.out.pop()?;
        let next = String::with_capacity(self.out.capacity().min(2 * FULL));
        Some(mem::replace(&mut self.out, next))
    }

    pub(super) fn object(&mut self, object: &impl Serialize) {
        self.out.push_str(&super::to_json(object));
        self.out.push('\n');
    }

    fn view(&mut self, view: View<'_>, names: &mut Names, paint: Paint) {
        self.begin(view.name, Some(view.time), names, paint);
        if view.text.is_empty() {
            return self.out.push('\n');
        }
        self.space();
        if self.raw {
            self.out.push_str(view.text);
            return self.out.push('\n');
        }
        let below = log_text::write(view.role, view.text, paint, &mut self.out);
        self.out.push('\n');
        for text in below {
            self.begin(view.name, Some(view.time), names, paint);
            self.space();
            self.out.push_str(&text);
            self.out.push('\n');
        }
    }

    /// The name and the time of a line.
    fn begin(&mut self, name: &str, time: Option<Timestamp>, names: &mut Names, paint: Paint) {
        if !self.no_prefix {
            self.prefix(name, names, paint);
        }
        if let Some((stamps, time)) = self.stamps.as_mut().zip(time) {
            if !self.no_prefix {
                self.out.push(' ');
            }
            stamps.write(time, &mut self.out);
        }
    }

    fn space(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push(' ');
        }
    }

    fn prefix(&mut self, name: &str, names: &mut Names, paint: Paint) {
        if self.width == names.width()
            && let Some(prefix) = self.prefixes.get(name)
        {
            return self.out.push_str(prefix);
        }
        let color = names.learn(name);
        if self.width != names.width() {
            self.width = names.width();
            self.prefixes.clear();
        }
        let width = self.widest.map_or(self.width, |widest| self.width.min(widest));
        let prefix = prefix(name, width, color, paint);
        self.out.push_str(&prefix);
        self.prefixes.insert(name.to_owned(), prefix);
    }
}

/// `1 line`, `1,234 lines`.
fn lines_in_words(lines: u64) -> String {
    let digits = lines.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} line{}", if lines == 1 { "" } else { "s" })
}

/// The last lines of a container that failed, indented; without a role they are no log lines and stay as they are.
pub(super) fn tail(name: &str, role: Option<Role>, lines: &[String], names: &mut Names, paint: Paint) -> Vec<String> {
    let color = names.learn(name);
    let width = console::measure_text_width(name);
    let prefix = prefix(name, width, color, paint);
    let shown = |text: &String| match role {
        None => vec![sanitize(text, paint.enabled).into_owned()],
        Some(role) => {
            let mut line = String::new();
            let below = log_text::write(role, text, paint, &mut line);
            std::iter::once(line).chain(below).collect()
        }
    };
    let line = |text: String| if text.is_empty() { prefix.clone() } else { format!("{prefix} {text}") };
    text::indent(lines.iter().flat_map(shown).map(line), "  ")
}

fn prefix(name: &str, width: usize, color: u8, paint: Paint) -> String {
    let name = sanitize(name, false);
    let tail: String = name.chars().skip(name.chars().count().saturating_sub(TAIL)).collect();
    // An app and its sidecar must stay apart: what is cut out lies before the end.
    let is_cut = console::measure_text_width(&name) > width && width > TAIL + 1;
    let name = if is_cut { text::fit(&name, width - TAIL) + &tail } else { name.into_owned() };
    paint.name(format!("{} |", text::column(&name, width)), color)
}
