//! The startup noise of healthy infrastructure: hundreds of lines that nobody looks for while all is well, and that
//! everybody looks for when something fails.

use super::{group::Entry, level::Level, merge::Source};
use crate::plan::spec::Role;
use std::collections::{BTreeMap, VecDeque};

/// What is kept of one container in case it fails.
const MOST_BYTES: usize = 1024 * 1024;

/// Holds back what brokers, stores and Dapr's own servers say before they are ready.
#[derive(Debug, Default)]
pub struct Fold {
    verbose: bool,
    stops: bool,
    sources: BTreeMap<Source, Folded>,
}

/// What was held back of a container.
#[derive(Debug, Default)]
pub struct Folded {
    /// How many lines in all.
    pub lines: u64,
    /// The last of them, oldest first.
    pub kept: VecDeque<Entry>,
    bytes: usize,
    is_over: bool,
    /// A line with this text ends it.
    until: Option<&'static str>,
    /// What was decided about the entry before, for lines that go on with it.
    held_last: bool,
}

impl Folded {
    /// How many lines are not among the kept ones any more.
    pub fn lost(&self) -> u64 {
        self.lines - self.kept.iter().map(|entry| entry.count() as u64).sum::<u64>()
    }
}

impl Fold {
    /// With `--verbose` nothing is held back.
    pub fn new(verbose: bool) -> Self {
        Self { verbose, ..Self::default() }
    }

    /// Takes an entry, and gives it back when it is to be shown now.
    pub fn push(&mut self, source: Source, role: Role, entry: Entry) -> Option<Entry> {
        // How a sidecar ends is of interest to its app's author.
        let is_leaving = self.stops && role == Role::Sidecar;
        if self.verbose || is_leaving || !is_noisy(role) {
            return Some(entry);
        }
        let folded = self.sources.entry(source).or_default();
        if folded.is_over {
            return Some(entry);
        }
        if folded.until.is_some_and(|text| entry.first.text.contains(text)) {
            self.end(source);
            return Some(entry);
        }
        // A healthy server warns at every start of what nobody can change here; Postgres even calls it FATAL that somebody asks
        // too early. A sidecar's warnings are about the project's own components.
        let is_quiet = role != Role::Sidecar || entry.level(role) <= Some(Level::Info);
        let is_noise = if entry.continues { folded.held_last } else { is_quiet };
        folded.held_last = is_noise;
        if !is_noise {
            return Some(entry);
        }
        folded.lines += entry.count() as u64;
        folded.bytes += entry.bytes();
        folded.kept.push_back(entry);
        while folded.bytes > MOST_BYTES
            && let Some(oldest) = folded.kept.pop_front()
        {
            folded.bytes -= oldest.bytes();
        }
        None
    }

    /// A container is ready: from now on its lines are shown. Gives how many were not, to be told in one line.
    pub fn ready(&mut self, source: Source) -> Option<u64> {
        Some(self.end(source).lines).filter(|lines| *lines > 0)
    }

    /// A container will say by a line with this text that it is ready.
    pub fn until(&mut self, source: Source, text: &'static str) {
        self.sources.insert(source, Folded { until: Some(text), ..Folded::default() });
    }

    /// A container failed: what was held back is shown, and everything from now on.
    pub fn failed(&mut self, source: Source) -> Folded {
        self.end(source)
    }

    /// Something failed, whatever it was: nothing stays folded. Gives what was held back, a container each.
    pub fn all_failed(&mut self) -> Vec<(Source, Folded)> {
        let sources: Vec<_> = self.sources.keys().copied().collect();
        self.verbose = true;
        sources.into_iter().map(|source| (source, self.end(source))).filter(|(_, folded)| folded.lines > 0).collect()
    }

    /// The project is stopped in order: what brokers and stores say of it is held back again, and told to nobody.
    pub fn stopping(&mut self) {
        self.sources.clear();
        self.stops = true;
    }

    fn end(&mut self, source: Source) -> Folded {
        let over = Folded { is_over: true, ..Folded::default() };
        self.sources.insert(source, over).unwrap_or_default()
    }
}

/// Whether a role's lines are of no interest while all is well.
pub fn is_noisy(role: Role) -> bool {
    match role {
        Role::Broker | Role::State | Role::Sidecar | Role::Scheduler | Role::Placement | Role::Sentry => true,
        Role::App | Role::Other => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{event::Stream, logs::lines::Line};
    use jiff::Timestamp;

    fn entry(text: &str) -> Entry {
        Entry::of(Line { time: Timestamp::UNIX_EPOCH, stream: Stream::Stdout, text: text.to_owned() })
    }

    #[test]
    fn only_noise_before_ready_is_folded() {
        let mut fold = Fold::new(false);
        assert!(fold.push(0, Role::Broker, entry("[2026-11-24 12:36:34,201] INFO Registered (x)")).is_none());
        assert!(fold.push(0, Role::Broker, entry("  ##  ##  banner")).is_none());
        assert!(fold.push(0, Role::State, entry("2026 [44] FATAL:  the database system is starting up")).is_none());
        let warning = "time=\"2026-11-24T12:00:00Z\" level=warning msg=\"look\" app_id=x";
        assert!(fold.push(2, Role::Sidecar, entry(warning)).is_some());
        assert!(fold.push(1, Role::App, entry("INFO: x")).is_some());
        assert_eq!(fold.ready(0), Some(3));
        assert!(fold.push(0, Role::Broker, entry("[2026-11-24 12:36:34,201] INFO later (x)")).is_some());
        assert_eq!((fold.ready(0), fold.ready(7)), (None, None));
        assert!(Fold::new(true).push(0, Role::Broker, entry("noise")).is_some());
    }

    #[test]
    fn a_sidecar_says_itself_when_it_is_ready_and_how_it_ends_is_shown() {
        let mut fold = Fold::new(false);
        fold.until(0, "Status: Running");
        assert!(fold.push(0, Role::Sidecar, entry("time=\"x\" level=info msg=\"Loading\"")).is_none());
        assert!(fold.push(0, Role::Sidecar, entry("level=info msg=\"dapr initialized. Status: Running\"")).is_some());
        assert!(fold.push(0, Role::Sidecar, entry("level=info msg=\"later\"")).is_some());
        fold.stopping();
        assert!(fold.push(0, Role::Sidecar, entry("level=info msg=\"Dapr is shutting down\"")).is_some());
        assert!(fold.push(1, Role::Broker, entry("INFO shutting down")).is_none());
    }

    #[test]
    fn when_something_fails_everything_is_shown() {
        let mut fold = Fold::new(false);
        for text in ["one", "two"] {
            fold.push(0, Role::State, entry(text));
        }
        fold.push(3, Role::Broker, entry("three"));
        let folded = fold.failed(0);
        assert_eq!(folded.kept.iter().map(|entry| entry.first.text.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        let all = fold.all_failed();
        assert_eq!(
            all.iter().map(|(source, folded)| (*source, folded.lines, folded.lost())).collect::<Vec<_>>(),
            [(3, 1, 0)]
        );
        assert!(fold.push(5, Role::State, entry("four")).is_some());
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_lost_is_known() {
        let mut fold = Fold::new(false);
        for _ in 0..300 {
            fold.push(0, Role::State, entry(&"x".repeat(10_000)));
        }
        let folded = fold.failed(0);
        assert_eq!(folded.lines, 300);
        assert!((100..110).contains(&folded.kept.len()), "{}", folded.kept.len());
        assert_eq!(folded.lost(), 300 - folded.kept.len() as u64);
    }
}
