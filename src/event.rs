//! The only language between what acts and what prints. Plain data; each variant is one JSON line of `--json`.

use crate::{
    dapr::changes::ResourceChange,
    logs::{group::Entry, level::Level, speaker::Speaker},
    names::{AppId, ContainerName, ImageReference, ShortName},
    plan::spec::Role,
    refusal::Refusal,
    swap::SwapProgress,
};
use serde::Serialize;
use std::{any::Any, collections::BTreeMap, sync::Arc};

/// The version of the JSON that `--json` prints.
pub const SCHEMA: u32 = 1;

/// Something that happened, and when.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Always [`SCHEMA`].
    pub schema: u32,
    /// When, by this machine's clock.
    pub time: jiff::Timestamp,
    /// What.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "snake_case")]
pub enum EventKind {
    /// The work begins: what the project consists of, for the first lines a person sees.
    Started {
        /// The project.
        project: String,
        /// `up`, `down`.
        command: &'static str,
        /// The containers that the command is about, in start order.
        containers: Vec<ContainerLine>,
    },
    /// The steps of a dry run, or of `plan`.
    Planned {
        /// One line a step, as `plan` prints them.
        steps: Vec<PlannedStep>,
    },
    /// A step began.
    StepStarted(StepLine),
    /// A step is done.
    StepDone {
        /// Which.
        #[serde(flatten)]
        step: StepLine,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// How far a pull is.
    PullProgress {
        /// The image.
        image: ImageReference,
        /// Bytes downloaded so far, over the layers known so far.
        current: u64,
        /// Bytes in all, over the layers known so far.
        total: u64,
        /// Layers that are there, unpacked.
        layers_done: usize,
        /// Layers known so far.
        layers: usize,
    },
    /// A line of an image's build. Shown with `--verbose`, and all of them when the build fails.
    BuildOutput {
        /// Whose image.
        name: ShortName,
        /// The line.
        line: String,
    },
    /// A container is not ready yet; sent when the reason changes.
    Waiting {
        /// The container.
        name: ShortName,
        /// Why, as a fragment: `the app does not listen on port 8000 yet`.
        reason: String,
    },
    /// A container is ready.
    ContainerReady {
        /// The container.
        name: ShortName,
        /// What it is.
        role: Role,
        /// From its start, or from the beginning of the check of a running one, in milliseconds.
        elapsed_ms: u64,
        /// What is worth knowing: loaded components and subscriptions of a sidecar.
        detail: Option<String>,
    },
    /// Everything is ready.
    Ready {
        /// From the command's start, in milliseconds.
        elapsed_ms: u64,
        /// Whether nothing had to be changed.
        unchanged: bool,
        /// Where things can be reached.
        addresses: Vec<Address>,
    },
    /// One line of a container's log, as `up --json` prints those of [`EventKind::Said`].
    Log(LogLine),
    /// Whose lines are about to come, so that their names are aligned from the first line on.
    #[serde(skip)]
    Speakers(Vec<String>),
    /// Lines of `logs`, in their order. Printed as `--json` of `logs` promises, not as events.
    #[serde(skip)]
    Said(Sayings),
    /// A container ended by itself after the project was ready.
    Exited {
        /// The container.
        name: ShortName,
        /// Its exit code.
        exit_code: i64,
        /// What it is.
        role: Role,
        /// The line of its log that is the cause, where one was found.
        cause: Option<String>,
        /// Its last lines, where some of them were not shown.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        tail: Vec<String>,
    },
    /// A container was started again after it had ended, in place of or as the one before.
    Restarted {
        /// The container.
        name: ShortName,
        /// Whether it was made anew.
        replaced: bool,
    },
    /// Lines of a container that could not be shown in time.
    Dropped {
        /// What people call it.
        name: String,
        /// The container on the engine.
        container: ContainerName,
        /// How many.
        lines: u64,
    },
    /// A container could not be brought to be ready, or its image could not be built; [`EventKind::Failed`] follows.
    /// Shown just above that failure: the tail first, so that the cause is the last thing on the screen.
    ContainerFailed {
        /// The container.
        name: ShortName,
        /// What it is.
        role: Role,
        /// Its exit code, when it has ended.
        exit_code: Option<i64>,
        /// Whether the kernel killed it for want of memory.
        out_of_memory: bool,
        /// The line of its log that is the cause, or why it is not ready.
        cause: Option<String>,
        /// The last lines of its log, at most 20.
        tail: Vec<String>,
    },
    /// One of several problems that a following [`EventKind::Failed`] sums up, or one that is no failure. People see the
    /// source text instead.
    Problem {
        /// `error`, `warning` or `note`.
        severity: &'static str,
        /// Stable, `sandbox::…`.
        code: Option<String>,
        /// What is wrong.
        message: String,
        /// What can be done.
        help: Option<String>,
        /// The file, where it is known.
        file: Option<String>,
        /// The line in it, from 1.
        line: Option<usize>,
        /// The column in that line, from 1.
        column: Option<usize>,
    },
    /// What `check` has found to be in order.
    Checked {
        /// How many files there are.
        files: usize,
        /// How many components are in them.
        components: usize,
        /// The version of daprd that they were checked for.
        dapr: String,
        /// How many warnings came before.
        warnings: usize,
    },
    /// What one app's sidecar gets, for `check --rendered`. Secrets are not in it.
    Rendered {
        /// The app.
        app: AppId,
        /// What is different from the project's own YAML, a sentence each.
        differences: Vec<String>,
        /// File names and YAML.
        files: BTreeMap<String, String>,
    },
    /// How something is here; nobody need do anything about it.
    Note {
        /// Stable, `sandbox::…`.
        code: &'static str,
        /// What is so.
        message: String,
    },
    /// Something a person should know or mend that is no failure.
    Notice {
        /// Stable, `sandbox::…`.
        code: &'static str,
        /// What is so.
        message: String,
        /// What can be done, where something can.
        help: Option<String>,
    },
    /// Sidecars have what the files say now.
    Reloaded {
        /// The sidecars, as people call them.
        sidecars: Vec<String>,
        /// What is different; empty for a restart that was asked for.
        changes: Vec<ResourceChange>,
        /// How.
        how: ReloadHow,
        /// Why so, as a phrase.
        why: String,
        /// From the beginning of the reload, in milliseconds.
        elapsed_ms: u64,
    },
    /// The files were refused; what runs goes on as it was.
    Refused(Refusal),
    /// How far a swap of the broker is.
    Swap(SwapProgress),
    /// The user asked to end: once is in order, twice is at once.
    Interrupted {
        /// How often so far.
        count: u32,
    },
    /// The command has done its work.
    Finished {
        /// From the command's start, in milliseconds.
        elapsed_ms: u64,
        /// One sentence: `removed 5 containers and the network`.
        summary: String,
    },
    /// The command failed. Always the last line.
    Failed {
        /// Stable, `sandbox::…`.
        code: String,
        /// What failed and why.
        message: String,
        /// The next command, where there is one.
        help: Option<String>,
    },
}

/// How a change became live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReloadHow {
    /// daprd itself has loaded or closed components; the sidecars go on.
    InPlace,
    /// Another sidecar has taken the place of each.
    HandOver,
}

/// A container in [`EventKind::Started`].
#[derive(Clone, Debug, Serialize)]
pub struct ContainerLine {
    /// What people call it.
    pub name: ShortName,
    /// What it is.
    pub role: Role,
    /// Its image.
    pub image: ImageReference,
}

/// A step as events name it.
#[derive(Clone, Debug, Serialize)]
pub struct StepLine {
    /// Its number in the plan.
    pub step: usize,
    /// `create`, `start`, `pull`, `build`, …
    pub action: &'static str,
    /// What it is done to.
    pub target: String,
    /// The container it is for, where it is for one.
    pub name: Option<ShortName>,
    /// Why.
    pub cause: String,
}

/// A line of [`EventKind::Planned`].
#[derive(Clone, Debug, Serialize)]
pub struct PlannedStep {
    /// The step.
    #[serde(flatten)]
    pub line: StepLine,
    /// The steps that must be done before.
    pub after: Vec<usize>,
}

/// Where something can be reached from the host.
#[derive(Clone, Debug, Serialize)]
pub struct Address {
    /// The container.
    pub name: ShortName,
    /// What it is.
    pub role: Role,
    /// What is reached there: `app`, `Dapr HTTP`, `kafka`.
    pub what: String,
    /// `http://127.0.0.1:8000` or `127.0.0.1:19092`.
    pub address: String,
    /// Why it is not the usual one: `3500 is taken by …`.
    pub note: Option<String>,
}

/// What a container said, in [`EventKind::Said`].
#[derive(Clone, Debug)]
pub struct Utterance {
    /// Who.
    pub speaker: Arc<Speaker>,
    /// What.
    pub saying: Saying,
}

/// What is said, or what is said in its place.
#[derive(Clone, Debug)]
pub enum Saying {
    /// A line with those that belong to it.
    Entry(Entry),
    /// So many lines were here.
    Dropped(u64),
    /// What a removed container had said before this was not kept.
    Cut,
    /// So many lines were written until the container was ready.
    Folded(u64),
}

/// Several of them.
#[derive(Clone, Debug, Default)]
pub struct Sayings {
    /// In their order.
    pub utterances: Vec<Utterance>,
    /// Dropped when they were printed: whoever sent them waits for it.
    pub turn: Option<Arc<dyn Any + Send + Sync>>,
}

/// One line of a container's log.
#[derive(Clone, Debug, Serialize)]
pub struct LogLine {
    /// The engine's time of the line.
    #[serde(rename = "logged_at")]
    pub time: jiff::Timestamp,
    /// The container on the engine.
    pub container: ContainerName,
    /// What people call it; replicas numbered.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// The app it belongs to.
    pub app: Option<AppId>,
    /// Where it was written.
    pub stream: Stream,
    /// How serious it is, where that is known.
    pub level: Option<Level>,
    /// The line without its end.
    pub text: String,
}

/// Where a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}
