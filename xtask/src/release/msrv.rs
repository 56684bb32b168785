//! The published crates build with their minimum supported Rust version.
//!
//! `cargo xtask lint` checks only the use of the standard library, based on `rust-version`. This
//! check builds with that version, including the dependencies.

use super::part::Verdict;
use crate::manifest::{self, Manifest};
use crate::outcome::Outcome;
use crate::{shell, toolchain};

/// Features that are documented to need a newer version.
const NEWER: &str = "sqlx-";

pub(super) fn check() -> Outcome<Verdict> {
    let workspace = Manifest::of_workspace()?;
    let version =
        workspace.string("workspace.package", "rust-version").ok_or("[workspace.package] has no rust-version")?;
    let mut check = toolchain::cargo(version)?;
    check.args(["check", "--locked"]);
    let mut features = Vec::new();
    for it in manifest::published(&shell::root())? {
        check.args(["--package", &it.name]);
        features.extend(promised(&it.manifest).iter().map(|feature| format!("{}/{feature}", it.name)));
    }
    shell::succeed(check.args(["--features", &features.join(",")]))?;
    Ok(Verdict::Passed(format!("Rust {version}, without the features `{NEWER}…`")))
}

fn promised(manifest: &Manifest) -> Vec<&str> {
    manifest.features().into_iter().filter(|feature| !feature.starts_with(NEWER)).collect()
}

#[cfg(test)]
mod tests {
    use super::promised;
    use crate::manifest::Manifest;

    #[test]
    fn features_that_need_a_newer_rust_are_left_out() {
        let manifest = Manifest::parse("[features]\ndefault = []\nsqlite = []\nsqlx-sqlite = [\"sqlite\"]\n");
        assert_eq!(promised(&manifest), ["sqlite"]);
    }
}
