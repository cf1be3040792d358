//! The engine's time before each piece of output: RFC 3339 with nanoseconds, and a space.

use jiff::Timestamp;

/// No time is longer.
const LONGEST: usize = 36;

/// A piece's time, and what was written. The whole piece, where no time is before it.
pub(super) fn split(piece: &[u8]) -> (Option<Timestamp>, &[u8]) {
    if let Some((stamp, rest)) = piece.split_at_checked(31)
        && let Some(time) = nanoseconds(stamp)
    {
        return (Some(time), rest);
    }
    let Some(space) = piece.iter().take(LONGEST).position(|byte| *byte == b' ') else { return (None, piece) };
    let time = str::from_utf8(&piece[..space]).ok().and_then(|text| text.parse().ok());
    if time.is_some() { (time, &piece[space + 1..]) } else { (None, piece) }
}

/// `2026-11-24T10:00:00.123456789Z `: what dockerd always writes (`RFC3339NanoFixed` in UTC). Anything else is left to jiff,
/// which reads every form there is and so takes longer.
fn nanoseconds(stamp: &[u8]) -> Option<Timestamp> {
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        i1,
        i2,
        b':',
        s1,
        s2,
        b'.',
        fraction @ ..,
        b'Z',
        b' ',
    ] = stamp
    else {
        return None;
    };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let (month, day) = (number(&[*m1, *m2])?, number(&[*d1, *d2])?);
    let (hour, minute, second) = (number(&[*h1, *h2])?, number(&[*i1, *i2])?, number(&[*s1, *s2])?);
    if !is_day(year, month, day) || hour > 23 || minute > 59 || second > 59 || fraction.len() != 9 {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Timestamp::new(seconds, i32::try_from(number(fraction)?).ok()?).ok()
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i64::from(digit - b'0')))
}

fn is_day(year: i64, month: i64, day: i64) -> bool {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=last).contains(&day)
}

/// Days from 1970-01-01 (Howard Hinnant's `days_from_civil`).
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_time_of_another_form_is_read_too() {
        let table = [
            ("2026-11-24T10:00:00.123456789Z text", true),
            ("2026-11-24T10:00:00.1Z text", true),
            ("2026-11-24T11:00:00.123456789+01:00 text", true),
            ("2026-11-24T11:00:00 text", false),
            ("2026-13-24T10:00:00.123456789Z text", false),
            ("2026-02-29T10:00:00.123456789Z text", false),
            ("2024-02-29T10:00:00.123456789Z text", true),
            ("no time at all", false),
            ("", false),
        ];
        for (piece, has_time) in table {
            let (time, rest) = split(piece.as_bytes());
            assert_eq!((time.is_some(), rest == b"text"), (has_time, has_time), "{piece}");
        }
    }

    proptest! {
        #[test]
        fn the_fast_way_and_jiff_agree(second in -62_135_596_800_i64..253_402_207_200, nanosecond in 0..1_000_000_000_i32) {
            let time = Timestamp::new(second, nanosecond).expect("in range");
            let stamp = format!("{time:.9} ");
            if second >= -62_135_596_800 && stamp.len() == 31 {
                prop_assert_eq!(nanoseconds(stamp.as_bytes()), Some(time));
            }
            prop_assert_eq!(split(stamp.as_bytes()).0, Some(time));
        }

        #[test]
        fn what_jiff_refuses_is_refused(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z") {
            let ours = nanoseconds(format!("{text} ").as_bytes());
            let theirs: Option<Timestamp> = text.parse().ok();
            // jiff takes a leap second, which the engine never writes; that way round it is left to jiff.
            prop_assert!(ours.is_none() || ours == theirs);
        }
    }
}
