//! One run, from the seed to the report.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_session::simulation::DangerSeeded;
use tokio::time::sleep;

use crate::checker::{Checks, Violation};
use crate::node::Node;
use crate::plan::Plan;
use crate::visitors::{World, lock};

/// The pause between the end of the faults and the last reads.
const CALM: Duration = Duration::from_secs(12);
/// Visitors that are active at the same time, at most.
const ACTIVE: usize = 2000;

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The number of requests.
    pub requests: u64,
    /// Requests that failed, because of a fault.
    pub failed: u64,
    /// Sessions that began.
    pub sessions: u64,
    /// Faults that began.
    pub faults: u64,
    /// Calls of the store that were sent.
    pub calls: u64,
    /// Commits that were written.
    pub commits: u64,
    /// Commits whose changes were replayed on a newer version, of this node or another one.
    pub conflicts: u64,
    /// Reads without a call, in the near cache.
    pub hits: u64,
    /// The median of the requests, in milliseconds.
    pub median: usize,
    /// The 99th percentile of the requests, in milliseconds.
    pub p99: usize,
    /// The numbers of checks.
    pub checks: Checks,
    /// The broken promises, at most 20.
    pub violations: Vec<Violation>,
    /// A hash of all requests in their order.
    pub digest: u64,
}

/// Runs a plan in virtual time, in this thread.
///
/// # Errors
/// Returns an error if the runtime or a factory can't be built.
pub fn run(plan: &Plan) -> anyhow::Result<Report> {
    let _seeded = DangerSeeded::new(plan.seed);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(simulate(plan))
}

async fn simulate(plan: &Plan) -> anyhow::Result<Report> {
    let world = World::new(plan)?;
    if plan.faults {
        tokio::spawn(trouble(Arc::clone(&world)));
    }
    let (steps, active) = (plan.seconds * 1000, plan.visitors.min(ACTIVE));
    for step in 0..steps {
        for _ in 0..world.network.random.count(plan.pages_per_second) {
            // Visitors come one after another, and each stays for a while.
            let position = u128::from(step) * plan.visitors as u128 / u128::from(steps);
            let newest = usize::try_from(position).unwrap_or_default() + active;
            let arrives = world.network.random.happens(500);
            let back = if arrives { 0 } else { world.network.random.index(active) };
            world.page(newest.saturating_sub(back) % plan.visitors);
        }
        sleep(Duration::from_millis(1)).await;
    }
    world.network.heal();
    let healed = world.network.now();
    sleep(CALM).await;
    for visitor in 0..plan.visitors {
        let reader = Arc::clone(&world);
        tokio::spawn(async move { reader.last_read(visitor).await });
        if visitor % 50 == 49 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    sleep(CALM).await;
    report(&world, healed)
}

/// Begins one fault after another.
async fn trouble(world: Arc<World>) {
    let plan = &world.plan;
    while world.network.now() < plan.seconds * 1000 {
        sleep(Duration::from_millis(200 + world.network.random.below(2500))).await;
        if world.network.now() >= plan.seconds * 1000 {
            return;
        }
        let crashed = world.network.fault(plan).await;
        let random = &world.network.random;
        if let Some(number) = crashed
            && let Ok(node) = Node::new(&world.server, number, plan)
            && let Some(place) = lock(&world.nodes).get_mut(number)
        {
            *place = Arc::new(node);
        }
        if let Some(node) = lock(&world.nodes).get(random.index(plan.nodes)) {
            node.jump();
        }
    }
}

fn report(world: &World, healed: u64) -> anyhow::Result<Report> {
    let now = world.network.now();
    let tally = lock(&world.tally);
    let mut checker = world.checker();
    checker.finish(healed, now);
    if tally.running > 0 {
        checker.broken(now, format!("{} requests have not ended", tally.running));
    }
    let nodes = lock(&world.nodes);
    for (number, node) in nodes.iter().enumerate() {
        let waiting = node.sessions.stats().commits_waiting;
        if waiting > 0 {
            checker.broken(now, format!("node {number} still queues {waiting} commits"));
        }
    }
    let stats = || nodes.iter().map(|node| node.sessions.stats());
    let percentile = |share: u64| {
        let mut left = (tally.requests * share).div_ceil(1000);
        let reached = tally.latencies.iter().position(|count| {
            left = left.saturating_sub(*count);
            left == 0
        });
        reached.unwrap_or_default()
    };
    Ok(Report {
        requests: tally.requests,
        failed: tally.failed,
        sessions: checker.sessions,
        faults: world.network.faults.load(Ordering::Relaxed),
        calls: world.network.calls.load(Ordering::Relaxed),
        commits: stats().map(|stats| stats.created + stats.replaced + stats.cycled).sum(),
        conflicts: stats().map(|stats| stats.replayed).sum(),
        hits: nodes.iter().filter_map(|node| node.cached.as_ref()).map(|cached| cached.stats().hits).sum(),
        median: percentile(500),
        p99: percentile(990),
        checks: checker.checks,
        violations: checker.violations.clone(),
        digest: tally.digest,
    })
}

impl fmt::Display for Checks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} reads ({} after an update), {} uses after an end and {} after expiry, {} awaited ends, \
             {} deadlines, {} last reads",
            self.reads,
            self.updates_read,
            self.uses_after_end,
            self.uses_after_expiry,
            self.ends_awaited,
            self.deadlines,
            self.last_reads
        )
    }
}
