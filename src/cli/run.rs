//! Runs a verb: prints what it says, ends with its exit code.

use super::{
    Cli, Command, check,
    context::{Context, output_settings},
    down, logs, plan, reload, status, swap_broker, up,
};
use crate::{
    engine::{project::Checked, reporter::Reporter},
    error::Failure,
    event::{Event, EventKind},
    output::{LogSettings, Mode, OutputSettings, Renderer},
    status::Status,
};
use jiff::Timestamp;
use std::{process::ExitCode, time::Duration};
use tokio::sync::mpsc;

/// How often a reader without a live block may be told what is waited for.
const TICK: Duration = Duration::from_millis(500);
/// How long what is still to be said after Ctrl-C may take to be read.
const LEAVING: Duration = Duration::from_secs(3);

/// What a verb gives beside its events.
pub(super) enum Outcome {
    /// Nothing.
    Done,
    /// A project's status.
    Status(Box<Status>),
    /// What was checked, and whether what the sidecars get is wanted too.
    Checked(Box<Checked>, bool),
}

/// Runs what was typed.
pub fn run(cli: Cli) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("the system gives threads and timers");
    let code = runtime.block_on(dispatch(cli));
    // A thread that still waits for a slow answer keeps nobody.
    runtime.shutdown_background();
    ExitCode::from(code)
}

async fn dispatch(cli: Cli) -> u8 {
    let Cli { global, command } = cli;
    let (reporter, events) = Reporter::new();
    let (own, global) = match command {
        Command::Up(with) => {
            let mut global = global.with(with.global);
            global.verbose |= with.own.is_verbose();
            (Verb::Up(with.own), global)
        }
        Command::Down(with) => (Verb::Down(with.own), global.with(with.global)),
        Command::Status(with) => (Verb::Status(with.own), global.with(with.global)),
        Command::Logs(with) => (Verb::Logs(with.own), global.with(with.global)),
        Command::Reload(with) => (Verb::Reload(with.own), global.with(with.global)),
        Command::SwapBroker(with) => (Verb::SwapBroker(with.own), global.with(with.global)),
        Command::Restart(with) => (Verb::Restart(with.own), global.with(with.global)),
        Command::Plan(with) => (Verb::Plan(with.own), global.with(with.global)),
        Command::Check(with) => (Verb::Check(with.own), global.with(with.global)),
    };
    let settings = output_settings(&global);
    let log_settings = own.log_settings();
    // On a thread of its own: whoever does not read must keep nobody else waiting.
    let runtime = tokio::runtime::Handle::current();
    let printing = tokio::task::spawn_blocking(move || runtime.block_on(print(events, settings, log_settings)));
    let context = Context::new(global);
    let outcome = match own {
        Verb::Up(args) => up::run(args, &context, reporter.clone()).await,
        Verb::Down(args) => down::run(args, &context, reporter.clone()).await,
        Verb::Status(args) => status::run(args, &context, reporter.clone()).await,
        Verb::Logs(args) => logs::run(args, &context, reporter.clone()).await,
        Verb::Reload(args) => reload::run(args, &context, reporter.clone()).await,
        Verb::SwapBroker(args) => swap_broker::run(args, &context, reporter.clone()).await,
        Verb::Restart(args) => reload::restart(args, &context, reporter.clone()).await,
        Verb::Plan(args) => plan::run(args, &context, reporter.clone()).await,
        Verb::Check(args) => check::run(&args, &context),
    };
    if let Some(event) = outcome.as_ref().err().and_then(container_failed) {
        reporter.send(event).await;
    }
    drop(reporter);
    let mut renderer = match &outcome {
        Err(failure @ Failure::Interrupted(_)) => match tokio::time::timeout(LEAVING, printing).await {
            Ok(renderer) => renderer.expect("printing does not panic"),
            // Whoever should read does not, and somebody wants it to end.
            Err(_) => return failure.exit_code(),
        },
        _ => printing.await.expect("printing does not panic"),
    };
    finish(&mut renderer, settings, outcome)
}

enum Verb {
    Up(up::Args),
    Down(down::Args),
    Status(status::Args),
    Logs(logs::Args),
    Plan(plan::Args),
    Reload(reload::Args),
    Restart(reload::RestartArgs),
    SwapBroker(swap_broker::Args),
    Check(check::Args),
}

impl Verb {
    fn log_settings(&self) -> LogSettings {
        match self {
            Self::Logs(args) => args.settings(),
            Self::Up(_) => LogSettings { events: true, ..LogSettings::default() },
            Self::Down(_)
            | Self::Status(_)
            | Self::Plan(_)
            | Self::Reload(_)
            | Self::Restart(_)
            | Self::SwapBroker(_)
            | Self::Check(_) => LogSettings::default(),
        }
    }
}

fn finish(renderer: &mut Renderer, settings: OutputSettings, outcome: Result<Outcome, Failure>) -> u8 {
    let now = Timestamp::now();
    let code = match outcome {
        Ok(Outcome::Done) => 0,
        Ok(Outcome::Status(status)) => {
            renderer.status(&status, now);
            0
        }
        Ok(Outcome::Checked(checked, with_rendered)) => {
            check::show(&checked, with_rendered, renderer, now);
            0
        }
        Err(failure) => {
            // A person who pressed Ctrl-C knows it.
            if !matches!(failure, Failure::Interrupted(_)) || settings.mode == Mode::Json {
                renderer.failure(&failure, now);
            }
            failure.exit_code()
        }
    };
    renderer.finish();
    if code == 0 && renderer.has_failed() { 1 } else { code }
}

/// Prints events until nobody sends any more, or until nobody reads.
async fn print(mut events: mpsc::Receiver<Event>, settings: OutputSettings, log_settings: LogSettings) -> Renderer {
    let mut renderer = Renderer::stdio(settings);
    renderer.log_settings(log_settings);
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            event = events.recv() => match event {
                Some(event) => renderer.event(&event),
                None => return renderer,
            },
            _ = ticks.tick() => renderer.tick(Timestamp::now()),
        }
        // Lines are printed together while more are coming, and at once when none is.
        if events.is_empty() {
            renderer.flush();
        }
        if renderer.is_closed() {
            events.close();
        }
    }
}

/// What a container that failed had said, to be shown above the failure.
fn container_failed(failure: &Failure) -> Option<EventKind> {
    match failure {
        Failure::Ended(ended) => Some(EventKind::ContainerFailed {
            name: ended.short_name.clone(),
            role: ended.role,
            exit_code: Some(ended.exit_code),
            out_of_memory: ended.out_of_memory,
            cause: ended.cause.clone(),
            tail: ended.tail.clone(),
        }),
        Failure::NotReady { short_name, role, reason, tail, .. } => Some(EventKind::ContainerFailed {
            name: short_name.clone(),
            role: *role,
            exit_code: None,
            out_of_memory: false,
            cause: Some(reason.clone()),
            tail: tail.clone(),
        }),
        _ => None,
    }
}
