//! Values as daprd's decoders take them (dapr/kit v0.18.2 `metadata` and `config`). Pure.

use super::knowledge::Shape;

/// Why a component does not take a value, or takes it for something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// daprd refuses the component: what must stand there.
    Wrong(String),
    /// daprd reads it as `false` and says nothing.
    TakenForFalse,
    /// daprd keeps its default and says nothing.
    TakenForDefault,
}

/// Checks a value of a component; `strict` as in [`super::knowledge::Schema`].
pub(super) fn refusal(value: &str, shape: &Shape, strict: bool) -> Option<Refusal> {
    let wrong = |wanted: &str| Some(Refusal::Wrong(wanted.to_owned()));
    match shape {
        // Lenient decoders take nothing for the default.
        _ if value.is_empty() && !strict => None,
        Shape::Text => None,
        Shape::Bool if strict => (!is_go_bool(value)).then(|| Refusal::Wrong("`true` or `false`".to_owned())),
        Shape::Bool => (!is_truth_word(value)).then_some(Refusal::TakenForFalse),
        Shape::Number(least, most) => match number(value, strict) {
            Some(number) if (*least..=*most).contains(&number) => None,
            Some(_) => wrong(&format!("a whole number from {least} to {most}")),
            None => wrong("a whole number"),
        },
        Shape::Duration if value.parse::<i64>().is_ok() || is_duration(value) => None,
        Shape::Duration => wrong("a duration such as `500ms`, `30s` or `1h`"),
        Shape::Milliseconds => value.parse::<u64>().is_err().then_some(Refusal::TakenForDefault),
        Shape::Cron if is_cron(value) => None,
        Shape::Cron => wrong("five fields, six with seconds, or a word such as `@every 5s`"),
        Shape::Words(words) if words.iter().any(|word| word.eq_ignore_ascii_case(value)) => None,
        Shape::Words(words) => wrong(&crate::config::suggest::either(words.iter().map(String::as_str))),
    }
}

/// Go's `strconv.ParseBool`.
fn is_go_bool(value: &str) -> bool {
    ["1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"].contains(&value)
}

/// Words of which kit's `IsTruthy` makes what they say.
fn is_truth_word(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    ["y", "yes", "true", "t", "on", "1", "n", "no", "false", "f", "off", "0"].contains(&value.as_str())
}

/// Go's `strconv.ParseInt`, with base prefixes where the decoder is lenient.
fn number(value: &str, strict: bool) -> Option<i128> {
    let (negative, digits) = match value.strip_prefix(['+', '-']) {
        Some(digits) => (value.starts_with('-'), digits),
        None => (false, value),
    };
    let lower = digits.to_ascii_lowercase();
    let prefixed = [("0x", 16), ("0o", 8), ("0b", 2)].iter().find_map(|(prefix, base)| {
        lower.strip_prefix(prefix).filter(|_| !strict).map(|rest| (rest.replace('_', ""), *base))
    });
    let (digits, base) = prefixed.unwrap_or((lower, 10));
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let number = i128::from_str_radix(&digits, base).ok()?;
    Some(if negative { -number } else { number })
}

/// Go's `time.ParseDuration`.
pub(super) fn is_duration(value: &str) -> bool {
    let mut rest = value.strip_prefix(['+', '-']).unwrap_or(value);
    if rest == "0" {
        return true;
    }
    if rest.is_empty() {
        return false;
    }
    while !rest.is_empty() {
        let end = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let is_number = number.matches('.').count() <= 1 && number.chars().any(|character| character.is_ascii_digit());
        let unit = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"].iter().filter(|unit| after.starts_with(**unit));
        match unit.max_by_key(|unit| unit.len()) {
            Some(unit) if is_number => rest = &after[unit.len()..],
            _ => return false,
        }
    }
    true
}

/// The form of robfig's cron with optional seconds; not what the fields say.
fn is_cron(value: &str) -> bool {
    let value = value.trim();
    let line = match value.strip_prefix("TZ=").or_else(|| value.strip_prefix("CRON_TZ=")) {
        Some(zoned) => zoned.split_once(' ').map_or("", |(_, line)| line.trim()),
        None => value,
    };
    line.starts_with('@') || matches!(line.split_whitespace().count(), 5 | 6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        for good in ["0", "5s", "1h30m", "1.5h", "-2ms", ".5s", "1µs", "3ns"] {
            assert!(is_duration(good), "{good}");
        }
        for bad in ["", "5", "5 s", "s", "1d", "5s ", "1..2s", "-"] {
            assert!(!is_duration(bad), "{bad}");
        }
    }

    #[test]
    fn values_are_taken_as_the_decoders_take_them() {
        let wrong = |value, shape: &Shape, strict| matches!(refusal(value, shape, strict), Some(Refusal::Wrong(_)));
        let byte = Shape::Number(0, 255);
        assert!(!wrong("255", &byte, false) && !wrong("0x10", &byte, false) && !wrong("", &byte, false));
        assert!(wrong("256", &byte, false) && wrong("-1", &byte, false) && wrong("1.5", &byte, false));
        assert!(wrong("0x10", &byte, true) && wrong("", &byte, true) && wrong("+-1", &byte, true));
        assert_eq!(refusal("maybe", &Shape::Bool, false), Some(Refusal::TakenForFalse));
        assert_eq!(refusal(" Yes ", &Shape::Bool, false), None);
        assert!(wrong("yes", &Shape::Bool, true) && !wrong("T", &Shape::Bool, true));
        assert!(!wrong("7", &Shape::Duration, true) && wrong("1 minute", &Shape::Duration, false));
        assert!(!wrong("*/5 * * * *", &Shape::Cron, false) && !wrong("@every 5s", &Shape::Cron, false));
        assert!(wrong("every 5s", &Shape::Cron, false));
        assert_eq!(refusal("15s", &Shape::Milliseconds, false), Some(Refusal::TakenForDefault));
        assert_eq!(refusal("15000", &Shape::Milliseconds, false), None);
        let words = Shape::Words(vec!["none".to_owned(), "password".to_owned()]);
        assert!(!wrong("None", &words, false) && wrong("sasl", &words, false));
    }
}
