//! The times that people give to `--since` and `--until`.

use jiff::{SignedDuration, Timestamp, Zoned, civil, tz::TimeZone};

/// A text that is no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
#[error("`{text}` is no time{reason}")]
#[diagnostic(
    code(sandbox::logs::time),
    help(
        "a time is how long ago (`10m`, `1h30m`, `2d`), a time of day (`12:30`), a date (`2026-11-24`), both \
         (`2026-11-24T10:00`, with `Z` or `+01:00` if it is not local), or seconds of the Unix epoch (`1795514400`)"
    )
)]
pub struct BadTime {
    text: String,
    reason: String,
}

/// Reads a time. `now` also says in which time zone a local time is meant.
pub fn parse(text: &str, now: &Zoned) -> Result<Timestamp, BadTime> {
    let trimmed = text.trim();
    let bad = |reason: &str| BadTime { text: text.to_owned(), reason: reason.to_owned() };
    if trimmed.is_empty() {
        return Err(bad(""));
    }
    if trimmed.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return epoch(trimmed).map_err(bad);
    }
    if let Some(time) = ago(trimmed, now).or_else(|| instant(trimmed)).or_else(|| local(trimmed, now.time_zone())) {
        return Ok(time);
    }
    time_of_day(trimmed, now).ok_or_else(|| bad(""))
}

/// Fewer than nine digits would be a day in 1970, and is rather a duration without its unit.
fn epoch(text: &str) -> Result<Timestamp, &'static str> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    if seconds.len() < 9 {
        return Err(": a number needs a unit, as in `10m`");
    }
    let nanoseconds: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let seconds = seconds.parse().ok();
    seconds
        .zip(nanoseconds.parse().ok())
        .and_then(|(seconds, nanoseconds)| Timestamp::new(seconds, nanoseconds).ok())
        .ok_or(": it is out of range")
}

/// `10m`, `1h30m`, `500ms`.
fn ago(text: &str, now: &Zoned) -> Option<Timestamp> {
    let text = text.strip_suffix("ago").unwrap_or(text).trim_end();
    let duration = SignedDuration::try_from(humantime::parse_duration(text).ok()?).ok()?;
    now.timestamp().checked_sub(duration).ok()
}

/// A date and time with `Z` or an offset.
fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// A date, or a date and time, of the local calendar.
fn local(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let moment: civil::DateTime = text.parse().ok()?;
    zone.to_timestamp(moment).ok()
}

/// `12:30`, `12:30:05`: the last one that has passed.
fn time_of_day(text: &str, now: &Zoned) -> Option<Timestamp> {
    let time: civil::Time = text.contains(':').then(|| text.parse().ok())??;
    let at = |day: civil::Date| now.time_zone().to_timestamp(day.to_datetime(time)).ok();
    let today = at(now.date())?;
    if today <= now.timestamp() { Some(today) } else { at(now.date().yesterday().ok()?) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz;

    fn now() -> Zoned {
        let zone = TimeZone::fixed(tz::offset(1));
        civil::date(2026, 11, 24).at(12, 0, 0, 0).to_zoned(zone).expect("it exists")
    }

    #[test]
    fn times_of_many_forms_are_read() {
        for (text, expected) in [
            ("10m", "2026-11-24T10:50:00Z"),
            ("1h30m", "2026-11-24T09:30:00Z"),
            ("2d", "2026-11-22T11:00:00Z"),
            ("10m ago", "2026-11-24T10:50:00Z"),
            ("2026-11-24T10:00", "2026-11-24T09:00:00Z"),
            ("2026-11-24 10:00", "2026-11-24T09:00:00Z"),
            ("2026-11-24T10:00:05", "2026-11-24T09:00:05Z"),
            ("2026-11-24T10:00:05.123", "2026-11-24T09:00:05.123Z"),
            ("2026-11-24T10:00:05.123456789Z", "2026-11-24T10:00:05.123456789Z"),
            ("2026-11-24T10:00Z", "2026-11-24T10:00:00Z"),
            ("2026-11-24T10:00:05+03:00", "2026-11-24T07:00:05Z"),
            ("2026-11-24", "2026-11-23T23:00:00Z"),
            ("11:30", "2026-11-24T10:30:00Z"),
            ("11:30:05", "2026-11-24T10:30:05Z"),
            ("12:00", "2026-11-24T11:00:00Z"),
            ("12:30", "2026-11-23T11:30:00Z"),
            ("1795514400", "2026-11-24T10:00:00Z"),
            ("1795514400.25", "2026-11-24T10:00:00.25Z"),
        ] {
            assert_eq!(parse(text, &now()).map(|time| time.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_said() {
        for text in ["", "yesterday", "25:00", "2026-13-01", "10 parsecs", "1.2.3", "99999999999999999999", "2026-11"] {
            assert!(parse(text, &now()).is_err(), "{text}");
        }
        let error = parse("10", &now()).expect_err("no unit");
        assert_eq!(error.to_string(), "`10` is no time: a number needs a unit, as in `10m`");
        assert_eq!(parse("x", &now()).expect_err("no time").to_string(), "`x` is no time");
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in ".{0,30}") {
            let _ = parse(&text, &now());
        }
    }
}
