//! The tables in the guide's pages, those of each part between two marks.

use std::path::Path;

use crate::fallible::Fallible;
use crate::table::Table;

/// The pages with tables. Each part has its marks in one of them.
const PAGES: [&str; 8] = [
    "benchmarks.md",
    "benchmarks-requests.md",
    "benchmarks-times.md",
    "benchmarks-concurrency.md",
    "benchmarks-stores.md",
    "benchmarks-scaling.md",
    "benchmarks-load.md",
    "benchmarks-build.md",
];

/// Replaces the tables of a part in the page that has its marks. The text around them is kept.
pub fn write(guide: &Path, part: &str, tables: &[Table]) -> Fallible<()> {
    let (begin, end) = (format!("<!-- begin: cargo xtask bench {part} -->\n"), format!("<!-- end: {part} -->\n"));
    for path in PAGES.map(|page| guide.join(page)) {
        let page = std::fs::read_to_string(&path)?;
        if let (Some((before, _)), Some((_, after))) = (page.split_once(&begin), page.split_once(&end)) {
            std::fs::write(path, format!("{before}{begin}{}\n{end}{after}", markdown(tables)))?;
            return Ok(());
        }
    }
    Err(format!("none of {PAGES:?} has a place for the tables of {part}: {begin:?} and {end:?}").into())
}

pub fn markdown(tables: &[Table]) -> String {
    tables.iter().map(Table::markdown).collect()
}
