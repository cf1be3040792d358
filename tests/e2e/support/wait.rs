//! Waiting without sleeping for a guess: ask again until it is so, or until the limit.

use super::{Result, bail};
use std::{
    thread,
    time::{Duration, Instant},
};

/// The next attempt begins this long after the last one has ended.
const ATTEMPT_EVERY: Duration = Duration::from_millis(25);

/// Asks until there is an answer.
///
/// # Errors
/// What the last attempt said, when none succeeded within the limit.
pub fn eventually<T>(limit: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    again(|| match attempt() {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if began.elapsed() >= limit => bail!("not within {limit:?}: {error:#}"),
        Err(_) => Ok(None),
    })
}

/// Asks until something is known.
///
/// # Errors
/// As soon as an attempt has one.
pub fn again<T>(mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    loop {
        if let Some(known) = attempt()? {
            return Ok(known);
        }
        thread::sleep(ATTEMPT_EVERY);
    }
}
