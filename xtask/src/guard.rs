//! `cargo xtask guard`: what requests may cost, in figures that don't depend on how fast the
//! machine is.
//!
//! Allocations and bytes are counted by an allocator and instructions by callgrind, in the
//! benchmark's own rows; the budgets are in `bench/budgets.tsv`. Round trips to stores have their
//! budgets in the tests of `crates/cloakroom-probe`.

mod budget;

use std::path::{Path, PathBuf};

use crate::provision::{self, VALGRIND};
use crate::{Outcome, shell};
use budget::{Budgets, Cost};

const FILE: &str = "bench/budgets.tsv";
/// The instructions of a row are the difference of two runs, divided by the requests that the
/// second makes more.
const RUNS: [u32; 2] = [20, 120];
/// Ten times the keys may cost ten times as much, and something for the bad luck of a growing
/// buffer.
const LINEAR: f64 = 13.0;
/// A hundred requests that write to one session at the same time may each cost so many times what
/// one alone does.
const CROWD: f64 = 8.0;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let renew = match arguments {
        [] => false,
        [option] if option == "--renew" => true,
        [unknown, ..] => return Err(format!("`guard` has no option `{unknown}`; there is `--renew`")),
    };
    provision::provide(&[VALGRIND])?;
    let programs = Programs::build()?;
    let measured = programs.costs()?;
    let path = shell::root().join(FILE);
    if renew {
        std::fs::write(&path, measured.to_string()).map_err(|why| format!("{FILE}: {why}"))?;
        println!("guard: {} rows are the budgets now", measured.rows().count());
    } else {
        let text = std::fs::read_to_string(&path).map_err(|why| format!("{FILE}: {why}"))?;
        complain(&text.parse::<Budgets>()?.exceeded_by(&measured))?;
        println!("guard: {} rows are within their budgets", measured.rows().count());
    }
    let mut growth = measured.growth(LINEAR);
    growth.extend(crowd(&programs.writers()?, CROWD)?);
    complain(&growth)?;
    println!("guard: costs grow as they may");
    Ok(())
}

fn complain(complaints: &[String]) -> Outcome {
    if complaints.is_empty() {
        return Ok(());
    }
    let list = complaints.join("\n  ");
    Err(format!(
        "requests cost more than they may:\n  {list}\nwhere it is worth it: `cargo xtask guard --renew`, and why in the commit"
    ))
}

/// The benchmark's own program of Cloakroom, and its twin that counts allocations.
struct Programs(PathBuf);

impl Programs {
    fn build() -> Outcome<Self> {
        let target = shell::target().join("bench");
        let mut build = shell::cargo();
        build.args(["build", "--release", "--manifest-path", "bench/contenders/cloakroom/Cargo.toml", "--target-dir"]);
        shell::succeed(build.arg(&target))?;
        Ok(Self(target.join("release")))
    }

    fn costs(&self) -> Outcome<Budgets> {
        let allocations = shell::read(&mut shell::program(self.0.join("cloakroom-allocations")))?;
        let rows: Vec<Counted> = allocations.lines().map(Counted::parse).collect::<Outcome<_>>()?;
        let program = self.0.join("cloakroom");
        // Two cores are what everybody has.
        let (left, right) = rows.split_at(rows.len() / 2);
        let count = |rows: &[Counted]| rows.iter().map(|row| row.cost(&program)).collect::<Outcome<Vec<_>>>();
        let (left, right) = std::thread::scope(|scope| {
            let left = scope.spawn(|| count(left));
            (left.join(), count(right))
        });
        let left = left.map_err(|_| "counting instructions failed".to_owned())?;
        Ok(Budgets::new(left?.into_iter().chain(right?)))
    }

    fn writers(&self) -> Outcome<String> {
        shell::read(shell::program(self.0.join("cloakroom")).args(["writers", "memory"]))
    }
}

/// A line of the twin.
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

/// How many instructions a run takes.
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

/// Lines of a number of requests and the nanoseconds that each of them takes: what is wrong with
/// them.
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
    fn a_crowd_may_cost_something() {
        assert_eq!(crowd("1\t1000\n10\t2000\n100\t3000\n", 8.0), Ok(None));
        assert!(crowd("1\t1000\n100\t9000\n", 8.0).unwrap().is_some());
        assert!(crowd("", 8.0).is_err());
    }
}
