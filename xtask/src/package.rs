//! `cargo xtask package`: every crate as it would be published, in order, each built from what is in its package alone.

use crate::{Outcome, no_arguments, shell};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("package", arguments)?;
    let publish = ["publish", "--dry-run", "--workspace", "--all-features", "--allow-dirty", "--target-dir"];
    // Without a folder that is named, each package builds all its dependencies in one of its own.
    shell::succeed(shell::cargo().args(publish).arg(shell::target()))
}
