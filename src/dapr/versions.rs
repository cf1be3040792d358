//! What a Dapr version has: the one table behind flags, control plane and name resolution. Pure.
//!
//! Read from dapr/dapr at tags v1.14.5, v1.15.14, v1.16.19, v1.17.13 and v1.18.3 (`cmd/daprd/options`, `cmd/scheduler/options`).

/// `MAJOR.MINOR.PATCH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DaprVersion(pub u32, pub u32, pub u32);

/// Something that exists only from some version on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// `state.postgresql` v2.
    PostgresV2,
    /// The scheduler, and with it the Jobs API.
    Scheduler,
    /// The scheduler tells sidecars where it is, and the flag that says what it tells.
    SchedulerBroadcast,
    /// The name resolver `nameformat`.
    NameFormat,
}

impl Feature {
    /// The first version that has it.
    pub fn since(self) -> DaprVersion {
        match self {
            Self::PostgresV2 => DaprVersion(1, 13, 0),
            Self::Scheduler => DaprVersion(1, 14, 0),
            Self::SchedulerBroadcast => DaprVersion(1, 15, 0),
            Self::NameFormat => DaprVersion(1, 18, 0),
        }
    }
}

impl DaprVersion {
    /// Reads `1.18.2`; a suffix such as `-rc.1` is left out of comparisons.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers = text.split(['-', '+']).next()?;
        let mut parts = numbers.split('.').map(|part| part.parse::<u32>().ok());
        let version = Self(parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(version)
    }

    /// Whether this version has it.
    pub fn has(self, feature: Feature) -> bool {
        self >= feature.since()
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
        assert!(DaprVersion(1, 9, 0) < DaprVersion(1, 14, 0));
    }

    #[test]
    fn what_a_version_has() {
        assert!(!DaprVersion(1, 12, 5).has(Feature::PostgresV2));
        assert!(DaprVersion(1, 14, 4).has(Feature::Scheduler));
        assert!(!DaprVersion(1, 14, 4).has(Feature::SchedulerBroadcast));
        assert!(!DaprVersion(1, 16, 0).has(Feature::NameFormat));
        assert!(DaprVersion(1, 18, 2).has(Feature::NameFormat));
    }
}
