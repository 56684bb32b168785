//! `cargo xtask words`: plain English, as far as it can be counted.
//!
//! The model is the documentation of axum, jiff, rustls and cookie, which hardly ever uses a
//! pronoun such as `what` instead of a noun. The rules are in CONTRIBUTING.md.

mod measure;
mod subjects;
mod text;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use measure::{Counts, Finding};

use crate::outcome::Outcome;
use crate::shell;

/// The most uses of `what`, `whoever` and the like as a noun in 1,000 words.
const MOST_NOUNS: f64 = 2.0;

/// The most sentences in 1,000 words that begin with one.
const MOST_STARTS: f64 = 0.3;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let all = match arguments {
        [] => false,
        [only] if only == "--all" => true,
        [first, ..] => return Err(format!("`words` takes `--all` or nothing, not `{first}`")),
    };
    let mut groups: BTreeMap<String, (Counts, Vec<String>)> = BTreeMap::new();
    let mut files = Vec::new();
    written(shell::root().as_path(), &mut files)?;
    for file in files {
        let shown = file.strip_prefix(shell::root()).unwrap_or(&file);
        let text = fs::read_to_string(&file).map_err(|why| format!("{}: {why}", file.display()))?;
        let is_page = file.extension().is_some_and(|extension| extension == "md");
        let (counts, findings) = measure::measure(&text, is_page);
        let (total, lines) = groups.entry(group(shown)).or_default();
        total.add(&counts);
        let told = |Finding { line, rule, text }| format!("  {}:{line}: {rule}: {}", shown.display(), text.trim());
        lines.extend(findings.into_iter().map(told));
    }
    let mut failed = false;
    println!("{:<32} {:>7} {:>10} {:>10} {:>5} {:>5}", "", "words", "nouns", "starts", "list", "wide");
    for (name, (counts, lines)) in &groups {
        println!("{name:<32} {}", counts.row());
        let over = !counts.within(MOST_NOUNS, MOST_STARTS);
        failed |= over;
        if over || all {
            lines.iter().for_each(|line| println!("{line}"));
        }
    }
    let mut total = Counts::default();
    groups.values().for_each(|(counts, _)| total.add(counts));
    println!("{:<32} {}", "all", total.row());
    let subjects = subjects::check()?;
    subjects.iter().for_each(|line| println!("{line}"));
    if failed || !subjects.is_empty() {
        return Err("some text breaks the rules of CONTRIBUTING.md (Style), see the lines above".to_owned());
    }
    Ok(())
}

/// The name under which a file is counted: its crate, its folder of pages, or the root.
fn group(file: &Path) -> String {
    let mut parts = file.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let first = parts.next().unwrap_or_default();
    match (first.as_str(), parts.next(), parts.next()) {
        (_, None, _) => "pages at the root".to_owned(),
        ("crates" | "docs" | "testing", Some(second), Some(_)) => format!("{first}/{second}"),
        _ => first,
    }
}

/// Finds every Rust file and every page below a folder, except for generated ones.
fn written(folder: &Path, found: &mut Vec<PathBuf>) -> Outcome {
    const NOT_OURS: [&str; 4] = ["target", "node_modules", ".git", "api"];
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut paths: Vec<PathBuf> =
        entries.map_err(|why| format!("{}: {why}", folder.display()))?.iter().map(fs::DirEntry::path).collect();
    paths.sort_unstable();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            if !NOT_OURS.contains(&name.as_str()) {
                written(&path, found)?;
            }
        } else if name.ends_with(".rs") || name.ends_with(".md") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::group;

    #[test]
    fn files_are_counted_by_crate_and_by_folder() {
        let table = [
            ("README.md", "pages at the root"),
            ("crates/cloakroom-core/src/lib.rs", "crates/cloakroom-core"),
            ("docs/guide/axum.md", "docs/guide"),
            ("xtask/src/main.rs", "xtask"),
            ("demo/src/pages/cart.rs", "demo"),
        ];
        for (file, expected) in table {
            assert_eq!(group(Path::new(file)), expected, "{file}");
        }
    }
}
