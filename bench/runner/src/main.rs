//! Runs all contenders and writes the results: `cargo xtask bench`.
//!
//! The contenders take turns (A B C A B C), so that other activity of the machine affects all of
//! them alike. Times are medians over the rounds. Instructions, allocations and round trips are
//! counted and don't depend on the machine.

mod client;
mod contenders;
mod effort;
mod fallible;
mod footprint;
mod growth;
mod load;
mod measure;
mod median;
mod page;
mod plot;
mod races;
mod ratios;
mod served;
mod smallest;
mod stores;
mod table;
mod trips;

use std::path::{Path, PathBuf};

use bench_harness::Storage;
use effort::Effort;
use fallible::Fallible;
use measure::{LostBy, Measured};
use served::Stage;
use stores::Stores;
use table::Table;
use tokio::runtime;
use tokio::task::LocalSet;

/// The parts. `requests` counts, and `times` takes the time of the same requests.
const PARTS: [&str; 8] = ["requests", "times", "trips", "races", "footprint", "growth", "load", "smallest"];

/// Measures the named parts, or all of them.
fn main() -> Fallible<()> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().position(|argument| argument == "--quick").map(|at| arguments.remove(at)).is_some();
    let effort = if quick { Effort::Quick } else { Effort::Full };
    if let Some(unknown) = arguments.iter().find(|it| !PARTS.contains(&it.as_str())) {
        return Err(format!("there is no part `{unknown}`; there are: {}", PARTS.join(", ")).into());
    }
    let programs = std::env::current_exe()?.parent().map(Path::to_owned).unwrap_or_default();
    let project = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize()?;
    let bench = Bench { programs: &programs, project: &project, effort };

    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    for part in PARTS.into_iter().filter(|part| arguments.is_empty() || arguments.iter().any(|it| it == part)) {
        eprintln!("bench: {part}");
        let tables = LocalSet::new().block_on(&runtime, bench.part(part))?;
        println!("{}", page::markdown(&tables));
        bench.write(part, &tables)?;
    }
    Ok(())
}

struct Bench<'a> {
    programs: &'a Path,
    project: &'a Path,
    effort: Effort,
}

impl Bench<'_> {
    async fn part(&self, name: &str) -> Fallible<Vec<Table>> {
        let Self { programs, effort, .. } = *self;
        match name {
            "requests" => {
                let measured = Measured::counts(programs)?;
                let lost = self.lost().await?;
                self.write("ratios", &ratios::tables(&measured.multiples(&lost)))?;
                Ok(measured.counted(&lost))
            }
            "times" => Ok(Measured::durations(programs, effort)?.timed(&self.lost().await?)),
            "footprint" => footprint::tables(programs).await,
            "smallest" => Ok(vec![smallest::table(&self.project.join("bench"))?]),
            "trips" => trips::tables(&Stage { programs, stores: &Stores::watched()? }).await,
            _ => {
                let stores = Stores::start()?;
                let stage = Stage { programs, stores: &stores };
                match name {
                    "races" => races::tables(&stage).await,
                    "growth" => growth::tables(&stage, effort).await,
                    _ => load::tables(&stage, effort).await,
                }
            }
        }
    }

    /// Counts the lost updates of every contender in the storages without a server.
    async fn lost(&self) -> Fallible<LostBy> {
        let stores = Stores::start()?;
        let stage = Stage { programs: self.programs, stores: &stores };
        let mut lost = LostBy::new();
        for storage in [Storage::Memory, Storage::Signed, Storage::Encrypted] {
            lost.insert(storage.as_str(), races::lost(&stage, storage).await?);
        }
        Ok(lost)
    }

    /// Writes the tables to the guide and to a machine-readable summary, which keeps the parts of
    /// other runs.
    fn write(&self, part: &str, tables: &[Table]) -> Fallible<()> {
        let target = self.project.join("target/bench");
        std::fs::create_dir_all(&target)?;
        let summary = target.join("summary.json");
        let mut parts: serde_json::Map<String, serde_json::Value> = std::fs::read_to_string(&summary)
            .ok()
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        parts.insert(part.to_owned(), tables.iter().map(Table::json).collect());
        std::fs::write(summary, serde_json::to_string_pretty(&parts)?)?;

        let guide = self.project.join("docs/guide");
        page::write(&guide, part, tables)?;
        std::fs::create_dir_all(guide.join("bench"))?;
        for plot in plot::plots(part) {
            std::fs::write(guide.join("bench").join(format!("{}.svg", plot.file)), plot::bars(plot, tables)?)?;
        }
        Ok(())
    }
}
