//! What the scenarios are written with.

pub mod broker;
pub mod checker;
pub mod dapr;
pub mod engine;
pub mod forward;
pub mod http;
pub mod load;
pub mod numbers;
pub mod project;
pub mod run;
pub mod sample;
pub mod scenario;
pub mod script;
pub mod traffic;
pub mod wait;
pub mod watched;

pub use anyhow::{Context, Result, bail, ensure};
pub use numbers::Numbers;
pub use project::Project;
pub use sample::Sample;
pub use scenario::{Scenario, scenario, scenario_alone};
pub use serde_json::{Value, json};
pub use std::time::Duration;
pub use wait::eventually;

/// What a test that fails has to tell; the test runner shows it then, and only then.
#[expect(clippy::print_stderr, reason = "the test runner keeps what a test says and shows it when it fails")]
pub fn say(text: impl std::fmt::Display) {
    eprintln!("{text}");
}

/// What is shown whether or not a test fails: the test runner does not keep what is written past it.
pub fn announce(text: impl std::fmt::Display) {
    use std::io::Write;
    // Nobody to tell it to is no failure.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// So many seconds, as limits are written.
pub const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
