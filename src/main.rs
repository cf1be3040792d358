//! The `sandbox` binary: parse, run, exit code.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else is built: `--help` must be there at once.
    let cli = sandbox::cli::Cli::parse();
    sandbox::cli::run(cli)
}
