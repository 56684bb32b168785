//! The tables of the guide's page, between two marks.

use std::path::Path;

use crate::Fallible;
use crate::table::Table;

const BEGIN: &str = "<!-- begin: written by cargo xtask bench -->\n";
const END: &str = "<!-- end -->\n";

/// Puts the tables into the page. What is written around them is people's.
pub fn write(path: &Path, tables: &[Table]) -> Fallible<()> {
    let page = std::fs::read_to_string(path)?;
    let (Some((before, rest)), Some((_, after))) = (page.split_once(BEGIN), page.split_once(END)) else {
        return Err(format!("{} has no place for the tables: {BEGIN:?} and {END:?}", path.display()).into());
    };
    debug_assert!(rest.contains(END));
    std::fs::write(path, format!("{before}{BEGIN}{}\n{END}{after}", markdown(tables)))?;
    Ok(())
}

pub fn markdown(tables: &[Table]) -> String {
    tables.iter().map(Table::markdown).collect()
}
