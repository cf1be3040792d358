//! Pieces of output, each with the engine's time before it, made into lines.
//!
//! dockerd cuts a line into pieces of 16 KiB and, with timestamps on, writes the time again before each (seen with 20.10).
//! A piece that ends without a newline goes on in the next piece of the same stream, or is the last line of its container.

use crate::event::Stream;
use jiff::Timestamp;

/// A line without its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The engine's time of its first piece.
    pub time: Timestamp,
    /// Where it was written.
    pub stream: Stream,
    /// The text; invalid UTF-8 is replaced, carriage returns are gone.
    pub text: String,
}

/// Holds what is not a whole line yet, a stream each.
#[derive(Debug, Default)]
pub struct LineAssembler {
    stdout: Option<(Timestamp, Vec<u8>)>,
    stderr: Option<(Timestamp, Vec<u8>)>,
}

impl LineAssembler {
    /// Takes a piece; a line when it ends one.
    pub fn push(&mut self, stream: Stream, piece: &[u8]) -> Option<Line> {
        let (time, text) = split_time(piece);
        let pending = self.pending(stream);
        let (_, bytes) = pending.get_or_insert_with(|| (time.unwrap_or(Timestamp::UNIX_EPOCH), Vec::new()));
        bytes.extend_from_slice(text);
        if bytes.last() == Some(&b'\n') { self.take(stream) } else { None }
    }

    /// What was begun and never ended, when its container is gone.
    pub fn finish(&mut self) -> Vec<Line> {
        [Stream::Stdout, Stream::Stderr].into_iter().filter_map(|stream| self.take(stream)).collect()
    }

    fn pending(&mut self, stream: Stream) -> &mut Option<(Timestamp, Vec<u8>)> {
        match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        }
    }

    fn take(&mut self, stream: Stream) -> Option<Line> {
        let (time, bytes) = self.pending(stream).take()?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches(['\n', '\r']).replace('\r', "");
        Some(Line { time, stream, text })
    }
}

fn split_time(piece: &[u8]) -> (Option<Timestamp>, &[u8]) {
    let Some(space) = piece.iter().take(40).position(|byte| *byte == b' ') else { return (None, piece) };
    let time = str::from_utf8(&piece[..space]).ok().and_then(|text| text.parse().ok());
    if time.is_some() { (time, &piece[space + 1..]) } else { (None, piece) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TIME: &str = "2026-11-24T10:00:00.123456789Z ";

    fn piece(text: &str) -> Vec<u8> {
        format!("{TIME}{text}").into_bytes()
    }

    #[test]
    fn a_line_in_pieces_is_one_line_and_times_are_not_part_of_it() {
        let mut lines = LineAssembler::default();
        assert_eq!(lines.push(Stream::Stdout, &piece("one ")), None);
        assert_eq!(lines.push(Stream::Stderr, &piece("other\n")).expect("whole").text, "other");
        let line = lines.push(Stream::Stdout, &piece("two\r\n")).expect("whole");
        assert_eq!(line.text, "one two");
        assert_eq!(line.time.to_string(), "2026-11-24T10:00:00.123456789Z");
    }

    #[test]
    fn the_last_line_needs_no_end() {
        let mut lines = LineAssembler::default();
        lines.push(Stream::Stderr, &piece("Traceback"));
        assert_eq!(lines.finish()[0].text, "Traceback");
        assert!(lines.finish().is_empty());
    }

    #[test]
    fn what_is_no_utf8_is_replaced() {
        let mut lines = LineAssembler::default();
        let mut bytes = piece("a");
        bytes.extend([0xff, b'\n']);
        assert_eq!(lines.push(Stream::Stdout, &bytes).expect("whole").text, "a\u{fffd}");
    }

    proptest! {
        #[test]
        fn however_a_text_is_cut_its_lines_come_back(text in "[a-z \n]{0,200}", cut in 1_usize..30) {
            let mut lines = LineAssembler::default();
            let mut found = Vec::new();
            for line in text.split_inclusive('\n') {
                for part in line.as_bytes().chunks(cut) {
                    let mut bytes = TIME.as_bytes().to_vec();
                    bytes.extend(part);
                    found.extend(lines.push(Stream::Stdout, &bytes));
                }
            }
            found.extend(lines.finish());
            let found: Vec<_> = found.into_iter().map(|line| line.text).collect();
            let expected: Vec<_> = text.lines().map(str::to_owned).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
