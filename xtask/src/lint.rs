//! `cargo xtask lint`: clippy, the purity of the core, and the licences and sources of every
//! dependency.

use crate::outcome::{Outcome, no_arguments};
use crate::{deny, purity, shell};

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
    match deny::program() {
        Ok(_) => deny::policies(),
        Err(why) => {
            eprintln!("xtask: licences, bans and sources were NOT checked: {why}");
            Ok(())
        }
    }
}
