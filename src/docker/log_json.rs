//! Lines of the file in which the engine's `json-file` driver keeps a log, turned into what its API gives for them. Pure.
//!
//! Only what dockerd itself writes is taken. Of anything else, a line that was torn when a disk was full for one, the engine alone
//! knows what it makes.

use super::logs::LogChunk;
use crate::event::Stream;
use bytes::{BufMut, BytesMut};

/// A time's shape up to its fraction; `0` is any digit.
const SECONDS: &[u8] = b"0000-00-00T00:00:00";
/// The digits of a fraction. The file has no zeros at their end.
const DIGITS: usize = 9;
/// The digits of `\u003c`.
const CODE: usize = 4;

/// The pieces of whole lines, each with its end; `None` when one is not as dockerd writes it.
pub(super) fn pieces(lines: &[u8]) -> Option<Vec<LogChunk>> {
    // A line's time is longer here, its head and its end are gone.
    let mut out = BytesMut::with_capacity(lines.len());
    let mut found = Vec::new();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let before = out.len();
        let stream = unpack(line.strip_suffix(b"\n")?, &mut out)?;
        found.push((stream, out.len() - before));
    }
    let mut all = out.freeze();
    Some(found.into_iter().map(|(stream, length)| LogChunk { stream, bytes: all.split_to(length) }).collect())
}

/// `{"log":"text\n","stream":"stdout","time":"2026-11-24T10:00:00.1Z"}`, as `2026-11-24T10:00:00.100000000Z text`.
fn unpack(line: &[u8], out: &mut BytesMut) -> Option<Stream> {
    let line = line.strip_prefix(br#"{"log":""#)?.strip_suffix(br#""}"#)?;
    let quote = line.iter().rposition(|byte| *byte == b'"')?;
    let (before, time) = line.split_at(quote);
    push_time(&time[1..], out)?;
    let before = before.strip_suffix(br#","time":"#)?;
    let (before, stream) = match before.strip_suffix(br#"","stream":"stdout""#) {
        Some(before) => (before, Stream::Stdout),
        None => (before.strip_suffix(br#"","stream":"stderr""#)?, Stream::Stderr),
    };
    push_text(str::from_utf8(before).ok()?.as_bytes(), out)?;
    Some(stream)
}

/// With all its digits, as the API gives it.
fn push_time(time: &[u8], out: &mut BytesMut) -> Option<()> {
    let (seconds, rest) = time.split_at_checked(SECONDS.len())?;
    let fraction = rest.strip_suffix(b"Z")?;
    let digits = if fraction.is_empty() { fraction } else { fraction.strip_prefix(b".")? };
    let has_shape = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    let is_known = seconds.iter().zip(SECONDS).all(has_shape) && digits.iter().all(u8::is_ascii_digit);
    if !is_known || digits.len() > DIGITS {
        return None;
    }
    out.put_slice(seconds);
    out.put_u8(b'.');
    out.put_slice(digits);
    out.put_bytes(b'0', DIGITS - digits.len());
    out.put_slice(b"Z ");
    Some(())
}

/// A JSON string, its escapes undone.
fn push_text(mut text: &[u8], out: &mut BytesMut) -> Option<()> {
    while let Some(at) = text.iter().position(|byte| matches!(byte, ..0x20 | b'"' | b'\\')) {
        out.put_slice(&text[..at]);
        // A quote would end the string, and control characters are never written as they are.
        let (letter, rest) = text[at..].strip_prefix(b"\\")?.split_first()?;
        text = rest;
        match letter {
            b'n' => out.put_u8(b'\n'),
            b'r' => out.put_u8(b'\r'),
            b't' => out.put_u8(b'\t'),
            b'"' | b'\\' => out.put_u8(*letter),
            b'u' => {
                let (code, rest) = text.split_at_checked(CODE)?;
                text = rest;
                let digit = |sum: u32, byte: &u8| Some(sum * 16 + char::from(*byte).to_digit(16)?);
                // Half of a pair is no character: dockerd writes whole ones as they are.
                let character = char::from_u32(code.iter().try_fold(0, digit)?)?;
                out.put_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            _ => return None,
        }
    }
    out.put_slice(text);
    Some(())
}

#[cfg(test)]
mod tests;
