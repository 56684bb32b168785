//! The command line.

use clap::{Parser, Subcommand};

use crate::{conform, doctor, inspect, keygen, manual, migrate, schema, sessions, stats, sweep};

const AFTER: &str = "\
Stores: sqlite:PATH, file:DIR, postgres://…, mysql://…, redis://…, redis+sentinel://…, redis+cluster://…, dynamodb://… If the URL contains a password, pass \
env:NAME for a URL in an environment variable, or @FILE for one in a file.

Exit codes: 0 done; 1 failed; 2 wrong use; 3 the answer is no: nothing was found, a cookie was refused, or a result needs attention.";

/// Manages keys, cookies, and the sessions of any store.
#[derive(Debug, Parser)]
#[command(name = "cloakroom", version, after_help = AFTER)]
pub(crate) struct Options {
    /// Prints each answer as one JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes a key, or makes and rotates a file of keys
    Keygen(keygen::Options),
    /// Explains a session cookie, of Cloakroom or another framework, and why it is refused
    Inspect(inspect::Options),
    /// Lists, shows and ends the sessions of a store
    #[command(subcommand)]
    Sessions(sessions::Command),
    /// Removes expired sessions from a store
    Sweep(sweep::Options),
    /// Counts sessions by age and size
    Stats(stats::Options),
    /// Copies all sessions of a store into another one, while the application runs
    Migrate(migrate::Options),
    /// Prints the SQL, or the commands of DynamoDB, that create the table
    Schema(schema::Options),
    /// Reports whether a store can be reached, is durable, evicts and is replicated, and compares
    /// its clock
    Doctor(doctor::Options),
    /// Runs the conformance suite against a store, in a dedicated table or under a dedicated prefix
    Conform(conform::Options),
    /// Prints a completion script for a shell
    Completions(manual::Shell),
    /// Prints the manual page, or writes the pages of all commands into a folder
    Man(manual::Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Options;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }
}
