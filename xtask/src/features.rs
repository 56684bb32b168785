//! `cargo xtask features`: checks that the facade compiles with each feature alone and with none.

use crate::manifest::Manifest;
use crate::outcome::{Outcome, no_arguments};
use crate::shell;

const FACADE: &str = "crates/cloakroom/Cargo.toml";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("features", arguments)?;
    let manifest = Manifest::read(&shell::root().join(FACADE))?;
    let features = manifest.features();
    if features.is_empty() {
        return Err(format!("{FACADE} has no features that xtask can read"));
    }
    let mut failed = Vec::new();
    for feature in std::iter::once("").chain(features.iter().copied()) {
        let check = ["check", "--quiet", "--package", "cloakroom", "--no-default-features", "--features", feature];
        if let Err(why) = shell::succeed(shell::cargo().args(check)) {
            eprintln!("xtask: {why}");
            failed.push(if feature.is_empty() { "none" } else { feature });
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("features that don't compile alone: {}", failed.join(", "))) }
}
