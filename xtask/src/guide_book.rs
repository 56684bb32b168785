//! `cargo xtask guide`: builds the guide as a book and checks its links.
//!
//! The tests in `guide.rs` read the Markdown sources; this command reads mdBook's output.

use crate::outcome::{Outcome, no_arguments};
use crate::{shell, tools};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("guide", arguments)?;
    let mdbook = tools::from_wheel("mdbook")?;
    let lychee = tools::from_wheel("lychee")?;
    let book = shell::target().join("guide");
    shell::succeed(shell::program(mdbook).args(["build", "docs", "--dest-dir"]).arg(&book))?;
    // Offline: the availability of other sites says nothing about the guide.
    let check = ["--offline", "--include-fragments", "--no-progress", "--root-dir"];
    shell::succeed(shell::program(lychee).args(check).arg(&book).arg(&book))
}
