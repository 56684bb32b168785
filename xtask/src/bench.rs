//! `cargo xtask bench`: what a request costs, with us and with the others, measured in one run.

use std::path::Path;

use crate::provision::{self, VALGRIND};
use crate::{Outcome, shell};

const MANIFEST: &str = "bench/Cargo.toml";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    if let Some(unknown) = arguments.iter().find(|argument| *argument != "--quick") {
        return Err(format!("`bench` has no option `{unknown}`"));
    }
    provision::provide(&[VALGRIND])?;
    let target = shell::target().join("bench");
    shell::succeed(
        shell::cargo()
            .args(["build", "--release", "--workspace", "--manifest-path", MANIFEST])
            .arg("--target-dir")
            .arg(&target),
    )?;
    let runner = target.join(Path::new("release/bench-runner"));
    shell::succeed(shell::program(runner).args(arguments))
}
