//! Two and three concurrent requests of one session, in every order of their store calls, within
//! one process and across several.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::adapter::SessionSlot;
use cloakroom_session::factory::{CookieHeader, Duplicates, FlashId, Record, SessionId, SessionState, begin_commit};
use cloakroom_session::{CsrfToken, Engine, ManualClock, Timestamp};
use cloakroom_store::store::{Entry, Store, all_owned};
use cloakroom_store::{MemoryStore, StoredSessions};

use crate::explorer::{Task, cancelled_after, explore};
use crate::gated::{Broken, Gated};

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const ID: SessionId = SessionId::from_random([7; 32]);
const OTHER: &str = "somebody else";
const OWNER: &str = "the session that everything is about";
const NAME: &str = "session";

/// The handler of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Write,
    Update,
    Flash,
    Pop,
    Cycle,
    Invalidate,
    InvalidateAndWrite,
    /// Arrives after the session has expired, and writes.
    TooLate,
    /// Signs in as another owner.
    SignInAsOther,
    /// Commits an update early, and drops that commit after it has waited this many times.
    Cancelled(usize),
    /// Commits an update early; it is executed, but its answer is lost.
    UpdateAnswerLost,
    /// The same with a new id.
    CycleAnswerLost,
    /// The same with a sign-out.
    EndAnswerLost,
}

const ACTS: [Act; 15] = [
    Act::Write,
    Act::Update,
    Act::Flash,
    Act::Pop,
    Act::Cycle,
    Act::Invalidate,
    Act::InvalidateAndWrite,
    Act::TooLate,
    Act::SignInAsOther,
    Act::Cancelled(0),
    Act::Cancelled(1),
    Act::Cancelled(2),
    Act::UpdateAnswerLost,
    Act::CycleAnswerLost,
    Act::EndAnswerLost,
];

impl Act {
    const fn loses_answer(self) -> bool {
        matches!(self, Self::UpdateAnswerLost | Self::CycleAnswerLost | Self::EndAnswerLost)
    }

    const fn updates(self) -> bool {
        matches!(self, Self::Update | Self::Cancelled(_) | Self::UpdateAnswerLost)
    }

    const fn cycles(self) -> bool {
        matches!(self, Self::Cycle | Self::CycleAnswerLost)
    }

    const fn ends(self) -> bool {
        matches!(self, Self::Invalidate | Self::InvalidateAndWrite | Self::EndAnswerLost)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Processes {
    One,
    OneEach,
}

/// The result of a request.
#[derive(Debug)]
struct Outcome {
    act: Act,
    /// `true` if the request's cookie opened the session.
    loaded: bool,
    /// `true` if the request's id had moved when it arrived.
    moved: bool,
    /// `true` if its changes were dropped.
    dropped: bool,
    popped: Vec<String>,
    cookies: Vec<String>,
}

fn factory(store: &Arc<Gated>) -> Arc<StoredSessions<Gated>> {
    let cookie = cloakroom_session::CookieConfig::default().name(NAME);
    // Longer than any pause in an explored order.
    let long = Duration::from_secs(1000);
    let sessions = StoredSessions::new(Arc::clone(store)).cookie(cookie).call_timeout(long).commit_timeout(long);
    Arc::new(sessions.build().unwrap())
}

/// Creates a store with one session: a counter at 0, and a message.
fn store(broken: Broken) -> Arc<Gated> {
    let mut session = SessionState::fresh(NOW, cloakroom_session::Lifetimes::default());
    session.set_owner(OWNER, CsrfToken::from_random([1; 32]), NOW);
    session.insert("count", &0).unwrap();
    session.flash("", &"first", FlashId::from_random(0), Duplicates::Allow).unwrap();
    let record = begin_commit(session, NOW).unwrap().record();
    let times = record.times();
    let entry = Entry::new(record.encode().into(), NOW, NOW, times.ends()).owner(Some(OWNER.to_owned()));
    let inner = Arc::new(MemoryStore::new());
    now_or_never(inner.create(&ID.store_key(), &entry, NOW)).unwrap();
    Arc::new(Gated::new(inner, broken, 0))
}

fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the memory store doesn't wait"),
    }
}

async fn request(sessions: Arc<StoredSessions<Gated>>, act: Act, index: usize) -> Outcome {
    let now = if act == Act::TooLate { NOW + Duration::from_secs(1201) } else { NOW };
    let slot = SessionSlot::new(Arc::new(Engine::new(sessions).clock(ManualClock::at(now))));
    let line = format!("{NAME}={}", ID.expose());
    let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
    let (loaded, moved) = (session.id().is_some(), session.is_detached());
    let mut popped = Vec::new();
    let update = || session.update("count", |count: &mut u32| *count += 1).unwrap();
    match act {
        Act::Write | Act::TooLate => session.insert(format!("key {index}"), index).unwrap(),
        Act::Update | Act::UpdateAnswerLost => update(),
        Act::Flash => session.flash(format!("message {index}")),
        Act::Pop => popped = session.pop_flash(),
        Act::Cycle | Act::CycleAnswerLost => session.cycle_id(),
        Act::SignInAsOther => session.set_owner(OTHER),
        Act::Invalidate | Act::EndAnswerLost => session.invalidate(),
        Act::InvalidateAndWrite => {
            session.invalidate();
            session.insert(format!("key {index}"), index).unwrap();
        }
        Act::Cancelled(times) => {
            update();
            _ = cancelled_after(times, session.commit_now()).await;
        }
    }
    if act.loses_answer() {
        // The second attempt follows. If there was nothing to write, no answer was lost.
        _ = session.commit_now().await;
    }
    let effects = slot.finish(200).await.map_err(|failure| failure.error).unwrap();
    let cookies = effects.cookies.iter().map(ToString::to_string).collect();
    let dropped = loaded && session.is_detached();
    Outcome { act, loaded, moved, dropped, popped, cookies }
}

/// Checks the rules that must hold in every order.
fn check(store: &Arc<Gated>, outcomes: &[Outcome]) -> Result<(), String> {
    let owned = now_or_never(all_owned(&*store.inner, OWNER, NOW)).unwrap();
    let kept =
        |is: fn(Act) -> bool| outcomes.iter().enumerate().filter(move |(_, it)| is(it.act) && it.loaded && !it.dropped);
    // A sign-out takes effect even with a moved id.
    let ended = outcomes
        .iter()
        .any(|it| (it.act.ends() && (it.loaded || it.moved)) || (it.act == Act::SignInAsOther && it.loaded));

    // An ended session stays ended, and any other exists exactly once.
    match (ended, owned.len()) {
        (true, 0) | (false, 1) => {}
        (true, count) => return Err(format!("invalidated, and there {count} times")),
        (false, count) => return Err(format!("never ended, and there {count} times")),
    }
    for outcome in outcomes {
        let removes = outcome.cookies.iter().any(|cookie| cookie.contains("Max-Age=0"));
        if removes && !matches!(outcome.act, Act::Invalidate | Act::EndAnswerLost) {
            return Err(format!("{:?} removed the cookie", outcome.act));
        }
        if outcome.dropped && !outcome.cookies.is_empty() {
            return Err(format!("{:?} was dropped, and sent {:?}", outcome.act, outcome.cookies));
        }
        if outcome.cookies.iter().any(|cookie| cookie.contains(&ID.expose())) {
            return Err(format!("{:?} sent the old id again", outcome.act));
        }
    }
    // No owner sees data of another one.
    for other in now_or_never(all_owned(&*store.inner, OTHER, NOW)).unwrap() {
        let record = Record::decode(other.entry.text(), 0).map_err(|error| error.to_string())?;
        if record.contains_key("count") || record.flashes().next().is_some() {
            return Err("another owner's session holds what was this one's".to_owned());
        }
    }
    let Some(owned) = owned.first() else { return Ok(()) };
    let session = SessionState::loaded(
        ID,
        Record::decode(owned.entry.text(), 0).map_err(|error| error.to_string())?,
        NOW,
        cloakroom_session::Lifetimes::default(),
    );

    // The session has one new id, and the old one is a tombstone.
    let cycled = kept(Act::cycles).count();
    let moved = owned.key != ID.store_key();
    if cycled > 1 || moved != (cycled == 1) {
        return Err(format!(
            "{cycled} requests moved the session, and it has {}moved",
            if moved { "" } else { "not " }
        ));
    }
    // No acknowledged update is lost, and no dropped update is stored.
    let count: usize = session.get("count").unwrap().unwrap_or_default();
    let updates = kept(Act::updates).count();
    // Executed without an answer, and then the session moved: the second attempt can't tell any
    // more.
    let unsure = outcomes.iter().filter(|it| it.act == Act::UpdateAnswerLost && it.dropped).count();
    if !(updates..=updates + unsure).contains(&count) {
        return Err(format!("{updates} updates were acknowledged, the counter says {count}"));
    }
    for (index, outcome) in outcomes.iter().enumerate().filter(|(_, it)| it.act == Act::Write && it.loaded) {
        if session.contains_key(&format!("key {index}")) == outcome.dropped {
            return Err(format!("request {index}: {outcome:?}, and its key is the other way"));
        }
    }
    // A message stays until it is popped by a request that received it.
    let waiting: Vec<String> = session.peek_flash("").unwrap();
    let flashed =
        kept(|act| act == Act::Flash).map(|(index, _)| format!("message {index}")).chain(["first".to_owned()]);
    for message in flashed {
        let popped = kept(|act| act == Act::Pop).any(|(_, it)| it.popped.contains(&message));
        let there = waiting.iter().filter(|it| **it == message).count();
        if there != usize::from(!popped) {
            return Err(format!("{message:?} waits {there} times, and was {}popped", if popped { "" } else { "not " }));
        }
    }
    Ok(())
}

/// Explores one combination. Returns the number of orders, and the failure in the first wrong one.
fn explore_acts(acts: &[Act], processes: Processes, broken: Broken) -> (usize, Option<String>) {
    let mut wrong = None;
    let orders = explore(
        || {
            let store = store(broken);
            let shared = factory(&store);
            let tasks = acts.iter().enumerate().map(|(index, act)| -> Task<Outcome> {
                let sessions = match processes {
                    // Only the answers of this request are lost.
                    _ if act.loses_answer() => factory(&Arc::new(store.with_duplicate(1))),
                    Processes::One => Arc::clone(&shared),
                    Processes::OneEach => factory(&store),
                };
                Box::pin(request(sessions, *act, index))
            });
            let tasks = tasks.collect();
            (store, tasks)
        },
        |store, outcomes| {
            if let Err(why) = check(store, &outcomes) {
                wrong.get_or_insert(format!("{acts:?}, {processes:?}: {why}\n{outcomes:#?}"));
            }
        },
    );
    (orders, wrong)
}

/// The acts of three concurrent requests. All possible acts would take hours.
const PLAIN: &[Act] = &[
    Act::Write,
    Act::Update,
    Act::Flash,
    Act::Pop,
    Act::Cycle,
    Act::Invalidate,
    Act::InvalidateAndWrite,
    Act::TooLate,
];
/// Acts that are combined with one faulty request.
const CALM: &[Act] = &[Act::Update, Act::Cycle, Act::Invalidate];
const TROUBLE: [Act; 3] = [Act::Cancelled(1), Act::UpdateAnswerLost, Act::CycleAnswerLost];

fn combinations(acts: &[Act], size: usize) -> Vec<Vec<Act>> {
    let mut all = vec![vec![]];
    for _ in 0..size {
        all = all
            .into_iter()
            .flat_map(|some: Vec<Act>| {
                // The requests are interchangeable, so the order in which they are listed doesn't
                // matter.
                let from = some.last().map_or(0, |last| acts.iter().position(|act| act == last).unwrap());
                acts[from..].iter().map(move |act| [some.clone(), vec![*act]].concat()).collect::<Vec<_>>()
            })
            .collect();
    }
    all
}

fn explore_all(combinations: &[Vec<Act>], broken: Broken) -> (usize, Vec<String>) {
    let mut orders = 0;
    let mut wrong = Vec::new();
    for acts in combinations {
        for processes in [Processes::One, Processes::OneEach] {
            let (count, why) = explore_acts(acts, processes, broken);
            orders += count;
            wrong.extend(why);
        }
    }
    (orders, wrong)
}

#[test]
fn two_requests_in_every_order() {
    let (orders, wrong) = explore_all(&combinations(&ACTS, 2), Broken::Nothing);
    println!("{orders} orders of two requests");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(orders > 300, "only {orders} orders: is there still a gate at each store call?");
}

fn three_requests(combinations: &[Vec<Act>], at_least: usize) {
    let (orders, wrong) = explore_all(combinations, Broken::Nothing);
    println!("{orders} orders of three requests");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(orders > at_least, "only {orders} orders: is there still a gate at each store call?");
}

#[test]
fn three_requests_in_every_order() {
    three_requests(&combinations(PLAIN, 3), 10_000);
}

#[test]
fn three_requests_with_lost_answers_and_cancelled_commits_in_every_order() {
    // Combinations with two faulty requests are explored as pairs.
    let beside = |trouble: Act| combinations(CALM, 2).into_iter().map(move |calm| [calm, vec![trouble]].concat());
    three_requests(&TROUBLE.into_iter().flat_map(beside).collect::<Vec<_>>(), 5_000);
}

#[test]
fn a_store_that_breaks_a_rule_is_detected() {
    for broken in
        [Broken::ReplaceCreates, Broken::VersionIgnored, Broken::OldStays, Broken::EndStaysBehind, Broken::MarksLost]
    {
        let (_, wrong) = explore_all(&combinations(&ACTS, 2), broken);
        assert!(!wrong.is_empty(), "{broken:?} was not detected");
    }
}
