//! Runs the simulation, prints what was checked, and the curves.

use std::process::ExitCode;

use clap::Parser;
use cloakroom_fleet::{Checks, Plan, Report, run};

/// Simulates a fleet of nodes with one store, and checks the promises after each run.
#[derive(Debug, Parser)]
struct Options {
    /// Number of application nodes
    #[arg(long, default_value_t = 20)]
    nodes: usize,
    /// Number of visitors, each with at least one session
    #[arg(long, default_value_t = 1000)]
    sessions: usize,
    /// Number of seeds to run
    #[arg(long, default_value_t = 5)]
    seeds: u64,
    /// First seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Page visits per second in the whole fleet, each of one to three requests
    #[arg(long, default_value_t = 200)]
    pages: u64,
    /// Length of a run, in seconds of virtual time
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Gives each node a near cache
    #[arg(long)]
    cache: bool,
    /// Leaves out all faults
    #[arg(long)]
    calm: bool,
    /// Prints the curves: runs without faults, for several numbers of nodes and pages
    #[arg(long)]
    curves: bool,
}

impl Options {
    fn plan(&self, seed: u64) -> Plan {
        let mut plan = Plan::new(seed);
        plan.nodes = self.nodes.max(1);
        plan.visitors = self.sessions.max(1);
        plan.pages_per_second = self.pages;
        plan.seconds = self.seconds;
        plan.cache = self.cache;
        plan.faults = !self.calm;
        plan
    }

    /// Returns the command that repeats one seed.
    fn command(&self, seed: u64) -> String {
        let flags = [(self.cache, " --cache"), (self.calm, " --calm")];
        let flags: String = flags.into_iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag).collect();
        let Self { nodes, sessions, pages, seconds, .. } = self;
        format!(
            "cargo run --release -p cloakroom-fleet -- --nodes {nodes} --sessions {sessions} --pages {pages} \
             --seconds {seconds} --seed {seed} --seeds 1{flags}"
        )
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    if options.curves {
        curves(&options)?;
        return Ok(ExitCode::SUCCESS);
    }
    let (mut failed, mut total) = (0, Checks::default());
    for seed in (options.seed..).take(usize::try_from(options.seeds)?) {
        let report = run(&options.plan(seed))?;
        total += report.checks;
        println!(
            "seed {seed}: {} requests, {} failed, {} sessions, {} faults, {} calls, {} commits, {} conflicts, {} hits, \
             digest {:016x}",
            report.requests,
            report.failed,
            report.sessions,
            report.faults,
            report.calls,
            report.commits,
            report.conflicts,
            report.hits,
            report.digest
        );
        for violation in &report.violations {
            println!("  BROKEN {violation}");
        }
        if !report.violations.is_empty() {
            failed += 1;
            println!("  repeat with: {}", options.command(seed));
        }
    }
    println!("{} seeds, {failed} with a broken promise. Checked: {total}", options.seeds);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints a table of runs without faults.
fn curves(options: &Options) -> anyhow::Result<()> {
    println!("| nodes | requests per second | replays per 1,000 commits | calls per request | median | p99 |");
    println!("|---|---|---|---|---|---|");
    for nodes in [1, 4, 16, 64, 256, 1000] {
        for pages in [100, 1000, 5000] {
            let mut plan = options.plan(options.seed);
            (plan.nodes, plan.pages_per_second, plan.faults) = (nodes, pages, false);
            println!("{}", row(&plan, &run(&plan)?));
        }
    }
    Ok(())
}

fn row(plan: &Plan, report: &Report) -> String {
    format!(
        "| {} | {} | {} | {} | {} ms | {} ms |",
        plan.nodes,
        report.requests / plan.seconds.max(1),
        hundredths(report.conflicts * 1000, report.commits),
        hundredths(report.calls, report.requests),
        report.median,
        report.p99
    )
}

/// Returns a quotient with two digits after the point.
fn hundredths(part: u64, whole: u64) -> String {
    let value = (part * 100).checked_div(whole).unwrap_or_default();
    format!("{}.{:02}", value / 100, value % 100)
}
