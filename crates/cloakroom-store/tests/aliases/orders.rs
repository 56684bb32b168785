//! A sign-in, or another commit, and the end of its alias, in every order of their store calls.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cloakroom_session::factory::{SessionId, begin_commit};
use cloakroom_session::{CsrfToken, Error};
use cloakroom_store::store::end_alias;

use crate::explorer::{Task, cancelled_after, explore};
use crate::world::{Gated, NOW, Process, alias, signing_in};

/// The result of a task.
#[derive(Debug)]
enum Done {
    /// A commit, and the id that the browser gets.
    Committed(Result<Option<SessionId>, Error>),
    Ended(usize),
}

fn now_or_never<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut future = std::pin::pin!(future);
    // A gate waits once.
    for _ in 0..1000 {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
    panic!("only the gates wait")
}

fn sign_in(process: &Process<Gated>, owner: &'static str) -> Task<Done> {
    let process = process.clone();
    Box::pin(async move { Done::Committed(process.sign_in(owner).await) })
}

fn end(store: &Arc<Gated>) -> Task<Done> {
    let store = Arc::clone(store);
    Box::pin(async move {
        // The provider sends its message again if it gets no answer.
        loop {
            if let Ok(ended) = end_alias(&*store, &alias(), NOW).await {
                return Done::Ended(ended);
            }
        }
    })
}

/// A store and a process that has signed `owner` in before, without the alias.
async fn world(owner: &str) -> (Arc<Gated>, Process<Gated>, SessionId) {
    let store = Gated::new();
    let process = Process::new(&store);
    let id = process.without_alias(owner).await;
    (store, process, id)
}

/// Checks that no session has the alias, and that no browser has a session that has ended.
fn nothing_is_left(store: &Arc<Gated>, results: &[Done]) {
    let left = now_or_never(store.with_alias("ann"));
    assert_eq!(left, 0, "a session is live after the end of its alias: {results:?}");
    for done in results {
        if let Done::Committed(Err(error)) = done {
            panic!("nothing fails: {error}");
        }
    }
}

#[test]
fn a_sign_in_and_the_end_of_its_alias_leave_nothing() {
    let (mut found, mut dropped) = (0, 0);
    let orders = explore(
        || {
            let (store, process, _) = now_or_never(world("ann"));
            let tasks = vec![sign_in(&process, "ann"), end(&store)];
            (store, tasks)
        },
        |store, results| {
            nothing_is_left(store, &results);
            assert_eq!(now_or_never(store.page("ann")).sessions.len(), 1, "the session without the alias");
            found += usize::from(matches!(results[1], Done::Ended(1)));
            dropped += usize::from(matches!(results[0], Done::Committed(Ok(None))));
        },
    );
    assert!(orders >= 50 && found > 0 && dropped > found / 2, "{orders} orders: {found} found, {dropped} dropped");
}

#[test]
fn an_alias_set_later_and_its_end_leave_nothing() {
    let orders = explore(
        || {
            let (store, process, id) = now_or_never(world("ann"));
            let name: Task<Done> = Box::pin(async move { Done::Committed(process.name(id).await) });
            let tasks = vec![name, end(&store)];
            (store, tasks)
        },
        |store, results| {
            nothing_is_left(store, &results);
            assert_eq!(now_or_never(store.page("ann")).sessions.len(), 0, "the session was to get the alias");
        },
    );
    assert!(orders >= 50, "{orders}");
}

#[test]
fn a_move_and_the_end_of_its_alias_leave_nothing() {
    let orders = explore(
        || {
            let (store, process, _) = now_or_never(world("ann"));
            let id = now_or_never(process.sign_in("ann")).unwrap().unwrap();
            let cycle: Task<Done> = Box::pin(async move { Done::Committed(process.cycle(id).await) });
            let tasks = vec![cycle, end(&store)];
            (store, tasks)
        },
        |store, results| {
            nothing_is_left(store, &results);
            assert!(matches!(results[1], Done::Ended(1)), "{results:?}");
        },
    );
    assert!(orders >= 10, "{orders}");
}

#[test]
fn a_second_sign_in_and_the_end_of_their_alias_leave_nothing() {
    let orders = explore(
        || {
            let (store, process, _) = now_or_never(world("ann"));
            now_or_never(process.sign_in("ann")).unwrap();
            let tasks = vec![sign_in(&process, "ann"), end(&store)];
            (store, tasks)
        },
        |store, results| nothing_is_left(store, &results),
    );
    assert!(orders >= 100, "{orders}");
}

#[test]
fn of_two_owners_one_gets_an_alias_and_its_end_finds_that_one() {
    let orders = explore(
        || {
            let (store, process, _) = now_or_never(world("ann"));
            let tasks = vec![sign_in(&process, "ann"), sign_in(&process, "bob")];
            (store, tasks)
        },
        |store, results| {
            let refused = |done: &Done| matches!(done, Done::Committed(Err(error)) if error.is_alias_taken());
            assert_eq!(results.iter().filter(|done| refused(done)).count(), 1, "{results:?}");
            let held = now_or_never(async { store.with_alias("ann").await + store.with_alias("bob").await });
            assert_eq!(held, 1, "{results:?}");
            assert_eq!(now_or_never(end_alias(&store.inner, &alias(), NOW)).unwrap(), 1, "{results:?}");
        },
    );
    assert!(orders >= 50, "{orders}");
}

/// A process that crashes leaves its commit half done.
#[tokio::test(start_paused = true)]
async fn a_crash_between_the_steps_of_a_sign_in_hides_no_session() {
    for steps in 0..6 {
        let (store, process, _) = world("ann").await;
        let session = process.open(None).await;
        let commit = begin_commit(signing_in(session, "ann"), NOW).unwrap();
        cancelled_after(steps, process.carry_out(&commit)).await;
        let live = store.with_alias("ann").await;
        let ended = end_alias(&store.inner, &alias(), NOW).await.unwrap();
        assert_eq!((ended, store.with_alias("ann").await), (live, 0), "after {steps} steps");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_the_steps_of_an_end_is_made_good_by_the_next_one() {
    for steps in 0..6 {
        let (store, process, _) = world("ann").await;
        process.sign_in("ann").await.unwrap();
        cancelled_after(steps, end_alias(&*store, &alias(), NOW)).await;
        end_alias(&store.inner, &alias(), NOW).await.unwrap();
        assert_eq!(store.with_alias("ann").await, 0, "after {steps} steps");
    }
}

#[test]
fn a_sign_in_whose_answers_are_lost_and_the_end_of_its_alias_leave_nothing() {
    // The first write claims the alias, and the second one creates the session.
    for lost in 1..=2 {
        let orders = explore(
            || {
                let (store, process, _) = now_or_never(world("ann"));
                let tasks = vec![sign_in(&process, "ann"), end(&store)];
                store.loses.store(lost, Ordering::SeqCst);
                (store, tasks)
            },
            |store, results| {
                let left = now_or_never(store.with_alias("ann"));
                let is_ended = matches!(results[1], Done::Ended(_));
                assert!(is_ended && left == 0, "{lost}: {results:?}");
            },
        );
        assert!(orders >= 50, "{orders}");
    }
}

/// The retry of a commit comes after the end, and finds that the earlier attempt has succeeded.
#[tokio::test(start_paused = true)]
async fn the_retry_of_a_sign_in_ends_what_an_earlier_attempt_has_written() {
    let (store, process, _) = world("ann").await;
    let session = process.open(None).await;
    let commit = begin_commit(signing_in(session, "ann"), NOW).unwrap();
    // The end sees only the claim, because the session arrives at the store late.
    cancelled_after(2, process.carry_out(&commit)).await;
    assert_eq!(store.with_alias("ann").await, 0);
    end_alias(&store.inner, &alias(), NOW).await.unwrap();
    let (key, entry) = (commit.new_id().unwrap().store_key(), cloakroom_store::store::Entry::of(commit.record()));
    cloakroom_store::store::Store::create(&store.inner, &key, &entry, NOW).await.unwrap();
    assert_eq!(store.with_alias("ann").await, 1);

    let again = process.carry_out(&commit.resumed()).await.unwrap();
    assert_eq!((again, store.with_alias("ann").await), (None, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_sign_in_still_signs_the_former_user_out() {
    let (store, process, _) = world("ann").await;
    end_alias(&store.inner, &alias(), NOW).await.unwrap();
    let bobs = process.without_alias("bob").await;
    let mut session = process.open(Some(bobs)).await;
    session.set_owner("ann", CsrfToken::from_random([1; 32]), NOW);
    session.set_alias(alias());
    assert_eq!(process.commit(session).await.unwrap(), None);
    assert!(!store.is_live(bobs).await, "the browser is bob's no longer");
    assert_eq!(store.with_alias("ann").await, 0);
}
