//! The API of the last release still works, or the version number announces the break.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::part::{Verdict, folder};
use super::rustdoc;
use crate::manifest::{self, Crate};
use crate::outcome::Outcome;
use crate::shell;
use crate::tools::{self, Built};

/// Pinned: it reads the nightly compiler's output, whose format changes.
const SEMVER_CHECKS: Built = Built { name: "cargo-semver-checks", version: "0.51.0" };

pub(super) fn check() -> Outcome<Verdict> {
    let Some(tag) = last_release()? else {
        return Ok(Verdict::NotChecked("no tag yet: there is nothing to compare with".to_owned()));
    };
    let program = tools::from_crates_io(SEMVER_CHECKS)?;
    let (before, now) = (checkout(&tag)?, shell::root());
    let (old, new) = (manifest::libraries(&before)?, manifest::libraries(&now)?);
    let (before, now) = (rustdoc::write(&before, &old, &tag)?, rustdoc::write(&now, &new, "now")?);
    let mut findings = gone(&old, &new);
    for it in old.iter().filter(|it| new.iter().any(|other| other.name == it.name)) {
        let mut compare = shell::program(&program);
        compare.args(["semver-checks", "check-release", "--baseline-rustdoc"]).arg(rustdoc::file(&before, it));
        if shell::succeed(compare.arg("--current-rustdoc").arg(rustdoc::file(&now, it))).is_err() {
            findings.push(format!("{} has breaking changes that its version does not announce", it.name));
        }
    }
    if findings.is_empty() { Ok(Verdict::Passed(format!("compared with {tag}"))) } else { Err(findings.join("\n")) }
}

/// Returns the published crates that no longer exist.
fn gone(old: &[Crate], new: &[Crate]) -> Vec<String> {
    let gone = old.iter().filter(|it| !new.iter().any(|other| other.name == it.name));
    gone.map(|it| format!("{} is gone", it.name)).collect()
}

/// Returns the tag of the last release, ignoring a tag of the current commit.
pub(super) fn last_release() -> Outcome<Option<String>> {
    if shell::read(git().args(["rev-parse", "--is-shallow-repository"]))?.trim() == "true" {
        return Err("this is a shallow clone, which may lack the last tag: git fetch --unshallow --tags".to_owned());
    }
    if shell::read(git().args(["tag", "--merged", "HEAD", "--no-contains", "HEAD"]))?.trim().is_empty() {
        return Ok(None);
    }
    let tag = shell::read(git().args(["describe", "--tags", "--abbrev=0", "HEAD^"]))?;
    Ok(Some(tag.trim().to_owned()))
}

/// Checks out the project at a tag, below the target folder.
pub(super) fn checkout(tag: &str) -> Outcome<PathBuf> {
    let there = folder("last-release");
    if there.exists() {
        fs::remove_dir_all(&there).map_err(|why| format!("{}: {why}", there.display()))?;
    }
    let clone = ["-c", "advice.detachedHead=false", "clone", "--quiet", "--depth=1", "--branch", tag];
    let from = format!("file://{}", shell::root().display());
    shell::succeed(git().args(clone).arg(from).arg(&there))?;
    Ok(there)
}

fn git() -> Command {
    shell::program("git")
}

#[cfg(test)]
mod tests {
    use super::gone;
    use crate::manifest::{Crate, Manifest};

    #[test]
    fn removed_crates_are_named() {
        let crates = |names: &[&str]| -> Vec<Crate> {
            let named =
                |name: &&str| Crate { folder: "it".into(), name: (*name).to_owned(), manifest: Manifest::default() };
            names.iter().map(named).collect()
        };
        assert_eq!(gone(&crates(&["a", "b"]), &crates(&["b", "c"])), ["a is gone"]);
        assert!(gone(&crates(&["a"]), &crates(&["a", "b"])).is_empty());
    }
}
