//! Concurrent commits of one session in one process are written as one, and each is applied exactly
//! once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cloakroom_session::factory::{
    Commit, CookiePayload, Record, SessionFactory as _, SessionId, SessionState, begin_commit,
};
use cloakroom_session::{ConflictPolicy, CookieConfig, Lifetimes, Session};
use cloakroom_store::store::{Loaded, Store as _};
use cloakroom_store::{MemoryStore, StoredSessions};

use crate::explorer::{Task, cancelled_after, explore};
use crate::faulty::{App, Faulty, Mode, NAME, NOW, Request};
use crate::gated::{Broken, Gated};

/// Opens requests of one session that all begin before any of them ends.
async fn opened(app: &App<Faulty>, cookie: &str, count: usize, act: impl Fn(usize, &Session)) -> Vec<Request> {
    let mut requests = Vec::new();
    for index in 0..count {
        let request = app.request(cookie).await.unwrap();
        act(index, &request.session);
        requests.push(request);
    }
    requests
}

/// Finishes requests concurrently. Returns their outcomes.
async fn finish_all(requests: Vec<Request>) -> Vec<Result<Vec<String>, String>> {
    let tasks: Vec<_> = requests.into_iter().map(|request| tokio::spawn(request.finish())).collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(match task.await {
            Ok(finished) => finished.map_err(|error| error.to_string()),
            Err(_) => Err("panicked".to_owned()),
        });
    }
    outcomes
}

fn count(session: &Session) {
    session.update("count", |count: &mut usize| *count += 1).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_thousand_updates_at_once_all_succeed() {
    let app = App::new(Faulty::new());
    let store = Arc::clone(app.sessions.store());
    let cookie = app.visit("", |session| session.insert("count", 0).unwrap()).await;
    let requests = opened(&app, &cookie, 1000, |_, session| count(session)).await;
    store.be(Mode::Near);
    let (began, calls) = (tokio::time::Instant::now(), store.calls.load(Ordering::SeqCst));
    let outcomes = finish_all(requests).await;
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    assert_eq!(failed, 0, "{:?}", outcomes.iter().find(|outcome| outcome.is_err()));
    let (took, calls) = (began.elapsed(), store.calls.load(Ordering::SeqCst) - calls);
    println!("1,000 updates at 5 ms: {calls} calls, {took:?}");
    assert!(calls <= 10, "{calls} calls");
    assert!(took < Duration::from_millis(100), "{took:?}");
    store.be(Mode::Works);
    assert_eq!(app.request(&cookie).await.unwrap().session.get("count").unwrap(), Some(1000));
}

#[tokio::test(start_paused = true)]
async fn a_commit_that_fails_on_its_own_takes_no_other_with_it() {
    type Act = fn(&Session);
    let panics = |session: &Session| {
        let runs = AtomicUsize::new(0);
        let closure = move |count: &mut usize| {
            *count += 1;
            assert_eq!(runs.fetch_add(1, Ordering::SeqCst), 0, "deliberate panic in a replay");
        };
        session.update("count", closure).unwrap();
    };
    let rows: [(&str, ConflictPolicy, Act); 3] = [
        ("a strict conflict", ConflictPolicy::Strict, |session| session.insert("first", 2).unwrap()),
        ("a value of another type", ConflictPolicy::LastWriteWins, |session| {
            session.update("first", |first: &mut bool| *first = true).unwrap();
        }),
        ("a closure that panics", ConflictPolicy::LastWriteWins, panics),
    ];
    for (row, policy, act) in rows {
        let app = App::with(Faulty::new(), |sessions| sessions.conflicts(policy));
        let store = Arc::clone(app.sessions.store());
        let cookie = app.visit("", |session| session.insert("count", 0).unwrap()).await;
        let requests = opened(&app, &cookie, 9, |index, session| match index {
            0 => session.insert("first", 1).unwrap(),
            4 | 6 => act(session),
            _ => count(session),
        });
        let requests = requests.await;
        store.be(Mode::Near);
        let outcomes = finish_all(requests).await;
        let failed: Vec<usize> = (0..9).filter(|index| outcomes[*index].is_err()).collect();
        assert_eq!(failed, [4, 6], "{row}: {outcomes:?}");
        store.be(Mode::Works);
        let session = app.request(&cookie).await.unwrap().session;
        assert_eq!((session.get("first").unwrap(), session.get("count").unwrap()), (Some(1), Some(6)), "{row}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_drops_a_whole_group() {
    let app = App::new(Faulty::new());
    let store = Arc::clone(app.sessions.store());
    let cookie = app.visit("", |session| session.insert("count", 0).unwrap()).await;
    let requests = opened(&app, &cookie, 20, |_, session| count(session)).await;
    app.visit(&cookie, Session::invalidate).await;
    store.be(Mode::Near);
    assert!(finish_all(requests).await.into_iter().all(|outcome| outcome == Ok(Vec::new())));
    assert_eq!(app.sessions.stats().dropped, 20);
    assert!(store.inner.is_empty());
}

/// The error of a commit that ran out of time names the cause.
#[tokio::test(start_paused = true)]
async fn the_error_of_a_timed_out_commit_names_the_cause() {
    let app = App::new(Faulty::new());
    let store = Arc::clone(app.sessions.store());
    let cookie = app.visit("", |session| session.insert("count", 0).unwrap()).await;
    let mut requests = opened(&app, &cookie, 2, |_, session| count(session)).await.into_iter();
    store.be(Mode::Hangs);
    let mut sources = Vec::new();
    let tasks = [tokio::spawn(requests.next().unwrap().finish()), tokio::spawn(requests.next().unwrap().finish())];
    for task in tasks {
        let error = task.await.unwrap().unwrap_err();
        assert_eq!(error.status(), 503);
        sources.push(std::error::Error::source(&error).unwrap().to_string());
    }
    assert_eq!(sources[0], "the store didn't answer in time");
    assert_eq!(sources[1], "earlier commits of the session took 2s, and the change was not written");
}

const ID: SessionId = SessionId::from_random([7; 32]);

/// Creates a store with a session whose counter is 0.
fn counter(broken: Broken) -> Arc<Gated> {
    let mut session = SessionState::fresh(NOW, Lifetimes::default());
    session.insert("count", &0).unwrap();
    let record = begin_commit(session.with_payload(CookiePayload::Id), NOW).unwrap().record();
    let inner = Arc::new(MemoryStore::new());
    now_or_never(inner.create(&ID.store_key(), &cloakroom_store::store::Entry::of(record), NOW)).unwrap();
    Arc::new(Gated::new(inner, broken, 0))
}

fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the memory store doesn't wait"),
    }
}

type Sessions = Arc<StoredSessions<Gated>>;

fn factory(store: &Arc<Gated>) -> Sessions {
    let long = Duration::from_secs(1000);
    let sessions = StoredSessions::new(Arc::clone(store)).cookie(CookieConfig::default().name(NAME));
    Arc::new(sessions.call_timeout(long).commit_timeout(long).build().unwrap())
}

/// A request that adds 1 to the counter. Its commit is dropped after it has waited `dropped_after`
/// times, and then retried.
async fn add_one(sessions: Sessions, mut session: SessionState, dropped_after: Option<usize>) -> bool {
    let add: fn(&mut u32) = |count| *count += 1;
    session.update("count", add).unwrap();
    let commit: Commit = begin_commit(session, NOW).unwrap();
    if let Some(times) = dropped_after
        && let Some(done) = cancelled_after(times, sessions.commit(&commit)).await
    {
        return done.is_ok();
    }
    let commit = if dropped_after.is_some() { commit.resumed() } else { commit };
    let committed = sessions.commit(&commit).await.unwrap();
    let kept: u32 = committed.session.get("count").unwrap().unwrap();
    assert!(kept > 0, "the session shows its own change");
    !committed.session.is_detached()
}

/// Loads the session from the store.
fn loaded(store: &Gated) -> SessionState {
    let Loaded::Live(version, entry) = now_or_never(store.inner.load(&ID.store_key(), NOW)).unwrap() else {
        panic!("the session is gone")
    };
    let record = Record::decode(entry.text(), 0).unwrap();
    let session = SessionState::loaded(ID, record, NOW, Lifetimes::default()).with_payload(CookiePayload::Id);
    session.at_version(version).under(ID.store_key())
}

/// The result of an exploration.
#[derive(Default)]
struct Explored {
    orders: usize,
    /// The smallest number of writes in any order.
    fewest: usize,
    /// The failure in the first wrong order.
    wrong: Option<String>,
}

/// Explores concurrent commits of one process, and optionally one of another process in between.
fn explore_group(broken: Broken, dropped_after: &[Option<usize>], loses: usize, elsewhere: bool) -> Explored {
    let mut explored = Explored { fewest: usize::MAX, ..Explored::default() };
    let (fewest, wrong) = (&mut explored.fewest, &mut explored.wrong);
    let orders = explore(
        || {
            let store = counter(broken);
            store.loses.store(loses, Ordering::SeqCst);
            let (here, there) = (factory(&store), factory(&Arc::new(store.with_duplicate(0))));
            let session = loaded(&store);
            let one = |sessions: &Sessions, dropped_after| -> Task<bool> {
                Box::pin(add_one(Arc::clone(sessions), session.clone(), dropped_after))
            };
            let mut tasks: Vec<_> = dropped_after.iter().map(|dropped_after| one(&here, *dropped_after)).collect();
            tasks.extend(elsewhere.then(|| one(&there, None)));
            (store, tasks)
        },
        |store, acknowledged| {
            let (all, found) = (acknowledged.len(), loaded(store).get::<usize>("count").unwrap());
            if found != Some(all) || acknowledged.contains(&false) {
                let row = format!("{dropped_after:?}, lost answers {loses:b}, elsewhere {elsewhere}");
                wrong.get_or_insert(format!("{row}: {acknowledged:?}, but the counter is {found:?}"));
            }
            *fewest = (*fewest).min(store.writes.load(Ordering::SeqCst));
        },
    );
    explored.orders = orders;
    explored
}

#[test]
fn groups_in_every_order_count_each_commit_once() {
    let mut orders = 0;
    let rows: [(&[Option<usize>], bool); 7] = [
        (&[None, None, None], false),
        (&[None, None], true),
        // The commit that has the turn is dropped: before its call, and while it waits for the
        // answer.
        (&[Some(0), None, None], false),
        (&[Some(1), None, None], false),
        (&[Some(1), None], true),
        // Another commit is dropped as well, while it waits for its turn or has it.
        (&[Some(0), Some(1)], false),
        (&[Some(1), Some(0)], true),
    ];
    for (dropped_after, elsewhere) in rows {
        for loses in [0b0, 0b1, 0b10] {
            let explored = explore_group(Broken::Nothing, dropped_after, loses, elsewhere);
            assert_eq!(explored.wrong, None);
            orders += explored.orders;
            if loses == 0 && dropped_after == [None; 3] {
                assert_eq!(explored.fewest, 2, "two of three commits are written as one");
            }
        }
    }
    println!("{orders} orders of groups");
    assert!(orders > 1000, "only {orders} orders");
}

/// The name of a group is the only trace of its commits.
#[test]
fn a_store_that_loses_the_name_of_a_group_is_detected() {
    let explored = explore_group(Broken::MarksLost, &[None, None, None], 0b10, false);
    assert!(explored.wrong.is_some(), "a commit that was applied twice was not detected");
}
