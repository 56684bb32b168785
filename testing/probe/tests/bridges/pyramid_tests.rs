//! Pyramid's own tests of sessions, flash and CSRF, with the sessions of our bridge.
//!
//! The guide lists the tests that differ, with the reasons. This test compares the list and the
//! counts with the results.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cloakroom_servers::Foreign;
use serde_json::Value;

const PAGE: &str = include_str!("../../../../docs/guide/pyramid-tests.md");

/// The tests of a file: all that use a session, the passed ones, and the others.
type Counts = [usize; 3];

#[test]
fn tests_of_pyramid_pass_or_stand_in_the_guide_with_a_reason() {
    let results = results();
    let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
    let mut different = BTreeMap::new();
    for result in &results {
        let test = result["test"].as_str().unwrap().strip_prefix("tests.").unwrap();
        let file = file_of(test);
        let [all, passed, others] = counts.entry(file.clone()).or_default();
        match result["outcome"].as_str().unwrap() {
            "passed" => (*all, *passed) = (*all + 1, *passed + 1),
            "failed" => {
                (*all, *others) = (*all + 1, *others + 1);
                different.insert(test.to_owned(), result["why"].as_str().unwrap().to_owned());
            }
            "without" => assert_ne!(file, "tests/test_session.py", "{test} doesn't reach our bridge"),
            unknown => panic!("{test}: {unknown}"),
        }
    }

    let listed = listed();
    let unlisted: Vec<_> = different.iter().filter(|(test, _)| !listed.contains(*test)).collect();
    assert!(unlisted.is_empty(), "not in the guide: {unlisted:#?}");
    let stale: Vec<_> = listed.iter().filter(|test| !different.contains_key(*test)).collect();
    assert!(stale.is_empty(), "in the guide, but they pass: {stale:#?}");
    assert_eq!(counted(), counts, "the counts in the guide");
}

fn results() -> Vec<Value> {
    let probe = Path::new(env!("CARGO_BIN_EXE_cloakroom-probe"));
    let output = Foreign::pyramid_tests(probe).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

/// Returns the path of the file with this test, such as `test_config.test_views.Class.test`.
fn file_of(test: &str) -> String {
    let parts: Vec<_> = test.split('.').collect();
    format!("tests/{}.py", parts[..parts.len() - 2].join("/"))
}

/// Returns the cells of the page's rows whose first cell begins with this text.
fn rows(start: &str) -> impl Iterator<Item = Vec<&'static str>> {
    let row = |line: &'static str| line.strip_prefix("| ")?.strip_suffix(" |").map(|row| row.split(" | ").collect());
    PAGE.lines().filter_map(row).filter(move |cells: &Vec<&str>| cells[0].starts_with(start))
}

/// Returns the tests that differ according to the page.
fn listed() -> BTreeSet<String> {
    let mut listed = BTreeSet::new();
    for cells in rows("`test_") {
        assert!(cells.len() == 2 && cells[1].len() > 20, "a reason for {}", cells[0]);
        for test in cells[0].split(", ") {
            let name = test.strip_prefix('`').and_then(|test| test.strip_suffix('`')).unwrap();
            assert!(listed.insert(name.to_owned()), "{name} twice");
        }
    }
    listed
}

/// Returns the counts on the page.
fn counted() -> BTreeMap<String, Counts> {
    let number = |cell: &str| cell.parse().unwrap();
    rows("`tests/")
        .map(|cells| (cells[0].trim_matches('`').to_owned(), [1, 2, 3].map(|at| number(cells[at]))))
        .collect()
}
