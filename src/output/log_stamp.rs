//! Times before log lines, written fast: what they have in common with the one before is not computed again. Pure.

use jiff::{Timestamp, tz::TimeZone};

/// `2026-11-24T11:36:07.123456+01:00`: local time to the microsecond, in a form that `--since` takes.
#[derive(Debug)]
pub(super) struct Stamps {
    zone: TimeZone,
    second: i64,
    before: String,
    after: String,
}

impl Stamps {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone, second: i64::MIN, before: String::new(), after: String::new() }
    }

    pub(super) fn write(&mut self, time: Timestamp, out: &mut String) {
        let nanosecond = time.subsec_nanosecond();
        // Before 1970 a fraction counts backwards.
        let second = time.as_second() - i64::from(nanosecond < 0);
        if second != self.second {
            self.second = second;
            let local = Timestamp::from_second(second).unwrap_or(time).to_zoned(self.zone.clone());
            self.before = local.strftime("%Y-%m-%dT%H:%M:%S.").to_string();
            let offset = local.strftime("%:z").to_string();
            self.after = if offset == "+00:00" { "Z".to_owned() } else { offset };
        }
        out.push_str(&self.before);
        let microsecond = nanosecond.rem_euclid(1_000_000_000) / 1000;
        let mut divisor = 100_000;
        while divisor > 0 {
            let digit = u8::try_from(microsecond / divisor % 10).unwrap_or(0);
            out.push(char::from(b'0' + digit));
            divisor /= 10;
        }
        out.push_str(&self.after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz;

    fn written(zone: TimeZone, times: &[&str]) -> Vec<String> {
        let mut stamps = Stamps::new(zone);
        let write = |time: &&str| {
            let mut out = String::new();
            stamps.write(time.parse().expect("a time"), &mut out);
            out
        };
        times.iter().map(write).collect()
    }

    #[test]
    fn times_are_local_and_can_be_given_back() {
        let times = ["2026-11-24T10:00:00.000001999Z", "2026-11-24T10:00:00.999999999Z", "1969-12-31T23:59:59.25Z"];
        assert_eq!(
            written(TimeZone::UTC, &times),
            ["2026-11-24T10:00:00.000001Z", "2026-11-24T10:00:00.999999Z", "1969-12-31T23:59:59.250000Z"]
        );
        assert_eq!(written(TimeZone::fixed(tz::offset(1)), &times[..1]), ["2026-11-24T11:00:00.000001+01:00"]);
    }
}
