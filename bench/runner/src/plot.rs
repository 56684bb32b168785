//! Bar charts of some rows, as SVG.

use std::fmt::Write as _;

use crate::contenders::OURS;
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

/// The rows of the charts of requests.
const REQUESTS: &[&str] = &[
    "memory-untouched-cookie",
    "memory-new",
    "memory-read",
    "memory-write",
    "encrypted-new",
    "encrypted-read",
    "encrypted-write",
];
const LOAD: &[&str] = &["memory, 32", "encrypted, 32", "redis, 32", "valkey, 32", "postgres, 32", "sqlite, 32"];

macro_rules! plots {
    ($part:literal, $rows:expr, $title:literal, $table:literal: $($file:literal on $framework:literal),*) => {
        [$(Plot {
            file: $file,
            part: $part,
            title: concat!($framework, ": ", $title),
            table: concat!($framework, ": ", $table),
            rows: $rows,
        }),*]
    };
}

static INSTRUCTIONS: [Plot; 4] = plots!(
    "requests", REQUESTS, "instructions per request beyond those without sessions", "Instructions":
    "instructions-axum" on "axum", "instructions-actix" on "actix-web", "instructions-poem" on "poem",
    "instructions-salvo" on "salvo"
);
static ALLOCATIONS: [Plot; 4] = plots!(
    "requests", REQUESTS, "allocations per request beyond those without sessions", "Allocations":
    "allocations-axum" on "axum", "allocations-actix" on "actix-web", "allocations-poem" on "poem",
    "allocations-salvo" on "salvo"
);
static THROUGHPUT: [Plot; 4] = plots!(
    "load", LOAD, "requests per second, 32 connections", "Requests per second over loopback":
    "throughput-axum" on "axum", "throughput-actix" on "actix-web", "throughput-poem" on "poem",
    "throughput-salvo" on "salvo"
);

/// Returns the charts of a part.
pub fn plots(part: &str) -> impl Iterator<Item = &'static Plot> {
    INSTRUCTIONS.iter().chain(&ALLOCATIONS).chain(&THROUGHPUT).filter(move |plot| plot.part == part)
}

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
            let colour = if *name == OURS { "#1f6f54" } else { "#b9c4bf" };
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
