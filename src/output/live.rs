//! Keeps the block of a working command at the bottom of the terminal, and lets lines pass above it without tearing.
//!
//! Drawn here and not by indicatif: its lines are filled with spaces up to the right margin, so that the `^C` a terminal
//! echoes wraps, and the next redraw leaves a torn line. Here the cursor always rests at the left, below the block.

use super::{block::Block, screen, settings::OutputSettings, sink::Sink, style::Paint};
use crate::event::Event;
use jiff::Timestamp;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

const TICK: Duration = Duration::from_millis(100);
const TO_END_OF_LINE: &str = "\u{1b}[K";
const TO_END_OF_SCREEN: &str = "\u{1b}[J";

/// A block that is on the screen.
pub(super) struct Live {
    shown: Arc<Mutex<Shown>>,
    ticker: Option<Ticker>,
}

impl Live {
    pub(super) fn begin(block: Block, sink: Sink, settings: OutputSettings) -> Self {
        let shown = Arc::new(Mutex::new(Shown { block, sink, settings, frame: 0, drawn: 0 }));
        let ticker = settings.animate.then(|| Ticker::begin(shown.clone()));
        Self { shown, ticker }
    }

    /// Takes an event in. What it changes is seen at the next tick.
    pub(super) fn update(&self, event: &Event) {
        let mut shown = lock(&self.shown);
        shown.block.apply(&event.kind, event.time);
        if self.ticker.is_none() {
            shown.draw();
        }
    }

    /// Writes above the block.
    pub(super) fn above(&self, write: impl FnOnce()) {
        let mut shown = lock(&self.shown);
        shown.clear();
        write();
        shown.draw();
    }

    /// Takes the block from the screen.
    pub(super) fn end(self) -> Block {
        if let Some(ticker) = self.ticker {
            ticker.end();
        }
        let mut shown = lock(&self.shown);
        shown.clear();
        shown.block.clone()
    }
}

fn lock(shown: &Mutex<Shown>) -> MutexGuard<'_, Shown> {
    shown.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The block and how much of the screen it has.
struct Shown {
    block: Block,
    sink: Sink,
    settings: OutputSettings,
    frame: usize,
    /// How many lines above the cursor are the block's.
    drawn: usize,
}

impl Shown {
    /// Draws the block over the one that is there, in one write so that it is never seen half done.
    fn draw(&mut self) {
        let now = if self.settings.animate { Timestamp::now() } else { self.block.latest() };
        let paint = Paint { enabled: self.settings.stderr_color };
        let (height, width) = screen::stderr_size(self.settings.width);
        let mut lines = self.block.live(now, self.frame, width, paint);
        lines.truncate(height.saturating_sub(1));
        let mut text = self.to_top();
        for line in &lines {
            text.push_str(line);
            text.push_str(TO_END_OF_LINE);
            text.push('\n');
        }
        if !text.is_empty() {
            text.push_str(TO_END_OF_SCREEN);
        }
        self.drawn = lines.len();
        self.sink.write(&text);
    }

    fn clear(&mut self) {
        if self.drawn > 0 {
            self.sink.write(&format!("{}{TO_END_OF_SCREEN}", self.to_top()));
            self.drawn = 0;
        }
    }

    fn to_top(&self) -> String {
        if self.drawn > 0 { format!("\r\u{1b}[{}A", self.drawn) } else { String::new() }
    }
}

/// Redraws between events, so that a spinner turns and seconds count.
struct Ticker {
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Ticker {
    fn begin(shown: Arc<Mutex<Shown>>) -> Self {
        let (stop, stopped) = mpsc::channel();
        let tick = move || {
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let mut shown = lock(&shown);
                shown.frame += 1;
                shown.draw();
            }
        };
        Self { stop, thread: thread::spawn(tick) }
    }

    fn end(self) {
        drop(self.stop);
        // A thread that panicked has only stopped drawing.
        let _ = self.thread.join();
    }
}
