//! How output looks, decided once from flags, environment and terminals. Pure.

/// Who reads the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A person at a terminal: a live block on stderr while work goes on.
    Human,
    /// A file, a pipe, CI or a dumb terminal: one line for each thing that matters.
    Plain,
    /// A program: one JSON object a line on stdout, nothing on stderr.
    Json,
    /// A person who wants warnings, failures and data only.
    Quiet,
}

/// `--color`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// Colours where a terminal reads them.
    #[default]
    Auto,
    /// Colours always.
    Always,
    /// No colours.
    Never,
}

/// What was asked for, and what surrounds the process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings {
    /// `--color`.
    pub color: ColorChoice,
    /// `--json`.
    pub json: bool,
    /// `--quiet`.
    pub quiet: bool,
    /// `--verbose`.
    pub verbose: bool,
    /// Whether stdout is a terminal.
    pub stdout_tty: bool,
    /// Whether stderr is a terminal.
    pub stderr_tty: bool,
    /// Whether `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// Whether `CLICOLOR_FORCE` is set, not empty and not `0`.
    pub color_force: bool,
    /// Whether `TERM` is `dumb`.
    pub dumb: bool,
    /// Whether `CI` is set, not empty and not `false`.
    pub ci: bool,
}

/// How output looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputSettings {
    /// Who reads.
    pub mode: Mode,
    /// Colours in what goes to stdout.
    pub stdout_color: bool,
    /// Colours in what goes to stderr.
    pub stderr_color: bool,
    /// Whether stdout is a terminal, so that tables must fit its width.
    pub stdout_tty: bool,
    /// A fixed width; `None` asks the terminal each time, so that a resize is followed.
    pub width: Option<u16>,
    /// Steps, causes, build output and codes as well.
    pub verbose: bool,
    /// Whether the live block redraws itself between events. Off in tests.
    pub animate: bool,
}

/// Decides how output looks. A flag beats `NO_COLOR`, which beats `CLICOLOR_FORCE`, which beats what the terminal is.
pub fn settings(surroundings: &Surroundings) -> OutputSettings {
    let mode = mode(surroundings);
    let color = |tty: bool| match surroundings.color {
        _ if mode == Mode::Json => false,
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if surroundings.no_color => false,
        ColorChoice::Auto if surroundings.color_force => true,
        ColorChoice::Auto => tty && !surroundings.dumb,
    };
    OutputSettings {
        mode,
        stdout_color: color(surroundings.stdout_tty),
        stderr_color: color(surroundings.stderr_tty),
        stdout_tty: surroundings.stdout_tty,
        width: None,
        verbose: surroundings.verbose,
        animate: mode == Mode::Human,
    }
}

fn mode(surroundings: &Surroundings) -> Mode {
    if surroundings.json {
        Mode::Json
    } else if surroundings.quiet {
        Mode::Quiet
    } else if surroundings.stderr_tty && !surroundings.dumb && !surroundings.ci {
        Mode::Human
    } else {
        Mode::Plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word switches a field on; what comes out is the mode and the colours of stdout and stderr.
    fn decide(words: &str) -> String {
        let has = |word: &str| words.split(' ').any(|given| given == word);
        let decided = settings(&Surroundings {
            color: match () {
                () if has("--color=always") => ColorChoice::Always,
                () if has("--color=never") => ColorChoice::Never,
                () => ColorChoice::Auto,
            },
            json: has("--json"),
            quiet: has("--quiet"),
            verbose: false,
            stdout_tty: has("out"),
            stderr_tty: has("err"),
            no_color: has("NO_COLOR"),
            color_force: has("FORCE"),
            dumb: has("dumb"),
            ci: has("CI"),
        });
        format!("{:?} {} {}", decided.mode, u8::from(decided.stdout_color), u8::from(decided.stderr_color))
    }

    #[test]
    fn flags_environment_and_terminals_decide() {
        let table = [
            ("out err", "Human 1 1"),
            ("err", "Human 0 1"),
            ("out", "Plain 1 0"),
            ("", "Plain 0 0"),
            ("out err CI", "Plain 1 1"),
            ("out err dumb", "Plain 0 0"),
            ("out err dumb --color=always", "Plain 1 1"),
            ("out err NO_COLOR", "Human 0 0"),
            ("out err NO_COLOR --color=always", "Human 1 1"),
            ("NO_COLOR FORCE", "Plain 0 0"),
            ("FORCE", "Plain 1 1"),
            ("FORCE dumb", "Plain 1 1"),
            ("--color=always", "Plain 1 1"),
            ("out err --color=never", "Human 0 0"),
            ("out err --quiet", "Quiet 1 1"),
            ("out err --json --quiet", "Json 0 0"),
            ("out err --json --color=always", "Json 0 0"),
        ];
        for (given, expected) in table {
            assert_eq!(decide(given), expected, "{given}");
        }
    }
}
