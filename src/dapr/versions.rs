//! What a Dapr version has: the one table behind `check`, `up`, the flags of each binary, name resolution and the reload. Pure.
//!
//! Read from dapr/dapr at tags v1.12.5, v1.13.6, v1.14.5, v1.15.14, v1.16.19, v1.17.13 and v1.18.3 (`cmd/*/options`, `pkg/config`,
//! `pkg/api/http`, `cmd/daprd/components`). Nothing else compares versions.

use crate::config::model::DEFAULT_DAPR_VERSION;
use std::fmt;

/// `MAJOR.MINOR.PATCH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DaprVersion(pub u32, pub u32, pub u32);

/// The oldest that is started: before it, daprd's flags and its metadata are others.
pub const OLDEST: DaprVersion = DaprVersion(1, 12, 0);
/// The newest that was read; what a later one has is not known for certain.
const NEWEST_LINE: (u32, u32) = (1, 18);

/// Something that exists only from some version on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// `state.postgresql` v2.
    PostgresV2,
    /// The name resolver `sqlite`.
    SqliteResolver,
    /// The scheduler, and with it the Jobs API: `/v1.0-alpha1/jobs`.
    Scheduler,
    /// The scheduler tells sidecars where it is, and the flag that says what it tells.
    SchedulerBroadcast,
    /// Schedulers that know the jobs of one another: those that 1.14 was told are known to none that came later (seen with 1.14.4).
    LastingJobs,
    /// `overwrite` and `failurePolicy` of a job. Before, every job is overwritten and neither word is read.
    JobOptions,
    /// The Jobs API at `/v1.0/jobs`.
    StableJobs,
    /// The name resolver `nameformat`.
    NameFormat,
    /// daprd reloads components by itself, unless its Configuration says otherwise. From 1.13 on it can be asked to, which is not done:
    /// it ends of a mistake there, as it does here.
    HotReload,
    /// The kind `MCPServer`.
    McpServers,
    /// The kind `WorkflowAccessPolicy`.
    WorkflowAccessPolicies,
    /// A flag of daprd that came later than the oldest version.
    Flag(&'static str),
}

/// Flags of daprd that the oldest version has not, each with the first version of every line that has it. daprd ends of an unknown
/// flag with code 2, and flags come in patch releases too.
const FLAGS: [(&str, &[DaprVersion]); 15] = [
    ("dapr-block-shutdown-duration", &[DaprVersion(1, 13, 0)]),
    ("actors-service", &[DaprVersion(1, 13, 0)]),
    ("reminders-service", &[DaprVersion(1, 13, 0)]),
    ("scheduler-host-address", &[DaprVersion(1, 14, 0)]),
    ("dapr-internal-grpc-listen-address", &[DaprVersion(1, 14, 0)]),
    ("dapr-public-listen-address", &[DaprVersion(1, 14, 0)]),
    ("max-body-size", &[DaprVersion(1, 14, 0)]),
    ("read-buffer-size", &[DaprVersion(1, 14, 0)]),
    ("scheduler-job-streams", &[DaprVersion(1, 16, 0)]),
    ("sentry-request-jwt-audiences", &[DaprVersion(1, 16, 0)]),
    ("app-binding-options-timeout", &[DaprVersion(1, 16, 18), DaprVersion(1, 17, 12), DaprVersion(1, 18, 3)]),
    ("disable-init-endpoints", &[DaprVersion(1, 17, 0)]),
    ("actors-disseminate-timeout", &[DaprVersion(1, 18, 0)]),
    ("log-file", &[DaprVersion(1, 18, 0)]),
    ("hot-reload-reconcile-interval", &[DaprVersion(1, 18, 2)]),
];

impl Feature {
    /// What a component of a type and version takes.
    pub fn of_component(component_type: &str, version: &str) -> Option<Self> {
        let is_postgres =
            ["state.postgresql", "state.postgres"].iter().any(|it| component_type.eq_ignore_ascii_case(it));
        (is_postgres && version.eq_ignore_ascii_case("v2")).then_some(Self::PostgresV2)
    }

    /// The flag of daprd, where the oldest version has it not; `name` without its dashes.
    pub fn flag(name: &str) -> Option<Self> {
        FLAGS.iter().find(|(known, _)| *known == name).map(|(known, _)| Self::Flag(known))
    }

    /// The first version of each line that has it; what comes after the last of them has it too.
    fn lines(self) -> &'static [DaprVersion] {
        match self {
            Self::PostgresV2 | Self::SqliteResolver => &[DaprVersion(1, 13, 0)],
            Self::Scheduler => &[DaprVersion(1, 14, 0)],
            Self::SchedulerBroadcast | Self::LastingJobs => &[DaprVersion(1, 15, 0)],
            Self::JobOptions => &[DaprVersion(1, 16, 0)],
            Self::StableJobs | Self::NameFormat | Self::HotReload | Self::McpServers | Self::WorkflowAccessPolicies => {
                &[DaprVersion(1, 18, 0)]
            }
            Self::Flag(name) => FLAGS.iter().find(|(known, _)| *known == name).map_or(&[], |(_, lines)| lines),
        }
    }

    /// What to call it.
    pub fn shown(self) -> String {
        match self {
            Self::PostgresV2 => "`state.postgresql` v2".to_owned(),
            Self::SqliteResolver => "the name resolver `sqlite`".to_owned(),
            Self::Scheduler => "the scheduler with its Jobs API".to_owned(),
            Self::SchedulerBroadcast => "the scheduler's broadcast".to_owned(),
            Self::LastingJobs => "jobs that later schedulers know".to_owned(),
            Self::JobOptions => "`overwrite` and `failurePolicy` of a job".to_owned(),
            Self::StableJobs => "the Jobs API at `/v1.0/jobs`".to_owned(),
            Self::NameFormat => "the name resolver `nameformat`".to_owned(),
            Self::HotReload => "reloading by itself".to_owned(),
            Self::McpServers => "the kind `MCPServer`".to_owned(),
            Self::WorkflowAccessPolicies => "the kind `WorkflowAccessPolicy`".to_owned(),
            Self::Flag(name) => format!("daprd's flag `--{name}`"),
        }
    }

    /// The lowest version that has it.
    pub fn since(self) -> DaprVersion {
        self.lines().first().copied().unwrap_or(OLDEST)
    }
}

/// The lowest version from a given one on that has all of these: nobody wants to go back.
pub fn lowest_with(features: &[Feature], from: DaprVersion) -> DaprVersion {
    let all = features.iter().flat_map(|feature| feature.lines()).copied();
    let mut candidates: Vec<_> = all.chain([from.max(OLDEST)]).filter(|version| *version >= from).collect();
    candidates.sort_unstable();
    candidates.into_iter().find(|version| features.iter().all(|feature| version.has(*feature))).unwrap_or(OLDEST)
}

impl DaprVersion {
    /// Reads `1.18.2`; a suffix such as `-rc.1` is left out of comparisons.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.split(['-', '+']).next()?;
        let mut parts = numbers.split('.').map(|part| part.parse::<u32>().ok());
        let version = Self(parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(version)
    }

    /// Reads `[dapr] version`; what cannot be read, as the name of somebody's own build, counts as the default.
    pub fn of(setting: &str) -> Self {
        Self::parse(setting).or_else(|| Self::parse(DEFAULT_DAPR_VERSION)).unwrap_or(OLDEST)
    }

    /// Whether this version has it.
    pub fn has(self, feature: Feature) -> bool {
        let lines = feature.lines();
        let is_of_its_line = |line: &DaprVersion| (line.0, line.1) == (self.0, self.1);
        match lines.iter().find(|line| is_of_its_line(line)).or(lines.last()) {
            Some(first) => self >= *first,
            None => true,
        }
    }

    /// Whether a scheduler of this version knows the jobs that one of another version was told.
    pub fn knows_jobs_of(self, other: Self) -> bool {
        self.has(Feature::LastingJobs) == other.has(Feature::LastingJobs)
    }

    /// Whether sandbox can start it at all.
    pub fn is_served(self) -> bool {
        self >= OLDEST
    }

    /// Whether its source was read for the tables.
    pub fn is_known(self) -> bool {
        (self.0, self.1) <= NEWEST_LINE
    }

    /// Whether it certainly lacks what was first seen in `since`. What came between two versions that were read may have come with the
    /// minor version before.
    pub fn certainly_precedes(self, since: Self) -> bool {
        (self.0, self.1 + 1) < (since.0, since.1)
    }

    /// Whether it certainly lacks what was last seen in `until`.
    pub fn certainly_follows(self, until: Self) -> bool {
        (self.0, self.1) > (until.0, until.1 + 1)
    }
}

impl fmt::Display for DaprVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(major, minor, patch) = self;
        write!(formatter, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_by_number() {
        assert_eq!(DaprVersion::parse("1.18.2"), Some(DaprVersion(1, 18, 2)));
        assert_eq!(DaprVersion::parse("1.18.0-rc.1"), Some(DaprVersion(1, 18, 0)));
        assert_eq!(DaprVersion::parse("1.18"), None);
        assert_eq!(DaprVersion::parse("1.18.2.3"), None);
        assert_eq!(DaprVersion::parse("latest"), None);
        assert_eq!(DaprVersion::of("our-own").to_string(), DEFAULT_DAPR_VERSION);
        assert!(DaprVersion(1, 9, 0) < DaprVersion(1, 14, 0));
    }

    #[test]
    fn what_a_version_has() {
        use Feature::{
            HotReload, JobOptions, NameFormat, PostgresV2, Scheduler, SchedulerBroadcast, SqliteResolver, StableJobs,
        };
        let all =
            [PostgresV2, SqliteResolver, Scheduler, SchedulerBroadcast, JobOptions, StableJobs, NameFormat, HotReload];
        // dapr-facts §1: how many of them, in the order in which they came.
        for (version, count) in [
            (DaprVersion(1, 12, 5), 0),
            (DaprVersion(1, 13, 6), 2),
            (DaprVersion(1, 14, 4), 3),
            (DaprVersion(1, 15, 14), 4),
            (DaprVersion(1, 16, 0), 5),
            (DaprVersion(1, 17, 13), 5),
            (DaprVersion(1, 18, 0), 8),
            (DaprVersion(1, 19, 0), 8),
            (DaprVersion(2, 0, 0), 8),
        ] {
            let has: Vec<_> = all.into_iter().filter(|feature| version.has(*feature)).collect();
            assert_eq!(has, all[..count], "{version}");
        }
    }

    #[test]
    fn a_flag_that_came_in_patch_releases() {
        let timeout = Feature::flag("app-binding-options-timeout").expect("known");
        for (version, has) in [
            (DaprVersion(1, 16, 17), false),
            (DaprVersion(1, 16, 18), true),
            (DaprVersion(1, 17, 0), false),
            (DaprVersion(1, 17, 12), true),
            (DaprVersion(1, 18, 2), false),
            (DaprVersion(1, 18, 3), true),
            (DaprVersion(1, 19, 0), true),
        ] {
            assert_eq!(version.has(timeout), has, "{version}");
        }
        assert_eq!(Feature::flag("app-port"), None, "all have it");
    }

    #[test]
    fn the_lowest_with_all_of_it() {
        let flag = |name| Feature::flag(name).expect("known");
        for (features, lowest) in [
            (vec![], OLDEST),
            (vec![Feature::PostgresV2], DaprVersion(1, 13, 0)),
            (vec![Feature::Scheduler, Feature::PostgresV2], DaprVersion(1, 14, 0)),
            (vec![Feature::Scheduler, Feature::JobOptions], DaprVersion(1, 16, 0)),
            // 1.16.18 has the one and not the other; 1.17.0 the other and not the one.
            (vec![flag("app-binding-options-timeout"), flag("disable-init-endpoints")], DaprVersion(1, 17, 12)),
            (vec![flag("app-binding-options-timeout"), flag("hot-reload-reconcile-interval")], DaprVersion(1, 18, 3)),
        ] {
            assert_eq!(lowest_with(&features, OLDEST), lowest, "{features:?}");
        }
        let flag = [flag("app-binding-options-timeout")];
        assert_eq!(lowest_with(&flag, DaprVersion(1, 18, 2)), DaprVersion(1, 18, 3), "not 1.16.18");
        assert_eq!(lowest_with(&[], DaprVersion(1, 9, 0)), OLDEST);
    }

    #[test]
    fn between_two_versions_that_were_read_nothing_is_certain() {
        assert!(!DaprVersion(1, 15, 0).certainly_precedes(DaprVersion(1, 16, 0)));
        assert!(DaprVersion(1, 14, 9).certainly_precedes(DaprVersion(1, 16, 0)));
        assert!(!DaprVersion(1, 15, 0).certainly_follows(DaprVersion(1, 14, 4)));
        assert!(DaprVersion(1, 16, 0).certainly_follows(DaprVersion(1, 14, 4)));
    }
}
