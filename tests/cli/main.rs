//! The `sandbox` binary, and its Docker client, against a stand-in for the engine (`tests/support/daemon`). No test needs
//! Docker, and none sleeps: it waits for a condition, with a deadline.
//!
//! | where | what |
//! |---|---|
//! | [`wire`] | `sandbox::docker::Docker` itself: what it sends, and what it makes of refusals, cuts and slowness |
//! | [`unreachable`] | no engine, a dead one, a silent one, one that may not be used |
//! | [`up`], [`images`], [`ports`], [`down`], [`failures`], [`interrupts`], [`attached`], [`patience`], [`output`], [`check`] | the binary |
//! | [`swap`] | `swap-broker` |
//! | [`saved`] | what `logs` shows of containers that are gone |
//!
//! After a wanted change of what people read: `INSTA_UPDATE=always cargo test --test cli`.

#[path = "../support/daemon/mod.rs"]
mod daemon;

mod attached;
mod check;
mod down;
mod failures;
mod images;
mod interrupts;
mod output;
mod patience;
mod ports;
mod project;
mod saved;
mod secrets;
mod swap;
mod unreachable;
mod up;
mod wire;
