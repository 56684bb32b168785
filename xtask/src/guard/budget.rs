//! The file of budgets: a line for each row of the benchmark.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::outcome::Outcome;

const HEAD: &str = "# The budget of one round of a row's requests, including the cost of the framework. Written by `cargo xtask guard --renew`.\n\
    # row\tallocations\tbytes\tinstructions\n";
/// Pairs of rows, of which the second has ten times the keys.
const GROWTH: [(&str, &str); 2] = [
    ("axum/memory-read-100-keys", "axum/memory-read-1000-keys"),
    ("axum/memory-write-100-keys", "axum/memory-write-1000-keys"),
];

/// The measured or allowed cost of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cost {
    pub(crate) allocations: f64,
    pub(crate) bytes: f64,
    pub(crate) instructions: f64,
}

impl Cost {
    /// Returns each figure with its margin: averages have remainders, buffers grow depending on
    /// their contents, libraries select code by the processor, and an allocator takes up to 600
    /// instructions more per request if the heap of the process has another layout.
    fn figures(self) -> [(&'static str, f64, f64); 3] {
        [
            ("allocations", self.allocations, 0.5),
            ("bytes", self.bytes, 64.0 + self.bytes * 0.02),
            ("instructions", self.instructions, 300.0 + self.instructions * 0.05),
        ]
    }
}

/// Costs by row.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Budgets(BTreeMap<String, Cost>);

impl Budgets {
    pub(crate) fn new(rows: impl IntoIterator<Item = (String, Cost)>) -> Self {
        Self(rows.into_iter().collect())
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Describes each figure above its budget, and each row that only one side has.
    pub(crate) fn exceeded_by(&self, measured: &Self) -> Vec<String> {
        let mut complaints: Vec<String> = self
            .rows()
            .filter(|row| !measured.0.contains_key(*row))
            .map(|row| format!("{row} has a budget and was not measured"))
            .collect();
        for (row, cost) in &measured.0 {
            let Some(budget) = self.0.get(row) else {
                complaints.push(format!("{row} has no budget"));
                continue;
            };
            for ((what, allowed, margin), (_, figure, _)) in budget.figures().into_iter().zip(cost.figures()) {
                if figure > allowed + margin {
                    complaints.push(format!("{row}: {figure:.0} {what} where {allowed:.0} are allowed"));
                }
            }
        }
        complaints
    }

    /// Describes each row that costs more than `most` times the row with a tenth of the keys.
    pub(crate) fn growth(&self, most: f64) -> Vec<String> {
        let times = |small: &str, large: &str| Some(self.0.get(large)?.instructions / self.0.get(small)?.instructions);
        GROWTH
            .iter()
            .filter_map(|(small, large)| match times(small, large) {
                None => Some(format!("{small} or {large} was not measured")),
                Some(times) if times > most => {
                    Some(format!("{large} takes {times:.1} times the instructions of {small}; {most} are allowed"))
                }
                Some(_) => None,
            })
            .collect()
    }
}

impl fmt::Display for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        self.0.iter().try_for_each(|(row, cost)| {
            writeln!(f, "{row}\t{:.2}\t{:.0}\t{:.0}", cost.allocations, cost.bytes, cost.instructions)
        })
    }
}

impl FromStr for Budgets {
    type Err = String;

    fn from_str(text: &str) -> Outcome<Self> {
        let line = |line: &str| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [row, figures @ ..] = &fields[..] else { return Err(format!("not a budget: {line:?}")) };
            let figures: Result<Vec<f64>, _> = figures.iter().map(|it| it.parse()).collect();
            match figures.as_deref() {
                Ok([allocations, bytes, instructions]) => {
                    let cost = Cost { allocations: *allocations, bytes: *bytes, instructions: *instructions };
                    Ok(((*row).to_owned(), cost))
                }
                _ => Err(format!("not a budget: {line:?}")),
            }
        };
        text.lines().filter(|line| !line.starts_with('#')).map(line).collect::<Outcome<_>>().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::{Budgets, Cost};

    fn budgets(rows: &[(&str, f64, f64, f64)]) -> Budgets {
        let cost = |allocations, bytes, instructions| Cost { allocations, bytes, instructions };
        Budgets::new(rows.iter().map(|(row, a, b, i)| ((*row).to_owned(), cost(*a, *b, *i))))
    }

    #[test]
    fn budgets_survive_a_round_trip() {
        let some = budgets(&[("memory-read", 12.0, 2048.0, 14_666.0), ("signed-write", 30.25, 4096.0, 90_000.0)]);
        assert_eq!(some.to_string().parse(), Ok(some));
        assert!("memory-read\t12\n".parse::<Budgets>().unwrap_err().contains("memory-read"));
    }

    #[test]
    fn figures_above_the_budget_are_named() {
        let allowed = budgets(&[("read", 10.0, 1000.0, 10_000.0)]);
        let table = [
            ("the same", ("read", 10.0, 1000.0, 10_000.0), None),
            ("less", ("read", 3.0, 100.0, 100.0), None),
            ("within the margins", ("read", 10.4, 1080.0, 10_400.0), None),
            ("a heap with another layout", ("read", 10.0, 1000.0, 10_700.0), None),
            ("an allocation more", ("read", 11.0, 1000.0, 10_000.0), Some("read: 11 allocations where 10 are allowed")),
            ("more bytes", ("read", 10.0, 1200.0, 10_000.0), Some("read: 1200 bytes where 1000 are allowed")),
            (
                "more instructions",
                ("read", 10.0, 1000.0, 10_900.0),
                Some("read: 10900 instructions where 10000 are allowed"),
            ),
        ];
        for (name, measured, complaint) in table {
            let complaints = allowed.exceeded_by(&budgets(&[measured]));
            assert_eq!(complaints, complaint.into_iter().collect::<Vec<_>>(), "{name}");
        }
    }

    #[test]
    fn missing_and_new_rows_are_reported() {
        let complaints = budgets(&[("read", 1.0, 1.0, 1.0)]).exceeded_by(&budgets(&[("write", 1.0, 1.0, 1.0)]));
        assert_eq!(complaints, ["read has a budget and was not measured", "write has no budget"]);
    }

    #[test]
    fn rows_with_ten_times_the_keys_have_a_limit() {
        let rows = |large| {
            budgets(&[
                ("axum/memory-read-100-keys", 0.0, 0.0, 100.0),
                ("axum/memory-read-1000-keys", 0.0, 0.0, large),
                ("axum/memory-write-100-keys", 0.0, 0.0, 100.0),
                ("axum/memory-write-1000-keys", 0.0, 0.0, 1000.0),
            ])
        };
        assert!(rows(1000.0).growth(13.0).is_empty());
        assert_eq!(rows(2000.0).growth(13.0).len(), 1);
        assert_eq!(Budgets::default().growth(13.0).len(), 2);
    }
}
