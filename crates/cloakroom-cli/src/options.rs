//! The command line.

use clap::{Parser, Subcommand};

use crate::{conform, doctor, inspect, keygen, manual, migrate, schema, sessions, stats, sweep};

const AFTER: &str = "\
Stores: sqlite:PATH, file:DIR, postgres://…, mysql://…, redis://…, redis+sentinel://…, redis+cluster://… A URL may hold a password: write \
env:NAME for the URL in a variable of the environment, or @FILE for the one in a file.

Exit codes: 0 done; 1 failed; 2 wrong use; 3 the answer is no: nothing was found, a cookie was refused, something is to be looked at.";

/// Keys, cookies, and the sessions of any store.
#[derive(Debug, Parser)]
#[command(name = "cloakroom", version, after_help = AFTER)]
pub(crate) struct Options {
    /// Answers in JSON, one document each
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a key, or a file of keys, and rotates it
    Keygen(keygen::Options),
    /// Says what a session cookie is, of ours or of another framework, and why it is refused
    Inspect(inspect::Options),
    /// Lists, shows and ends the sessions of a store
    #[command(subcommand)]
    Sessions(sessions::Command),
    /// Removes what is over from a store
    Sweep(sweep::Options),
    /// Counts sessions by age and size
    Stats(stats::Options),
    /// Copies all sessions of a store into another one, while the application runs
    Migrate(migrate::Options),
    /// Prints the SQL that creates the table
    Schema(schema::Options),
    /// Says whether a store can be reached, is durable, evicts, is replicated, and what time it is
    /// there
    Doctor(doctor::Options),
    /// Runs the conformance suite against a store, in a table or under a prefix of its own
    Conform(conform::Options),
    /// Prints a script of completions for a shell
    Completions(manual::Shell),
    /// Prints the manual page, or writes those of all commands into a folder
    Man(manual::Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Options;

    #[test]
    fn the_command_line_is_sound() {
        Options::command().debug_assert();
    }
}
