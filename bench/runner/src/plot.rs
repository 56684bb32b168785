//! Bar charts of some rows, as SVG.

use std::fmt::Write as _;

use crate::contenders::CONTENDERS;
use crate::fallible::Fallible;
use crate::table::{Row, Table};

/// A chart of some rows of one table.
pub struct Plot {
    pub file: &'static str,
    /// The part with the table.
    pub part: &'static str,
    title: &'static str,
    /// The table's title.
    table: &'static str,
    rows: &'static [&'static str],
}

pub const PLOTS: &[Plot] = &[
    Plot {
        file: "instructions-memory",
        part: "requests",
        title: "Instructions per request over none, sessions in memory",
        table: "Instructions",
        rows: &["memory-untouched-cookie", "memory-read", "memory-write"],
    },
    Plot {
        file: "instructions-cookies",
        part: "requests",
        title: "Instructions per request over none, sessions in cookies",
        table: "Instructions",
        rows: &["signed-read", "signed-write", "encrypted-read", "encrypted-write"],
    },
    Plot {
        file: "throughput",
        part: "load",
        title: "Requests per second over loopback, 32 connections",
        table: "Requests per second over loopback",
        rows: &["memory, 32", "encrypted, 32", "redis, 32", "valkey, 32", "postgres, 32", "sqlite, 32"],
    },
    Plot {
        file: "allocations",
        part: "requests",
        title: "Allocations per request over none",
        table: "Allocations",
        rows: &["memory-untouched-cookie", "memory-read", "memory-write", "encrypted-write"],
    },
];

const LABEL: f64 = 190.0;
const WIDTH: f64 = 420.0;
const LINE: f64 = 18.0;

/// Draws the bars, grouped by row, with ours in a different colour.
pub fn bars(plot: &Plot, tables: &[Table]) -> Fallible<String> {
    let table =
        tables.iter().find(|it| it.title == plot.table).ok_or_else(|| format!("there is no table {:?}", plot.table))?;
    let mut shapes = String::new();
    let all: Vec<_> = table.rows.iter().filter(|row| plot.rows.contains(&row.name.as_str())).collect();
    let figures = all.iter().flat_map(|row| &row.cells).filter_map(|cell| cell.first().copied());
    let most = figures.fold(1.0, f64::max);
    let mut y = 44.0;
    for Row { name: row, cells, .. } in all {
        let _ = writeln!(shapes, r#"<text x="8" y="{y}" font-weight="bold">{row}</text>"#);
        y += 6.0;
        for (name, cell) in table.columns.iter().zip(cells) {
            let Some(value) = cell.first().copied().filter(|value| *value > 0.0) else { continue };
            let (width, text) = (value / most * WIDTH, y + LINE - 5.0);
            let colour = if *name == CONTENDERS[0].name { "#1f6f54" } else { "#b9c4bf" };
            let _ = writeln!(shapes, r#"<text x="20" y="{text}">{name}</text>"#);
            let _ = writeln!(
                shapes,
                r#"<rect x="{LABEL}" y="{}" width="{width:.1}" height="{}" fill="{colour}"/>"#,
                y + 2.0,
                LINE - 4.0
            );
            let _ = writeln!(shapes, r#"<text x="{:.1}" y="{text}">{value:.0}</text>"#, LABEL + width + 5.0);
            y += LINE;
        }
        y += LINE;
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {y:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"20\" font-size=\"15\">{}</text>\n{shapes}</svg>\n",
        LABEL + WIDTH + 70.0,
        plot.title
    ))
}
