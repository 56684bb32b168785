//! Tables of figures, for the page and the summary.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// The figure of a row that is printed in bold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Best {
    Lowest,
    Highest,
    /// No figure: the columns aren't compared.
    None,
}

/// The figures of a cell: one, several related ones, or none.
pub type Cell = Vec<f64>;

#[derive(Clone, Debug)]
pub struct Table {
    pub title: String,
    /// The meaning of the row names.
    pub rows_are: &'static str,
    pub columns: Vec<String>,
    pub rows: Vec<Row>,
    pub best: Best,
    pub decimals: usize,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub name: String,
    pub cells: Vec<Cell>,
    /// Marks the best figure in bold if set.
    compared: bool,
}

impl Table {
    pub fn new(title: impl Into<String>, rows_are: &'static str, columns: &[&str], best: Best) -> Self {
        let columns = columns.iter().map(|it| (*it).to_owned()).collect();
        Self { title: title.into(), rows_are, columns, rows: Vec::new(), best, decimals: 0 }
    }

    pub const fn with_decimals(mut self, decimals: usize) -> Self {
        self.decimals = decimals;
        self
    }

    /// Adds a row, unless it has no figures.
    pub fn push(&mut self, row: impl Into<String>, cells: Vec<Cell>) {
        if cells.iter().any(|cell| !cell.is_empty()) {
            self.rows.push(Row { name: row.into(), cells, compared: self.best != Best::None });
        }
    }

    /// Adds a row whose columns aren't compared.
    pub fn push_plain(&mut self, row: impl Into<String>, cells: Vec<Cell>) {
        self.rows.push(Row { name: row.into(), cells, compared: false });
    }

    /// Returns the figures as multiples of the first column, which is ours, without rows whose
    /// columns aren't compared.
    pub fn multiples(&self) -> Self {
        let title = format!("{}, as multiples of Cloakroom's", self.title);
        let mut multiples = Self { title, rows: Vec::new(), decimals: 1, ..self.clone() };
        for row in self.rows.iter().filter(|row| row.compared) {
            let ours = row.cells.first().and_then(|cell| cell.first()).copied();
            let others = row.cells.iter().filter(|cell| !cell.is_empty()).count();
            if let Some(ours) = ours.filter(|ours| *ours > 0.0 && others > 1) {
                let cells = row.cells.iter().map(|cell| cell.iter().map(|figure| figure / ours).collect()).collect();
                multiples.push(row.name.clone(), cells);
            }
        }
        multiples
    }

    pub fn markdown(&self) -> String {
        let mut text = format!("\n### {}\n\n", self.title);
        let _ = writeln!(
            text,
            "| {} | {} |\n|---|{}",
            self.rows_are,
            self.columns.join(" | "),
            "---|".repeat(self.columns.len())
        );
        for Row { name, cells, compared } in &self.rows {
            let best = if *compared { self.best_of(cells) } else { None };
            let cells: Vec<String> = cells.iter().map(|cell| self.cell(cell, best)).collect();
            let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
        }
        text
    }

    fn best_of(&self, cells: &[Cell]) -> Option<f64> {
        let firsts = cells.iter().filter_map(|cell| cell.first().copied());
        // A single figure is not marked as the best.
        if firsts.clone().count() < 2 {
            return None;
        }
        match self.best {
            Best::Lowest => firsts.reduce(f64::min),
            Best::Highest => firsts.reduce(f64::max),
            Best::None => None,
        }
    }

    fn cell(&self, cell: &[f64], best: Option<f64>) -> String {
        let figures: Vec<String> = cell.iter().map(|figure| format!("{figure:.*}", self.decimals)).collect();
        match cell.first() {
            None => "–".to_owned(),
            Some(first) if Some(*first) == best => format!("**{}**", figures.join(" / ")),
            Some(_) => figures.join(" / "),
        }
    }

    /// The machine-readable form.
    pub fn json(&self) -> Value {
        let round = |figure: &f64| (figure * 1000.0).round() / 1000.0;
        let row = |Row { name, cells, .. }: &Row| {
            let cells = self.columns.iter().zip(cells).filter(|(_, cell)| !cell.is_empty());
            let cells = cells.map(|(column, cell)| (column.clone(), cell.iter().map(round).collect::<Vec<_>>().into()));
            (name.clone(), cells.collect::<serde_json::Map<_, Value>>().into())
        };
        json!({"title": self.title, "rows": self.rows.iter().map(row).collect::<serde_json::Map<_, Value>>()})
    }
}
