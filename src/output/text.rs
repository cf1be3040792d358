//! Small pieces of text: durations, sizes, ages, columns. Pure.

use console::{measure_text_width, pad_str, truncate_str};

/// `62 ms`, `2.1 s`, `1 min 5 s`.
pub(super) fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1000 => format!("{milliseconds} ms"),
        1000..60_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1000),
    }
}

/// `45.2/120.0 MB`.
pub(super) fn megabytes(current: u64, total: u64) -> String {
    let tenths = |bytes: u64| format!("{}.{}", bytes / 1_000_000, bytes % 1_000_000 / 100_000);
    format!("{}/{} MB", tenths(current), tenths(total))
}

/// `12s`, `3m`, `2h`, `5d`.
pub(super) fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..172_800 => format!("{}h", seconds / 3600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// `1 container`, `2 containers`.
pub(super) fn count(number: usize, noun: &str) -> String {
    count_u64(number as u64, noun)
}

/// The same of a number that is not of things in memory.
pub(super) fn count_u64(number: u64, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Cuts a text to a width and shows with `…` that it was cut.
pub(super) fn fit(text: &str, width: usize) -> String {
    truncate_str(text, width, "…").into_owned()
}

/// Cuts or pads a text to exactly a width.
pub(super) fn column(text: &str, width: usize) -> String {
    pad_str(&fit(text, width), width, console::Alignment::Left, None).into_owned()
}

/// Aligns rows in columns with two spaces between them; nothing is padded after a row's last text.
pub(super) fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|index| {
            rows.iter().filter_map(|row| row.get(index)).map(|cell| measure_text_width(cell)).max().unwrap_or(0)
        })
        .collect();
    rows.iter()
        .map(|row| {
            let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| column(cell, *width)).collect();
            cells
                .iter()
                .zip(&widths)
                .filter(|(_, width)| **width > 0)
                .map(|(cell, _)| cell.as_str())
                .collect::<Vec<_>>()
                .join("  ")
                .trim_end()
                .to_owned()
        })
        .collect()
}

/// Puts something before each line.
pub(super) fn indent(lines: impl IntoIterator<Item = String>, before: &str) -> Vec<String> {
    lines.into_iter().map(|line| if line.is_empty() { line } else { format!("{before}{line}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_and_ages() {
        let durations = [0, 62, 999, 1000, 2149, 59_999, 60_000, 65_432].map(duration);
        assert_eq!(durations, ["0 ms", "62 ms", "999 ms", "1.0 s", "2.1 s", "59.9 s", "1 min 0 s", "1 min 5 s"]);
        assert_eq!(megabytes(45_230_000, 120_000_000), "45.2/120.0 MB");
        let ages = [-5, 59, 60, 3599, 7200, 172_800].map(age);
        assert_eq!(ages, ["0s", "59s", "1m", "59m", "2h", "2d"]);
        assert_eq!([count(1, "step"), count(0, "step")], ["1 step", "0 steps"]);
    }

    #[test]
    fn columns_align_by_what_is_seen() {
        let red = "\u{1b}[31mab\u{1b}[0m".to_owned();
        let rows = [vec![red, String::new(), "x".to_owned()], vec!["abcd".to_owned(), String::new(), String::new()]];
        assert_eq!(columns(&rows), ["\u{1b}[31mab\u{1b}[0m    x", "abcd"]);
        assert_eq!(fit("näher am Ziel", 6), "näher…");
    }
}
