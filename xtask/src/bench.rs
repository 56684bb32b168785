//! `cargo xtask bench`: what a request costs, with us and with the others, measured in one run.

use std::path::Path;

use crate::provision::{self, VALGRIND};
use crate::{Outcome, shell};

/// The second is a workspace of its own, because what it brings can't stand in one lock file with ours.
const MANIFESTS: [&str; 2] = ["bench/Cargo.toml", "bench/contenders/tower-sessions-stores/Cargo.toml"];

pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let Some(unknown) = arguments.iter().find(|argument| *argument != "--quick") {
        return Err(format!("`bench` has no option `{unknown}`"));
    }
    provision::provide(&[VALGRIND])?;
    let target = shell::target().join("bench");
    for manifest in MANIFESTS {
        let mut build = shell::cargo();
        build.args(["build", "--release", "--workspace", "--manifest-path", manifest, "--target-dir"]).arg(&target);
        shell::succeed(&mut build)?;
    }
    let runner = target.join(Path::new("release/bench-runner"));
    shell::succeed(shell::program(runner).args(arguments))
}
