//! The load: visitors that send requests and record every acknowledged change.
//!
//! - *Counters* add to a session that two of them share, on two applications.
//! - *Movers* fill a cart and sign in, which changes the id of their session.
//! - *Leavers* start a session and sign out of it, and retry until the sign-out is acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom::{Error, Session};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::node::{Node, PATIENCE, opened};

/// The number of visitors of each kind.
const COUNTERS: usize = 6;
const MOVERS: usize = 3;
const LEAVERS: usize = 3;

/// The pause of a visitor after a request that succeeded, and after one that failed.
const PACE: Duration = Duration::from_millis(4);
const LATER: Duration = Duration::from_millis(25);

enum Role {
    Counter,
    Mover { retired: Vec<String> },
    Leaver { ended: Vec<String> },
}

struct Visitor {
    node: Arc<Node>,
    role: Role,
    number: usize,
    /// The cookie of its current session; a leaver may have none.
    cookie: Option<String>,
    attempts: usize,
    acknowledged: BTreeSet<usize>,
    /// Moves without an answer after which the old id opened nothing.
    stranded: usize,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    paused: AtomicBool,
    waiting: AtomicUsize,
    requests: AtomicUsize,
    failed: AtomicUsize,
    /// For each visitor: the requests that succeeded, and those that failed since the last success.
    succeeded: Vec<AtomicUsize>,
    in_a_row: Vec<AtomicUsize>,
    worst: AtomicUsize,
    marks: Mutex<Marks>,
    errors: Mutex<BTreeMap<String, usize>>,
    findings: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Marks {
    first_failure: Option<Instant>,
    first_success_after: Option<Instant>,
}

/// Running visitors.
pub(crate) struct Load {
    shared: Arc<Shared>,
    nodes: [Arc<Node>; 2],
    visitors: Vec<JoinHandle<Visitor>>,
}

/// The totals of all visitors, and the state of the store at the end.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) requests: usize,
    pub(crate) failed: usize,
    pub(crate) acknowledged: usize,
    pub(crate) there: usize,
    pub(crate) stranded: usize,
    /// The longest run of failures of one visitor.
    pub(crate) in_a_row: usize,
    pub(crate) errors: BTreeMap<String, usize>,
    pub(crate) findings: Vec<String>,
}

impl Load {
    /// Creates the sessions, on a store without a fault, and starts the visitors.
    pub(crate) async fn start(nodes: &[Arc<Node>; 2]) -> Self {
        let count = COUNTERS + MOVERS + LEAVERS;
        let counters = || (0..count).map(|_| AtomicUsize::new(0)).collect();
        let shared = Arc::new(Shared { succeeded: counters(), in_a_row: counters(), ..Shared::default() });
        let mut visitors = Vec::new();
        let mut cookie = None;
        for number in 0..count {
            let role = match number {
                _ if number < COUNTERS => Role::Counter,
                _ if number < COUNTERS + MOVERS => Role::Mover { retired: Vec::new() },
                _ => Role::Leaver { ended: Vec::new() },
            };
            // Two counters share one session.
            if number % 2 == 0 || number >= COUNTERS {
                cookie = Some(nodes[0].begin().await.expect("the store is in order"));
            }
            let node = Arc::clone(&nodes[number % 2]);
            let visitor = Visitor {
                node,
                role,
                number,
                cookie: cookie.clone(),
                attempts: 0,
                acknowledged: BTreeSet::new(),
                stranded: 0,
            };
            visitors.push(tokio::spawn(visitor.run(Arc::clone(&shared))));
        }
        Self { shared, nodes: nodes.clone(), visitors }
    }

    async fn until(&self, what: &str, done: impl Fn() -> bool) {
        let waiting = async {
            while !done() {
                sleep(Duration::from_millis(1)).await;
            }
        };
        if timeout(PATIENCE, waiting).await.is_err() {
            // Don't panic: the fault must be removed in any case.
            let errors = self.shared.errors.lock().unwrap().clone();
            self.shared.find(&format!("timed out after {PATIENCE:?} waiting until {what}; errors: {errors:?}"));
        }
    }

    fn done(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst) - self.failed()
    }

    pub(crate) fn failed(&self) -> usize {
        self.shared.failed.load(Ordering::SeqCst)
    }

    /// Waits for this number of further successful requests.
    pub(crate) async fn until_done(&self, more: usize) {
        let wanted = self.done() + more;
        self.until("more requests succeed", || self.done() >= wanted).await;
    }

    /// Waits for this number of further responses, successful or not.
    pub(crate) async fn until_answered(&self, more: usize) {
        let wanted = self.shared.requests.load(Ordering::SeqCst) + more;
        self.until("more requests are answered", || self.shared.requests.load(Ordering::SeqCst) >= wanted).await;
    }

    /// Waits for this number of further failed requests.
    pub(crate) async fn until_failed(&self, more: usize) {
        let wanted = self.failed() + more;
        self.until("the fault is noticed", || self.failed() >= wanted).await;
    }

    /// Waits until each visitor has succeeded once more.
    pub(crate) async fn until_all_go_on(&self) {
        let before: Vec<usize> = self.shared.succeeded.iter().map(|one| one.load(Ordering::SeqCst)).collect();
        let goes_on = |(one, before): (&AtomicUsize, &usize)| one.load(Ordering::SeqCst) > *before;
        self.until("each visitor continues", || self.shared.succeeded.iter().zip(&before).all(goes_on)).await;
    }

    /// Starts recording the first failure and the first success after it.
    pub(crate) fn mark(&self) {
        *self.shared.marks.lock().unwrap() = Marks::default();
    }

    /// Records the end of the fault as if it were the first failure.
    pub(crate) fn mark_end(&self) {
        let mut marks = self.shared.marks.lock().unwrap();
        *marks = Marks { first_failure: Some(Instant::now()), first_success_after: None };
    }

    /// Returns the time from the mark to the first success.
    pub(crate) fn recovery(&self) -> Option<Duration> {
        let marks = self.shared.marks.lock().unwrap();
        Some(marks.first_success_after?.duration_since(marks.first_failure?))
    }

    /// Lets all visitors finish their current request, and pauses them.
    pub(crate) async fn pause(&self) {
        self.shared.paused.store(true, Ordering::SeqCst);
        let all = self.visitors.len();
        self.until("all requests are answered", || self.shared.waiting.load(Ordering::SeqCst) == all).await;
    }

    pub(crate) fn resume(&self) {
        self.shared.paused.store(false, Ordering::SeqCst);
    }

    /// Stops all visitors, and checks every acknowledged change on both applications.
    pub(crate) async fn stop(mut self) -> Tally {
        self.resume();
        self.shared.stop.store(true, Ordering::SeqCst);
        let mut tally = Tally::default();
        let mut counted: BTreeMap<String, (usize, BTreeSet<usize>)> = BTreeMap::new();
        for visitor in std::mem::take(&mut self.visitors) {
            let visitor = timeout(2 * PATIENCE, visitor).await.expect("the visitor finishes").unwrap();
            tally.stranded += visitor.stranded;
            match &visitor.role {
                Role::Counter => {
                    let (attempts, acknowledged) = counted.entry(visitor.cookie.unwrap()).or_default();
                    *attempts = visitor.attempts.max(*attempts);
                    acknowledged.extend(visitor.acknowledged);
                }
                Role::Mover { retired } => {
                    let cookie = visitor.cookie.unwrap();
                    none_opens("moved", retired, &self.nodes, &mut tally).await;
                    let known = (visitor.attempts, visitor.acknowledged);
                    counted.insert(cookie, known);
                }
                Role::Leaver { ended } => {
                    tally.acknowledged += ended.len();
                    tally.there += ended.len();
                    none_opens("ended", ended, &self.nodes, &mut tally).await;
                }
            }
        }
        for (cookie, (attempts, acknowledged)) in counted {
            for node in &self.nodes {
                let looked = node.found(&cookie, |session| Ok((session.get("items")?, session.get("count")?))).await;
                let Some(found) = looked else {
                    tally.findings.push(format!("a session with {} acknowledged changes is lost", acknowledged.len()));
                    continue;
                };
                compare(found, attempts, &acknowledged, &mut tally.findings);
            }
            let there: Vec<usize> = self.nodes[0].found(&cookie, items).await.unwrap_or_default();
            tally.acknowledged += acknowledged.len();
            tally.there += there.len();
        }
        tally.requests = self.shared.requests.load(Ordering::SeqCst);
        tally.failed = self.shared.failed.load(Ordering::SeqCst);
        tally.in_a_row = self.shared.worst.load(Ordering::SeqCst);
        tally.errors = self.shared.errors.lock().unwrap().clone();
        tally.findings.extend(self.shared.findings.lock().unwrap().drain(..));
        tally
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // Also runs after a panic of the cell.
        self.visitors.iter().for_each(JoinHandle::abort);
    }
}

fn items(session: &Session) -> Result<Vec<usize>, Error> {
    Ok(session.get("items")?.unwrap_or_default())
}

/// Checks that every acknowledged change is there exactly once, and that nothing else is.
fn compare(
    (items, count): (Option<Vec<usize>>, Option<usize>),
    attempts: usize,
    acknowledged: &BTreeSet<usize>,
    findings: &mut Vec<String>,
) {
    let items = items.unwrap_or_default();
    let distinct: BTreeSet<usize> = items.iter().copied().collect();
    let missing: Vec<_> = acknowledged.difference(&distinct).collect();
    if !missing.is_empty() {
        findings.push(format!("acknowledged, but missing: {missing:?} of {}", acknowledged.len()));
    }
    if distinct.len() != items.len() {
        findings.push(format!("applied twice: {} of {}", items.len() - distinct.len(), items.len()));
    }
    if count.unwrap_or_default() != items.len() {
        findings.push(format!("half a request: counted to {count:?} with {} items", items.len()));
    }
    if distinct.iter().any(|item| item / 2 >= attempts) {
        findings.push("an item is there that no request added".to_owned());
    }
}

async fn none_opens(what: &str, cookies: &[String], nodes: &[Arc<Node>; 2], tally: &mut Tally) {
    // A long soak has very many, so check only the most recent ones.
    for (index, cookie) in cookies.iter().rev().take(200).enumerate() {
        if nodes[index % 2].opens(cookie).await {
            tally.findings.push(format!("a session that has {what} opens again"));
        }
    }
}

impl Visitor {
    async fn run(mut self, shared: Arc<Shared>) -> Self {
        loop {
            if shared.paused.load(Ordering::SeqCst) {
                shared.waiting.fetch_add(1, Ordering::SeqCst);
                while shared.paused.load(Ordering::SeqCst) {
                    sleep(PACE).await;
                }
                shared.waiting.fetch_sub(1, Ordering::SeqCst);
            }
            // A leaver continues until its sign-out is acknowledged.
            let leaves = matches!(self.role, Role::Leaver { .. }) && self.cookie.is_some();
            if shared.stop.load(Ordering::SeqCst) && !leaves {
                return self;
            }
            let done = self.step(&shared).await;
            let failed = done.is_err();
            shared.note(self.number, done.map_err(|error| said(&error)));
            sleep(if failed { LATER } else { PACE }).await;
        }
    }

    async fn step(&mut self, shared: &Shared) -> Result<(), Error> {
        // The two counters of a session use alternate numbers.
        let number = 2 * self.attempts + self.number % 2;
        let cookie = self.cookie.clone().unwrap_or_default();
        match &mut self.role {
            Role::Counter => {
                self.attempts += 1;
                let (opened, _) = self.node.visit(&cookie, |session| add(session, number)).await?;
                if opened {
                    self.acknowledged.insert(number);
                } else {
                    shared.find("a session that no request ended opens nothing");
                }
            }
            Role::Mover { retired } => {
                self.attempts += 1;
                let moves = self.attempts.is_multiple_of(3);
                let owner = format!("mover {}", self.number);
                let handler = |session: &Session| {
                    if !moves {
                        return add(session, number);
                    }
                    let opened = opened(session)?;
                    if opened {
                        session.set_owner(owner.as_str());
                    }
                    Ok(opened)
                };
                let (opened, newer) = self.node.visit(&cookie, handler).await?;
                if !opened {
                    self.stranded += 1;
                    self.acknowledged.clear();
                    self.attempts = 0;
                    self.cookie = Some(self.node.begin().await?);
                } else if newer != cookie {
                    retired.push(cookie);
                    self.cookie = Some(newer);
                } else if !moves {
                    self.acknowledged.insert(number);
                }
            }
            Role::Leaver { ended } => {
                if self.cookie.is_none() {
                    self.cookie = Some(self.node.begin().await?);
                } else {
                    self.node.visit(&cookie, leave).await?;
                    ended.push(cookie);
                    self.cookie = None;
                }
            }
        }
        Ok(())
    }
}

/// Adds to the session, if the request has found one.
pub(crate) fn add(session: &Session, number: usize) -> Result<bool, Error> {
    if !opened(session)? {
        return Ok(false);
    }
    session.update("items", move |items: &mut Vec<usize>| items.push(number))?;
    session.update("count", |count: &mut usize| *count += 1)?;
    Ok(true)
}

/// Signs out.
#[expect(clippy::unnecessary_wraps, reason = "a handler may fail")]
pub(crate) fn leave(session: &Session) -> Result<(), Error> {
    session.invalidate();
    Ok(())
}

/// Formats an error with its sources.
pub(crate) fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

impl Shared {
    fn find(&self, finding: &str) {
        self.findings.lock().unwrap().push(finding.to_owned());
    }

    fn note(&self, visitor: usize, done: Result<(), String>) {
        let mut marks = self.marks.lock().unwrap();
        match done {
            Ok(()) => {
                self.succeeded[visitor].fetch_add(1, Ordering::SeqCst);
                self.in_a_row[visitor].store(0, Ordering::SeqCst);
                if marks.first_failure.is_some() {
                    marks.first_success_after.get_or_insert_with(Instant::now);
                }
            }
            Err(why) => {
                self.failed.fetch_add(1, Ordering::SeqCst);
                let in_a_row = 1 + self.in_a_row[visitor].fetch_add(1, Ordering::SeqCst);
                self.worst.fetch_max(in_a_row, Ordering::SeqCst);
                marks.first_failure.get_or_insert_with(Instant::now);
                *self.errors.lock().unwrap().entry(why).or_default() += 1;
            }
        }
        self.requests.fetch_add(1, Ordering::SeqCst);
    }
}
