//! The command line: clap types, and one file a verb that turns what was typed into what `engine/` is asked for.

mod check;
pub mod context;
mod down;
mod global;
mod logs;
mod plan;
mod reload;
mod run;
mod status;
mod swap_broker;
mod up;

pub use run::run;

use clap::{Parser, Subcommand};
use global::{Global, GlobalLong};

/// Local development for Dapr applications: broker, database, sidecars and your app in Docker, from one file
#[derive(Debug, Parser)]
#[command(
    name = "sandbox",
    version,
    max_term_width = 100,
    after_help = "Run `sandbox up` in a folder with a sandbox.toml.\n\
        Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 Docker not reachable, 4 not ready in time, 130 Ctrl-C, \
        143 SIGTERM."
)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything and wait until it is ready, then follow its logs until Ctrl-C
    Up(With<up::Args>),
    /// Stop and remove everything of the project but its volumes
    Down(With<down::Args>),
    /// Show containers, what the sidecars have loaded, and where things are reached
    #[command(visible_alias = "ps")]
    Status(With<status::Args>),
    /// Show what the containers said, in the order in which things happened
    Logs(With<logs::Args>),
    /// Make changed components, subscriptions, secrets and Dapr settings live in running sidecars, or refuse them and change nothing
    Reload(With<reload::Args>),
    /// Put another broker under the running apps: no code changes, and no acknowledged message is lost
    SwapBroker(With<swap_broker::Args>),
    /// Restart apps; sidecars are replaced by fresh ones without a moment in which none serves
    Restart(With<reload::RestartArgs>),
    /// Show what `up` would do, each step with its cause
    Plan(With<plan::Args>),
    /// Say everything that can be known to be wrong in sandbox.toml and in the Dapr YAML, without Docker
    Check(With<check::Args>),
}

/// A verb's own arguments with the global ones in their long form.
#[derive(Debug, clap::Args)]
struct With<Args: clap::Args> {
    #[command(flatten)]
    own: Args,
    #[command(flatten)]
    global: GlobalLong,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn long_global_options_stand_anywhere_and_short_ones_before_the_verb() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        assert!(parse("sandbox -p shop -f x.toml down -v").is_ok());
        assert!(parse("sandbox down --project-name shop --json").is_ok());
        assert!(parse("sandbox --json down").is_ok());
        assert!(parse("sandbox down -p shop").is_err());
    }
}
