//! The project builds with the oldest dependency versions that its manifests allow.

use super::copy;
use super::part::Verdict;
use crate::outcome::Outcome;
use crate::{shell, toolchain};

pub(super) fn check() -> Outcome<Verdict> {
    let copy = copy::make("minimal-versions")?;
    let mut oldest = toolchain::cargo("nightly")?;
    // Only direct dependencies: we can't fix the requirements of other crates.
    shell::succeed(oldest.args(["-Z", "direct-minimal-versions", "generate-lockfile"]).current_dir(&copy))?;
    let check = ["check", "--locked", "--workspace", "--all-features", "--keep-going"];
    shell::succeed(shell::cargo().args(check).current_dir(&copy).env("CARGO_TARGET_DIR", shell::target()))?;
    Ok(Verdict::Passed(String::new()))
}
