//! The tables of the guide's page. Those of each part are between two markers.

use std::path::Path;

use crate::Fallible;
use crate::table::Table;

/// Writes the tables of a part into the page. The text around them is written by hand.
pub fn write(path: &Path, part: &str, tables: &[Table]) -> Fallible<()> {
    let (begin, end) = (format!("<!-- begin: cargo xtask bench {part} -->\n"), format!("<!-- end: {part} -->\n"));
    let page = std::fs::read_to_string(path)?;
    let (Some((before, _)), Some((_, after))) = (page.split_once(&begin), page.split_once(&end)) else {
        return Err(format!("{} has no place for the tables of {part}: {begin:?} and {end:?}", path.display()).into());
    };
    std::fs::write(path, format!("{before}{begin}{}\n{end}{after}", markdown(tables)))?;
    Ok(())
}

pub fn markdown(tables: &[Table]) -> String {
    tables.iter().map(Table::markdown).collect()
}
