//! Runs the programs and collects their output.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use bench_harness::{Row, rows};

use crate::contenders::{CONTENDERS, names};
use crate::effort::Effort;
use crate::fallible::Fallible;
use crate::median::median;
use crate::table::{Best, Lost, Table};

/// A measured quantity of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unit {
    Instructions,
    Allocations,
    Bytes,
    Nanoseconds,
}

impl Unit {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Instructions => "Instructions",
            Self::Allocations => "Allocations",
            Self::Bytes => "Bytes allocated",
            Self::Nanoseconds => "Nanoseconds",
        }
    }
}

/// The number of sessions created in memory to measure the growth of the process.
const SESSIONS: u32 = 100_000;

/// The lost updates by storage.
pub type LostBy = BTreeMap<&'static str, Lost>;

/// All figures, by the contender's place, row and unit, for one round of the row's requests.
#[derive(Debug, Default)]
pub struct Measured {
    rows: BTreeMap<(usize, &'static str, Unit), f64>,
    /// The growth of the process in bytes for each session in memory, by contender.
    memory: BTreeMap<usize, f64>,
}

impl Measured {
    /// Measures everything that doesn't depend on the speed of the machine.
    pub fn counts(programs: &Path) -> Fallible<Self> {
        let mut measured = Self::default();
        measured.memory(programs)?;
        measured.allocations(programs)?;
        measured.instructions(programs)?;
        Ok(measured)
    }

    /// Measures the time of requests.
    pub fn durations(programs: &Path, effort: Effort) -> Fallible<Self> {
        let mut measured = Self::default();
        measured.times(programs, effort)?;
        Ok(measured)
    }

    /// Returns a figure minus that of the same program without sessions.
    pub fn over_none(&self, contender: usize, row: &Row, unit: Unit) -> Option<f64> {
        self.rows.get(&(contender, row.name, unit)).copied()
    }

    fn memory(&mut self, programs: &Path) -> Fallible<()> {
        for (contender, program) in pairs(programs) {
            let lines = run_args(&programs.join(program), &["memory", &SESSIONS.to_string()])?;
            let bytes = figures(&lines, 1)?.into_values().next();
            self.memory.extend(bytes.map(|bytes| (contender, bytes / f64::from(SESSIONS))));
        }
        Ok(())
    }

    fn allocations(&mut self, programs: &Path) -> Fallible<()> {
        for (contender, program) in pairs(programs) {
            let lines = run(Command::new(programs.join(format!("{program}-allocations"))))?;
            self.record(contender, Unit::Allocations, &figures(&lines, 1)?);
            self.record(contender, Unit::Bytes, &figures(&lines, 2)?);
        }
        Ok(())
    }

    fn times(&mut self, programs: &Path, effort: Effort) -> Fallible<()> {
        let (turns, rounds, batch) = effort.turns();
        let mut all: BTreeMap<&str, Vec<BTreeMap<String, f64>>> = BTreeMap::new();
        for _ in 0..turns {
            for (_, program) in pairs(programs) {
                let mut command = Command::new(programs.join(program));
                command.args(["time", &batch.to_string(), &rounds.to_string()]);
                all.entry(program).or_default().push(figures(&run(command)?, 1)?);
            }
        }
        for (contender, program) in pairs(programs) {
            let turns = &all[program];
            let median = |row: &String| (row.clone(), median(turns.iter().map(|turn| turn[row])));
            self.record(contender, Unit::Nanoseconds, &turns[0].keys().map(median).collect());
        }
        Ok(())
    }

    fn instructions(&mut self, programs: &Path) -> Fallible<()> {
        if Command::new("valgrind").arg("--version").output().is_err() {
            eprintln!("valgrind not found: instructions are not counted");
            return Ok(());
        }
        for (contender, program) in pairs(programs) {
            let counted = instructions_of(&programs.join(program), Effort::counted())?;
            self.record(contender, Unit::Instructions, &counted);
        }
        Ok(())
    }

    /// Stores the difference to the same program's rows without sessions, and those rows unchanged.
    fn record(&mut self, contender: usize, unit: Unit, figures: &BTreeMap<String, f64>) {
        for row in rows() {
            let (Some(value), Some(none)) = (figures.get(row.name), figures.get(row.baseline())) else { continue };
            let none = if row.name.starts_with("none") { 0.0 } else { none * row.steps.len() as f64 };
            self.rows.entry((contender, row.name, unit)).or_insert(value - none);
        }
    }

    /// Returns the tables of [`Measured::counts`]: one for each unit, and one for memory.
    pub fn counted(&self, lost: &LostBy) -> Vec<Table> {
        let units = [Unit::Instructions, Unit::Allocations, Unit::Bytes];
        let mut tables: Vec<Table> = units.into_iter().flat_map(|unit| self.table(unit, lost).by_framework()).collect();
        let mut memory = Table::new("Bytes of memory per session", "", &names(), Best::Lowest);
        memory.push(
            "memory",
            (0..CONTENDERS.len()).map(|it| self.memory.get(&it).copied().into_iter().collect()).collect(),
        );
        tables.extend(memory.by_framework());
        tables
    }

    /// Returns the instructions as multiples of Cloakroom's, for each framework.
    pub fn multiples(&self, lost: &LostBy) -> Vec<Table> {
        self.table(Unit::Instructions, lost).by_framework().iter().map(Table::multiples).collect()
    }

    /// Returns the tables of [`Measured::durations`].
    pub fn timed(&self, lost: &LostBy) -> Vec<Table> {
        let tables = self.table(Unit::Nanoseconds, lost).by_framework();
        let multiples: Vec<Table> = tables.iter().map(Table::multiples).collect();
        tables.into_iter().chain(multiples).collect()
    }

    fn table(&self, unit: Unit, lost: &LostBy) -> Table {
        let mut table = Table::new(unit.as_str(), "request", &names(), Best::Lowest);
        for row in rows() {
            let cells = (0..CONTENDERS.len()).map(|it| self.over_none(it, row, unit).into_iter().collect()).collect();
            let lost = lost.get(row.storage.as_str()).filter(|_| row.writes()).cloned().unwrap_or_default();
            // Without sessions only the frameworks differ.
            if row.name.starts_with("none") {
                table.push_plain(row.name, cells);
            } else {
                table.push_writing(row.name, cells, lost);
            }
        }
        table
    }
}

/// The programs of the contenders that appear in tables, with the contender's place. A program that
/// wasn't built has no figures.
fn pairs(programs: &Path) -> impl Iterator<Item = (usize, &'static str)> {
    let all = CONTENDERS.iter().enumerate().filter(|(_, it)| it.framework.has_ours());
    let all = all.flat_map(|(place, it)| it.programs.iter().map(move |program| (place, *program)));
    all.filter(|(_, program)| {
        let there = programs.join(program).is_file();
        if !there {
            eprintln!("bench: {program} wasn't built, and is left out");
        }
        there
    })
}

/// Parses one column of a program's output, by row.
fn figures(lines: &str, column: usize) -> Fallible<BTreeMap<String, f64>> {
    let mut figures = BTreeMap::new();
    for line in lines.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let (Some(row), Some(value)) = (fields.first(), fields.get(column)) else { return Err(line.into()) };
        figures.insert((*row).to_owned(), value.parse()?);
    }
    Ok(figures)
}

/// Parses a line: a count in the first column, followed by figures.
pub fn columns(line: &str) -> Fallible<(u32, Vec<f64>)> {
    let mut fields = line.split('\t');
    let count = fields.next().unwrap_or_default().parse()?;
    Ok((count, fields.map(str::parse).collect::<Result<_, _>>()?))
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

/// Counts the instructions of one round of each row of a program. The counts of a program that was
/// not built again since are kept in a file next to it, because counting takes minutes.
fn instructions_of(program: &Path, runs: (u32, u32)) -> Fallible<BTreeMap<String, f64>> {
    let kept = program.with_extension("counts");
    let is_newer = |file: &Path| Fallible::Ok(file.metadata()?.modified()? > program.metadata()?.modified()?);
    if kept.is_file() && is_newer(&kept)? {
        return figures(&std::fs::read_to_string(&kept)?, 1);
    }
    let names = run_args(program, &["rows"])?;
    let names: Vec<&str> = names.lines().collect();
    // Run two at a time: counting isn't affected, and every development machine has at least two
    // cores.
    let (left, right) = names.split_at(names.len() / 2);
    let (left, right) = std::thread::scope(|scope| {
        let left = scope.spawn(|| counted(program, left, runs));
        (left.join(), counted(program, right, runs))
    });
    let rows: BTreeMap<String, f64> = left.map_err(|_| "counting failed")??.into_iter().chain(right?).collect();
    let lines: String = rows.iter().map(|(row, count)| format!("{row}\t{count}\n")).collect();
    std::fs::write(kept, lines)?;
    Ok(rows)
}

/// Counts the instructions of one round of each of these rows.
fn counted(program: &Path, rows: &[&str], (few, many): (u32, u32)) -> Result<Vec<(String, f64)>, String> {
    let row = |name: &&str| {
        let difference = callgrind(program, name, many)? - callgrind(program, name, few)?;
        Ok((String::from(*name), difference / f64::from(many - few)))
    };
    rows.iter().map(row).collect::<Fallible<_>>().map_err(|why| why.to_string())
}

/// Counts the instructions of a run with valgrind.
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
