//! A terminal as small as what the renderer uses of one, so that tests see what a person sees.

/// What is on the screen after all bytes were read, the trailing spaces of each line cut.
pub(super) fn screen(bytes: &str, width: usize) -> String {
    let mut terminal = Terminal { rows: vec![Vec::new()], row: 0, column: 0, width };
    let mut characters = bytes.chars();
    while let Some(character) = characters.next() {
        match character {
            '\n' => terminal.down(),
            '\r' => terminal.column = 0,
            '\u{1b}' => {
                assert_eq!(characters.next(), Some('['), "only CSI is used");
                let mut parameters = String::new();
                let end = characters.by_ref().find(|character| {
                    parameters.push(*character);
                    character.is_ascii_alphabetic()
                });
                parameters.pop();
                terminal.control(parameters.parse().unwrap_or(1), end);
            }
            plain => terminal.put(plain),
        }
    }
    let lines: Vec<String> =
        terminal.rows.iter().map(|row| row.iter().collect::<String>().trim_end().to_owned()).collect();
    lines.join("\n").trim_end().to_owned()
}

struct Terminal {
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
    width: usize,
}

impl Terminal {
    fn down(&mut self) {
        self.row += 1;
        self.column = 0;
        if self.row == self.rows.len() {
            self.rows.push(Vec::new());
        }
    }

    fn put(&mut self, character: char) {
        if self.column == self.width {
            self.down();
        }
        let row = &mut self.rows[self.row];
        if row.len() <= self.column {
            row.resize(self.column + 1, ' ');
        }
        row[self.column] = character;
        self.column += 1;
    }

    fn control(&mut self, count: usize, end: Option<char>) {
        match end {
            Some('A') => self.row = self.row.checked_sub(count).expect("the cursor stays on the screen"),
            Some('K') => self.rows[self.row].truncate(self.column),
            Some('J') => {
                self.rows[self.row].truncate(self.column);
                self.rows.truncate(self.row + 1);
            }
            Some('m') => {}
            other => panic!("an unknown control sequence ends with {other:?}"),
        }
    }
}
