//! Finds the circles in the ties between files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::names::Ties;

/// Returns each largest set of files in which every file leads to every other.
pub(super) fn circles(ties: &Ties) -> BTreeSet<BTreeSet<PathBuf>> {
    let mut next: BTreeMap<&Path, Vec<&Path>> = BTreeMap::new();
    for (user, definer) in ties.keys() {
        next.entry(user).or_default().push(definer);
    }
    let reached: BTreeMap<&Path, BTreeSet<&Path>> = next.keys().map(|file| (*file, reachable(file, &next))).collect();
    let leads = |from: &Path, to: &Path| reached.get(from).is_some_and(|files| files.contains(to));
    let in_circles = next.keys().filter(|file| leads(file, file));
    in_circles
        .map(|file| {
            let all = next.keys().filter(|other| leads(file, other) && leads(other, file));
            all.map(|other| other.to_path_buf()).collect()
        })
        .collect()
}

/// Returns the files that a file leads to, directly or through others.
fn reachable<'a>(file: &'a Path, next: &BTreeMap<&'a Path, Vec<&'a Path>>) -> BTreeSet<&'a Path> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![file];
    while let Some(file) = waiting.pop() {
        for other in next.get(file).into_iter().flatten() {
            if found.insert(*other) {
                waiting.push(other);
            }
        }
    }
    found
}
