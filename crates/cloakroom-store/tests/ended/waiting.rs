//! Waiting for the end of a session.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_session::factory::EndReason;
use cloakroom_session::{Clock as _, Session};
use cloakroom_store::store::Store as _;
use cloakroom_store::{MemoryStore, Sessions, StoredSessions};
use tokio::time::{Instant, timeout};

use crate::world::{Fed, Node, key_of, seconds, settle};

#[tokio::test(start_paused = true)]
async fn an_end_elsewhere_resolves_at_once() {
    type Other = fn(&Session);
    let rows: [(&str, Other, EndReason); 4] = [
        ("another request signed out", Session::invalidate, EndReason::Gone),
        ("another request cycled the id", Session::cycle_id, EndReason::Moved),
        ("another request signed in", |session| session.set_owner("ann"), EndReason::Moved),
        (
            "another request signed out and began anew",
            |session| {
                session.invalidate();
                session.insert("count", 9).unwrap();
            },
            EndReason::Gone,
        ),
    ];
    for (name, other, why) in rows {
        let node = Node::new(Arc::new(MemoryStore::new()));
        let cookie = node.begin().await;
        let waiting = tokio::spawn(node.stream(&cookie).await.ended());
        settle().await;
        assert!(!waiting.is_finished(), "{name}: too early");
        let began = Instant::now();
        node.visit(&cookie, other).await;
        assert_eq!(waiting.await.unwrap(), why, "{name}");
        assert_eq!(began.elapsed(), Duration::ZERO, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn signing_out_everywhere_ends_all_streams_of_the_owner() {
    let node = Node::new(Arc::new(MemoryStore::new()));
    let mut waiting = Vec::new();
    for owner in ["ann", "ann", "bob"] {
        let cookie = node.visit("", |session| session.set_owner(owner)).await;
        waiting.push(tokio::spawn(node.stream(&cookie).await.ended()));
    }
    settle().await;
    let began = Instant::now();
    let all = Sessions::new(Arc::clone(&node.sessions)).clock(node.clock.clone());
    assert_eq!(all.end_all("ann").await.unwrap(), 2);
    for ann in waiting.drain(..2) {
        assert_eq!(ann.await.unwrap(), EndReason::Gone);
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
    settle().await;
    assert!(!waiting[0].is_finished(), "another owner's stream");
    all.end_everyone_before(node.clock.now() + seconds(1)).await.unwrap();
    assert_eq!(waiting.remove(0).await.unwrap(), EndReason::Gone);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_session_resolves_after_its_deadline_and_a_use_moves_it() {
    for store in [Fed::with_own_feed(), Fed::without_feed()] {
        let node = Node::new(store);
        let cookie = node.begin().await;
        let began = Instant::now();
        let mut waiting = tokio::spawn(node.stream(&cookie).await.ended());
        assert!(timeout(seconds(15 * 60), &mut waiting).await.is_err());
        // Used at 15 minutes, so it expires at 35.
        node.visit(&cookie, |_| {}).await;
        assert_eq!(waiting.await.unwrap(), EndReason::Expired);
        let elapsed = began.elapsed();
        assert!(elapsed > seconds(35 * 60) && elapsed < seconds(35 * 60 + 1), "{elapsed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_does_not_count_as_use() {
    let node = Node::new(Fed::without_feed());
    let cookie = node.begin().await;
    let began = Instant::now();
    assert_eq!(node.stream(&cookie).await.ended().await, EndReason::Expired);
    assert!(began.elapsed() < seconds(20 * 60 + 1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_store_without_a_feed_is_asked_at_the_interval() {
    for (interval, expected) in [(None, 5), (Some(2), 2), (Some(30), 30)] {
        for store in [Fed::without_feed(), Fed::with_hints_of_this_process()] {
            let node = Node::with(Arc::clone(&store), |sessions| match interval {
                Some(interval) => sessions.end_check_interval(seconds(interval)),
                None => sessions,
            });
            let cookie = node.begin().await;
            let waiting = tokio::spawn(node.stream(&cookie).await.ended());
            settle().await;
            let (began, loads) = (Instant::now(), store.loads());
            store.end(&key_of(&cookie), node.clock.now()).await.unwrap();
            assert_eq!(waiting.await.unwrap(), EndReason::Gone);
            assert_eq!((began.elapsed(), store.loads() - loads), (seconds(expected), 1));
        }
    }
    let error = StoredSessions::new(MemoryStore::new()).end_check_interval(Duration::ZERO).build().unwrap_err();
    assert_eq!(error.option(), "end_check_interval");
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_session_share_its_loads() {
    let store = Fed::with_own_feed();
    let node = Node::new(Arc::clone(&store));
    let cookie = node.begin().await;
    let session = node.stream(&cookie).await;
    let before = store.loads();
    let waiting: Vec<_> = (0..100).map(|_| tokio::spawn(session.ended())).collect();
    settle().await;
    assert_eq!(store.loads() - before, 1);
    store.end(&key_of(&cookie), node.clock.now()).await.unwrap();
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap(), EndReason::Gone);
    }
    assert_eq!(store.loads() - before, 2);
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_waits_anew_each_time_asks_once_and_misses_nothing() {
    for (store, interval) in [(Fed::with_own_feed(), 60), (Fed::without_feed(), 5)] {
        let node = Node::new(Arc::clone(&store));
        let cookie = node.begin().await;
        let session = node.stream(&cookie).await;
        let before = store.loads();
        let began = Instant::now();
        for _ in 0..110 {
            assert!(timeout(Duration::from_secs(1), session.ended()).await.is_err());
        }
        let expected = usize::try_from(began.elapsed().as_secs() / interval).unwrap() + 1;
        assert!((expected - 1..=expected).contains(&(store.loads() - before)), "{} loads", store.loads() - before);
        // The end comes while no future waits.
        store.end(&key_of(&cookie), node.clock.now()).await.unwrap();
        settle().await;
        let began = Instant::now();
        assert_eq!(session.ended().await, EndReason::Gone);
        assert!(began.elapsed() <= seconds(5), "{:?}", began.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn dropped_requests_leave_nothing_behind() {
    const WAITING: u64 = 10_000;
    let store = Fed::with_test_feed();
    let node = Node::new(Arc::clone(&store));
    let mut waiting = Vec::new();
    for _ in 0..WAITING {
        let cookie = node.begin().await;
        waiting.push(tokio::spawn(node.stream(&cookie).await.ended()));
    }
    settle().await;
    assert_eq!(node.sessions.stats().waiting_for_end, WAITING);
    assert_eq!(store.connections.lock().unwrap().len(), 1, "one subscription for all of them");
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
    waiting.clear();
    tokio::time::sleep(seconds(6)).await;
    assert_eq!(node.sessions.stats().waiting_for_end, 0);
    assert!(!store.connection(|connection| connection.is_needed()), "the subscription is still there");
    let loads = store.loads();
    tokio::time::sleep(seconds(600)).await;
    assert_eq!(store.loads(), loads, "nothing is asked any more");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_ends_no_stream_and_is_asked_again() {
    let store = Fed::with_own_feed();
    let node = Node::new(Arc::clone(&store));
    let cookie = node.begin().await;
    let mut waiting = tokio::spawn(node.stream(&cookie).await.ended());
    settle().await;
    store.is_down(true);
    let loads = store.loads();
    store.end(&key_of(&cookie), node.clock.now()).await.unwrap();
    assert!(timeout(seconds(60), &mut waiting).await.is_err(), "no answer is not an end");
    let asked = store.loads() - loads;
    assert!((10..30).contains(&asked), "{asked} loads in a minute");
    store.is_down(false);
    let began = Instant::now();
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
    assert!(began.elapsed() <= seconds(5), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_load_that_hangs_or_panics_is_done_again() {
    let store = Fed::with_own_feed();
    let node = Node::new(Arc::clone(&store));
    let cookie = node.begin().await;
    let mut waiting = tokio::spawn(node.stream(&cookie).await.ended());
    settle().await;
    store.close_gate().await;
    store.end(&key_of(&cookie), node.clock.now()).await.unwrap();
    assert!(timeout(seconds(30), &mut waiting).await.is_err());
    store.panics(true);
    store.open_gate();
    assert!(timeout(seconds(30), &mut waiting).await.is_err());
    store.panics(false);
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_with_many_requests_asks_for_few_sessions_at_a_time() {
    const WAITING: usize = 1000;
    let store = Fed::with_test_feed();
    let node = Node::new(Arc::clone(&store));
    let mut waiting = Vec::new();
    for _ in 0..WAITING {
        let cookie = node.begin().await;
        waiting.push((tokio::spawn(node.stream(&cookie).await.ended()), cookie));
    }
    settle().await;
    store.connection(|connection| connection.established());
    tokio::time::sleep(seconds(1)).await;
    store.most_in_flight.store(0, Ordering::SeqCst);
    let loads = store.loads();
    // Ended without a hint, during a short outage.
    for (_, cookie) in &waiting[..10] {
        store.end(&key_of(cookie), node.clock.now()).await.unwrap();
    }
    let began = Instant::now();
    for _ in 0..5 {
        store.connection(|connection| {
            connection.lost();
            connection.established();
        });
    }
    for (ended, _) in waiting.drain(..10) {
        assert_eq!(ended.await.unwrap(), EndReason::Gone);
    }
    settle().await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(store.most_in_flight.load(Ordering::SeqCst), 16);
    assert_eq!(store.loads() - loads, WAITING, "ten announcements at once are one");
    assert!(began.elapsed() < seconds(1), "{:?}", began.elapsed());
    assert!(waiting.iter().all(|(waiting, _)| !waiting.is_finished()));
}

#[test]
fn a_runtime_that_ends_hands_the_checks_to_another() {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let node = second.block_on(async { Node::new(Arc::new(MemoryStore::new())) });
    let begun = || async {
        let cookie = node.begin().await;
        (node.stream(&cookie).await, key_of(&cookie))
    };
    // The task runs in the first runtime.
    let (gone, _) = second.block_on(begun());
    first.block_on(async { assert!(timeout(Duration::from_millis(1), gone.ended()).await.is_err()) });
    let (stays, key) = second.block_on(begun());
    let waiting = second.spawn(stays.ended());
    drop(first);
    second.block_on(async {
        node.sessions.store().end(&key, node.clock.now()).await.unwrap();
        assert_eq!(waiting.await.unwrap(), EndReason::Gone);
    });
}
