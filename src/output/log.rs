//! Log lines: `NAME | text`. Pure.

use super::{
    sanitize::sanitize,
    style::{Names, Paint},
    text,
};
use crate::event::LogLine;

/// One line of a container's log, the names aligned at the widest known.
pub(super) fn line(log: &LogLine, names: &mut Names, paint: Paint) -> String {
    let color = names.learn(&log.name);
    prefixed(&log.name, names.width(), color, &log.text, paint)
}

/// The last lines of a container that failed, indented.
pub(super) fn tail(name: &str, lines: &[String], names: &mut Names, paint: Paint) -> Vec<String> {
    let color = names.learn(name);
    let width = console::measure_text_width(name);
    text::indent(lines.iter().map(|line| prefixed(name, width, color, line, paint)), "  ")
}

fn prefixed(name: &str, width: usize, color: u8, line: &str, paint: Paint) -> String {
    let prefix = paint.name(format!("{} |", text::column(name, width)), color);
    let clean = sanitize(line, paint.enabled);
    if clean.is_empty() { prefix } else { format!("{prefix} {clean}") }
}
