//! The page about bridges: each row that promises something names the test that holds it.

use std::collections::BTreeSet;
use std::path::Path;

/// The sections whose tables are promises.
const SECTIONS: [&str; 3] = ["Supported frameworks", "Flash messages", "Forms"];

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Returns the tests in a folder, as `file::test`.
fn tests_in(folder: &str) -> BTreeSet<String> {
    let files = std::fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().path());
    let mut tests = BTreeSet::new();
    for path in files.filter(|path| path.extension().is_some_and(|it| it == "rs")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if line == "#[test]" || line.starts_with("#[tokio::test") {
                let name = lines.find_map(|line| line.split_once("fn ")).and_then(|(_, rest)| rest.split_once('('));
                tests.insert(format!("{file}::{}", name.expect("a function").0));
            }
        }
    }
    tests
}

/// Returns the rows of the tables in a section, without the head of each table.
fn rows(page: &str, section: &str) -> Vec<String> {
    let (_, rest) = page.split_once(&format!("\n## {section}\n")).expect("the section");
    let text = rest.split_once("\n## ").map_or(rest, |(text, _)| text);
    let lines = text.lines().filter(|line| line.starts_with('|')).map(str::to_owned).collect::<Vec<_>>();
    let heads = lines.iter().position(|line| line.starts_with("|---")).expect("a table");
    lines[heads + 1..].to_vec()
}

#[test]
fn each_promise_names_its_test() {
    let page = std::fs::read_to_string(root().join("docs/guide/bridges.md")).unwrap();
    let mut tests = tests_in("testing/probe/tests/bridges");
    tests.append(&mut tests_in("crates/cloakroom-bridge/tests/bridge"));
    let mut named = 0;
    for section in SECTIONS {
        for row in rows(&page, section) {
            let last = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap();
            let names: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
            assert!(!names.is_empty(), "{section}: no test in {row}");
            for name in names {
                assert!(tests.contains(name), "{section}: there is no test {name}, in {row}");
                named += 1;
            }
        }
    }
    println!("{named} tests named by the page about bridges");
    assert!(named > 30);
}
