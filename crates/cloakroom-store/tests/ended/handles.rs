//! Commits of the handle that waits, and handles without a session.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::Clock as _;
use cloakroom_session::factory::EndReason;
use cloakroom_store::MemoryStore;
use cloakroom_store::store::Store as _;
use tokio::time::{Instant, timeout};

use crate::world::{Fed, Node, key_of, seconds, settle};

fn node() -> Node<MemoryStore> {
    Node::new(Arc::new(MemoryStore::new()))
}

#[tokio::test(start_paused = true)]
async fn a_handle_that_moves_its_session_follows_it() {
    for signs_in in [false, true] {
        let node = node();
        let cookie = node.begin().await;
        let (slot, session) = node.open(&cookie).await;
        let elsewhere = tokio::spawn(node.stream(&cookie).await.ended());
        let mut waiting = tokio::spawn(session.ended());
        settle().await;
        if signs_in {
            session.set_owner("ann");
        } else {
            session.cycle_id();
        }
        let effects = slot.finish(200).await.unwrap();
        assert_eq!(elsewhere.await.unwrap(), EndReason::Moved, "a handle with the old id");
        assert!(timeout(seconds(120), &mut waiting).await.is_err(), "the handle that has moved it");
        let moved = effects.cookies[0].to_string();
        let moved = moved.split(';').next().unwrap();
        assert!(timeout(seconds(120), session.ended()).await.is_err());
        node.sessions.store().end(&key_of(moved), node.clock.now()).await.unwrap();
        assert_eq!(waiting.await.unwrap(), EndReason::Gone);
        assert_eq!(session.ended().await, EndReason::Gone);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_session_is_followed_from_its_commit_on() {
    let node = node();
    let (slot, session) = node.open("").await;
    let mut waiting = tokio::spawn(session.ended());
    assert!(timeout(seconds(3600), &mut waiting).await.is_err());
    session.insert("count", 1).unwrap();
    let effects = slot.finish(200).await.unwrap();
    settle().await;
    assert!(!waiting.is_finished());
    let cookie = effects.cookies[0].to_string();
    let began = Instant::now();
    node.visit(cookie.split(';').next().unwrap(), |session| session.invalidate()).await;
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_never_stored_never_ends() {
    let node = node();
    let session = node.stream("").await;
    assert!(timeout(seconds(7 * 24 * 3600), session.ended()).await.is_err());
    assert_eq!(node.sessions.stats().waiting_for_end, 0);
}

#[tokio::test(start_paused = true)]
async fn a_sign_out_on_the_handle_itself_counts_once_it_is_committed() {
    let node = node();
    let cookie = node.begin().await;
    let session = node.stream(&cookie).await;
    let mut waiting = tokio::spawn(session.ended());
    settle().await;
    session.invalidate();
    assert!(timeout(seconds(120), &mut waiting).await.is_err(), "not committed");
    session.commit_now().await.unwrap();
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_detached_handle_has_ended() {
    let node = node();
    let cookie = node.begin().await;
    node.visit(&cookie, |session| session.cycle_id()).await;
    let session = node.stream(&cookie).await;
    assert!(session.is_detached());
    assert_eq!(session.ended().await, EndReason::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_finds_the_end_resolves_the_wait() {
    let node = Node::new(Fed::without_feed());
    let cookie = node.begin().await;
    let session = node.stream(&cookie).await;
    let waiting = tokio::spawn(session.ended());
    settle().await;
    node.sessions.store().end(&key_of(&cookie), node.clock.now()).await.unwrap();
    let began = Instant::now();
    assert!(!session.refresh().await.unwrap());
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn writes_of_the_handle_and_of_others_end_nothing() {
    let node = node();
    let cookie = node.begin().await;
    let session = node.stream(&cookie).await;
    let mut waiting = tokio::spawn(session.ended());
    for round in 0..100 {
        session.insert("round", round).unwrap();
        session.commit_now().await.unwrap();
        node.visit(&cookie, |session| session.insert("other", round).unwrap()).await;
        assert!(timeout(seconds(60), &mut waiting).await.is_err(), "round {round}");
    }
    node.visit(&cookie, |session| session.invalidate()).await;
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
}

#[tokio::test(start_paused = true)]
async fn a_handle_follows_its_session_if_the_hint_overtakes_the_answer() {
    let node = Node::new(Fed::with_own_feed());
    let cookie = node.begin().await;
    let (slot, session) = node.open(&cookie).await;
    let mut waiting = tokio::spawn(session.ended());
    settle().await;
    session.cycle_id();
    slot.finish(200).await.unwrap();
    assert!(timeout(seconds(120), &mut waiting).await.is_err(), "its own commit has moved it");
    node.sessions.store().end(&session.id().unwrap().store_key(), node.clock.now()).await.unwrap();
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
}
