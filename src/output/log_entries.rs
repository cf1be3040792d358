//! How the renderer takes log lines: many at once, in their place among everything else that is shown.

use super::{
    Display, Renderer,
    log::{Log, LogSettings},
};
use crate::{
    event::{Event, EventKind, LogLine, SCHEMA},
    logs::{group::Entry, speaker::Speaker},
};
use jiff::Timestamp;

impl Renderer {
    /// Says how log lines look, before the first.
    pub fn log_settings(&mut self, settings: LogSettings) {
        self.log = Log::new(settings);
    }

    /// Takes log lines to be shown; with `--json` an object each. They are written when there are many, before anything else
    /// is shown, and at [`Renderer::flush`].
    pub fn entry(&mut self, speaker: &Speaker, entry: &Entry) {
        self.measure();
        if let Display::Json = self.display {
            self.log.json(speaker, entry);
        } else {
            self.log.entry(speaker, entry, &mut self.names, self.screen.data_paint());
        }
        if self.log.is_full() {
            self.flush();
        }
    }

    /// Whether programs get events: `up --json`.
    pub(super) fn is_told_in_events(&self) -> bool {
        matches!(self.display, Display::Json) && self.log.events
    }

    /// Takes log lines to be shown as an event each.
    pub(super) fn entry_events(&mut self, speaker: &Speaker, entry: &Entry, time: Timestamp) {
        let level = entry.level(speaker.role);
        for line in entry.lines() {
            let line = LogLine {
                time: line.time,
                container: speaker.container.clone(),
                name: speaker.name.clone(),
                role: speaker.role,
                app: speaker.app.clone(),
                stream: line.stream,
                level,
                text: line.text.clone(),
            };
            self.log.object(&Event { schema: SCHEMA, time, kind: EventKind::Log(line) });
        }
        if self.log.is_full() {
            self.flush();
        }
    }

    /// Tells how many lines of a container could not be shown in time, in their place.
    pub fn dropped(&mut self, speaker: &Speaker, lines: u64) {
        if self.is_told_in_events() {
            let kind = EventKind::Dropped { name: speaker.name.clone(), container: speaker.container.clone(), lines };
            return self.log.object(&Event { schema: SCHEMA, time: Timestamp::now(), kind });
        }
        let json = matches!(self.display, Display::Json);
        self.log.dropped(speaker, lines, json, self.screen.data_paint());
    }

    /// Tells that a removed container had said more, before its lines that were kept.
    pub fn cut(&mut self, speaker: &Speaker) {
        let json = matches!(self.display, Display::Json);
        self.log.cut(speaker, json, self.screen.data_paint());
    }

    /// Tells how many lines a container wrote until it was ready. Programs get every line instead.
    pub fn folded(&mut self, speaker: &Speaker, lines: u64) {
        self.measure();
        self.log.folded(speaker, lines, &mut self.names, self.screen.data_paint());
    }

    /// Writes the log lines that were taken. Call it whenever nothing more is there to be taken at once.
    pub fn flush(&mut self) {
        if let Some(lines) = self.log.take() {
            self.screen.data(&[lines]);
        }
    }

    /// A terminal may have been resized since lines were last written.
    pub(super) fn measure(&mut self) {
        if self.log.is_empty() {
            self.log.fit(self.screen.data_width());
        }
    }
}
