//! `cargo xtask doc`: the documentation as docs.rs would build it; a warning is an error.

use crate::{Outcome, no_arguments, shell};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("doc", arguments)?;
    shell::succeed(
        shell::cargo().args(["doc", "--workspace", "--no-deps", "--all-features"]).env("RUSTDOCFLAGS", "-D warnings"),
    )
}
