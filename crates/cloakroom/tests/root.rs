//! The names in the root of the crate are chosen one by one. This test counts them, so that the
//! root cannot grow unnoticed.

use std::collections::BTreeSet;

const ROOT: &str = include_str!("../src/lib.rs");

/// The most names that the root may re-export. A new store adds one.
const MOST: usize = 61;

/// The public modules, each for one task.
const MODULES: [&str; 12] = [
    "adapter",
    "bridge",
    "config",
    "factory",
    "for_actix",
    "for_axum",
    "for_poem",
    "for_rocket",
    "for_salvo",
    "for_tower",
    "guide",
    "store",
];

/// Returns the texts behind `start` at the beginning of a line, up to `end`.
fn root_items(source: &str, start: &str, end: &[char]) -> Vec<String> {
    let source = format!("\n{source}");
    source
        .split(&format!("\n{start}"))
        .skip(1)
        .filter_map(|it| it.split(end).next())
        .map(|it| it.trim().to_owned())
        .collect()
}

/// Returns the names of a use tree. A glob is the name `*`.
fn names(tree: &str) -> Vec<String> {
    let list = tree.split_once('{').map_or(tree, |(_, list)| list.trim_end().trim_end_matches('}'));
    assert!(!list.contains('{'), "a nested list: {tree}");
    let name = |path: &str| path.rsplit([':', ' ']).next().unwrap_or_default().to_owned();
    list.split(',').map(str::trim).filter(|path| !path.is_empty()).map(name).collect()
}

fn root_names(source: &str) -> Vec<String> {
    root_items(source, "pub use ", &[';']).iter().flat_map(|tree| names(tree)).collect()
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
    let mut modules = root_items(ROOT, "pub mod ", &[';', '{']);
    modules.sort_unstable();
    assert_eq!(modules, MODULES);
}

#[test]
fn names_in_modules_are_not_counted() {
    let source =
        "pub use a::{B, c as D, e::F};\npub use g::H;\nmod i;\npub mod j {\n    pub use k::*;\n}\npub use l::*;\n";
    assert_eq!(root_names(source), ["B", "D", "F", "H", "*"]);
    assert_eq!(root_items(source, "pub mod ", &[';', '{']), ["j"]);
}
