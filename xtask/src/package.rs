//! `cargo xtask package`: every crate as it would be published, in order, each built from what is in its package alone.

use crate::{Outcome, no_arguments, shell};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("package", arguments)?;
    shell::succeed(shell::cargo().args(["publish", "--dry-run", "--workspace", "--allow-dirty", "--quiet"]))
}
