//! Runs every contender and writes what came out: `cargo xtask bench`.
//!
//! The contenders take turns, A B C A B C, so that whatever else the machine does meets all of them. Times are medians over the
//! rounds; instructions and allocations are counted, and don't depend on the machine.

mod contenders;
mod measure;
mod page;
mod plot;

use std::path::{Path, PathBuf};

use contenders::CONTENDERS;
use measure::{Effort, Measured};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Fallible<()> {
    let effort = if std::env::args().any(|argument| argument == "--quick") { Effort::Quick } else { Effort::Full };
    let programs = std::env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default();
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let measured = Measured::all(&programs, effort)?;

    let target = project.join("target/bench");
    std::fs::create_dir_all(&target)?;
    std::fs::write(target.join("summary.json"), serde_json::to_string_pretty(&measured.summary())?)?;

    let guide = project.join("docs/guide");
    page::write(&guide.join("benchmarks.md"), &measured)?;
    std::fs::create_dir_all(guide.join("bench"))?;
    for keep in plot::PLOTS {
        std::fs::write(guide.join("bench").join(format!("{}.svg", keep.file)), plot::bars(keep, &measured))?;
    }
    println!("{}", page::tables(&measured));
    Ok(())
}
