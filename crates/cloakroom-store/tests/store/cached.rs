//! The near cache under the conformance suite, and in applications of one and two nodes.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use cloakroom_session::Session;
use cloakroom_store::store::Store as _;
use cloakroom_store::store::conformance::{Capabilities, assert_conforms};
use cloakroom_store::{AnyStore, CachedStore, MemoryStore, PackedStore};

use crate::conformance::any;
use crate::faulty::{App, Faulty, NOW, key_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cached_store_conforms() {
    let cached = Arc::new(CachedStore::new(MemoryStore::new()).unwrap());
    assert_conforms(Arc::clone(&cached), Capabilities::all()).await;
    let stats = cached.stats();
    assert!(stats.hits > 100, "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cached_store_with_room_for_few_sessions_conforms() {
    let cached = Arc::new(CachedStore::new(MemoryStore::new()).unwrap().max_bytes(32 * 1024));
    assert_conforms(Arc::clone(&cached), Capabilities::all()).await;
    let stats = cached.stats();
    assert!(stats.evicted > 100 && stats.bytes <= 32 * 1024, "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cached_store_conforms_in_other_wrappers_and_around_them() {
    let inside = CachedStore::new(AnyStore::new(MemoryStore::new())).unwrap();
    assert_conforms(any(PackedStore::new(inside).compress_above(1)), Capabilities::all()).await;
    let packed = PackedStore::new(MemoryStore::new()).compress_above(1);
    assert_conforms(any(CachedStore::new(packed).unwrap()), Capabilities::all()).await;
}

/// An application whose session was read once, and the calls of its store.
async fn warm() -> (App<CachedStore<Faulty>>, Arc<Faulty>, String) {
    let faulty = Faulty::new();
    let app = App::new(Arc::new(CachedStore::new(Arc::clone(&faulty)).unwrap()));
    let cookie = app.visit("", |session| session.insert("count", 1).unwrap()).await;
    app.visit(&cookie, |session| assert_eq!(session.get("count").unwrap(), Some(1))).await;
    faulty.calls.store(0, Ordering::SeqCst);
    (app, faulty, cookie)
}

#[tokio::test]
async fn a_warm_request_that_reads_makes_no_call_and_one_that_writes_makes_one() {
    let (app, faulty, cookie) = warm().await;
    for _ in 0..10 {
        app.visit(&cookie, |session| assert_eq!(session.get("count").unwrap(), Some(1))).await;
    }
    assert_eq!(faulty.calls.swap(0, Ordering::SeqCst), 0, "reads");
    app.visit(&cookie, |session| session.update("count", |count: &mut i32| *count += 1).unwrap()).await;
    assert_eq!(faulty.calls.swap(0, Ordering::SeqCst), 1, "a read and a write");
    app.visit(&cookie, |session| assert_eq!(session.get("count").unwrap(), Some(2))).await;
    assert_eq!(faulty.calls.swap(0, Ordering::SeqCst), 1, "the first read after a write");
}

#[tokio::test]
async fn a_refresh_asks_the_store() {
    let (app, faulty, cookie) = warm().await;
    let request = app.request(&cookie).await.unwrap();
    assert_eq!(request.session.get("count").unwrap(), Some(1));
    assert_eq!(faulty.calls.load(Ordering::SeqCst), 0);
    assert!(request.session.refresh().await.unwrap());
    assert_eq!(faulty.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_session_that_ends_on_one_node_has_ended_on_the_other() {
    type End = fn(&Session);
    let ends: [(&str, End); 3] = [
        ("signed out", Session::invalidate),
        ("new id", Session::cycle_id),
        ("signed in", |session| session.set_owner("ann")),
    ];
    for (name, end) in ends {
        let store = Arc::new(MemoryStore::new());
        let node = || App::new(Arc::new(CachedStore::new(Arc::clone(&store)).unwrap()));
        let (first, second) = (node(), node());
        let cookie = first.visit("", |session| session.insert("count", 1).unwrap()).await;
        for _ in 0..2 {
            second.visit(&cookie, |session| assert!(session.contains_key("count"))).await;
        }
        assert_eq!(second.sessions.store().stats().hits, 1, "{name}");
        first.visit(&cookie, end).await;
        for node in [&first, &second] {
            node.visit(&cookie, |session| assert!(!session.contains_key("count"), "{name}: replayed")).await;
        }
    }
}

#[tokio::test]
async fn an_owner_is_signed_out_at_once() {
    let (app, _, cookie) = warm().await;
    let cookie = app.visit(&cookie, |session| session.sign_in("ann")).await;
    app.visit(&cookie, |session| assert_eq!(session.owner().as_deref(), Some("ann"))).await;
    let store = app.sessions.store();
    assert_eq!(store.end_owned("ann", None, 10, NOW).await.unwrap().count, 1);
    app.visit(&cookie, |session| assert_eq!(session.owner(), None)).await;
    assert!(!store.end(&key_of(&cookie), NOW).await.unwrap());
}
