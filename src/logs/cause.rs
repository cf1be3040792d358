//! The one line among a container's last lines that says why it ended.

use super::{
    level::Level,
    understand::{Dialect, understand, without_colors},
};
use crate::plan::spec::Role;

/// Finds it, as a person would: the last line of the strongest kind. `None` when nothing looks like a cause.
pub fn find_cause(role: Role, lines: &[String]) -> Option<String> {
    let kinds: [fn(Role, &str) -> Option<String>; 4] = [
        |role, line| said(role, line, Level::Fatal),
        |_, line| exception(line),
        loud,
        |role, line| said(role, line, Level::Error),
    ];
    let lines: Vec<_> = lines.iter().map(|line| without_colors(line)).collect();
    kinds.iter().find_map(|kind| lines.iter().rev().find_map(|line| kind(role, line)))
}

/// The message of a structured line of that level. daprd's `Fatal error from runtime:` says nothing, what follows it does.
fn said(role: Role, line: &str, level: Level) -> Option<String> {
    let found = understand(role, line);
    let is_structured = matches!(found.dialect, Dialect::Logfmt | Dialect::Json);
    if !is_structured || found.level != Some(level) {
        return None;
    }
    let message = found.message.strip_prefix("Fatal error from runtime: ").unwrap_or(&found.message);
    Some(message.trim().replace('\n', " "))
}

/// The last line of a Python traceback (`module.Name: text`), and what other runtimes write in its place.
fn exception(line: &str) -> Option<String> {
    let (name, _) = line.split_once(": ").unwrap_or((line, ""));
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_name =
        !name.contains(' ') && name.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '.' | '_'));
    let is_exception =
        ["Error", "Exception", "Exit", "Interrupt"].iter().any(|end| last.ends_with(end) && last != "Error");
    (is_name && is_exception).then(|| line.to_owned())
}

/// Words that servers shout when they give up: Postgres, Go, Rust, Kafka, Erlang, Node, shells.
fn loud(role: Role, line: &str) -> Option<String> {
    const WORDS: [&str; 11] = [
        "FATAL",
        "PANIC",
        "panic:",
        "panicked at",
        "Error: ",
        "ERROR",
        "BOOT FAILED",
        "error: ",
        "not found",
        "No such file",
        "unknown flag",
    ];
    let untimed =
        || understand(role, line).untimed.map_or_else(|| line.trim().to_owned(), |text| text.trim().to_owned());
    WORDS.iter().any(|word| line.contains(word)).then(untimed)
}

/// Whether the last lines look like an app that called its sidecar before that took calls.
pub fn misses_its_sidecar(lines: &[String], sidecar: &str) -> bool {
    const REFUSALS: [&str; 6] = [
        "Connection refused",
        "connection refused",
        "ConnectError",
        "ECONNREFUSED",
        "Name or service not known",
        "ENOTFOUND",
    ];
    let names = [sidecar, ":3500", ":50001", "ConnectError", "Connection refused", "ECONNREFUSED"];
    let has = |words: &[&str]| lines.iter().any(|line| words.iter().any(|word| line.contains(word)));
    has(&REFUSALS) && has(&names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cause(text: &str) -> Option<String> {
        find_cause(Role::App, &text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn daprd_says_it_in_its_last_fatal_line() {
        let text = r#"time="2026-01-02T03:04:05Z" level=error msg="Failed to init component pubsub" app_id=orders
time="2026-01-02T03:04:05Z" level=fatal msg="Fatal error from runtime: process component \"pubsub\" error: no such host" app_id=orders"#;
        assert_eq!(cause(text).as_deref(), Some("process component \"pubsub\" error: no such host"));
    }

    #[test]
    fn python_says_it_in_the_last_line_of_the_traceback() {
        let text = "Traceback (most recent call last):\n  File \"main.py\", line 1, in <module>\n    import nope\nModuleNotFoundError: No module named 'nope'\nINFO: done";
        assert_eq!(cause(text).as_deref(), Some("ModuleNotFoundError: No module named 'nope'"));
        assert_eq!(cause("httpx.ConnectError: refused").as_deref(), Some("httpx.ConnectError: refused"));
    }

    #[test]
    fn postgres_and_shells_are_understood() {
        let text = "2026 LOG:  starting\n2026-11-24 FATAL:  data directory \"/x\" has wrong ownership\n2026 HINT: x";
        assert!(cause(text).is_some_and(|line| line.contains("wrong ownership")));
        let text = "2026-11-24 12:36:51.608 UTC [51] FATAL:  no space left".to_owned();
        let told = find_cause(Role::State, &[text]).expect("a cause");
        assert!(told.ends_with("FATAL:  no space left") && !told.starts_with("2026"), "{told}");
        assert_eq!(cause("sh: 1: nope: not found").as_deref(), Some("sh: 1: nope: not found"));
    }

    #[test]
    fn nothing_is_made_up() {
        assert_eq!(cause("INFO: all is well\nErrors so far: none"), None);
        assert_eq!(cause(""), None);
    }

    #[test]
    fn an_app_that_called_too_early_is_recognised() {
        let lines = ["httpx.ConnectError: [Errno 111] Connection refused".to_owned()];
        assert!(misses_its_sidecar(&lines, "orders-dapr"));
        assert!(!misses_its_sidecar(&["ValueError: x".to_owned()], "orders-dapr"));
    }
}
