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
mod calls;
mod changes;
mod containers;
mod failures;
mod hand_over;
mod inplace;
mod interrupts;
mod jobs;
mod kills;
mod lasting;
mod left;
mod load;
mod logs;
mod mtls;
mod ports;
mod ready;
mod reload;
mod secrets;
mod side_by_side;
mod support;
mod swap;
mod swap_features;
mod swap_kills;
mod swap_undone;
mod versions;
mod visible;
