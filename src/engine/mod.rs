//! Acts: one thin layer that walks plans, asks probes and follows containers, and speaks only through events.

pub mod attach;
mod creation;
pub mod down;
pub mod executor;
pub mod host;
pub mod interrupt;
pub mod lock;
pub mod logs;
pub mod project;
pub mod ready;
pub mod reporter;
pub mod status;
pub mod tail;
pub mod up;
