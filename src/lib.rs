//! `sandbox`: local development for Dapr applications.
//!
//! | where | what | may touch |
//! |---|---|---|
//! | [`names`], [`event`], [`error`], [`status`] | the vocabulary | nothing |
//! | [`config`] | sandbox.toml → [`config::model::Config`] | the file it reads |
//! | [`catalog`] | the brokers and stores of `templates/` | nothing: they are built in |
//! | [`dapr`] | Dapr's YAML, flags and versions | the components folder, in [`dapr::folder`] |
//! | [`plan`] | desired × observed → a plan of steps with causes | nothing |
//! | [`context`] | the files of an image's build | those files |
//! | [`logs`] | pieces of output → lines, understood, grouped, in order, chosen, shortened | nothing |
//! | [`docker`] | the engine; nothing else names bollard | the engine |
//! | [`probe`] | one attempt at being ready, a protocol each | the network |
//! | [`engine`] | walks plans, waits, follows, stops | everything above |
//! | [`output`] | events → what a person or a program reads | stdout, stderr |
//! | [`cli`] | what was typed → what the engine is asked for | environment, terminal |
//!
//! `tests/architecture.rs` holds the rules of who may use whom.

pub mod catalog;
pub mod cli;
pub mod config;
pub mod context;
pub mod dapr;
pub mod docker;
pub mod engine;
pub mod error;
pub mod event;
pub mod logs;
pub mod names;
pub mod output;
pub mod plan;
pub mod probe;
pub mod status;
