//! `cargo xtask guard`: no circles between files, and budgets for the cost of requests, in figures
//! that don't depend on the speed of the machine.
//!
//! The circles come first, because their check takes seconds; see [`circles`].
//!
//! An allocator counts allocations and bytes, and callgrind counts instructions, in the rows of the
//! benchmark, for Cloakroom on every framework that the benchmark has. The budgets are in
//! `bench/budgets.tsv`. Round trips to stores have their budgets in the tests of `testing/probe`.

mod budget;

use std::path::{Path, PathBuf};

use crate::outcome::Outcome;
use crate::provision::{self, VALGRIND};
use crate::{circles, shell};
use budget::{Budgets, Cost};

/// The frameworks, in the names of rows, with the benchmark's programs for Cloakroom on them.
const ADAPTERS: [Adapter; 4] = [
    Adapter { framework: FIRST, program: "cloakroom-axum" },
    Adapter { framework: "actix-web", program: "cloakroom-actix" },
    Adapter { framework: "poem", program: "cloakroom-poem" },
    Adapter { framework: "salvo", program: "cloakroom-salvo" },
];
/// The framework with all rows. The others have no rows with other sizes of sessions, because these
/// don't depend on the adapter.
const FIRST: &str = "axum";
const SIZES: [&str; 5] = ["-1-key", "-100-keys", "-1000-keys", "-2kb", "-64kb"];

const FILE: &str = "bench/budgets.tsv";
/// The requests in two runs of a row. The difference of their instructions, divided by the
/// additional requests, is the cost of one.
const RUNS: [u32; 2] = [20, 120];
/// The largest factor for ten times the keys: ten, plus a margin for buffers that grow at an
/// inconvenient point.
const LINEAR: f64 = 13.0;
/// The largest factor by which each of 100 concurrent writers to one session may be slower than one
/// alone.
const CROWD: f64 = 8.0;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let renew = match arguments {
        [] => false,
        [option] if option == "--renew" => true,
        [unknown, ..] => return Err(format!("`guard` has no option `{unknown}`; there is `--renew`")),
    };
    circles::check()?;
    provision::provide(&[VALGRIND])?;
    let programs = Programs::build()?;
    let measured = programs.costs()?;
    let path = shell::root().join(FILE);
    if renew {
        std::fs::write(&path, measured.to_string()).map_err(|why| format!("{FILE}: {why}"))?;
        println!("guard: wrote the budgets of {} rows", measured.rows().count());
    } else {
        let text = std::fs::read_to_string(&path).map_err(|why| format!("{FILE}: {why}"))?;
        complain(&text.parse::<Budgets>()?.exceeded_by(&measured))?;
        println!("guard: {} rows are within their budgets", measured.rows().count());
    }
    let mut growth = measured.growth(LINEAR);
    growth.extend(crowd(&programs.writers()?, CROWD)?);
    complain(&growth)?;
    println!("guard: costs grow within their limits");
    Ok(())
}

fn complain(complaints: &[String]) -> Outcome {
    if complaints.is_empty() {
        return Ok(());
    }
    let list = complaints.join("\n  ");
    Err(format!(
        "requests exceed their budgets:\n  {list}\nif the cost is justified: run `cargo xtask guard --renew`, and give the reason in the commit message"
    ))
}

/// Cloakroom on a framework.
struct Adapter {
    framework: &'static str,
    program: &'static str,
}

impl Adapter {
    fn has(&self, row: &Counted) -> bool {
        self.framework == FIRST || !SIZES.iter().any(|size| row.row.ends_with(size))
    }
}

/// The folder of the benchmark's programs for Cloakroom, and of their variants that count
/// allocations.
struct Programs(PathBuf);

impl Programs {
    fn build() -> Outcome<Self> {
        let target = shell::target().join("bench");
        // One build for all: cargo unifies the features of their dependencies and compiles each
        // dependency once. The benchmark builds them one after another, so its figures may differ
        // a little from the budgets.
        let mut build = shell::cargo();
        build.args(["build", "--release", "--manifest-path", "bench/Cargo.toml", "--target-dir"]).arg(&target);
        for Adapter { program, .. } in &ADAPTERS {
            build.args(["--package", &format!("bench-{program}")]);
        }
        shell::succeed(&mut build)?;
        Ok(Self(target.join("release")))
    }

    fn costs(&self) -> Outcome<Budgets> {
        let mut costs = Vec::new();
        for adapter in &ADAPTERS {
            let rows = self.costs_of(adapter)?;
            costs.extend(rows.into_iter().map(|(row, cost)| (format!("{}/{row}", adapter.framework), cost)));
        }
        Ok(Budgets::new(costs))
    }

    fn costs_of(&self, adapter: &Adapter) -> Outcome<Vec<(String, Cost)>> {
        let allocations = shell::read(&mut shell::program(self.0.join(format!("{}-allocations", adapter.program))))?;
        let mut rows: Vec<Counted> = allocations.lines().map(Counted::parse).collect::<Outcome<_>>()?;
        rows.retain(|row| adapter.has(row));
        let program = self.0.join(adapter.program);
        // Run two at a time: every development machine has at least two cores.
        let (left, right) = rows.split_at(rows.len() / 2);
        let count = |rows: &[Counted]| rows.iter().map(|row| row.cost(&program)).collect::<Outcome<Vec<_>>>();
        let (left, right) = std::thread::scope(|scope| {
            let left = scope.spawn(|| count(left));
            (left.join(), count(right))
        });
        let left = left.map_err(|_| "counting instructions failed".to_owned())?;
        Ok(left?.into_iter().chain(right?).collect())
    }

    fn writers(&self) -> Outcome<String> {
        shell::read(shell::program(self.0.join(ADAPTERS[0].program)).args(["writers", "memory"]))
    }
}

/// A line printed by the counting variant.
struct Counted {
    row: String,
    allocations: f64,
    bytes: f64,
}

impl Counted {
    fn parse(line: &str) -> Outcome<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let number =
            |at: usize| fields.get(at).and_then(|it| it.parse().ok()).ok_or_else(|| format!("no figures: {line:?}"));
        Ok(Self {
            row: fields.first().copied().unwrap_or_default().to_owned(),
            allocations: number(1)?,
            bytes: number(2)?,
        })
    }

    fn cost(&self, program: &Path) -> Outcome<(String, Cost)> {
        let [few, many] = RUNS;
        let instructions =
            (callgrind(program, &self.row, many)? - callgrind(program, &self.row, few)?) / f64::from(many - few);
        Ok((self.row.clone(), Cost { allocations: self.allocations, bytes: self.bytes, instructions }))
    }
}

/// Returns the number of instructions of a run.
fn callgrind(program: &Path, row: &str, count: u32) -> Outcome<f64> {
    let mut command = shell::program("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(program);
    let output =
        command.args(["run", row, &count.to_string()]).output().map_err(|why| shell::not_started(&command, &why))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected =
        said.lines().find_map(|line| line.split("Collected :").nth(1)).and_then(|it| it.trim().parse().ok());
    collected.ok_or_else(|| format!("callgrind counted nothing for `{row}`:\n{said}"))
}

/// Checks the figures of concurrent writers: each line has their number and the nanoseconds per
/// request. Returns a complaint if the last is too slow.
fn crowd(lines: &str, most: f64) -> Outcome<Option<String>> {
    let figure = |line: &str| line.split_once('\t')?.1.parse::<f64>().ok();
    let (Some(alone), Some(last)) = (lines.lines().next().and_then(figure), lines.lines().last().and_then(figure))
    else {
        return Err(format!("no figures of writers: {lines:?}"));
    };
    let times = last / alone;
    Ok((times > most).then(|| {
        format!("one of 100 writers to a session takes {times:.1} times as long as one alone; {most} are allowed")
    }))
}

#[cfg(test)]
mod tests {
    use super::crowd;

    #[test]
    fn concurrent_writers_may_be_slower_up_to_the_limit() {
        assert_eq!(crowd("1\t1000\n10\t2000\n100\t3000\n", 8.0), Ok(None));
        assert!(crowd("1\t1000\n100\t9000\n", 8.0).unwrap().is_some());
        assert!(crowd("", 8.0).is_err());
    }
}
