//! The published crates build with the oldest dependency versions that their manifests allow.

use std::fs;
use std::path::Path;

use super::copy;
use super::part::Verdict;
use crate::manifest;
use crate::outcome::Outcome;
use crate::{shell, toolchain};

/// A dependency that needs newer versions of the others than we do. An application that has it
/// gets them anyway, and it must not raise ours for all others.
const DEMANDING: &str = "sqlx";

/// Versions of indirect dependencies that don't build with the oldest of the direct ones, and the
/// last version before them.
const TOO_NEW: &[(&str, &str)] = &[
    // actix-server before 2.9.5 needs features that actix-rt made optional in 2.14.
    ("actix-rt", "2.13.0"),
];

pub(super) fn check() -> Outcome<Verdict> {
    let copy = copy::make("minimal-versions")?;
    rewrite(&copy.join("Cargo.toml"), of_workspace)?;
    for it in manifest::published(&copy)? {
        rewrite(&it.folder.join("Cargo.toml"), of_crate)?;
    }
    let mut oldest = toolchain::cargo("nightly")?;
    // Only direct dependencies: we can't fix the requirements of other crates.
    shell::succeed(oldest.args(["-Z", "direct-minimal-versions", "generate-lockfile"]).current_dir(&copy))?;
    for (name, version) in TOO_NEW {
        let update = ["update", "--package", name, "--precise", version];
        shell::succeed(shell::cargo().args(update).current_dir(&copy))?;
    }
    let check = ["check", "--locked", "--workspace", "--all-features", "--keep-going"];
    shell::succeed(shell::cargo().args(check).current_dir(&copy).env("CARGO_TARGET_DIR", shell::target()))?;
    Ok(Verdict::Passed(format!("without tests, and without the features `{DEMANDING}-…`")))
}

fn rewrite(path: &Path, change: fn(&str) -> String) -> Outcome {
    let failed = |why: std::io::Error| format!("{}: {why}", path.display());
    let text = fs::read_to_string(path).map_err(failed)?;
    fs::write(path, change(&text)).map_err(failed)
}

/// Leaves out the packages that aren't published. Their dependencies would raise the versions of
/// ours.
fn of_workspace(manifest: &str) -> String {
    lines(manifest, |_, line| match line.split_once(" = ") {
        Some(("members", _)) => Some("members = [\"crates/*\"]"),
        _ => Some(line),
    })
}

/// Leaves out the dependencies of tests, and the demanding one with its features.
fn of_crate(manifest: &str) -> String {
    lines(manifest, |section, line| {
        let name = line.split([' ', '-']).next();
        let is_demanding = matches!(section, "[dependencies]" | "[features]") && name == Some(DEMANDING);
        (section != "[dev-dependencies]" && !is_demanding).then_some(line)
    })
}

/// Changes or removes single lines. `change` gets the section of each line.
fn lines<'a>(manifest: &'a str, change: impl Fn(&str, &'a str) -> Option<&'a str>) -> String {
    let mut section = "";
    let mut kept = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        if let Some(line) = change(section, line) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::{of_crate, of_workspace};

    #[test]
    fn only_published_crates_are_members() {
        let manifest = "[workspace]\nmembers = [\"crates/*\", \"xtask\"]\n\n[workspace.dependencies]\nserde = \"1\"\n";
        let expected = "[workspace]\nmembers = [\"crates/*\"]\n\n[workspace.dependencies]\nserde = \"1\"\n";
        assert_eq!(of_workspace(manifest), expected);
    }

    #[test]
    fn tests_and_the_demanding_dependency_are_left_out() {
        let manifest = "[features]\nsqlx-mysql = [\"_sqlx\", \"dep:sqlx\"]\nsqlx08-mysql = [\"dep:sqlx08\"]\n_sqlx = []\n\
            [dependencies]\nsqlx = { workspace = true }\nsqlx08 = { workspace = true }\n\
            [dev-dependencies]\nproptest = \"1\"\n[[test]]\nname = \"it\"\n";
        let expected = "[features]\nsqlx08-mysql = [\"dep:sqlx08\"]\n_sqlx = []\n\
            [dependencies]\nsqlx08 = { workspace = true }\n[[test]]\nname = \"it\"\n";
        assert_eq!(of_crate(manifest), expected);
    }

    #[test]
    fn the_manifests_have_the_lines_that_are_changed() {
        let root = crate::shell::root();
        let workspace = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
        assert_ne!(of_workspace(&workspace), workspace);
        let sql = std::fs::read_to_string(root.join("crates/cloakroom-sql/Cargo.toml")).unwrap();
        let features = |manifest: &str| manifest.lines().filter(|line| line.starts_with("sqlx")).count();
        assert_eq!(features(&sql) - features(&of_crate(&sql)), 4, "three features and the dependency");
    }
}
