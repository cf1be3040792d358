//! How serious a line is.

use serde::Serialize;
use std::{fmt, str::FromStr};

/// From what only its author wants to know to what ended the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Every step.
    Trace,
    /// What helps to find a mistake.
    Debug,
    /// What happens.
    Info,
    /// What should be looked at.
    Warn,
    /// What did not work.
    Error,
    /// What ended the process.
    Fatal,
}

impl Level {
    /// Every level, the least serious first.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Debug, Self::Info, Self::Warn, Self::Error, Self::Fatal];

    /// Its name, as people give it to `--level`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// The level that a logger's word means, in any case: `warning`, `WRN`, `CRITICAL`, Postgres' `LOG`.
    pub fn from_word(word: &str) -> Option<Self> {
        let mut lower = [0_u8; 9];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"trace" | b"trc" | b"finest" | b"finer" | b"verbose" | b"silly" => Self::Trace,
            b"debug" | b"dbg" | b"debu" | b"fine" | b"debug1" | b"debug2" | b"debug3" | b"debug4" | b"debug5" => {
                Self::Debug
            }
            b"info" | b"inf" | b"log" | b"notice" | b"success" | b"config" => Self::Info,
            b"warn" | b"warning" | b"wrn" => Self::Warn,
            b"error" | b"err" | b"erro" | b"severe" => Self::Error,
            b"fatal" | b"ftl" | b"fata" | b"panic" | b"pnc" | b"critical" | b"crit" | b"dpanic" | b"emerg"
            | b"emergency" | b"alert" => Self::Fatal,
            _ => return None,
        })
    }

    /// The level behind the number that pino and bunyan write: 10 is trace, 60 is fatal.
    pub fn from_pino(number: i64) -> Option<Self> {
        Some(match number {
            10..20 => Self::Trace,
            20..30 => Self::Debug,
            30..40 => Self::Info,
            40..50 => Self::Warn,
            50..60 => Self::Error,
            60..=70 => Self::Fatal,
            _ => return None,
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// A word for `--level` that is no level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no level: it is one of `trace`, `debug`, `info`, `warn`, `error` and `fatal`")]
pub struct UnknownLevel(pub String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::from_word(word.trim()).ok_or_else(|| UnknownLevel(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_words_mean_six_levels() {
        for (words, level) in [
            ("trace TRC", Level::Trace),
            ("debug DBG DEBU DEBUG1", Level::Debug),
            ("info INFO Info INF log notice", Level::Info),
            ("warn warning WRN WARNING", Level::Warn),
            ("error err ERROR severe", Level::Error),
            ("fatal critical CRIT panic FTL emerg", Level::Fatal),
        ] {
            for word in words.split(' ') {
                assert_eq!(word.parse(), Ok(level), "{word}");
            }
        }
        for word in ["", "informational", "ünfo", "message", "in fo"] {
            assert!(word.parse::<Level>().is_err(), "{word}");
        }
    }

    #[test]
    fn levels_have_an_order_and_a_width() {
        assert!(Level::ALL.is_sorted());
        assert_eq!(format!("{:5}|", Level::Info), "info |");
    }
}
