//! Keeps `cloakroom-core` pure: checks its dependencies and the names in its sources.
//!
//! Pure means: no I/O, clock, lock, async runtime or framework.

use std::fs;
use std::path::{Path, PathBuf};

use crate::outcome::Outcome;
use crate::shell;
use crate::tally::Tally;

const ALLOW_LIST: &str = "xtask/core-allow-list.txt";
const SOURCES: &str = "crates/cloakroom-core/src";

/// Names that a pure crate doesn't need. This check is cheap and catches mistakes, not malice.
const FORBIDDEN: &[&str] = &[
    "SystemTime",
    "Instant",
    "Mutex",
    "RwLock",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "async fn",
];

/// Runs every check, prints its result, and counts each as one.
pub(crate) fn check_all() -> Tally {
    let mut tally = Tally::default();
    let checks = [("dependencies of the core", dependencies()), ("sources of the core", sources())];
    for (name, outcome) in checks {
        tally.count(&outcome);
        match outcome {
            Ok(()) => println!("purity: {name} ... ok"),
            Err(why) => println!("purity: {name} ... FAILED\n{why}"),
        }
    }
    tally
}

/// Checks that all dependencies of the core, direct or not, are in the allow-list.
fn dependencies() -> Outcome {
    let allow_list =
        fs::read_to_string(shell::root().join(ALLOW_LIST)).map_err(|why| format!("{ALLOW_LIST}: {why}"))?;
    let tree = shell::read(shell::cargo().args([
        "tree",
        "--package=cloakroom-core",
        "--all-features",
        "--edges=normal",
        "--prefix=none",
        "--format={p}",
    ]))?;
    let strangers = strangers(&tree, &allow_list);
    if strangers.is_empty() {
        return Ok(());
    }
    Err(strangers
        .iter()
        .map(|name| format!("  cloakroom-core depends on `{name}`, which is not in {ALLOW_LIST}\n"))
        .collect())
}

/// Returns the crates of a printed tree that are not in the allow-list. The first line is the core
/// itself.
fn strangers<'a>(tree: &'a str, allow_list: &str) -> Vec<&'a str> {
    let allowed: Vec<&str> = names(allow_list).collect();
    let mut strangers: Vec<&str> = names(tree).skip(1).filter(|name| !allowed.contains(name)).collect();
    strangers.sort_unstable();
    strangers.dedup();
    strangers
}

/// Returns the first word of each line, without comments.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.split('#').next()?.split_whitespace().next())
}

/// Checks that no source of the core uses a forbidden name.
fn sources() -> Outcome {
    let mut files = Vec::new();
    rust_files(&shell::root().join(SOURCES), &mut files)?;
    if files.is_empty() {
        return Err(format!("{SOURCES}: found no sources to check"));
    }
    let mut findings = String::new();
    for file in files.iter().filter(|file| !file.ends_with("tests.rs")) {
        let text = fs::read_to_string(file).map_err(|why| format!("{}: {why}", file.display()))?;
        let shown = file.strip_prefix(shell::root()).unwrap_or(file).display();
        for (line, name) in forbidden(&text) {
            findings.push_str(&format!("  {shown}:{line}: `{name}` is not allowed in the core\n"));
        }
    }
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

/// Returns the forbidden names outside comment lines, with their line numbers starting at 1.
fn forbidden(text: &str) -> Vec<(usize, &'static str)> {
    let code = text.lines().zip(1..).filter(|(line, _)| !line.trim_start().starts_with("//"));
    code.flat_map(|(line, number)| {
        FORBIDDEN.iter().filter(move |name| has_word(line, name)).map(move |name| (number, *name))
    })
    .collect()
}

/// Returns whether the line contains the words, and not as part of a longer name.
fn has_word(line: &str, words: &str) -> bool {
    let part_of_name = |neighbour: Option<char>| neighbour.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(words).any(|(start, found)| {
        let before = line.get(..start).and_then(|head| head.chars().next_back());
        let after = line.get(start + found.len()..).and_then(|tail| tail.chars().next());
        !part_of_name(before) && !part_of_name(after)
    })
}

/// Collects every Rust file below a folder, sorted by name.
pub(crate) fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) -> Outcome {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut paths: Vec<PathBuf> =
        entries.map_err(|why| format!("{}: {why}", folder.display()))?.iter().map(fs::DirEntry::path).collect();
    paths.sort_unstable();
    for path in paths {
        if path.is_dir() {
            rust_files(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{forbidden, strangers};

    #[test]
    fn crates_outside_the_allow_list_are_named_once() {
        const LIST: &str = "# why\nsha2       # hashing\nserde_core # values\n\n";
        let table: [(&str, &str, &[&str]); 5] = [
            ("the core alone", "cloakroom-core v0.1.0 (/src/core)\n", &[]),
            ("allowed", "cloakroom-core v0.1.0 (/src/core)\nsha2 v0.11.1\nserde_core v1.0.229\n", &[]),
            (
                "a stranger, twice",
                "cloakroom-core v0.1.0\ntokio v1.54.1\nsha2 v0.11.1\ntokio v1.54.1 (*)\n",
                &["tokio"],
            ),
            ("a name that only begins like an allowed one", "cloakroom-core v0.1.0\nsha2-asm v1.0.0\n", &["sha2-asm"]),
            ("a macro", "cloakroom-core v0.1.0\nserde_derive v1.0.229 (proc-macro)\n", &["serde_derive"]),
        ];
        for (row, tree, expected) in table {
            assert_eq!(strangers(tree, LIST), expected, "{row}");
        }
    }

    #[test]
    fn forbidden_names_are_found_with_their_line() {
        let table = [
            ("pure", "pub fn plan(now: Timestamp) -> Plan {\n", vec![]),
            ("the clock", "\nlet now = std::time::SystemTime::now();", vec![(2, "SystemTime")]),
            ("imported in a group", "use std::time::{Duration, Instant};", vec![(1, "Instant")]),
            ("two in a line", "static A: Mutex<RwLock<u8>>", vec![(1, "Mutex"), (1, "RwLock")]),
            ("a comment", "    // no SystemTime here\n/// nor an Instant\n//! nor a Mutex", vec![]),
            ("a longer name", "struct Instantiated; fn my_Mutex() {}", vec![]),
            ("waiting", "    pub async fn load() {}", vec![(1, "async fn")]),
            ("files", "use std::fs::File;", vec![(1, "std::fs")]),
            ("formatting is not files", "use std::fmt;", vec![]),
        ];
        for (row, text, expected) in table {
            assert_eq!(forbidden(text), expected, "{row}");
        }
    }
}
