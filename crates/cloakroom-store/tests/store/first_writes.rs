//! Concurrent first writes of a visitor who has only seen a form, in every order of their store
//! calls, within one process and across several.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::adapter::SessionSlot;
use cloakroom_session::factory::{CookieHeader, Record, SessionId, SessionState};
use cloakroom_session::{CookieConfig, CsrfToken, Engine, Lifetimes, ManualClock, Timestamp};
use cloakroom_store::store::{Loaded, Store};
use cloakroom_store::{MemoryStore, StoredSessions};

use crate::explorer::{Task, cancelled_after, explore};
use crate::gated::{Broken, Gated};

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const ID: SessionId = SessionId::from_random([7; 32]);
const NAME: &str = "__Host-session";

/// The handler of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Update,
    /// Commits an update early, and makes another one.
    UpdateTwice,
    SignIn,
    UpdateAndSignIn,
    Invalidate,
    InvalidateAndUpdate,
    /// Commits an update early, and drops that commit after it has waited this many times.
    Cancelled(usize),
    /// Commits an update early; it is executed, but its answer is lost.
    UpdateAnswerLost,
    /// The same with a sign-in.
    SignInAnswerLost,
}

use Act::{
    Cancelled, Invalidate, InvalidateAndUpdate, SignIn, SignInAnswerLost, Update, UpdateAndSignIn, UpdateAnswerLost,
    UpdateTwice,
};

const ACTS: [Act; 10] = [
    Update,
    UpdateTwice,
    SignIn,
    UpdateAndSignIn,
    Invalidate,
    InvalidateAndUpdate,
    Cancelled(0),
    Cancelled(1),
    UpdateAnswerLost,
    SignInAnswerLost,
];

impl Act {
    const fn loses_answer(self) -> bool {
        matches!(self, UpdateAnswerLost | SignInAnswerLost)
    }

    const fn signs_in(self) -> bool {
        matches!(self, SignIn | UpdateAndSignIn | SignInAnswerLost)
    }

    const fn signs_out(self) -> bool {
        matches!(self, Invalidate | InvalidateAndUpdate)
    }

    /// The number of updates that the act makes.
    const fn updates(self) -> usize {
        match self {
            Update | UpdateAndSignIn | InvalidateAndUpdate | Cancelled(_) | UpdateAnswerLost => 1,
            UpdateTwice => 2,
            SignIn | Invalidate | SignInAnswerLost => 0,
        }
    }
}

#[derive(Debug)]
struct Outcome {
    act: Act,
    /// The request found that the session had moved.
    moved: bool,
    dropped: bool,
    /// The updates that were committed before the session moved.
    early: usize,
    cookies: Vec<String>,
}

impl Outcome {
    /// The updates that must be in the session.
    fn kept(&self) -> usize {
        // After a sign-out a new session begins, wherever the old one was.
        let is_lost = self.dropped || (self.moved && !self.act.signs_out());
        if is_lost { self.early } else { self.act.updates() }
    }

    /// Returns `true` if the request moved the visitor's session.
    fn is_the_sign_in(&self) -> bool {
        self.act.signs_in() && !self.dropped && !self.moved
    }
}

fn factory(store: &Arc<Gated>) -> Arc<StoredSessions<Gated>> {
    // Longer than any pause in an explored order.
    let long = Duration::from_secs(1000);
    let sessions = StoredSessions::new(Arc::clone(store)).cookie(CookieConfig::default().name(NAME));
    Arc::new(sessions.call_timeout(long).commit_timeout(long).build().unwrap())
}

async fn request(sessions: Arc<StoredSessions<Gated>>, act: Act) -> Outcome {
    let slot = SessionSlot::new(Arc::new(Engine::new(sessions).clock(ManualClock::at(NOW))));
    let line = format!("{NAME}={}", ID.expose_reserved());
    let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
    let moved = session.is_detached();
    let update = || session.update("count", |count: &mut usize| *count += 1).unwrap();
    let mut early = 0;
    match act {
        Update | UpdateAnswerLost => update(),
        UpdateTwice => {
            update();
            session.commit_now().await.unwrap();
            early = usize::from(!session.is_detached());
            update();
        }
        SignIn | SignInAnswerLost => session.set_owner("ann"),
        UpdateAndSignIn => {
            update();
            session.set_owner("ann");
        }
        Invalidate => session.invalidate(),
        InvalidateAndUpdate => {
            session.invalidate();
            update();
        }
        Cancelled(times) => {
            update();
            _ = cancelled_after(times, session.commit_now()).await;
        }
    }
    if act.loses_answer() {
        // The second attempt follows.
        _ = session.commit_now().await;
    }
    let effects = slot.finish(200).await.map_err(|failure| failure.error).unwrap();
    let cookies = effects.cookies.iter().map(ToString::to_string).collect();
    Outcome { act, moved, dropped: session.is_detached(), early, cookies }
}

fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the memory store doesn't wait"),
    }
}

/// Returns all live sessions.
fn sessions_in(store: &Gated) -> Vec<(bool, SessionState)> {
    let page = now_or_never(store.inner.scan(None, 100, NOW)).unwrap();
    let live = page.sessions.iter().map(|it| {
        let record = Record::decode(it.entry.text(), 0).unwrap();
        (it.key == ID.store_key(), SessionState::loaded(ID, record, NOW, Lifetimes::default()))
    });
    live.collect()
}

fn updates_of(session: &SessionState) -> usize {
    session.get("count").unwrap().unwrap_or_default()
}

/// Checks the rules that must hold in every order.
fn check(store: &Gated, outcomes: &[Outcome]) -> Result<(), String> {
    let live = sessions_in(store);
    for outcome in outcomes {
        if outcome.dropped && !outcome.cookies.is_empty() {
            return Err(format!("{:?} was dropped, and sent {:?}", outcome.act, outcome.cookies));
        }
        let may_send = outcome.act.signs_in() || outcome.act.signs_out();
        if !may_send && !outcome.cookies.is_empty() {
            return Err(format!("{:?} sent {:?}, which could replace a newer one", outcome.act, outcome.cookies));
        }
        if outcome.cookies.iter().any(|cookie| cookie.contains(&ID.expose())) {
            return Err(format!("{:?} sent the reserved id", outcome.act));
        }
    }
    for (is_reserved, session) in &live {
        // No session with an owner has an id or a token that was known before.
        let is_owned = session.record().owner().is_some();
        let has_form_token = session.known_csrf_token() == Some(&CsrfToken::of_reserved(&ID));
        if is_owned && (*is_reserved || has_form_token) {
            return Err("an owner's session is under the reserved id, or has its token".to_owned());
        }
        if *is_reserved && !has_form_token {
            return Err("the forms of the visitor are no longer valid".to_owned());
        }
    }
    // Executed without an answer, and then the session moved: the second attempt can't tell.
    let unsure = outcomes.iter().filter(|it| it.act == UpdateAnswerLost && it.dropped).count();
    let kept: usize = outcomes.iter().map(Outcome::kept).sum();
    let there: usize = live.iter().map(|(_, session)| updates_of(session)).sum();
    if outcomes.iter().any(|it| it.act.signs_out()) {
        return if there > kept + unsure { Err(format!("{kept} updates, and {there} are there")) } else { Ok(()) };
    }
    let late = outcomes.iter().filter(|it| it.moved && it.act.signs_in() && !it.dropped);
    // A sign-in that finds the session moved begins another one, with its own updates.
    let (others, updates_there) = late.fold((0, 0), |(count, updates), it| (count + 1, updates + it.act.updates()));
    if !(kept + updates_there..=kept + updates_there + unsure).contains(&there) {
        return Err(format!("{kept} updates were acknowledged, and {there} are there"));
    }
    if live.len() != 1 + others {
        return Err(format!("there are {} sessions", live.len()));
    }
    let sign_ins = outcomes.iter().filter(|it| it.is_the_sign_in()).count();
    let tombstone = now_or_never(store.inner.load(&ID.store_key(), NOW)).unwrap() == Loaded::Moved;
    if sign_ins > 1 || tombstone != (sign_ins == 1) {
        return Err(format!("{sign_ins} sign-ins moved the session, tombstone: {tombstone}"));
    }
    if sign_ins == 0 && outcomes.iter().any(|it| it.dropped) {
        return Err("a change was dropped, and the session never moved".to_owned());
    }
    Ok(())
}

/// Explores combinations, with one process for all requests and with one for each. Returns the
/// number of orders, and the failures.
fn explore_all(combinations: &[Vec<Act>], broken: Broken) -> (usize, Vec<String>) {
    let (mut orders, mut wrong) = (0, Vec::new());
    for acts in combinations {
        for shares in [true, false] {
            let mut first = None;
            orders += explore(
                || {
                    let store = Arc::new(Gated::new(Arc::new(MemoryStore::new()), broken, 0));
                    let shared = factory(&store);
                    let tasks = acts.iter().map(|act| -> Task<Outcome> {
                        let sessions = match shares {
                            // Only the answers of this request are lost.
                            _ if act.loses_answer() => factory(&Arc::new(store.with_duplicate(1))),
                            true => Arc::clone(&shared),
                            false => factory(&store),
                        };
                        Box::pin(request(sessions, *act))
                    });
                    let tasks = tasks.collect();
                    (store, tasks)
                },
                |store, outcomes| {
                    if let Err(why) = check(store, &outcomes) {
                        first.get_or_insert(format!("{acts:?}, one process: {shares}: {why}\n{outcomes:#?}"));
                    }
                },
            );
            wrong.extend(first);
        }
    }
    (orders, wrong)
}

fn pairs() -> Vec<Vec<Act>> {
    let from = |first: usize| ACTS[first..].iter().map(move |other| vec![ACTS[first], *other]);
    (0..ACTS.len()).flat_map(from).collect()
}

#[test]
fn two_first_writes_in_every_order() {
    let (orders, wrong) = explore_all(&pairs(), Broken::Nothing);
    println!("{orders} orders of two requests");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(orders > 500, "only {orders} orders: is there still a gate at each store call?");
}

#[test]
fn three_first_writes_in_every_order() {
    let combinations = [vec![Update; 3], vec![Update, Update, SignIn], vec![Update, UpdateAnswerLost, SignIn]];
    let (orders, wrong) = explore_all(&combinations, Broken::Nothing);
    println!("{orders} orders of three requests");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(orders > 1000, "only {orders} orders: is there still a gate at each store call?");
}

#[test]
fn a_store_that_breaks_a_rule_is_detected() {
    for broken in [Broken::VersionIgnored, Broken::OldStays, Broken::MarksLost] {
        let (_, wrong) = explore_all(&pairs(), broken);
        assert!(!wrong.is_empty(), "{broken:?} was not detected");
    }
}
