//! `sandbox`: local development for Dapr applications.
//!
//! | where | what | may touch |
//! |---|---|---|
//! | [`names`], [`event`], [`error`], [`refusal`], [`status`], [`swap`] | the vocabulary | nothing |
//! | [`pattern`] | files by a pattern | the folders it lists |
//! | [`secrets`] | Secret manifests and dotenv files → what the local secret store serves | those files, in [`secrets::files`] |
//! | [`config`] | sandbox.toml → [`config::model::Config`] | the file it reads |
//! | [`catalog`] | the brokers and stores of `templates/` | nothing: they are built in |
//! | [`dapr`] | Dapr's YAML, flags and versions | the components folder, in [`dapr::folder`] |
//! | [`check`] | what can be known to be wrong in Dapr's YAML before anything runs | nothing |
//! | [`plan`] | desired × observed → a plan of steps with causes | nothing |
//! | [`context`] | the files of an image's build | those files |
//! | [`logs`] | pieces of output → lines, understood, grouped, in order, chosen, shortened | nothing |
//! | [`docker`] | the engine; nothing else names bollard | the engine |
//! | [`broker`] | what a broker has left for its consumer groups, and what they need in it | the network |
//! | [`probe`] | one attempt at being ready, a protocol each | the network |
//! | [`watch`] | which watched files changed, and when that is settled | those files, the clock |
//! | [`engine`] | walks plans, waits, follows, stops | everything above |
//! | [`output`] | events → what a person or a program reads | stdout, stderr |
//! | [`cli`] | what was typed → what the engine is asked for | environment, terminal |
//!
//! `tests/architecture.rs` holds the rules of who may use whom.

pub mod broker;
pub mod catalog;
pub mod check;
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
pub mod pattern;
pub mod plan;
pub mod probe;
pub mod refusal;
pub mod secrets;
pub mod status;
pub mod swap;
pub mod watch;
