//! How a swap of the broker goes: plain data, of events and of the file in which an attached `up` reads along.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Why a swap was refused, or is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum SwapFailure {
    /// There is nothing to swap.
    #[error("sandbox.toml has no [broker]")]
    #[diagnostic(
        code(sandbox::swap::no_broker),
        help("name one: `[broker]` with `kind = \"{wanted}\"` and `component = \"pubsub\"`, then `sandbox up`")
    )]
    NoBroker {
        /// What was asked for.
        wanted: String,
    },
    /// No such broker.
    #[error("there is no broker `{wanted}`")]
    #[diagnostic(code(sandbox::usage::broker), help("{near}the brokers are {known}"))]
    UnknownKind {
        /// What was asked for.
        wanted: String,
        /// The nearest right word, as a question; empty without one.
        near: String,
        /// What there is, in words.
        known: String,
    },
    /// Something would be lost.
    #[error("{what}")]
    #[diagnostic(code(sandbox::swap::consent), help("`sandbox swap-broker {to} --yes` swaps all the same"))]
    NeedsConsent {
        /// What.
        what: String,
        /// The target.
        to: String,
    },
    /// A broker that was started does not do what it should.
    #[error("`{broker}` does not tell what it should: {reason}")]
    #[diagnostic(code(sandbox::swap::silent), help("`sandbox logs {broker}` has all it said"))]
    Silent {
        /// The broker.
        broker: String,
        /// Why, as a fragment.
        reason: String,
    },
    /// The project is on the target, and something is left in an old broker.
    #[error("the project is on `{to}`, and {left} are left in `{broker}`: nothing has been taken from it for {}", humantime::format_duration(*.limit))]
    #[diagnostic(
        code(sandbox::swap::unfinished),
        help(
            "`{broker}` goes on running; does the app take these messages? `sandbox logs` tells. `sandbox swap-broker {to}` goes on with \
             it, with a longer `--drain-timeout` where the app is slow"
        )
    )]
    Unfinished {
        /// The target.
        to: String,
        /// The old broker.
        broker: String,
        /// What is left, in words.
        left: String,
        /// How long was waited.
        limit: Duration,
    },
}

/// What has happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum SwapProgress {
    /// It begins.
    Began {
        /// The broker that was active.
        from: String,
        /// The one that is to be.
        to: String,
    },
    /// The target takes messages.
    TargetReady {
        /// The target.
        broker: String,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// Nothing that is published on the target can miss its subscriber.
    Declared {
        /// The target.
        broker: String,
        /// Subscriptions of all apps.
        subscriptions: usize,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// The sidecars publish and read on the target; the old ones have gone.
    HandedOver {
        /// The sidecars, as people call them.
        sidecars: Vec<String>,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// `kind` in sandbox.toml is the target.
    Saved {
        /// The file.
        file: String,
    },
    /// What is left in an old broker; sent when it changes.
    Draining {
        /// The old broker.
        broker: String,
        /// Everything that is left.
        left: u64,
        /// By topic.
        topics: Vec<TopicLeft>,
    },
    /// Nothing is left in it.
    Drained {
        /// The old broker.
        broker: String,
        /// What was left when the old sidecars had gone.
        drained: u64,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// It is gone; its volume stays.
    Stopped {
        /// The old broker.
        broker: String,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// It was given up: everything is as it was.
    GaveUp {
        /// The broker that goes on.
        broker: String,
        /// Why, in one sentence.
        reason: String,
    },
    /// A second Ctrl-C ended it in the midst.
    CutShort {
        /// The target.
        to: String,
    },
    /// It is done, but for what lies in the old broker.
    Unfinished {
        /// The old broker, which goes on running.
        broker: String,
        /// Why, in one sentence.
        reason: String,
    },
    /// It is done.
    Done(SwapReport),
}

/// What is left of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicLeft {
    /// The topic.
    pub topic: String,
    /// Messages, over all its consumer groups.
    pub left: u64,
}

/// How it went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapReport {
    /// The broker that was active.
    pub from: String,
    /// The one that is.
    pub to: String,
    /// In all, in milliseconds.
    pub elapsed_ms: u64,
    /// Each topic that somebody subscribes to.
    pub topics: Vec<TopicReport>,
    /// What is different on the target for this project, a sentence each.
    pub differences: Vec<String>,
    /// Old brokers that go on running.
    pub kept: Vec<String>,
}

/// What became of a topic's messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicReport {
    /// The topic.
    pub topic: String,
    /// Publishes that the old sidecars have acknowledged, so that the old broker has them; not known when they did not tell.
    pub acknowledged: Option<u64>,
    /// What they have delivered; not known of bulks.
    pub delivered: Option<u64>,
    /// What was left in the old broker when they had gone, and was delivered from it since.
    pub drained: u64,
    /// What is left there.
    pub left_over: u64,
    /// Attempts that an app did not take, of the old sidecars and of the drains: the message came again after each. What was with
    /// an app when its sidecar ended is not among them. Not known of bulks, and when one did not tell.
    pub redelivered: Option<u64>,
}
