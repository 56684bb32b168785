//! The published crates build with their minimum supported Rust version.
//!
//! `cargo xtask lint` checks only the use of the standard library, based on `rust-version`. This
//! check builds with that version, including the dependencies. Crates with their own `rust-version`
//! are left out, and so are the features that need them.

use super::part::Verdict;
use crate::manifest::{self, Manifest};
use crate::outcome::Outcome;
use crate::{shell, toolchain};

/// The beginnings of the features that are documented to need a newer version.
const NEWER: [&str; 2] = ["sqlx-", "salvo"];

pub(super) fn check() -> Outcome<Verdict> {
    let workspace = Manifest::of_workspace()?;
    let version =
        workspace.string("workspace.package", "rust-version").ok_or("[workspace.package] has no rust-version")?;
    let mut check = toolchain::cargo(version)?;
    check.args(["check", "--locked"]);
    let mut features = Vec::new();
    for it in manifest::published(&shell::root())?.iter().filter(|it| has_common_version(&it.manifest)) {
        check.args(["--package", &it.name]);
        features.extend(promised(&it.manifest).iter().map(|feature| format!("{}/{feature}", it.name)));
    }
    shell::succeed(check.args(["--features", &features.join(",")]))?;
    Ok(Verdict::Passed(format!("Rust {version}, without the features `{}…`", NEWER.join("…` and `"))))
}

/// Returns `true` if a crate has the version of the workspace.
fn has_common_version(manifest: &Manifest) -> bool {
    manifest.string("package", "rust-version").is_none()
}

fn promised(manifest: &Manifest) -> Vec<&str> {
    manifest.features().into_iter().filter(|feature| !NEWER.iter().any(|newer| feature.starts_with(newer))).collect()
}

#[cfg(test)]
mod tests {
    use super::{has_common_version, promised};
    use crate::manifest::Manifest;

    #[test]
    fn features_that_need_a_newer_rust_are_left_out() {
        let features = "[features]\ndefault = []\nsqlite = []\nsqlx-sqlite = [\"sqlite\"]\nsalvo = []\n";
        assert_eq!(promised(&Manifest::parse(features)), ["sqlite"]);
    }

    #[test]
    fn crates_that_need_a_newer_rust_are_left_out() {
        let has = |text| has_common_version(&Manifest::parse(text));
        assert!(has("[package]\nname = \"a\"\nrust-version.workspace = true\n"));
        assert!(!has("[package]\nname = \"a\"\nrust-version = \"1.95\" # the minimum of salvo\n"));
    }
}
