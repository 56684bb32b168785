//! The tables of the guide's page, between two marks.

use std::fmt::Write as _;
use std::path::Path;

use bench_harness::rows;

use crate::measure::{Measured, Unit};
use crate::{CONTENDERS, Fallible};

const BEGIN: &str = "<!-- begin: written by cargo xtask bench -->\n";
const END: &str = "<!-- end -->\n";

/// Puts the tables into the page. What is written around them is people's.
pub fn write(path: &Path, measured: &Measured) -> Fallible<()> {
    let page = std::fs::read_to_string(path)?;
    let (Some((before, rest)), Some((_, after))) = (page.split_once(BEGIN), page.split_once(END)) else {
        return Err(format!("{} has no place for the tables: {BEGIN:?} and {END:?}", path.display()).into());
    };
    debug_assert!(rest.contains(END));
    std::fs::write(path, format!("{before}{BEGIN}{}{END}{after}", tables(measured)))?;
    Ok(())
}

/// One table for each unit: a row for each kind of request, a column for each contender, the best in bold.
pub fn tables(measured: &Measured) -> String {
    let mut text = String::new();
    for unit in Unit::ALL {
        let _ = writeln!(text, "\n### {}\n", capital(unit.as_str()));
        let names: Vec<&str> = CONTENDERS.iter().map(|it| it.name).collect();
        let _ = writeln!(text, "| request | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
        for row in rows() {
            let values: Vec<Option<f64>> = CONTENDERS.iter().map(|it| measured.over_none(it.name, row, unit)).collect();
            if values.iter().all(Option::is_none) {
                continue;
            }
            let best = values.iter().flatten().copied().fold(f64::INFINITY, f64::min);
            let cell = |value: &Option<f64>| match value {
                None => "–".to_owned(),
                Some(value) if *value == best && !row.name.starts_with("none") => format!("**{value:.0}**"),
                Some(value) => format!("{value:.0}"),
            };
            let cells: Vec<String> = values.iter().map(cell).collect();
            let _ = writeln!(text, "| {} | {} |", row.name, cells.join(" | "));
        }
    }
    let _ = writeln!(text, "\n### Memory\n\n| | bytes for each session |\n|---|---|");
    for contender in CONTENDERS {
        if let Some(bytes) = measured.memory_of(contender.name) {
            let _ = writeln!(text, "| {} | {bytes:.0} |", contender.name);
        }
    }
    text.push('\n');
    text
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
