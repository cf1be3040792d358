//! An amount of memory as people write it: `512MB`, `1.5GB`. Pure.

use super::{
    error::Code,
    value::{Kind, Value},
};

/// The bytes of each unit. All count in 1024s, as those of Docker's own `--memory` do.
const UNITS: [(&str, u64); 9] = [
    ("k", 1 << 10),
    ("kb", 1 << 10),
    ("kib", 1 << 10),
    ("m", 1 << 20),
    ("mb", 1 << 20),
    ("mib", 1 << 20),
    ("g", 1 << 30),
    ("gb", 1 << 30),
    ("gib", 1 << 30),
];
/// Below this no broker and no store starts; far above it stands a slip of the unit.
const LEAST: u64 = 64 << 20;
const MOST: u64 = 1 << 40;
const HELP: &str = "write a number and a unit, from `64MB` to `1024GB`";

/// A memory limit in bytes.
pub(super) fn memory(value: &Value<'_>) -> Option<u64> {
    let text = match value.kind() {
        Kind::Text(text) => text?.filled()?,
        _ => return value.wrong("an amount of memory such as `\"512MB\"`"),
    };
    let (code, why) = match bytes(&text.value) {
        Some(bytes) if (LEAST..=MOST).contains(&bytes) => return Some(bytes),
        Some(bytes) if bytes < LEAST => (Code::OutOfRange, "is too little"),
        Some(_) => (Code::OutOfRange, "is too much"),
        None => (Code::Malformed, "is no amount of memory"),
    };
    text.report(code, format!("`{}` cannot be {}: that {why}", value.path, text.shown()), HELP);
    None
}

/// The bytes of such a text; `None` when it is not one, or says no unit.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|one: char| !one.is_ascii_digit() && one != '.')?);
    let unit = unit.trim_start().to_ascii_lowercase();
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().ok()?;
    // Digits beyond these are less than a page.
    let digits = part.get(..part.len().min(6))?;
    let part = digits.parse::<u64>().ok()? * unit / 10_u64.pow(u32::try_from(digits.len()).ok()?);
    whole.checked_mul(*unit)?.checked_add(part)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn an_amount_is_a_number_and_a_unit() {
        const MEBIBYTE: u64 = 1024 * 1024;
        for text in ["512MB", "512mb", "512 MiB", "512m", " 512M ", "0.5GB", "524288k"] {
            assert_eq!(bytes(text), Some(512 * MEBIBYTE), "{text}");
        }
        assert_eq!((bytes("1.5GB"), bytes("1g")), (Some(1536 * MEBIBYTE), Some(1024 * MEBIBYTE)));
        assert_eq!(bytes("0.0009765625GB"), Some(976 * 1024 * 1024 * 1024 / 1_000_000));
    }

    #[test]
    fn anything_else_is_none() {
        for text in
            ["", "512", "MB", "-1MB", "1,5GB", "1.5.1GB", ".5GB", "1.GB", "5 TB", "1e3MB", "99999999999999999GB"]
        {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
