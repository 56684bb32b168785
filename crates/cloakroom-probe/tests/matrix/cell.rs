//! A fault that is put in and taken away while visitors go on, and what came of it.

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

/// After the first missed deadline, or after the fault is gone: as long as a store may take until a
/// request succeeds. What a new connection takes at that time comes on top, ten times.
const RECOVERY: Duration = Duration::from_secs(3);

/// Requests that succeed before a fault and after it.
pub(crate) const SOME: usize = 60;

/// A store, and two applications that share it through all faults: none of them is restarted.
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
        // Memory is of one process.
        let second = if kind == Kind::Memory {
            Node::over(first.store.clone())
        } else {
            Node::over(cloakroom::connect(&place.url).await.unwrap())
        };
        Self { kind, place, nodes: [first, second], seed: 1 }
    }

    /// A cell. A panic in it must not hide the others.
    pub(crate) async fn run(&mut self, fault: Fault) -> Cell {
        let cell = AssertUnwindSafe(fault.run(self)).catch_unwind().await;
        let mut cell = cell.unwrap_or_else(|why| Cell::panicked(&*why));
        if let Cell::Ran(ran) = &mut cell {
            let deaths = self.place.deaths();
            ran.findings.extend(deaths.iter().map(|why| format!("the pooler has died: {why}")));
        }
        cell
    }

    /// The same applications with all the time that they need, for faults that concern nobody of
    /// the load: how long a busy machine takes is no failure.
    pub(crate) fn patient(&self) -> [Arc<Node>; 2] {
        let patient = |node: &Arc<Node>| {
            Node::with(node.store.clone(), |sessions| sessions.call_timeout(PATIENCE).commit_timeout(PATIENCE))
        };
        self.nodes.each_ref().map(patient)
    }

    /// Puts a fault in that is noticed, takes it away, and sees that all go on.
    pub(crate) async fn outage(&mut self, begin: impl FnOnce(&mut Place), end: impl FnOnce(&mut Place)) -> Cell {
        let load = Load::start(&self.nodes).await;
        load.until_done(SOME).await;
        begin(&mut self.place);
        load.until_failed(6).await;
        end(&mut self.place);
        self.goes_on(load).await
    }

    /// All go on after a fault that is gone, soon enough.
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

    /// How long it takes now until somebody who comes anew has an answer.
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

/// What came of a cell.
#[derive(Debug)]
pub(crate) enum Cell {
    /// The store can't have this fault, for this reason.
    Senseless(&'static str),
    Ran(Ran),
}

/// What a cell has counted.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) tally: Tally,
    pub(crate) recovery: Option<Duration>,
    /// Whatever is more than a number.
    pub(crate) note: String,
    /// Everything that must not be.
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

    /// Nobody was refused: the fault doesn't concern these sessions.
    ///
    /// The deadlines of drivers are real time, which a very busy machine may miss: one request of
    /// fifty may say so.
    pub(crate) fn nobody_failed(&mut self) {
        let (failed, errors) = (self.tally.failed, &self.tally.errors);
        let is_late = |said: &&String| said.contains("didn't answer in time");
        let late: usize = errors.iter().filter(|(said, _)| is_late(said)).map(|(_, count)| count).sum();
        if late < failed || 50 * late > self.tally.requests {
            let finding = format!("{failed} requests failed that the fault has nothing to do with: {errors:?}");
            self.findings.push(finding);
        }
    }

    /// No session was lost to its browser.
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
