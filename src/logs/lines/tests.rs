use super::*;
use proptest::prelude::*;

const TIME: &str = "2026-11-24T10:00:00.123456789Z ";

fn piece(text: &str) -> Vec<u8> {
    format!("{TIME}{text}").into_bytes()
}

fn at(second: u8, nanosecond: u32, text: &str) -> Vec<u8> {
    format!("2026-11-24T10:00:{second:02}.{nanosecond:09}Z {text}").into_bytes()
}

fn texts(lines: impl Iterator<Item = Line>) -> Vec<String> {
    lines.map(|line| line.text).collect()
}

#[test]
fn a_line_in_pieces_is_one_line_and_times_are_not_part_of_it() {
    let mut lines = LineAssembler::default();
    assert_eq!(texts(lines.push(Stream::Stdout, &piece("one "))), [""; 0]);
    assert_eq!(texts(lines.push(Stream::Stderr, &piece("other\n"))), ["other"]);
    let line = lines.push(Stream::Stdout, &at(9, 0, "two\r\n")).next().expect("whole");
    assert_eq!(line.text, "one two");
    assert_eq!(line.time.to_string(), "2026-11-24T10:00:00.123456789Z");
}

#[test]
fn the_last_line_needs_no_end() {
    let mut lines = LineAssembler::default();
    assert_eq!(lines.push(Stream::Stderr, &piece("Traceback")).count(), 0);
    assert_eq!(texts(lines.finish()), ["Traceback"]);
    assert_eq!(lines.finish().count(), 0);
}

#[test]
fn what_a_process_did_not_end_is_not_joined_to_what_the_next_one_says() {
    let mut lines = LineAssembler::of_engine();
    assert_eq!(lines.push(Stream::Stdout, &at(1, 0, "bye")).count(), 0);
    assert_eq!(texts(lines.push(Stream::Stdout, &at(2, 0, "listening\n"))), ["bye", "listening"]);
    let long = "x".repeat(16 * 1024);
    assert_eq!(lines.push(Stream::Stdout, &at(3, 0, &long)).count(), 0);
    assert_eq!(texts(lines.push(Stream::Stdout, &at(4, 0, "y\n"))), [long + "y"]);
}

#[test]
fn carriage_returns_lose_nothing() {
    let table: [(&str, &[&str]); 7] = [
        ("1%\r2%\r3%\n", &["1%", "2%", "3%"]),
        ("100%\r\n", &["100%"]),
        ("\r\n", &[""]),
        ("\n", &[""]),
        ("\rdone\r\r\n", &["done"]),
        ("\r\r\n", &[""]),
        ("nul\0 and \u{1b}[2J\n", &["nul\0 and \u{1b}[2J"]),
    ];
    for (given, expected) in table {
        let mut lines = LineAssembler::default();
        assert_eq!(texts(lines.push(Stream::Stdout, &piece(given))), expected, "{given:?}");
    }
}

#[test]
fn what_is_no_utf8_is_replaced_and_a_character_may_be_cut() {
    let mut lines = LineAssembler::default();
    let mut bytes = piece("a");
    bytes.extend([0xff, b'\n']);
    assert_eq!(texts(lines.push(Stream::Stdout, &bytes)), ["a\u{fffd}"]);
    let mut bytes = piece("");
    bytes.extend([0xc3]);
    assert_eq!(lines.push(Stream::Stdout, &bytes).count(), 0);
    let mut bytes = piece("");
    bytes.extend([0xa9, b'\n']);
    assert_eq!(texts(lines.push(Stream::Stdout, &bytes)), ["é"]);
}

#[test]
fn times_of_one_container_never_go_back() {
    let mut lines = LineAssembler::default();
    let late = lines.push(Stream::Stdout, &at(5, 900, "out\n")).next().expect("whole");
    let early = lines.push(Stream::Stderr, &at(5, 100, "err\n")).next().expect("whole");
    assert_eq!(late.time, early.time);
    let next = lines.push(Stream::Stderr, &at(5, 901, "err\n")).next().expect("whole");
    assert!(next.time > late.time);
}

#[test]
fn read_again_after_the_connection_broke_nothing_is_lost_or_twice() {
    let all = [
        (Stream::Stdout, at(1, 0, "one\n")),
        (Stream::Stderr, at(2, 500, "two\n")),
        (Stream::Stdout, at(2, 400, "three\n")),
        (Stream::Stdout, at(2, 600, "a long ")),
        (Stream::Stderr, at(2, 550, "unseen and older\n")),
        (Stream::Stdout, at(2, 700, "line\n")),
    ];
    for broken in 0..=all.len() {
        let mut lines = LineAssembler::default();
        let mut found = Vec::new();
        for (stream, bytes) in &all[..broken] {
            found.extend(texts(lines.push(*stream, bytes)));
        }
        lines.resume();
        let since = lines.resume_from().unwrap_or(Timestamp::UNIX_EPOCH);
        for (stream, bytes) in all.iter().filter(|(_, bytes)| stamp::split(bytes).0.is_some_and(|time| time >= since)) {
            found.extend(texts(lines.push(*stream, bytes)));
        }
        found.extend(texts(lines.finish()));
        assert_eq!(found, ["one", "two", "three", "unseen and older", "a long line"], "broken after {broken}");
    }
}

#[test]
fn a_line_that_never_ends_is_cut() {
    let mut lines = LineAssembler::default();
    let long = piece(&"x".repeat(1024 * 1024));
    let count: usize = (0..8).map(|_| lines.push(Stream::Stdout, &long).count()).sum();
    assert_eq!(count, 2);
}

#[test]
fn pieces_without_a_frame_may_hold_many_lines() {
    let mut lines = LineAssembler::default();
    let bytes = [piece("one\n"), piece("two\n"), b"three\nfo".to_vec()].concat();
    assert_eq!(texts(lines.push(Stream::Stdout, &bytes)), ["one", "two", "three"]);
    assert_eq!(texts(lines.push(Stream::Stdout, b"ur\n")), ["four"]);
}

proptest! {
    #[test]
    fn however_a_text_is_cut_its_lines_come_back(text in "[a-zé \n]{0,200}", cut in 1_usize..30) {
        let mut lines = LineAssembler::default();
        let mut found = Vec::new();
        for line in text.split_inclusive('\n') {
            for part in line.as_bytes().chunks(cut) {
                let mut bytes = TIME.as_bytes().to_vec();
                bytes.extend(part);
                found.extend(texts(lines.push(Stream::Stdout, &bytes)));
            }
        }
        found.extend(texts(lines.finish()));
        let expected: Vec<_> = text.lines().map(str::to_owned).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn joined_pieces_equal_the_bytes_written(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 1_usize..40) {
        let mut lines = LineAssembler::default();
        let mut found = Vec::new();
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            for part in line.chunks(cut) {
                let mut piece = TIME.as_bytes().to_vec();
                piece.extend(part);
                found.extend(texts(lines.push(Stream::Stderr, &piece)));
            }
        }
        found.extend(texts(lines.finish()));
        let visible = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(['\n', '\r'], "");
        let expected: String = bytes
            .split(|byte| matches!(byte, b'\n' | b'\r'))
            .map(visible)
            .collect();
        prop_assert_eq!(found.concat(), expected);
        prop_assert!(found.iter().all(|text| !text.contains(['\n', '\r'])));
    }
}
