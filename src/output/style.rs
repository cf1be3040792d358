//! The few styles there are, by meaning. Everything must also be understandable without them. Pure.

use console::Style;
use std::{collections::BTreeMap, fmt::Display};

/// Colours a text, or leaves it as it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint {
    pub(super) enabled: bool,
}

impl Paint {
    /// Something is well.
    pub(super) fn good(self, text: impl Display) -> String {
        self.apply(Style::new().green(), text)
    }

    /// Something failed.
    pub(super) fn bad(self, text: impl Display) -> String {
        self.apply(Style::new().red().bold(), text)
    }

    /// Something needs a look.
    pub(super) fn warn(self, text: impl Display) -> String {
        self.apply(Style::new().yellow().bold(), text)
    }

    /// What to type, or where to go.
    pub(super) fn hint(self, text: impl Display) -> String {
        self.apply(Style::new().cyan(), text)
    }

    /// What can be skipped while reading.
    pub(super) fn dim(self, text: impl Display) -> String {
        self.apply(Style::new().dim(), text)
    }

    /// What is looked for first.
    pub(super) fn strong(self, text: impl Display) -> String {
        self.apply(Style::new().bold(), text)
    }

    /// A container's name in its colour.
    pub(super) fn name(self, text: impl Display, color: u8) -> String {
        self.apply(Style::new().color256(color), text)
    }

    fn apply(self, style: Style, text: impl Display) -> String {
        let text = text.to_string();
        if self.enabled && !text.is_empty() { style.force_styling(true).apply_to(text).to_string() } else { text }
    }
}

/// Colours of the 256 whose contrast is at least 3:1 on black and on white; red is left to failures.
const PALETTE: [u8; 12] = [32, 166, 64, 134, 30, 162, 136, 63, 28, 169, 67, 130];

/// The widest a name may make the column of names.
const WIDEST: usize = 24;

/// The names seen so far: a colour each, and the width of their column.
#[derive(Debug, Default)]
pub(super) struct Names {
    colors: BTreeMap<String, u8>,
    width: usize,
}

impl Names {
    /// Makes a name known and gives its colour: the one its letters choose, or the next that no other name has.
    pub(super) fn learn(&mut self, name: &str) -> u8 {
        if let Some(color) = self.colors.get(name) {
            return *color;
        }
        let first = fnv1a(name) as usize % PALETTE.len();
        let free = PALETTE.iter().cycle().skip(first).take(PALETTE.len()).find(|color| !self.is_taken(**color));
        let color = free.copied().unwrap_or(PALETTE[first]);
        self.colors.insert(name.to_owned(), color);
        self.width = self.width.max(console::measure_text_width(name).min(WIDEST));
        color
    }

    /// Makes several names known, in an order that does not depend on the caller's.
    pub(super) fn learn_all<'a>(&mut self, names: impl Iterator<Item = &'a str>) {
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        for name in names {
            self.learn(name);
        }
    }

    /// The width of the column of names.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    fn is_taken(&self, color: u8) -> bool {
        self.colors.values().any(|taken| *taken == color)
    }
}

/// FNV-1a: the same in every run and on every machine, unlike the standard library's hasher.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: [&str; 6] = ["redpanda", "postgres", "scheduler", "placement", "reminders", "reminders-dapr"];

    #[test]
    fn colours_are_stable_and_differ_within_a_project() {
        let mut forward = Names::default();
        forward.learn_all(PROJECT.into_iter());
        let mut backward = Names::default();
        backward.learn_all(PROJECT.into_iter().rev());
        assert_eq!(forward.colors, backward.colors);
        let mut distinct: Vec<u8> = forward.colors.values().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), PROJECT.len());
        assert_eq!(
            forward.learn("redpanda"),
            166,
            "a name's colour is part of what people learn; do not change it lightly"
        );
        assert_eq!(forward.learn("reminders"), 30);
    }

    #[test]
    fn more_names_than_colours_share() {
        let mut names = Names::default();
        for number in 0..40 {
            assert!(PALETTE.contains(&names.learn(&format!("app-{number}"))));
        }
    }

    #[test]
    fn a_very_long_name_does_not_push_all_text_away() {
        let mut names = Names::default();
        names.learn("a-name-that-is-longer-than-the-column");
        assert_eq!(names.width(), WIDEST);
    }
}
