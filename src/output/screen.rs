//! Stdout, stderr and the live block between them: whatever is printed passes here.

use super::{
    block::Block,
    live::Live,
    settings::OutputSettings,
    sink::{Sink, Target},
    style::Paint,
};
use crate::event::Event;
use std::cell::Cell;

/// Where everything is printed.
pub(super) struct Screen {
    pub(super) settings: OutputSettings,
    out: Sink,
    err: Sink,
    has_failed: Cell<bool>,
    live: Option<Live>,
}

impl Screen {
    pub(super) fn new(settings: OutputSettings, out: Target, err: Target) -> Self {
        Self { settings, out: Sink::new(out), err: Sink::new(err), has_failed: Cell::new(false), live: None }
    }

    /// The styles of what goes to stdout.
    pub(super) fn data_paint(&self) -> Paint {
        Paint { enabled: self.settings.stdout_color }
    }

    /// The styles of what goes to stderr.
    pub(super) fn talk_paint(&self) -> Paint {
        Paint { enabled: self.settings.stderr_color }
    }

    /// The width that a table on stdout must fit; `None` where nothing has to fit.
    pub(super) fn data_width(&self) -> Option<usize> {
        let terminal = || {
            self.settings.stdout_tty.then(|| console::Term::stdout().size_checked()).flatten().map(|(_, width)| width)
        };
        self.settings.width.or_else(terminal).map(usize::from)
    }

    /// The width of the terminal behind stderr.
    pub(super) fn talk_width(&self) -> usize {
        stderr_size(self.settings.width).1
    }

    /// Prints data on stdout.
    pub(super) fn data<L: AsRef<str>>(&self, lines: &[L]) {
        if self.settings.stdout_tty {
            self.above(|| self.out.lines(lines))
        } else {
            self.out.lines(lines)
        }
        if let Some(error) = self.out.take_failure() {
            self.has_failed.set(true);
            let line = format!("{} cannot write to standard output: {error}", self.talk_paint().bad("error:"));
            self.talk(&[line]);
        }
    }

    /// Prints talk on stderr.
    pub(super) fn talk<L: AsRef<str>>(&self, lines: &[L]) {
        self.above(|| self.err.lines(lines));
    }

    fn above(&self, write: impl FnOnce()) {
        match &self.live {
            Some(live) => live.above(write),
            None => write(),
        }
    }

    /// Puts a block at the bottom of the terminal; one that was there goes.
    pub(super) fn begin(&mut self, block: Block) {
        self.end();
        self.live = Some(Live::begin(block, self.err.clone(), self.settings));
    }

    /// Lets the block take in an event. `false` when there is none.
    pub(super) fn update(&self, event: &Event) -> bool {
        self.live.as_ref().map(|live| live.update(event)).is_some()
    }

    /// Takes the block away.
    pub(super) fn end(&mut self) -> Option<Block> {
        self.live.take().map(Live::end)
    }

    /// Whether data could not be written though its reader is there.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.get()
    }

    /// Whether nobody reads the data any more.
    pub(super) fn is_closed(&self) -> bool {
        self.out.is_closed()
    }
}

/// Height and width of the terminal behind stderr: as fixed, else as it is, else without an end and 80.
pub(super) fn stderr_size(fixed: Option<u16>) -> (usize, usize) {
    match fixed {
        Some(width) => (usize::MAX, usize::from(width)),
        None => console::Term::stderr()
            .size_checked()
            .map_or((usize::MAX, 80), |(height, width)| (usize::from(height), usize::from(width))),
    }
}
