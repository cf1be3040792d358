use super::*;
use proptest::prelude::*;

fn frame(stream: Stream, text: &[u8]) -> Vec<u8> {
    let kind = if stream == Stream::Stderr { 2 } else { 1 };
    let length = u32::try_from(text.len()).expect("short").to_be_bytes();
    [&[kind, 0, 0, 0][..], &length, text].concat()
}

/// A body in chunks of at most so many bytes.
fn chunks(body: &[u8], most: usize) -> Vec<u8> {
    let chunk = |data: &[u8]| [format!("{:x}\r\n", data.len()).as_bytes(), data, b"\r\n"].concat();
    [body.chunks(most).flat_map(chunk).collect(), b"0\r\n\r\n".to_vec()].concat()
}

/// What is taken out of it, read in parts of at most so many bytes.
fn unpacked(bytes: &[u8], most: usize) -> Vec<LogChunk> {
    let (mut chunked, mut frames) = (Chunked::default(), Frames::default());
    let mut pieces = Vec::new();
    for (number, part) in bytes.chunks(most).enumerate() {
        let mut body = BytesMut::new();
        let goes_on = chunked.take(part, &mut body);
        assert!(goes_on || number + 3 >= bytes.len() / most, "it ended in the middle");
        pieces.extend(frames.take(body.freeze()));
    }
    pieces.extend(frames.finish());
    pieces
}

#[test]
fn a_container_with_a_terminal_has_lines_and_no_frames() {
    let pieces = unpacked(&chunks(b"2026Z one\r\n2026Z two\r\n2026Z $ ", 7), 5);
    let texts: Vec<_> = pieces.iter().map(|piece| &piece.bytes[..]).collect();
    assert_eq!(texts, [&b"2026Z one\r\n"[..], b"2026Z two\r\n", b"2026Z $ "]);
}

#[test]
fn the_end_of_a_body_is_seen_and_what_is_no_chunk_ends_it() {
    let ends = |bytes: &[u8]| {
        let (mut chunked, mut body) = (Chunked::default(), BytesMut::new());
        (!chunked.take(bytes, &mut body), body.to_vec())
    };
    assert_eq!(ends(b"3\r\nabc\r\n0\r\n\r\n"), (true, b"abc".to_vec()));
    assert_eq!(ends(b"3;name=value\r\nabc\r\n"), (false, b"abc".to_vec()));
    assert_eq!(ends(b"00A\r\n0123456789\r\n"), (false, b"0123456789".to_vec()));
    assert_eq!(ends(b"x\r\nabc"), (true, Vec::new()));
    assert_eq!(ends(b"\r\nabc"), (true, Vec::new()));
    assert_eq!(ends(b"3\r\nabcd"), (true, b"abc".to_vec()));
    assert_eq!(ends(b"ffffffffffffffffffffffff\r\nabc"), (true, Vec::new()));
}

#[test]
fn half_a_frame_is_no_piece() {
    let body = [frame(Stream::Stderr, b"whole\n"), frame(Stream::Stdout, b"cut off\n")[..12].to_vec()].concat();
    let pieces = unpacked(&chunks(&body, 9), 9);
    assert_eq!(pieces, [LogChunk { stream: Stream::Stderr, bytes: Bytes::from_static(b"whole\n") }]);
}

proptest! {
    #[test]
    fn pieces_come_out_as_they_went_in_however_they_are_cut(
        pieces in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..60)), 0..30),
        chunk in 1_usize..80,
        read in 1_usize..200,
    ) {
        let stream = |is_error| if is_error { Stream::Stderr } else { Stream::Stdout };
        let body: Vec<u8> = pieces.iter().flat_map(|(is_error, text)| frame(stream(*is_error), text)).collect();
        let expected: Vec<_> = pieces
            .into_iter()
            .map(|(is_error, text)| LogChunk { stream: stream(is_error), bytes: text.into() })
            .collect();
        prop_assert_eq!(unpacked(&chunks(&body, chunk), read), expected);
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), read in 1_usize..50) {
        let (mut chunked, mut frames) = (Chunked::default(), Frames::default());
        for part in bytes.chunks(read) {
            let mut body = BytesMut::new();
            chunked.take(part, &mut body);
            frames.take(body.freeze());
            frames.take(Bytes::copy_from_slice(part));
        }
        frames.finish();
    }
}
