//! Environment files (dotenv), with the lines on which things stand. Pure, but for what `$NAME` in them looks up (`mod.rs`).
//! Never shows a line: it may hold a secret.

use std::{
    cell::Cell,
    io::{self, Read},
};

/// One `NAME=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name.
    pub name: String,
    /// What it stands for.
    pub value: String,
    /// The line on which it ends, from 1.
    pub line: usize,
}

/// The variables of an environment file in its order, and the numbers of the lines that are wrong.
pub fn parse(content: &str) -> (Vec<Variable>, Vec<usize>) {
    let begun = Cell::new(0);
    let content = content.strip_prefix('\u{feff}').unwrap_or(content);
    let lines = LineByLine { rest: content.as_bytes(), at_start: true, begun: &begun };
    let (mut variables, mut wrong) = (Vec::new(), Vec::new());
    for item in dotenvy::Iter::new(lines) {
        match item {
            Ok((name, value)) => variables.push(Variable { name, value, line: begun.get() }),
            // Only the number goes on: the line may hold a secret.
            Err(dotenvy::Error::LineParse(text, _)) => wrong.push(begun.get() + 1 - text.lines().count().max(1)),
            Err(_) => wrong.push(begun.get()),
        }
    }
    (variables, wrong)
}

/// Hands out a text one line at a time and counts them, because dotenvy does not say where an error is.
struct LineByLine<'a> {
    rest: &'a [u8],
    at_start: bool,
    begun: &'a Cell<usize>,
}

impl Read for LineByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let line = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |end| end + 1);
        let length = line.min(buffer.len());
        if length > 0 && self.at_start {
            self.begun.set(self.begun.get() + 1);
        }
        let (now, later) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(now);
        self.at_start = now.ends_with(b"\n");
        self.rest = later;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_its_variables_and_the_numbers_of_its_wrong_lines() {
        let content =
            "\u{feff}# shop\nA=1\nexport B='two words' # why\n\nbad line\nC=\"x\ny\"\nD=two words\nE=last\nF='open\n\n";
        let (variables, wrong) = parse(content);
        let of = |name: &str| variables.iter().find(|one| one.name == name).map(|one| (one.value.as_str(), one.line));
        assert_eq!((of("A"), of("B")), (Some(("1", 2)), Some(("two words", 3))));
        assert_eq!((of("C"), of("E")), (Some(("x\ny", 7)), Some(("last", 9))));
        assert_eq!(wrong, [5, 8, 10]);
        assert_eq!(parse("A=1\nnonsense").1, [2]);
        assert_eq!(parse(""), (vec![], vec![]));
        assert_eq!(parse(&format!("A={}\n?\n", "x".repeat(20_000))).1, [2]);
    }
}
