use super::*;
use proptest::prelude::*;

/// The pieces of one line.
fn read(line: &str) -> Option<Vec<(Stream, String)>> {
    let text = |piece: LogChunk| (piece.stream, String::from_utf8(piece.bytes.to_vec()).expect("UTF-8"));
    pieces(format!("{line}\n").as_bytes()).map(|pieces| pieces.into_iter().map(text).collect())
}

#[test]
fn a_line_is_what_the_api_gives() {
    let table = [
        (r#"a\n","stream":"stdout","time":"2026-11-24T10:00:00.123456789Z"}"#, "123456789Z a\n"),
        (r#"a","stream":"stdout","time":"2026-11-24T10:00:00.12Z"}"#, "120000000Z a"),
        (r#"a\n","stream":"stdout","time":"2026-11-24T10:00:00Z"}"#, "000000000Z a\n"),
        (r#"\n","stream":"stdout","time":"2026-11-24T10:00:00Z"}"#, "000000000Z \n"),
        (
            r#"\"\\ \u003cb\u003e \u001b[1m\r\t\ufffd \u2028 ü 🦀","stream":"stdout","time":"2026-11-24T10:00:00Z"}"#,
            "000000000Z \"\\ <b> \u{1b}[1m\r\t\u{fffd} \u{2028} ü 🦀",
        ),
        (
            r#"\",\"stream\":\"stderr\",\"time\":\"x\"}\n","stream":"stdout","time":"2026-11-24T10:00:00Z"}"#,
            "000000000Z \",\"stream\":\"stderr\",\"time\":\"x\"}\n",
        ),
    ];
    for (line, piece) in table {
        let piece = format!("2026-11-24T10:00:00.{piece}");
        assert_eq!(read(&format!(r#"{{"log":"{line}"#)), Some(vec![(Stream::Stdout, piece)]), "{line}");
    }
    let line = r#"{"log":"a\n","stream":"stderr","time":"2026-11-24T10:00:00Z"}"#;
    assert_eq!(read(line).expect("known")[0].0, Stream::Stderr);
}

#[test]
fn what_dockerd_does_not_write_is_left_to_it() {
    let end = r#"","stream":"stdout","time":"2026-11-24T10:00:00Z"}"#;
    for begin in ["a\u{0}b", "a\"b", r"a\x", r"a\", r"\ud83d\ude00", r"\u00", r"\uzzzz", "a\u{1b}"] {
        assert_eq!(read(&format!(r#"{{"log":"{begin}{end}"#)), None, "{begin}");
    }
    for line in [
        "",
        "{}",
        "null",
        r#"{"stream":"stdout","time":"2026-11-24T10:00:00Z"}"#,
        r#"{"log":"torn{"log":"a\n","stream":"stdout","time":"2026-11-24T10:00:00Z"}"#,
        r#"{"log":"torn","stream":"std{"log":"a\n","stream":"stdout","time":"2026-11-24T10:00:00Z"}"#,
        r#"{"log":"a\n","stream":"stdin","time":"2026-11-24T10:00:00Z"}"#,
        r#"{"log":"a\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-11-24T10:00:00Z"}"#,
        r#"{"log":"a\n","stream":"stdout","time":"2026-11-24T10:00:00+01:00"}"#,
        r#"{"log":"a\n","stream":"stdout","time":"2026-11-24T10:00:00.1234567891Z"}"#,
        r#"{"log":"a\n","stream":"stdout","time":"2026-11-24T10:00:0xZ"}"#,
        r#"{"log":"a\n","stream":"stdout","time":""}"#,
    ] {
        assert_eq!(read(line), None, "{line}");
    }
    let latin =
        [br#"{"log":""#, &b"\xff"[..], br#"","stream":"stdout","time":"2026-11-24T10:00:00Z"}"#, b"\n"].concat();
    assert_eq!(pieces(&latin), None);
    assert_eq!(pieces(b"{\"log\":\"no end"), None);
    assert_eq!(pieces(b""), Some(Vec::new()));
}

proptest! {
    #[test]
    fn every_text_comes_back(text in ".*", is_odd in any::<bool>()) {
        let stream = if is_odd { Stream::Stderr } else { Stream::Stdout };
        let name = if is_odd { "stderr" } else { "stdout" };
        let log = serde_json::to_string(&text).expect("it can be written");
        // dockerd writes these two as codes.
        prop_assume!(!log.contains("\\b") && !log.contains("\\f"));
        let line = format!(r#"{{"log":{log},"stream":"{name}","time":"2026-11-24T10:00:00.5Z"}}"#);
        prop_assert_eq!(read(&line), Some(vec![(stream, format!("2026-11-24T10:00:00.500000000Z {text}"))]));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in any::<Vec<u8>>()) {
        let _ = pieces(&bytes);
        let _ = pieces(&[br#"{"log":""#, &bytes[..], br#""}"#, b"\n"].concat());
    }
}
