//! `sandbox` against a real Docker engine, a real daprd, real brokers and stores: what a user would see.
//!
//! Each test is one obligation. It has a project of its own, says in steps what should be true, looks at the engine's state before
//! it looks at output, and never sleeps: it asks again until a limit. Whatever happens, nothing of its project is left behind.
//!
//! | variable | means |
//! |---|---|
//! | `SANDBOX_KEEP_FAILED=1` | the project of a test that failed stays, to be looked at |
//! | `SANDBOX_E2E=0` | run none of these, and say so; without an engine they fail otherwise |
//!
//! Two at a time is what a laptop carries: `cargo test --test e2e -- --test-threads 2`.

#![cfg(unix)]

mod brokers;
mod changes;
mod containers;
mod failures;
mod interrupts;
mod kills;
mod lasting;
mod logs;
mod ports;
mod ready;
mod side_by_side;
mod support;
mod visible;
