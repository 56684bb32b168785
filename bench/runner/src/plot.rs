//! Bars of a few rows, as SVG.

use std::fmt::Write as _;

use bench_harness::rows;

use crate::CONTENDERS;
use crate::measure::{Measured, Unit};

/// A picture: a few rows of one unit.
pub struct Plot {
    pub file: &'static str,
    title: &'static str,
    unit: Unit,
    rows: &'static [&'static str],
}

pub const PLOTS: &[Plot] = &[
    Plot {
        file: "instructions-memory",
        title: "Instructions per request over none, sessions in memory",
        unit: Unit::Instructions,
        rows: &["memory-untouched-cookie", "memory-read", "memory-write"],
    },
    Plot {
        file: "instructions-cookies",
        title: "Instructions per request over none, sessions in cookies",
        unit: Unit::Instructions,
        rows: &["signed-read", "signed-write", "encrypted-read", "encrypted-write"],
    },
    Plot {
        file: "allocations",
        title: "Allocations per request over none",
        unit: Unit::Allocations,
        rows: &["memory-untouched-cookie", "memory-read", "memory-write", "encrypted-write"],
    },
];

const LABEL: f64 = 190.0;
const WIDTH: f64 = 420.0;
const LINE: f64 = 18.0;

/// The bars, grouped by row; ours in another colour.
pub fn bars(plot: &Plot, measured: &Measured) -> String {
    let mut shapes = String::new();
    let all = || rows().filter(|row| plot.rows.contains(&row.name));
    let value = |contender, row| measured.over_none(contender, row, plot.unit).filter(|value| *value > 0.0);
    let most = all().flat_map(|row| CONTENDERS.iter().filter_map(move |it| value(it.name, row))).fold(1.0, f64::max);
    let mut y = 44.0;
    for row in all() {
        let _ = writeln!(shapes, r#"<text x="8" y="{y}" font-weight="bold">{}</text>"#, row.name);
        y += 6.0;
        for contender in CONTENDERS {
            let Some(value) = value(contender.name, row) else { continue };
            let (width, text) = (value / most * WIDTH, y + LINE - 5.0);
            let colour = if contender.name == CONTENDERS[0].name { "#1f6f54" } else { "#b9c4bf" };
            let _ = writeln!(shapes, r#"<text x="20" y="{text}">{}</text>"#, contender.name);
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
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0} {y:.0}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"20\" font-size=\"15\">{}</text>\n{shapes}</svg>\n",
        LABEL + WIDTH + 70.0,
        plot.title
    )
}
