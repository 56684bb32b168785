//! The names in the root of the crate are chosen one by one. This test counts them, so that the
//! root cannot grow unnoticed.

use std::collections::BTreeSet;

const ROOT: &str = include_str!("../src/lib.rs");

/// The most names that the root may re-export.
const MOST: usize = 60;

/// The public modules, each for one task.
const MODULES: [&str; 11] =
    ["actix", "adapter", "axum", "bridge", "config", "factory", "guide", "poem", "rocket", "store", "tower"];

/// Returns the items of the crate's root: statements and modules at the start of a line.
fn root_items(source: &str, start: &str) -> Vec<String> {
    let statement = |at: usize| source[at + start.len()..].split([';', '{']).next().unwrap().trim().to_owned();
    let tree = |at: usize| source[at + start.len()..].split(';').next().unwrap().to_owned();
    let places = source.match_indices(start).map(|(at, _)| at);
    let places = places.filter(|at| *at == 0 || source.as_bytes()[at - 1] == b'\n');
    places.map(|at| if start == "pub use " { tree(at) } else { statement(at) }).collect()
}

/// Returns the names of a use tree. A glob is the name `*`.
fn names(tree: &str) -> Vec<String> {
    let list = tree.split_once('{').map_or(tree, |(_, list)| list.trim_end().trim_end_matches('}'));
    assert!(!list.contains('{'), "a nested list: {tree}");
    let last = |path: &str| path.rsplit("::").next().unwrap().rsplit(" as ").next().unwrap().trim().to_owned();
    list.split(',').map(str::trim).filter(|path| !path.is_empty()).map(last).collect()
}

fn root_names(source: &str) -> Vec<String> {
    root_items(source, "pub use ").iter().flat_map(|tree| names(tree)).collect()
}

#[test]
fn the_root_has_few_names_and_no_globs() {
    let names = root_names(ROOT);
    assert!(names.len() > 40, "only {} names were found", names.len());
    assert!(!names.iter().any(|name| name == "*"), "the root re-exports a glob: its names must be chosen one by one");
    assert!(names.len() <= MOST, "the root has {} names; put those of extensions into their modules", names.len());
    let different: BTreeSet<&String> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "a name is listed twice");
}

#[test]
fn each_module_is_known() {
    let mut modules = root_items(ROOT, "pub mod ");
    modules.sort_unstable();
    assert_eq!(modules, MODULES);
}

#[test]
fn names_in_modules_are_not_counted() {
    let source =
        "pub use a::{B, c as D, e::F};\npub use g::H;\nmod i;\npub mod j {\n    pub use k::*;\n}\npub use l::*;\n";
    assert_eq!(root_names(source), ["B", "D", "F", "H", "*"]);
    assert_eq!(root_items(source, "pub mod "), ["j"]);
}
