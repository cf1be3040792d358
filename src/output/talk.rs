//! Sentences that are the same for a person at a terminal and for a file. Pure.

use super::{sanitize::one_line, style::Paint, text};
use crate::{
    event::{Address, EventKind, ReloadHow, StepLine},
    plan::spec::Role,
    refusal::Refusal,
};
use console::measure_text_width;

/// `note: …`, quieter than everything else.
pub(super) fn note(message: &str, paint: Paint) -> [String; 1] {
    [paint.dim(format!("note: {}", one_line(message)))]
}

/// `warning: …` and what can be done.
pub(super) fn notice(message: &str, help: Option<&str>, paint: Paint) -> Vec<String> {
    let mut lines = vec![format!("{} {}", paint.warn("warning:"), one_line(message))];
    lines.extend(help.map(|help| help_line(help, paint)));
    lines
}

/// `  help: …`; further lines stay under the first.
pub(super) fn help_line(help: &str, paint: Paint) -> String {
    format!("  {} {}", paint.hint("help:"), help.trim_end().replace('\n', "\n        "))
}

/// `exited (1)`, `killed, out of memory (137)`, `not ready`, each with its cause.
pub(super) fn ending(kind: &EventKind) -> String {
    let (how, cause) = match kind {
        EventKind::ContainerFailed { exit_code, out_of_memory, cause, .. } => {
            let how = match (exit_code, out_of_memory) {
                (Some(code), true) => format!("killed, out of memory ({code})"),
                (None, true) => "killed, out of memory".to_owned(),
                (Some(code), false) => format!("exited ({code})"),
                (None, false) => "not ready".to_owned(),
            };
            (how, cause)
        }
        EventKind::Exited { exit_code, cause, .. } => (format!("exited ({exit_code})"), cause),
        _ => return String::new(),
    };
    match cause {
        Some(cause) => format!("{how}: {}", one_line(cause)),
        None => how,
    }
}

/// `✔ reloaded orders-dapr in 1.7 s by hand-over`, and a line for each thing that changed, or the reason.
pub(super) fn reloaded(kind: &EventKind, paint: Paint) -> Vec<String> {
    let EventKind::Reloaded { sidecars, changes, how, why, elapsed_ms } = kind else { return Vec::new() };
    let how = match how {
        ReloadHow::InPlace => "in place",
        ReloadHow::HandOver => "by hand-over",
    };
    let what = if changes.is_empty() { "replaced" } else { "reloaded" };
    let names = sidecars.iter().map(|name| paint.strong(name)).collect::<Vec<_>>().join(", ");
    let time = text::duration(*elapsed_ms);
    let mut lines = vec![format!("{} {what} {names} {how} {}", paint.good("✔"), paint.dim(format!("in {time}")))];
    lines.extend(changes.iter().map(|change| format!("    {}", one_line(&change.to_string()))));
    if changes.is_empty() {
        lines.push(format!("    {}", one_line(why)));
    }
    lines
}

/// `✘ refused FILE:LINE: REASON` for each problem, and what goes on.
pub(super) fn refused(refusal: &Refusal, paint: Paint) -> Vec<String> {
    let mut lines: Vec<_> = refusal
        .problems
        .iter()
        .map(|problem| {
            format!("{} refused {}{}", paint.bad("✘"), paint.strong(problem.place()), one_line(&problem.reason))
        })
        .collect();
    lines.push(match refusal.serving_since {
        Some(since) => {
            let since = since.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string();
            paint.dim(format!("  still serving the version of {since}"))
        }
        None => paint.dim("  what runs goes on as it was"),
    });
    lines
}

/// What was checked, and for which daprd.
pub(super) fn checked(kind: &EventKind, paint: Paint) -> Option<String> {
    let EventKind::Checked { files, components, dapr, warnings } = kind else { return None };
    let (files, components) = (text::count(*files, "file"), text::count(*components, "component"));
    let found = if *warnings == 0 { "no problems".to_owned() } else { text::count(*warnings, "warning") };
    Some(format!("{} checked {files} with {components} for daprd {dapr}: {found}", paint.good("✔")))
}

/// What Ctrl-C has set going.
pub(super) fn interrupted(count: u32) -> &'static str {
    if count > 1 { "stopping at once" } else { "stopping in order; Ctrl-C again stops at once" }
}

/// `  create container shop-orders-1: missing, 12 ms`, for `--verbose`.
pub(super) fn step(step: &StepLine, elapsed_ms: Option<u64>, paint: Paint) -> String {
    let what = format!("{} {}", step.action, step.target);
    match elapsed_ms {
        Some(elapsed) => paint.dim(format!("  {what}: done in {}", text::duration(elapsed))),
        None => paint.dim(format!("  {what}: {}", step.cause)),
    }
}

/// Where things can be reached: the app and its sidecar first, then the broker, the store and the rest, aligned. A note
/// that does not fit beside its address stands below it.
pub(super) fn addresses(addresses: &[Address], width: usize, paint: Paint) -> Vec<String> {
    let mut sorted: Vec<&Address> = addresses.iter().collect();
    sorted.sort_by_key(|address| (rank(address.role), position(address, addresses), address.role == Role::Sidecar));
    let mut rows = Vec::new();
    let mut previous = "";
    for address in &sorted {
        let name = address.name.as_str();
        let shown = if previous == name { "" } else { name };
        let what = if address.what == shown { "" } else { &address.what };
        rows.push(vec![shown.to_owned(), paint.hint(&address.address), what.to_owned()]);
        previous = name;
    }
    let below = rows.iter().map(|row| measure_text_width(&row[0])).max().unwrap_or(0) + 4;
    let mut lines = Vec::new();
    for (line, address) in text::indent(text::columns(&rows), "  ").into_iter().zip(sorted) {
        match address.note.as_ref().map(|note| format!("({note})")) {
            Some(note) if measure_text_width(&line) + 2 + measure_text_width(&note) < width => {
                lines.push(format!("{line}  {}", paint.dim(note)));
            }
            Some(note) => lines.extend([line, format!("{:below$}{}", "", paint.dim(note))]),
            None => lines.push(line),
        }
    }
    lines
}

fn rank(role: Role) -> u8 {
    match role {
        Role::App | Role::Sidecar => 0,
        Role::Broker => 1,
        Role::State => 2,
        Role::Scheduler | Role::Placement | Role::Sentry | Role::Other => 3,
    }
}

/// Where the app that an address belongs to, or else its container, is first named.
fn position(address: &Address, all: &[Address]) -> usize {
    let owner = |address: &Address| {
        let name = address.name.as_str();
        if address.role == Role::Sidecar {
            name.strip_suffix("-dapr").unwrap_or(name).to_owned()
        } else {
            name.to_owned()
        }
    };
    let wanted = owner(address);
    all.iter().position(|other| rank(other.role) == rank(address.role) && owner(other) == wanted).unwrap_or(0)
}

/// `create` → `creating`.
pub(super) fn present(action: &str) -> String {
    inflect(action, "ing")
}

/// `create` → `created`.
pub(super) fn past(action: &str) -> String {
    match action {
        "build" => "built".to_owned(),
        "write" => "written".to_owned(),
        _ => inflect(action, "ed"),
    }
}

fn inflect(action: &str, ending: &str) -> String {
    match action {
        "stop" => format!("stopp{ending}"),
        _ => format!("{}{ending}", action.strip_suffix('e').unwrap_or(action)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_words() {
        let now = ["create", "start", "stop", "remove", "build", "pull", "connect"].map(present);
        assert_eq!(now, ["creating", "starting", "stopping", "removing", "building", "pulling", "connecting"]);
        let then = ["create", "start", "stop", "remove", "build", "pull", "write"].map(past);
        assert_eq!(then, ["created", "started", "stopped", "removed", "built", "pulled", "written"]);
    }
}
