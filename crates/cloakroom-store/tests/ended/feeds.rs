//! Feeds that lie, repeat, reorder or stop: no end is missed, and no session ends that lives.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::Clock as _;
use cloakroom_session::factory::{EndReason, SessionId};
use cloakroom_store::store::Store as _;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use crate::world::{Fed, Node, key_of, seconds, settle};

/// A stream on a store with an established test feed, and the cookie of its session.
async fn waiting() -> (Arc<Fed>, Node<Fed>, String, JoinHandle<EndReason>) {
    let store = Fed::with_test_feed();
    let node = Node::new(Arc::clone(&store));
    let cookie = node.begin().await;
    let waiting = tokio::spawn(node.stream(&cookie).await.ended());
    settle().await;
    store.connection(|connection| connection.established());
    settle().await;
    (store, node, cookie, waiting)
}

async fn end(store: &Fed, node: &Node<Fed>, cookie: &str) {
    assert!(store.end(&key_of(cookie), node.clock.now()).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn false_and_repeated_hints_end_nothing_and_cost_few_loads() {
    let (store, node, cookie, waiting) = waiting().await;
    let loads = store.loads();
    for _ in 0..1000 {
        store.connection(|connection| connection.changed(&key_of(&cookie)));
        store.connection(|connection| connection.changed(&SessionId::from_random([9; 32]).store_key()));
    }
    settle().await;
    assert!(!waiting.is_finished());
    assert!((1..=2).contains(&(store.loads() - loads)), "{} loads", store.loads() - loads);
    end(&store, &node, &cookie).await;
    let began = Instant::now();
    store.connection(|connection| connection.changed(&key_of(&cookie)));
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_hint_during_a_load_causes_another_load() {
    let (store, node, cookie, waiting) = waiting().await;
    store.close_gate().await;
    store.connection(|connection| connection.changed(&key_of(&cookie)));
    settle().await;
    // The load has read a session that lives. Its answer is late.
    end(&store, &node, &cookie).await;
    store.connection(|connection| connection.changed(&key_of(&cookie)));
    settle().await;
    let began = Instant::now();
    store.open_gate();
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn hints_in_another_order_end_the_right_sessions() {
    let store = Fed::with_test_feed();
    let node = Node::new(Arc::clone(&store));
    let mut streams = Vec::new();
    for _ in 0..20 {
        let cookie = node.begin().await;
        streams.push((tokio::spawn(node.stream(&cookie).await.ended()), key_of(&cookie)));
    }
    settle().await;
    store.connection(|connection| connection.established());
    settle().await;
    for (_, key) in streams.iter().step_by(2) {
        store.end(key, node.clock.now()).await.unwrap();
    }
    // In the reverse order, some of them twice, and among them those of sessions that live.
    for (_, key) in streams.iter().rev().chain(&streams) {
        store.connection(|connection| connection.changed(key));
    }
    for (index, (stream, _)) in streams.into_iter().enumerate() {
        if index % 2 == 0 {
            assert_eq!(stream.await.unwrap(), EndReason::Gone);
        } else {
            settle().await;
            assert!(!stream.is_finished(), "{index}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_that_stops_without_a_word_delays_an_end_by_a_minute_at_most() {
    let (store, node, cookie, waiting) = waiting().await;
    let began = Instant::now();
    end(&store, &node, &cookie).await;
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
    assert!(began.elapsed() <= seconds(60), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_while_the_feed_is_down_resolves_at_the_interval_or_the_reconnect() {
    let (store, node, cookie, waiting) = waiting().await;
    store.connection(|connection| connection.lost());
    settle().await;
    let began = Instant::now();
    end(&store, &node, &cookie).await;
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
    assert_eq!(began.elapsed(), seconds(5));

    let (store, node, cookie, waiting) = self::waiting().await;
    store.connection(|connection| connection.lost());
    settle().await;
    let began = Instant::now();
    end(&store, &node, &cookie).await;
    store.connection(|connection| connection.established());
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_end_before_the_first_connection_is_found() {
    let store = Fed::with_test_feed();
    let node = Node::new(Arc::clone(&store));
    let cookie = node.begin().await;
    let session = node.stream(&cookie).await;
    // Ended after the session was opened, and before anything waits for it.
    end(&store, &node, &cookie).await;
    let began = Instant::now();
    assert_eq!(session.ended().await, EndReason::Gone);
    assert_eq!(began.elapsed(), Duration::ZERO, "the first load finds it, without a connection");
}

#[tokio::test(start_paused = true)]
async fn a_task_of_the_feed_that_dies_leaves_the_periodic_checks() {
    let (store, node, cookie, mut waiting) = waiting().await;
    store.connections.lock().unwrap().clear();
    assert!(timeout(seconds(30), &mut waiting).await.is_err());
    let began = Instant::now();
    end(&store, &node, &cookie).await;
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
    assert!(began.elapsed() <= seconds(5), "{:?}", began.elapsed());
}
