//! `--level`, `--grep`, `--since` and `--until`: which entries are shown.

use super::{
    group::Entry,
    level::Level,
    merge::Source,
    understand::{understand, without_colors},
};
use crate::{event::Stream, plan::spec::Role};
use jiff::Timestamp;
use regex::Regex;
use std::collections::BTreeMap;

/// What is asked for. The default shows everything.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// This level and worse, and what has none that is known.
    pub level: Option<Level>,
    /// What a line must match.
    pub grep: Option<Regex>,
    /// Nothing older.
    pub since: Option<Timestamp>,
    /// Nothing newer.
    pub until: Option<Timestamp>,
}

/// `--grep` with something that is no regular expression.
#[derive(Clone, Debug, thiserror::Error, miette::Diagnostic)]
#[error("`{pattern}` is no regular expression: {reason}")]
#[diagnostic(code(sandbox::logs::grep), help("{help}"))]
pub struct BadPattern {
    pattern: String,
    reason: String,
    help: String,
}

/// Reads `--grep`.
pub fn pattern(text: &str) -> Result<Regex, BadPattern> {
    Regex::new(text).map_err(|error| {
        let error = error.to_string();
        let reason = error.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        BadPattern {
            pattern: text.to_owned(),
            reason: reason.trim().trim_start_matches("error: ").to_owned(),
            help: format!("to look for it as it is, write `{}`", regex::escape(text)),
        }
    })
}

/// Chooses among entries as they come.
#[derive(Debug, Default)]
pub struct Filter {
    wanted: Wanted,
    /// What was decided last for each stream: it holds for what goes on with that.
    last: BTreeMap<(Source, bool), bool>,
}

impl Filter {
    /// Chooses what is asked for.
    pub fn new(wanted: Wanted) -> Self {
        Self { wanted, last: BTreeMap::new() }
    }

    /// Whether what was said just before this time would be shown, were it there.
    pub fn reaches(&self, time: Timestamp) -> bool {
        let Wanted { since, until, .. } = &self.wanted;
        since.is_none_or(|since| since < time) && until.is_none_or(|until| time <= until)
    }

    /// Whether an entry is shown. Its times count, what it says where any of its lines says it, and its level.
    pub fn admits(&mut self, source: Source, role: Role, entry: &Entry) -> bool {
        let Wanted { level, grep, since, until } = &self.wanted;
        if since.is_some_and(|since| entry.time() < since) || until.is_some_and(|until| entry.time() > until) {
            return false;
        }
        if level.is_none() && grep.is_none() {
            return true;
        }
        let key = (source, entry.first.stream == Stream::Stderr);
        let has_level = |level| entry.level(role).is_none_or(|own| own >= level);
        let matches = |grep: &Regex| entry.lines().any(|line| has_match(grep, role, &line.text));
        let before = self.last.get(&key).copied().filter(|_| entry.continues);
        let admits = before.unwrap_or_else(|| level.is_none_or(has_level) && grep.as_ref().is_none_or(matches));
        self.last.insert(key, admits);
        admits
    }
}

/// In the line as it was written, or in its message with the escapes undone: what a person sees.
fn has_match(grep: &Regex, role: Role, text: &str) -> bool {
    let text = without_colors(text);
    let has_message = |text: &str| text.contains('\\') && grep.is_match(&understand(role, text).message);
    grep.is_match(&text) || has_message(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::lines::Line;

    fn entry(texts: &[&str]) -> Entry {
        let line = |text: &&str| Line {
            time: "2026-11-24T10:00:00Z".parse().expect("time"),
            stream: Stream::Stdout,
            text: (*text).to_owned(),
        };
        let mut lines = texts.iter().map(line);
        Entry { rest: Vec::new(), ..Entry::of(lines.next().expect("a line")) }.with(lines.collect())
    }

    impl Entry {
        fn with(self, rest: Vec<Line>) -> Self {
            Self { rest, ..self }
        }
    }

    fn level(level: Level) -> Filter {
        Filter::new(Wanted { level: Some(level), ..Wanted::default() })
    }

    fn grep(text: &str) -> Filter {
        Filter::new(Wanted { grep: Some(pattern(text).expect("valid")), ..Wanted::default() })
    }

    #[test]
    fn a_level_shows_what_is_worse_and_what_is_unknown() {
        let mut filter = level(Level::Warn);
        let mut admits = |text: &str| filter.admits(0, Role::App, &entry(&[text]));
        assert!(admits("WARNING: look"));
        assert!(admits("ERROR:    it broke"));
        assert!(admits("no level at all"));
        assert!(!admits("INFO:     fine"));
    }

    #[test]
    fn an_exception_decides_for_its_entry_and_what_goes_on_with_it() {
        let traceback = entry(&["INFO: x", "Traceback (most recent call last):", "  File", "ValueError: x"]);
        let mut filter = level(Level::Error);
        assert!(filter.admits(0, Role::App, &traceback));
        let late = Entry { continues: true, ..entry(&["  INFO: more"]) };
        assert!(filter.admits(0, Role::App, &late));
        assert!(!filter.admits(0, Role::App, &entry(&["INFO: other"])));
        assert!(!filter.admits(0, Role::App, &late));
    }

    #[test]
    fn any_line_of_an_entry_matches() {
        let traceback = entry(&["ERROR: x", "Traceback (most recent call last):", "ValueError: needle"]);
        assert!(grep("needle$").admits(0, Role::App, &traceback));
        assert!(!grep("^needle").admits(0, Role::App, &traceback));
        assert!(grep("a red word").admits(0, Role::App, &entry(&["a \u{1b}[31mred\u{1b}[0m word"])));
        let daprd = r#"time="2026-11-24T12:36:34Z" level=info msg="metric spec: {\"enabled\":true}" app_id=orders"#;
        assert!(grep("\"enabled\":true").admits(0, Role::Sidecar, &entry(&[daprd])));
        assert!(grep("(?i)METRIC").admits(0, Role::Sidecar, &entry(&[daprd])));
    }

    #[test]
    fn times_limit() {
        let wanted = Wanted {
            since: Some("2026-11-24T10:00:00Z".parse().expect("time")),
            until: Some("2026-11-24T10:00:00Z".parse().expect("time")),
            ..Wanted::default()
        };
        assert!(Filter::new(wanted).admits(0, Role::App, &entry(&["x"])));
        let wanted =
            Wanted { since: Some("2026-11-24T10:00:00.000000001Z".parse().expect("time")), ..Wanted::default() };
        assert!(!Filter::new(wanted).admits(0, Role::App, &entry(&["x"])));
    }

    #[test]
    fn a_bad_pattern_says_why() {
        let error = pattern("a(b").expect_err("invalid");
        assert_eq!(error.to_string(), "`a(b` is no regular expression: unclosed group");
        assert_eq!(error.help, r"to look for it as it is, write `a\(b`");
    }
}
