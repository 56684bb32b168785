//! The public API of every published crate, as lists in `docs/api`, so that a change is visible in
//! review.

use std::fs;

use super::part::Verdict;
use super::rustdoc;
use crate::manifest::{self, Crate};
use crate::outcome::{Outcome, no_arguments};
use crate::shell;
use crate::tools::{self, Built};

/// Pinned: it reads the nightly compiler's output, whose format changes.
const PUBLIC_API: Built = Built { name: "cargo-public-api", version: "0.52.0" };

const LISTS: &str = "docs/api";

/// `cargo xtask api`: writes the lists.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("api", arguments)?;
    let folder = shell::root().join(LISTS);
    fs::create_dir_all(&folder).map_err(|why| format!("{LISTS}: {why}"))?;
    for (name, list) in lists()? {
        fs::write(folder.join(format!("{name}.txt")), list).map_err(|why| format!("{LISTS}/{name}.txt: {why}"))?;
    }
    Ok(())
}

/// Checks that the lists match the sources.
pub(super) fn check() -> Outcome<Verdict> {
    let lists = lists()?;
    let mut findings = Vec::new();
    for (name, list) in &lists {
        let file = format!("{LISTS}/{name}.txt");
        let committed = fs::read_to_string(shell::root().join(&file)).map_err(|why| format!("{file}: {why}"))?;
        findings.extend(changes(&committed, list).into_iter().map(|change| format!("{file}: {change}")));
    }
    if findings.is_empty() {
        return Ok(Verdict::Passed(format!("as listed in {LISTS}")));
    }
    let count = findings.len();
    Err(format!(
        "{count} lines of {LISTS} don't match the sources; `cargo xtask api` updates them\n{}",
        findings.join("\n")
    ))
}

/// Returns the lines that only one of the two lists has.
fn changes(committed: &str, now: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (committed.lines().collect(), now.lines().collect());
    let gone = old.iter().filter(|line| !new.contains(line)).map(|line| format!("- {line}"));
    let come = new.iter().filter(|line| !old.contains(line)).map(|line| format!("+ {line}"));
    gone.chain(come).collect()
}

/// Returns the name and list of every library.
fn lists() -> Outcome<Vec<(String, String)>> {
    let program = tools::from_crates_io(PUBLIC_API)?;
    let crates = manifest::libraries(&shell::root())?;
    let folder = rustdoc::write(&shell::root(), &crates, "now")?;
    let list = |it: &Crate| {
        let mut list = shell::program(&program);
        // Omit blanket, auto-trait and derived implementations, which follow from the rest.
        list.args(["public-api", "-sss", "--color", "never", "--rustdoc-json"]);
        Ok((it.name.clone(), shell::read(list.arg(rustdoc::file(&folder, it)))?))
    };
    crates.iter().map(list).collect()
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn lines_that_only_one_list_has_are_reported() {
        let table: [(&str, &str, &str, &[&str]); 4] = [
            ("the same", "a\nb\n", "a\nb\n", &[]),
            ("one more", "a\n", "a\nb\n", &["+ b"]),
            ("one less", "a\nb\n", "b\n", &["- a"]),
            (
                "another type",
                "pub fn f() -> u8\n",
                "pub fn f() -> u16\n",
                &["- pub fn f() -> u8", "+ pub fn f() -> u16"],
            ),
        ];
        for (row, committed, now, expected) in table {
            assert_eq!(changes(committed, now), expected, "{row}");
        }
    }
}
