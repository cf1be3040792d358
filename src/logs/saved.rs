//! What a container that is to be removed had said, as a file: whose it is in the first line, then a line each with its stream
//! (`1` or `2`, as programs number them) and the engine's time. Pure.

use super::{lines::Line, stamp};
use crate::{
    event::Stream,
    names::{AppId, ContainerName, ShortName},
    plan::{observed::ObservedContainer, spec::Role},
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Whose words they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedLife {
    /// The engine's id, by which is seen that the container is still there.
    pub id: String,
    /// The project it belonged to.
    pub project: String,
    /// Its name on the engine.
    pub container: ContainerName,
    /// What people call it.
    pub short_name: ShortName,
    role: String,
    /// The app it belonged to.
    pub app: Option<AppId>,
    /// Which of several it was.
    pub replica: u32,
    /// It had said more before.
    pub is_cut: bool,
}

impl SavedLife {
    /// Of a container that is still there.
    pub fn of(container: &ObservedContainer, project: &str, is_cut: bool) -> Self {
        Self {
            id: container.id.clone(),
            project: project.to_owned(),
            container: container.name.clone(),
            short_name: container.short_name.clone(),
            role: container.role.as_str().to_owned(),
            app: container.app.clone(),
            replica: container.replica,
            is_cut,
        }
    }

    /// What it was.
    pub fn role(&self) -> Role {
        Role::from_label(&self.role)
    }

    /// The first line of a file.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("plain data") + "\n"
    }

    /// Reads it; `None` for what is no such line.
    pub fn decode(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

/// The last lines, each as it is written to a file.
#[derive(Debug)]
pub struct LastLines {
    most: usize,
    bytes: usize,
    lines: VecDeque<String>,
    is_cut: bool,
}

impl LastLines {
    /// Keeps so many bytes at most.
    pub fn new(most: usize) -> Self {
        Self { most, bytes: 0, lines: VecDeque::new(), is_cut: false }
    }

    /// Takes the next line.
    pub fn push(&mut self, line: &Line) {
        let line = encode(line);
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.bytes > self.most
            && let Some(oldest) = self.lines.pop_front()
        {
            self.bytes -= oldest.len();
            self.is_cut = true;
        }
    }

    /// Whether there were more.
    pub fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// They, oldest first.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}

fn encode(line: &Line) -> String {
    let stream = match line.stream {
        Stream::Stdout => 1,
        Stream::Stderr => 2,
    };
    format!("{stream} {:.9} {}\n", line.time, line.text)
}

/// Reads a line of a file, without its end; `None` for what is no such line, as when a disk was full.
pub fn decode(line: &[u8]) -> Option<Line> {
    let (stream, rest) = match line {
        [b'1', b' ', rest @ ..] => (Stream::Stdout, rest),
        [b'2', b' ', rest @ ..] => (Stream::Stderr, rest),
        _ => return None,
    };
    let (time, text) = stamp::split(rest);
    Some(Line { time: time?, stream, text: String::from_utf8_lossy(text).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;
    use proptest::prelude::*;

    fn line(nanosecond: i128, stream: Stream, text: &str) -> Line {
        Line { time: Timestamp::from_nanosecond(nanosecond).expect("in range"), stream, text: text.to_owned() }
    }

    fn read(last: &LastLines) -> Vec<Line> {
        last.lines().filter_map(|line| decode(line.strip_suffix('\n')?.as_bytes())).collect()
    }

    proptest! {
        #[test]
        fn a_line_comes_back_as_it_was(text in "[^\n\r]*", nanosecond in 0_i128..4_000_000_000_000_000_000, error in any::<bool>()) {
            let line = line(nanosecond, if error { Stream::Stderr } else { Stream::Stdout }, &text);
            let mut last = LastLines::new(1024 * 1024);
            last.push(&line);
            prop_assert_eq!(read(&last), vec![line]);
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = (decode(&bytes), SavedLife::decode(&bytes));
        }
    }

    #[test]
    fn the_end_is_kept_and_that_there_was_more_is_known() {
        let mut last = LastLines::new(100);
        assert!(last.is_empty());
        last.push(&line(1, Stream::Stdout, "one"));
        assert!(!last.is_cut());
        for number in 2..10 {
            last.push(&line(number, Stream::Stdout, &format!("{number:02}")));
        }
        let kept: Vec<_> = read(&last).into_iter().map(|line| line.text).collect();
        assert_eq!((kept, last.is_cut()), (vec!["08".to_owned(), "09".to_owned()], true));
    }

    #[test]
    fn what_was_cut_off_in_the_middle_is_no_line() {
        for text in ["", "1", "1 ", "2 2026-11-", "3 2026-11-24T10:00:00.000000000Z x", "{}"] {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
