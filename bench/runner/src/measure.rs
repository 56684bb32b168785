//! Runs the programs and keeps what they print.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use bench_harness::{Row, rows};
use serde_json::{Value, json};

use crate::{CONTENDERS, Fallible};

/// What is measured of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    Instructions,
    Allocations,
    Bytes,
    Nanoseconds,
}

impl Unit {
    pub const ALL: [Self; 4] = [Self::Instructions, Self::Allocations, Self::Bytes, Self::Nanoseconds];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Allocations => "allocations",
            Self::Bytes => "bytes allocated",
            Self::Nanoseconds => "nanoseconds",
        }
    }
}

/// How many sessions begin in memory while the process is watched.
const SESSIONS: u32 = 100_000;

/// How long it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// For a look: figures of time are rough.
    Quick,
    Full,
}

impl Effort {
    /// Rounds of turns, and in each the batches and the requests of a batch.
    const fn turns(self) -> (usize, u32, u32) {
        match self {
            Self::Quick => (3, 3, 200),
            Self::Full => (9, 10, 1000),
        }
    }

    /// The instructions of a row are the difference of two runs, divided by the requests that the second makes more.
    const fn counted(self) -> (u32, u32) {
        match self {
            Self::Quick => (20, 120),
            Self::Full => (100, 600),
        }
    }
}

/// All figures, by contender, row and unit, for one round of the row's requests.
#[derive(Debug, Default)]
pub struct Measured {
    rows: BTreeMap<(&'static str, &'static str, Unit), f64>,
    /// Bytes that the process grows by for each session in memory, by contender.
    memory: BTreeMap<&'static str, f64>,
}

impl Measured {
    pub fn all(programs: &Path, effort: Effort) -> Fallible<Self> {
        let mut measured = Self::default();
        measured.memory(programs)?;
        measured.allocations(programs)?;
        measured.times(programs, effort)?;
        measured.instructions(programs, effort)?;
        Ok(measured)
    }

    /// A figure beyond what the same program takes without sessions.
    pub fn over_none(&self, contender: &'static str, row: &Row, unit: Unit) -> Option<f64> {
        self.rows.get(&(contender, row.name, unit)).copied()
    }

    /// Bytes for each session in memory, if this contender keeps them there.
    pub fn memory_of(&self, contender: &str) -> Option<f64> {
        self.memory.get(contender).copied()
    }

    fn memory(&mut self, programs: &Path) -> Fallible<()> {
        for (contender, program) in pairs() {
            let lines = run_args(&programs.join(program), &["memory", &SESSIONS.to_string()])?;
            let bytes = figures(&lines, 1)?.into_values().next();
            self.memory.extend(bytes.map(|bytes| (contender, bytes / f64::from(SESSIONS))));
        }
        Ok(())
    }

    fn allocations(&mut self, programs: &Path) -> Fallible<()> {
        for (contender, program) in pairs() {
            let lines = run(Command::new(programs.join(format!("{program}-allocations"))))?;
            self.keep(contender, Unit::Allocations, &figures(&lines, 1)?);
            self.keep(contender, Unit::Bytes, &figures(&lines, 2)?);
        }
        Ok(())
    }

    fn times(&mut self, programs: &Path, effort: Effort) -> Fallible<()> {
        let (turns, rounds, batch) = effort.turns();
        let mut all: BTreeMap<&str, Vec<BTreeMap<String, f64>>> = BTreeMap::new();
        for _ in 0..turns {
            for (_, program) in pairs() {
                let mut command = Command::new(programs.join(program));
                command.args(["time", &batch.to_string(), &rounds.to_string()]);
                all.entry(program).or_default().push(figures(&run(command)?, 1)?);
            }
        }
        for (contender, program) in pairs() {
            let turns = &all[program];
            let median = |row: &String| {
                let mut values: Vec<f64> = turns.iter().map(|turn| turn[row]).collect();
                values.sort_by(f64::total_cmp);
                (row.clone(), values[values.len() / 2])
            };
            self.keep(contender, Unit::Nanoseconds, &turns[0].keys().map(median).collect());
        }
        Ok(())
    }

    fn instructions(&mut self, programs: &Path, effort: Effort) -> Fallible<()> {
        if Command::new("valgrind").arg("--version").output().is_err() {
            eprintln!("no valgrind: instructions aren't counted");
            return Ok(());
        }
        let (few, many) = effort.counted();
        for (contender, program) in pairs() {
            let path = programs.join(program);
            let mut counted = BTreeMap::new();
            for name in run_args(&path, &["rows"])?.lines() {
                let difference = callgrind(&path, name, many)? - callgrind(&path, name, few)?;
                counted.insert(name.to_owned(), difference / f64::from(many - few));
            }
            self.keep(contender, Unit::Instructions, &counted);
        }
        Ok(())
    }

    /// Keeps what goes beyond the same program's rows without sessions, and those rows as they are.
    fn keep(&mut self, contender: &'static str, unit: Unit, figures: &BTreeMap<String, f64>) {
        for row in rows() {
            let (Some(value), Some(none)) = (figures.get(row.name), figures.get(row.baseline())) else { continue };
            let none = if row.name.starts_with("none") { 0.0 } else { none * row.steps.len() as f64 };
            self.rows.entry((contender, row.name, unit)).or_insert(value - none);
        }
    }

    /// For programs that read it.
    pub fn summary(&self) -> Value {
        let figures: Vec<Value> = self
            .rows
            .iter()
            .map(|((contender, row, unit), value)| {
                json!({"contender": contender, "row": row, "unit": unit.as_str(), "value": (value * 100.0).round() / 100.0})
            })
            .collect();
        json!({"over": "the same application without sessions; rows named `none…` as they are", "figures": figures,
               "bytes of memory for each session": self.memory})
    }
}

fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    CONTENDERS.iter().flat_map(|it| it.programs.iter().map(|program| (it.name, *program)))
}

/// The figures in one column of what a program printed, by row.
fn figures(lines: &str, column: usize) -> Fallible<BTreeMap<String, f64>> {
    let mut figures = BTreeMap::new();
    for line in lines.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let (Some(row), Some(value)) = (fields.first(), fields.get(column)) else { return Err(line.into()) };
        figures.insert((*row).to_owned(), value.parse()?);
    }
    Ok(figures)
}

fn run_args(program: &Path, arguments: &[&str]) -> Fallible<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    run(command)
}

fn run(mut command: Command) -> Fallible<String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// How many instructions a run takes, as valgrind counts them.
fn callgrind(program: &Path, row: &str, count: u32) -> Fallible<f64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(program).args(["run", row, &count.to_string()]);
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said.lines().find_map(|line| line.split("Collected :").nth(1));
    let total = collected.ok_or_else(|| format!("{command:?} counted nothing:\n{said}"))?;
    Ok(total.trim().parse()?)
}
