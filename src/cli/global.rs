//! Options of every verb. Short forms stand before the verb only: after it `-f` and `-v` mean what Compose means by them.

use std::path::PathBuf;

/// Before the verb, short or long.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Global {
    /// The sandbox.toml to use [default: the one in this folder or the nearest above]
    #[arg(short, long, value_name = "FILE", env = "SANDBOX_FILE", hide_env = true)]
    pub(super) file: Option<PathBuf>,
    /// Run as if started in this folder
    #[arg(short = 'C', long, value_name = "DIR")]
    pub(super) directory: Option<PathBuf>,
    /// The project's name [default: `name` in the file, else the folder's name]
    #[arg(short, long, value_name = "NAME", env = "SANDBOX_PROJECT_NAME", hide_env = true)]
    pub(super) project_name: Option<String>,
    /// Print warnings, failures and data only
    #[arg(short, long, env = "SANDBOX_QUIET", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub(super) quiet: bool,
    /// Print every step, its cause and the output of builds
    #[arg(long, env = "SANDBOX_VERBOSE", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub(super) verbose: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum, env = "SANDBOX_COLOR", hide_env = true)]
    pub(super) color: Option<Color>,
    /// Print JSON, one event a line
    #[arg(long, env = "SANDBOX_JSON", hide_env = true, value_parser = clap::builder::FalseyValueParser::new())]
    pub(super) json: bool,
}

/// After the verb, long only.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalLong {
    /// The sandbox.toml to use
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Run as if started in this folder
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// The project's name
    #[arg(long, value_name = "NAME")]
    project_name: Option<String>,
    /// Print warnings, failures and data only
    #[arg(long)]
    quiet: bool,
    /// Print every step, its cause and the output of builds
    #[arg(long)]
    verbose: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", value_enum)]
    color: Option<Color>,
    /// Print JSON, one event a line
    #[arg(long)]
    json: bool,
}

/// `--color`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Color {
    /// Where a terminal reads them
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Global {
    /// With what stands after the verb, which wins.
    pub(super) fn with(self, long: GlobalLong) -> Self {
        Self {
            file: long.file.or(self.file),
            directory: long.directory.or(self.directory),
            project_name: long.project_name.or(self.project_name),
            quiet: long.quiet || self.quiet,
            verbose: long.verbose || self.verbose,
            color: long.color.or(self.color),
            json: long.json || self.json,
        }
    }
}
