//! `cargo xtask circles`: fails when files of a crate import each other in a circle.
//!
//! The check reads the sources and builds nothing:
//!
//! 1. [`tokens`] splits a file, and [`items`] finds its definitions, imports, modules and paths.
//! 2. [`names`] follows each imported name through re-exports to the file that defines it. That
//!    file and the importing one are tied. A `mod` line or a re-export alone is no tie, and tests
//!    and macros without a path don't count.
//! 3. [`graph`] finds the circles among the ties.
//!
//! `xtask/known-circles.txt` lists circles that are still to be cut. A listed circle that is gone
//! is an error too, so the list can only shrink. Delete the file with its last line.

mod graph;
mod items;
mod names;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::manifest::Manifest;
use crate::outcome::{Outcome, no_arguments};
use crate::shell;
use names::{Modules, Ties};

const KNOWN: &str = "xtask/known-circles.txt";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("circles", arguments)?;
    check()
}

/// Compares the circles of all crates with the known ones.
pub(crate) fn check() -> Outcome {
    let root = shell::root();
    let mut crates = Vec::new();
    crate_folders(&root, &mut crates)?;
    let mut found = Vec::new();
    for folder in &crates {
        found.extend(circles_of_crate(folder, &root)?);
    }
    // Without the file, no circle is known.
    let known = fs::read_to_string(root.join(KNOWN)).unwrap_or_default();
    let complaints = compare(&found, &known);
    if complaints.is_empty() {
        let listed = if found.is_empty() { String::new() } else { format!(", all listed in {KNOWN}") };
        println!("circles: {} crates have {} circles{listed}", crates.len(), found.len());
        return Ok(());
    }
    Err(format!("files import each other in a circle:\n{}", complaints.join("\n")))
}

/// Files that import each other.
#[derive(Debug, PartialEq, Eq)]
struct Circle {
    files: BTreeSet<PathBuf>,
    /// A line for each tie between two of the files.
    ties: Vec<String>,
}

impl Circle {
    /// Returns the line that names this circle in the list of known circles.
    fn line(&self) -> String {
        self.files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(" ")
    }
}

/// Describes each circle that is not known, and each known one that is gone.
fn compare(found: &[Circle], known: &str) -> Vec<String> {
    let known: Vec<&str> = known.lines().map(str::trim).filter(|it| !it.is_empty() && !it.starts_with('#')).collect();
    let lines: Vec<String> = found.iter().map(Circle::line).collect();
    let new = found.iter().zip(&lines).filter(|(_, line)| !known.contains(&line.as_str()));
    let gone = known.iter().filter(|line| !lines.iter().any(|it| it == *line));
    new.map(|(circle, line)| format!("  new: {line}\n    {}", circle.ties.join("\n    ")))
        .chain(gone.map(|line| format!("  gone, remove its line from {KNOWN}: {line}")))
        .collect()
}

/// Collects the folders of all crates that have a `src`.
fn crate_folders(folder: &Path, found: &mut Vec<PathBuf>) -> Outcome {
    if folder.join("Cargo.toml").is_file() && folder.join("src").is_dir() {
        found.push(folder.to_path_buf());
        return Ok(());
    }
    let entries = fs::read_dir(folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort_unstable();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && name != "target" && name != "node_modules" && !name.starts_with('.') {
            crate_folders(&path, found)?;
        }
    }
    Ok(())
}

/// Returns the circles of a crate. Its library and each of its programs are separate.
fn circles_of_crate(folder: &Path, project: &Path) -> Outcome<Vec<Circle>> {
    let manifest = Manifest::read(&folder.join("Cargo.toml"))?;
    let mut roots: BTreeSet<PathBuf> = ["src/lib.rs", "src/main.rs"].iter().map(|root| folder.join(root)).collect();
    for section in ["lib", "bin"] {
        let paths = manifest.section(section).filter(|(key, _)| *key == "path");
        roots.extend(paths.filter_map(|(_, value)| value.split('"').nth(1)).map(|root| folder.join(root)));
    }
    if let Ok(programs) = fs::read_dir(folder.join("src/bin")) {
        roots.extend(programs.flatten().map(|entry| entry.path()));
    }
    let read = |file: &Path| fs::read_to_string(project.join(file)).ok();
    let mut circles = Vec::new();
    for root in roots.iter().filter(|root| root.is_file()) {
        let root = root.strip_prefix(project).unwrap_or(root);
        for circle in circles_of(&Modules::read(root, &read)?.ties()) {
            if !circles.contains(&circle) {
                circles.push(circle);
            }
        }
    }
    Ok(circles)
}

fn circles_of(ties: &Ties) -> Vec<Circle> {
    let of_circle = |files: BTreeSet<PathBuf>| {
        let inner = ties.iter().filter(|((user, definer), _)| files.contains(user) && files.contains(definer));
        let lines = inner.map(|((user, definer), names)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("{} uses {} of {}", user.display(), names.join(", "), definer.display())
        });
        let ties = lines.collect();
        Circle { files, ties }
    };
    graph::circles(ties).into_iter().map(of_circle).collect()
}
