//! The ratios on the page of results: other libraries' instructions as multiples of Cloakroom's.

use crate::table::{Best, Row, Table};

/// Ratios up to this one count as equal.
const EQUAL: f64 = 1.0;

/// The rows of the page of results. The page of requests has all.
const ROWS: [&str; 15] = [
    "memory-untouched",
    "memory-untouched-cookie",
    "memory-new",
    "memory-read",
    "memory-write",
    "signed-untouched",
    "signed-untouched-cookie",
    "signed-new",
    "signed-read",
    "signed-write",
    "encrypted-untouched",
    "encrypted-untouched-cookie",
    "encrypted-new",
    "encrypted-read",
    "encrypted-write",
];

/// Returns a table of some rows of all frameworks, and one of all rows in which another library
/// needs fewer instructions.
pub fn tables(multiples: &[Table]) -> Vec<Table> {
    let columns: Vec<String> = multiples.iter().flat_map(|table| names(table)).collect();
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    let mut some = Table::new("Instructions as multiples of Cloakroom's", "request", &columns, Best::None);
    some.decimals = 2;
    for row in ROWS {
        let cells = multiples.iter().flat_map(|table| cells_of(table, row));
        some.push(row, cells.collect());
    }
    let mut slower = Table::new("Rows in which another library is first", "request", &["share"], Best::None);
    slower.decimals = 2;
    for table in multiples {
        for row in &table.rows {
            for (name, ratio) in names(table).iter().zip(others(row)) {
                if let Some(ratio) = ratio.filter(|ratio| *ratio < EQUAL) {
                    slower.push(format!("{name}: {}", row.name), vec![vec![ratio]]);
                }
            }
        }
    }
    vec![some, slower]
}

/// The names of the other libraries, with their framework.
fn names(table: &Table) -> Vec<String> {
    let framework = table.title.split(':').next().unwrap_or_default();
    table
        .columns
        .iter()
        .skip(1)
        .map(|name| if name == framework { name.clone() } else { format!("{name} ({framework})") })
        .collect()
}

fn others(row: &Row) -> impl Iterator<Item = Option<f64>> {
    row.cells.iter().skip(1).map(|cell| cell.first().copied())
}

fn cells_of(table: &Table, row: &str) -> Vec<Vec<f64>> {
    match table.rows.iter().find(|it| it.name == row) {
        Some(row) => others(row).map(|ratio| ratio.into_iter().collect()).collect(),
        None => vec![Vec::new(); table.columns.len() - 1],
    }
}
