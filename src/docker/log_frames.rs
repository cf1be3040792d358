//! The engine's log stream unpacked: HTTP's chunks, and in them frames of one stream each. Pure.

use super::logs::LogChunk;
use crate::event::Stream;
use bytes::{Buf, Bytes, BytesMut};
use std::mem;

/// A frame's head: the stream, three zeros, the length of what follows.
const HEAD: usize = 8;
/// A frame of stderr begins with it; stdin and stdout are below.
const STDERR: u8 = 2;
/// About the length of a line with its time.
const USUAL: usize = 100;
/// A chunk's length has no more digits.
const DIGITS: u32 = 15;

/// Where in a body of chunks (RFC 9112, 7.1) one is.
#[derive(Clone, Copy, Debug)]
enum Place {
    /// In a chunk's length: so much of it, in so many digits, was read.
    Length(usize, u32),
    /// In an extension after it, up to the end of the line.
    Extension(usize),
    /// So much of the chunk is to come.
    Data(usize),
    /// In the end of a line after it.
    End,
    /// The last chunk was there, or what came is none.
    Over,
}

/// Takes the chunks' heads out of a body, however it is cut.
#[derive(Debug)]
pub(super) struct Chunked(Place);

impl Default for Chunked {
    fn default() -> Self {
        Self(Place::Length(0, 0))
    }
}

impl Chunked {
    /// Adds what the next bytes hold; whether more is to come.
    pub(super) fn take(&mut self, mut bytes: &[u8], body: &mut BytesMut) -> bool {
        while let Some(first) = bytes.first() {
            match self.0 {
                Place::Over => break,
                Place::Data(left) => {
                    let (data, rest) = bytes.split_at(left.min(bytes.len()));
                    body.extend_from_slice(data);
                    bytes = rest;
                    self.0 = if left > data.len() { Place::Data(left - data.len()) } else { Place::End };
                }
                Place::Length(..) | Place::Extension(_) | Place::End => {
                    self.0 = self.0.after(*first);
                    bytes = &bytes[1..];
                }
            }
        }
        !matches!(self.0, Place::Over)
    }
}

impl Place {
    /// Where one is after a byte that is no data.
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::End, b'\r') => Self::End,
            (Self::End, b'\n') => Self::Length(0, 0),
            (Self::Length(0, 1..) | Self::Extension(0), b'\n') => Self::Over,
            (Self::Length(length, 1..) | Self::Extension(length), b'\n') => Self::Data(length),
            (Self::Length(length, 1..), b'\r' | b';' | b' ') | (Self::Extension(length), _) => Self::Extension(length),
            (Self::Length(length, digits @ ..DIGITS), digit) => match char::from(digit).to_digit(16) {
                Some(digit) => Self::Length(length * 16 + digit as usize, digits + 1),
                None => Self::Over,
            },
            (Self::Length(..) | Self::End | Self::Data(_) | Self::Over, _) => Self::Over,
        }
    }
}

/// Cuts a body into pieces of output.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The beginning of a frame that is not whole.
    begun: BytesMut,
}

impl Frames {
    /// The pieces that are whole with the next part of the body. They share its memory.
    pub(super) fn take(&mut self, body: Bytes) -> Vec<LogChunk> {
        let mut body = body;
        if !self.begun.is_empty() {
            self.begun.extend_from_slice(&body);
            body = mem::take(&mut self.begun).freeze();
        }
        let mut pieces = Vec::with_capacity(body.len() / USUAL);
        while let Some(piece) = cut(&mut body) {
            pieces.push(piece);
        }
        self.begun.extend_from_slice(&body);
        pieces
    }

    /// What is left when the body has ended: a line without its end, of a container with a terminal.
    pub(super) fn finish(self) -> Option<LogChunk> {
        let is_text = self.begun.first().is_some_and(|first| *first > STDERR);
        is_text.then(|| LogChunk { stream: Stream::Stdout, bytes: self.begun.freeze() })
    }
}

/// The next piece: a frame, or a line where there are none because the container has a terminal.
fn cut(body: &mut Bytes) -> Option<LogChunk> {
    let first = *body.first()?;
    if first > STDERR {
        let end = body.iter().position(|byte| *byte == b'\n')?;
        return Some(LogChunk { stream: Stream::Stdout, bytes: body.split_to(end + 1) });
    }
    let length = usize::try_from(body.get(4..HEAD)?.get_u32()).ok()?;
    if body.len() - HEAD < length {
        return None;
    }
    body.advance(HEAD);
    let stream = if first == STDERR { Stream::Stderr } else { Stream::Stdout };
    Some(LogChunk { stream, bytes: body.split_to(length) })
}

#[cfg(test)]
mod tests;
