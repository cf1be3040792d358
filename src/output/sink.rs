//! Where bytes leave the process. A closed pipe is remembered and never a panic or an error.

use std::{
    io::{self, ErrorKind, Write},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Something to write to.
pub(super) type Target = Box<dyn Write + Send>;

/// A target shared by the renderer and the thread that keeps the live block moving.
#[derive(Clone)]
pub(super) struct Sink(Arc<Mutex<Inner>>);

struct Inner {
    target: Target,
    buffer: String,
    closed: bool,
    /// Why it was closed, where that is not that the reader has gone. Taken once.
    failure: Option<io::Error>,
}

impl Sink {
    pub(super) fn new(target: Target) -> Self {
        Self(Arc::new(Mutex::new(Inner { target, buffer: String::new(), closed: false, failure: None })))
    }

    /// Writes text at once, in one piece.
    pub(super) fn write(&self, text: &str) {
        let mut inner = self.inner();
        inner.buffer.push_str(text);
        inner.flush();
    }

    /// Writes lines at once, in one piece.
    pub(super) fn lines<L: AsRef<str>>(&self, lines: &[L]) {
        let mut inner = self.inner();
        for line in lines {
            inner.buffer.push_str(line.as_ref());
            inner.buffer.push('\n');
        }
        inner.flush();
    }

    /// Whether a write has failed: nobody reads any more.
    pub(super) fn is_closed(&self) -> bool {
        self.inner().closed
    }

    /// Why nothing can be written, once, when it is not that the reader has gone: a full disk.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.inner().failure.take()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn flush(&mut self) {
        if !self.closed && !self.buffer.is_empty() {
            let written = self.target.write_all(self.buffer.as_bytes()).and_then(|()| self.target.flush());
            if let Err(error) = written {
                self.closed = true;
                self.failure = (error.kind() != ErrorKind::BrokenPipe).then_some(error);
            }
        }
        self.buffer.clear();
    }
}
