//! Prometheus' text format, as far as daprd writes it: one sample a line. Pure.
//!
//! Read here rather than with a crate: what there is (`prometheus-parse`, last released years ago) brings a calendar and runs
//! a regular expression over each of a thousand lines, for a format of one line.

use std::collections::BTreeMap;

/// One line that is no comment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample<'a> {
    /// The metric, with `_count`, `_sum` or `_bucket` where it is part of a histogram.
    pub(super) name: &'a str,
    /// Its labels, without escapes.
    pub(super) labels: BTreeMap<&'a str, String>,
    /// Its value.
    pub(super) value: f64,
}

impl Sample<'_> {
    /// A label; empty where there is none, as Prometheus has it.
    pub(super) fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }

    /// The value as a number of events.
    pub(super) fn count(&self) -> u64 {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a counter; `as` saturates")]
        let count = self.value.round() as u64;
        count
    }
}

/// The samples of the metrics that begin so; a line that cannot be read is left out.
pub(super) fn samples<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = Sample<'a>> {
    text.lines().filter(move |line| line.starts_with(prefix)).filter_map(sample)
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    // A time may follow the value.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name, labels, value })
}

/// The labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> Option<(BTreeMap<&str, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, value) = rest.split_once("=\"")?;
        let (value, after) = quoted(value)?;
        labels.insert(name, value);
        rest = after;
    }
}

/// A value up to its closing quote, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    loop {
        match characters.next()? {
            (at, '"') => return Some((value, &text[at + 1..])),
            (_, '\\') => value.push(match characters.next()?.1 {
                'n' => '\n',
                other => other,
            }),
            (_, other) => value.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_read_with_labels_escapes_and_times() {
        let text = "# HELP a Things.\n# TYPE a counter\na 1\na{x=\"1\",y=\"q\\\"\\\\\\n}\"} 2.5 1700000000\na{} NaN\nab{x=\"é\",} +Inf\nb 7\n\
                    a{x=\"broken 3\na{x=\"1\"}\na\n";
        let read: Vec<_> = samples(text, "a").collect();
        let values: Vec<_> = read.iter().map(|sample| format!("{} {}", sample.name, sample.value)).collect();
        assert_eq!(values, ["a 1", "a 2.5", "a NaN", "ab inf"]);
        assert_eq!((read[1].label("x"), read[1].label("y"), read[1].label("z")), ("1", "q\"\\\n}", ""));
        assert_eq!(read[3].label("x"), "é");
        assert_eq!(read.iter().map(Sample::count).collect::<Vec<_>>(), [1, 3, 0, u64::MAX]);
    }

    proptest! {
        #[test]
        fn whatever_a_label_holds_comes_back(value in "\\PC*") {
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("a{{b=\"{escaped}\",c=\"d\"}} 1");
            let read: Vec<_> = samples(&text, "a").collect();
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!((read[0].label("b"), read[0].label("c")), (value.as_str(), "d"));
        }

        #[test]
        fn nothing_makes_it_stumble(text in "(a|\\{|\\}|\"|=|\\\\|,| |1|é|\n)*") {
            samples(&text, "a").for_each(drop);
        }
    }
}
