//! Tables of figures, for the page and the summary.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::contenders::{CONTENDERS, Framework};

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
    /// The lost updates of [`WRITERS`](crate::races::WRITERS) concurrent ones, by contender, in a
    /// row that writes.
    lost: Lost,
}

/// Lost updates by contender. Empty in a row that doesn't write.
pub type Lost = Vec<Option<i32>>;

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
        self.push_writing(row, cells, Lost::new());
    }

    /// Adds a row of requests that write, with the updates that each contender loses. A library may
    /// be faster because it loses updates, so the row says so.
    pub fn push_writing(&mut self, row: impl Into<String>, cells: Vec<Cell>, lost: Lost) {
        if cells.iter().any(|cell| !cell.is_empty()) {
            self.rows.push(Row { name: row.into(), cells, compared: self.best != Best::None, lost });
        }
    }

    /// Adds a row whose columns aren't compared.
    pub fn push_plain(&mut self, row: impl Into<String>, cells: Vec<Cell>) {
        self.rows.push(Row { name: row.into(), cells, compared: false, lost: Lost::new() });
    }

    /// Splits a table whose first columns are the contenders: one table for each framework on which
    /// Cloakroom runs, with the remaining columns in each.
    pub fn by_framework(&self) -> Vec<Self> {
        Framework::ALL.into_iter().filter(|it| it.has_ours()).map(|it| self.of_framework(it)).collect()
    }

    fn of_framework(&self, framework: Framework) -> Self {
        let mut places = framework.places();
        places.extend(CONTENDERS.len()..self.columns.len());
        let columns: Vec<&str> = places.iter().map(|place| self.columns[*place].as_str()).collect();
        let title = format!("{}: {}", framework.as_str(), self.title);
        let mut table = Self::new(title, self.rows_are, &columns, self.best).with_decimals(self.decimals);
        for row in &self.rows {
            let cells: Vec<Cell> = places.iter().map(|place| row.cells[*place].clone()).collect();
            if cells.iter().any(|cell| !cell.is_empty()) {
                let lost = places.iter().filter_map(|place| row.lost.get(*place).copied()).collect();
                table.rows.push(Row { name: row.name.clone(), cells, compared: row.compared, lost });
            }
        }
        table
    }

    /// Returns the figures as multiples of the first column, which is ours, without rows whose
    /// columns aren't compared.
    pub fn multiples(&self) -> Self {
        let title = format!("{}, as multiples of Cloakroom's", self.title);
        let mut multiples = Self { title, rows: Vec::new(), decimals: 2, ..self.clone() };
        for row in self.rows.iter().filter(|row| row.compared) {
            let ours = row.cells.first().and_then(|cell| cell.first()).copied();
            let others = row.cells.iter().filter(|cell| !cell.is_empty()).count();
            if let Some(ours) = ours.filter(|ours| *ours > 0.0 && others > 1) {
                let cells = row.cells.iter().map(|cell| cell.iter().map(|figure| figure / ours).collect()).collect();
                multiples.push_writing(row.name.clone(), cells, row.lost.clone());
            }
        }
        multiples
    }

    pub fn markdown(&self) -> String {
        let mut columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let writes = self.rows.iter().any(|row| !row.lost.is_empty());
        if writes {
            columns.push("lost of 100 updates");
        }
        let mut text = format!("\n### {}\n\n", self.title);
        let _ =
            writeln!(text, "| {} | {} |\n|---|{}", self.rows_are, columns.join(" | "), "---|".repeat(columns.len()));
        for Row { name, cells, compared, lost } in &self.rows {
            let best = if *compared { self.best_of(cells) } else { None };
            let mut cells: Vec<String> = cells.iter().map(|cell| self.cell(cell, best)).collect();
            if writes {
                cells.push(losses(lost));
            }
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

/// The lost updates in the order of the columns.
fn losses(lost: &Lost) -> String {
    let figures: Vec<String> = lost.iter().map(|lost| lost.map_or("–".to_owned(), |lost| lost.to_string())).collect();
    figures.join(" / ")
}
