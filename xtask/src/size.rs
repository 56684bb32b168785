//! `cargo xtask size`: lines per crate, the median and the largest file, without tests.

use std::fs;
use std::path::PathBuf;

use crate::outcome::{Outcome, no_arguments};
use crate::{purity, shell};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments("size", arguments)?;
    let mut all = Vec::new();
    for folder in crate_folders()? {
        let files = files_of(&folder)?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let lines: usize = files.iter().map(|(_, lines)| lines).sum();
        println!("{name:<24} {lines:>6} lines in {:>3} files", files.len());
        all.extend(files);
    }
    let total: usize = all.iter().map(|(_, lines)| lines).sum();
    println!("{:<24} {total:>6} lines in {:>3} files", "all", all.len());
    println!("median file: {} lines", median(all.iter().map(|(_, lines)| *lines).collect()));
    if let Some((path, lines)) = all.iter().max_by_key(|(_, lines)| lines) {
        let shown = path.strip_prefix(shell::root()).unwrap_or(path).display();
        println!("largest file: {lines} lines, {shown}");
    }
    Ok(())
}

fn crate_folders() -> Outcome<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for parent in ["crates", "testing"] {
        let parent = shell::root().join(parent);
        let entries = fs::read_dir(&parent).map_err(|why| format!("{}: {why}", parent.display()))?;
        folders.extend(entries.flatten().map(|entry| entry.path()));
    }
    folders.sort_unstable();
    folders.extend(["demo", "xtask"].map(|folder| shell::root().join(folder)));
    folders.retain(|folder| folder.join("Cargo.toml").is_file());
    Ok(folders)
}

/// Returns every Rust file of a crate with its number of lines, without the tests at its end.
fn files_of(folder: &std::path::Path) -> Outcome<Vec<(PathBuf, usize)>> {
    let mut files = Vec::new();
    purity::rust_files(&folder.join("src"), &mut files)?;
    files.retain(|file| !file.ends_with("tests.rs"));
    let counted = files.into_iter().map(|file| {
        let text = fs::read_to_string(&file).map_err(|why| format!("{}: {why}", file.display()))?;
        Ok((file, lines_without_tests(&text)))
    });
    counted.collect()
}

fn lines_without_tests(text: &str) -> usize {
    let code = text.split_once("\n#[cfg(test)]\nmod tests {").map_or(text, |(code, _)| code);
    code.lines().count()
}

fn median(mut numbers: Vec<usize>) -> usize {
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{lines_without_tests, median};

    #[test]
    fn tests_at_the_end_do_not_count() {
        let table = [
            ("no tests", "a\nb\n", 2),
            ("tests inside", "a\n\n#[cfg(test)]\nmod tests {\n}\n", 1),
            ("tests in a separate file", "#[cfg(test)]\nmod tests;\nmod a;\n", 3),
            ("empty", "", 0),
        ];
        for (row, text, lines) in table {
            assert_eq!(lines_without_tests(text), lines, "{row}");
        }
    }

    #[test]
    fn medians() {
        for (row, numbers, expected) in [("none", vec![], 0), ("odd", vec![9, 1, 5], 5), ("even", vec![4, 1, 2, 3], 3)]
        {
            assert_eq!(median(numbers), expected, "{row}");
        }
    }
}
