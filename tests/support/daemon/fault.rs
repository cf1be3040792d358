//! Stands in for an engine that is broken, slow, gone in the middle of an answer, or full of refusals.

use super::{Refusal, call::Call};
use axum::{
    body::Body,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use std::{io, time::Duration};

/// What goes wrong, with which calls, and how often.
#[derive(Clone, Debug)]
pub struct Fault {
    /// A part of `METHOD PATH`.
    of: String,
    how: How,
    times: usize,
}

#[derive(Clone, Debug)]
enum How {
    Refuse(u16, String),
    Delay(Duration),
    Silence,
    Cut(usize),
    Stall(usize),
}

impl Fault {
    /// An answer with a status and the engine's words; nothing is done.
    pub fn refuse(of: &str, status: u16, message: &str) -> Self {
        Self::every(of, How::Refuse(status, message.to_owned()))
    }

    /// The work begins this much later.
    pub fn delay(of: &str, by: Duration) -> Self {
        Self::every(of, How::Delay(by))
    }

    /// No answer, ever; nothing is done.
    pub fn silence(of: &str) -> Self {
        Self::every(of, How::Silence)
    }

    /// The connection breaks after so many pieces of the body; what was asked is done.
    pub fn cut(of: &str, after: usize) -> Self {
        Self::every(of, How::Cut(after))
    }

    /// Nothing more comes after so many pieces of the body, and the connection stays.
    pub fn stall(of: &str, after: usize) -> Self {
        Self::every(of, How::Stall(after))
    }

    /// Only the first so many calls.
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    fn every(of: &str, how: How) -> Self {
        Self { of: of.to_owned(), how, times: usize::MAX }
    }
}

pub(super) fn take(faults: &mut [Fault], call: &Call) -> Option<Fault> {
    let line = format!("{} {}", call.method, call.path);
    let fault = faults.iter_mut().find(|fault| fault.times > 0 && line.contains(&fault.of))?;
    fault.times -= 1;
    Some(fault.clone())
}

pub(super) async fn around(fault: Option<Fault>, acting: impl Future<Output = Response>) -> Response {
    match fault.map(|fault| fault.how) {
        None => acting.await,
        Some(How::Refuse(status, message)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            Refusal(status, message).into_response()
        }
        Some(How::Delay(by)) => {
            tokio::time::sleep(by).await;
            acting.await
        }
        Some(How::Silence) => std::future::pending().await,
        Some(How::Cut(after)) => {
            let broken = stream::once(async {
                // What was written before is sent before the connection breaks.
                tokio::task::yield_now().await;
                Err(axum::Error::new(io::Error::other("cut by the test")))
            });
            acting.await.map(|body| Body::from_stream(body.into_data_stream().take(after).chain(broken)))
        }
        Some(How::Stall(after)) => {
            acting.await.map(|body| Body::from_stream(body.into_data_stream().take(after).chain(stream::pending())))
        }
    }
}
