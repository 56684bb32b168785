//! `cargo xtask doc`: builds the documentation as docs.rs would, with warnings as errors, and the
//! guide.

use crate::outcome::{Outcome, no_arguments};
use crate::{guide_book, shell};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("doc", arguments)?;
    shell::succeed(
        shell::cargo().args(["doc", "--workspace", "--no-deps", "--all-features"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    guide_book::run(&[])
}
