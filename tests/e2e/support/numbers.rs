//! Sets of message numbers, as the load's publisher and subscriber report them: `[[0, 999], [1001, 1999]]`.

use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt};

/// The most ranges that a failure names.
const SHOWN: usize = 12;

/// A set of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub struct Numbers(BTreeSet<u64>);

impl Numbers {
    /// How many.
    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those that the other has not.
    pub fn without(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).copied().collect())
    }

    /// Those that both have.
    pub fn common(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).copied().collect())
    }

    /// Takes over all of the other's.
    pub fn extend(&mut self, other: &Self) {
        self.0.extend(&other.0);
    }

    fn ranges(&self) -> Vec<(u64, u64)> {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for number in &self.0 {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == *number => *last = *number,
                _ => ranges.push((*number, *number)),
            }
        }
        ranges
    }
}

impl From<Vec<(u64, u64)>> for Numbers {
    fn from(ranges: Vec<(u64, u64)>) -> Self {
        Self(ranges.into_iter().flat_map(|(first, last)| first..=last).collect())
    }
}

impl From<Numbers> for Vec<(u64, u64)> {
    fn from(numbers: Numbers) -> Self {
        numbers.ranges()
    }
}

/// `3 (7, 12–13)`; of many ranges the first.
impl fmt::Display for Numbers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges = self.ranges();
        let shown = ranges.iter().take(SHOWN).map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}–{last}"),
        });
        let mut shown: Vec<_> = shown.collect();
        if ranges.len() > SHOWN {
            shown.push("…".to_owned());
        }
        write!(formatter, "{} ({})", self.len(), shown.join(", "))
    }
}

#[test]
fn ranges_are_read_compared_and_shown() {
    let numbers: Numbers = serde_json::from_str("[[0, 3], [7, 7]]").expect("they are ranges");
    let some = Numbers::from(vec![(1, 2), (7, 9)]);
    assert_eq!(numbers.len(), 5);
    assert_eq!(numbers.without(&some), Numbers::from(vec![(0, 0), (3, 3)]));
    assert_eq!(numbers.common(&some).to_string(), "3 (1–2, 7)");
    assert_eq!(serde_json::to_string(&numbers).expect("it is JSON"), "[[0,3],[7,7]]");
}
