//! One cell of the matrix: a fault that begins and ends under load, and its result.

use std::any::Any;
use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::Instant;

use crate::fault::Fault;
use crate::load::{Load, Tally};
use crate::node::{Node, PATIENCE};
use crate::stores::{Kind, Place};

/// The time from the first missed deadline, or from the end of the fault, to the first success. Ten
/// times the time that a new connection needs at that moment is added.
const RECOVERY: Duration = Duration::from_secs(3);

/// The number of requests that must succeed before a fault and after it.
pub(crate) const SOME: usize = 60;

/// A store and two applications that share it. None of them is restarted between faults.
pub(crate) struct Bench {
    pub(crate) kind: Kind,
    pub(crate) place: Place,
    pub(crate) nodes: [Arc<Node>; 2],
    pub(crate) seed: u64,
}

impl Bench {
    pub(crate) async fn start(kind: Kind) -> Self {
        let place = Place::start(kind).await;
        let first = Node::over(cloakroom::connect(&place.url).await.unwrap());
        // A memory store belongs to one process.
        let second = if kind == Kind::Memory {
            Node::over(first.store.clone())
        } else {
            Node::over(cloakroom::connect(&place.url).await.unwrap())
        };
        Self { kind, place, nodes: [first, second], seed: 1 }
    }

    /// Runs a cell. A panic in it must not hide the results of the others.
    pub(crate) async fn run(&mut self, fault: Fault) -> Cell {
        let cell = AssertUnwindSafe(fault.run(self)).catch_unwind().await;
        let mut cell = cell.unwrap_or_else(|why| Cell::panicked(&*why));
        if let Cell::Ran(ran) = &mut cell {
            let deaths = self.place.deaths();
            ran.findings.extend(deaths.iter().map(|why| format!("the pooler has died: {why}")));
        }
        cell
    }

    /// The same applications without a deadline, for faults that don't concern the load: a slow
    /// answer of a busy machine is no failure.
    pub(crate) fn patient(&self) -> [Arc<Node>; 2] {
        let patient = |node: &Arc<Node>| {
            Node::with(node.store.clone(), |sessions| sessions.call_timeout(PATIENCE).commit_timeout(PATIENCE))
        };
        self.nodes.each_ref().map(patient)
    }

    /// Starts a fault, waits until requests fail, ends it, and checks that all visitors go on.
    pub(crate) async fn outage(&mut self, begin: impl FnOnce(&mut Place), end: impl FnOnce(&mut Place)) -> Cell {
        let load = Load::start(&self.nodes).await;
        load.until_done(SOME).await;
        begin(&mut self.place);
        load.until_failed(6).await;
        end(&mut self.place);
        self.goes_on(load).await
    }

    /// Checks that all visitors go on soon enough after the end of a fault.
    pub(crate) async fn goes_on(&self, load: Load) -> Cell {
        load.mark_end();
        let control = self.control().await;
        load.until_all_go_on().await;
        load.until_done(SOME).await;
        let recovery = load.recovery();
        let mut cell = Ran::of(load.stop().await, recovery);
        cell.is_soon_enough(control);
        Cell::Ran(cell)
    }

    /// Measures how long a new client waits for its first answer.
    pub(crate) async fn control(&self) -> Duration {
        let asking = Instant::now();
        let connecting = async {
            while cloakroom::connect(&self.place.url).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, connecting).await.expect("the server is there");
        asking.elapsed()
    }
}

/// The result of a cell.
#[derive(Debug)]
pub(crate) enum Cell {
    /// The fault can't occur on this store, for this reason.
    Senseless(&'static str),
    Ran(Ran),
}

/// The counts of a cell.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) tally: Tally,
    pub(crate) recovery: Option<Duration>,
    /// Remarks for the last column of the table.
    pub(crate) note: String,
    /// The rules that were broken.
    pub(crate) findings: Vec<String>,
}

impl Ran {
    pub(crate) fn of(mut tally: Tally, recovery: Option<Duration>) -> Self {
        let findings = std::mem::take(&mut tally.findings);
        Self { tally, recovery, findings, ..Self::default() }
    }

    pub(crate) fn is_soon_enough(&mut self, control: Duration) {
        let bound = RECOVERY + 10 * control;
        if self.recovery.is_none_or(|recovery| recovery > bound) {
            self.findings.push(format!("recovered after {:?}, and not within {bound:?}", self.recovery));
        }
    }

    /// Checks that no request failed: the fault doesn't concern these sessions.
    ///
    /// The deadlines of drivers are real time, and a very busy machine may miss them: one request
    /// of fifty may.
    pub(crate) fn nobody_failed(&mut self) {
        let (failed, errors) = (self.tally.failed, &self.tally.errors);
        let is_late = |said: &&String| said.contains("didn't answer in time");
        let late: usize = errors.iter().filter(|(said, _)| is_late(said)).map(|(_, count)| count).sum();
        if late < failed || 50 * late > self.tally.requests {
            let finding = format!("{failed} requests failed that the fault has nothing to do with: {errors:?}");
            self.findings.push(finding);
        }
    }

    /// Checks that no browser lost its session.
    pub(crate) fn nobody_stranded(&mut self) {
        if self.tally.stranded > 0 {
            self.findings.push(format!("{} sessions were lost by a move that wasn't answered", self.tally.stranded));
        }
    }

    pub(crate) fn check(&mut self, holds: bool, finding: impl FnOnce() -> String) {
        if !holds {
            self.findings.push(finding());
        }
    }

    pub(crate) fn noted(mut self, note: impl std::fmt::Display) -> Self {
        let _ = write!(self.note, "{note}");
        self
    }
}

impl Cell {
    pub(crate) fn panicked(why: &(dyn Any + Send)) -> Self {
        let text = why.downcast_ref::<String>().map(String::as_str).or_else(|| why.downcast_ref::<&str>().copied());
        let findings = vec![format!("panicked: {}", text.unwrap_or("without a word"))];
        Self::Ran(Ran { findings, ..Ran::default() })
    }
}
