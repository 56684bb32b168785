//! Loads that no cache may answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{EndReason, SessionId, StoreKey};
use cloakroom_store::MemoryStore;
use cloakroom_store::store::{Entry, Loaded, Store, StoreError, delegate_store};

use crate::faulty::{App, NOW};

/// A store behind a cache that keeps the first version for good.
#[derive(Debug)]
struct Stale {
    inner: Arc<MemoryStore>,
    copies: Mutex<HashMap<StoreKey, Loaded>>,
}

impl Store for Stale {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let loaded = self.inner.load(key, now).await?;
        Ok(self.copies.lock().unwrap().entry(*key).or_insert(loaded).clone())
    }

    async fn load_latest(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.inner.load(key, now).await
    }

    delegate_store!(inner, except load load_latest);
}

/// Two nodes of an application, of which the first has a stale copy of the session.
async fn nodes() -> (App<Stale>, App<MemoryStore>, String) {
    let inner = Arc::new(MemoryStore::new());
    let first = App::new(Arc::new(Stale { inner: Arc::clone(&inner), copies: Mutex::default() }));
    let second = App::new(inner);
    let cookie = second.visit("", |session| session.insert("count", 1).unwrap()).await;
    first.visit(&cookie, |session| assert_eq!(session.get("count").unwrap(), Some(1))).await;
    (first, second, cookie)
}

#[tokio::test]
async fn a_commit_on_a_stale_copy_is_replayed_on_the_latest_version() {
    let (first, second, cookie) = nodes().await;
    second.visit(&cookie, |session| session.insert("count", 2).unwrap()).await;
    first.visit(&cookie, |session| session.update("count", |count: &mut i32| *count += 10).unwrap()).await;
    second.visit(&cookie, |session| assert_eq!(session.get("count").unwrap(), Some(12))).await;
}

#[tokio::test]
async fn a_sign_in_on_a_stale_copy_moves_the_latest_version() {
    let (first, second, cookie) = nodes().await;
    second.visit(&cookie, |session| session.insert("count", 2).unwrap()).await;
    let signed_in = first.visit(&cookie, |session| session.sign_in("ann")).await;
    assert_ne!(signed_in, cookie);
    second.visit(&signed_in, |session| assert_eq!(session.get("count").unwrap(), Some(2))).await;
}

#[tokio::test]
async fn a_commit_on_a_stale_copy_never_revives_an_ended_session() {
    for signs_in in [false, true] {
        let (first, second, cookie) = nodes().await;
        second.visit(&cookie, cloakroom_session::Session::invalidate).await;
        let request = first.request(&cookie).await.unwrap();
        if signs_in {
            request.session.sign_in("ann");
        } else {
            request.session.insert("count", 9).unwrap();
        }
        let none: [&str; 0] = [];
        assert_eq!(request.finish().await.unwrap(), none, "signs in: {signs_in}");
        assert!(second.sessions.store().is_empty());
    }
}

#[tokio::test]
async fn a_refresh_sees_the_latest_version() {
    let (first, second, cookie) = nodes().await;
    second.visit(&cookie, |session| session.insert("count", 2).unwrap()).await;
    let request = first.request(&cookie).await.unwrap();
    assert_eq!(request.session.get("count").unwrap(), Some(1));
    assert!(request.session.refresh().await.unwrap());
    assert_eq!(request.session.get("count").unwrap(), Some(2));
    second.visit(&cookie, cloakroom_session::Session::invalidate).await;
    assert!(!request.session.refresh().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_end_is_noticed_in_spite_of_a_stale_copy() {
    let (first, second, cookie) = nodes().await;
    let request = first.request(&cookie).await.unwrap();
    let ended = request.session.ended();
    second.visit(&cookie, cloakroom_session::Session::invalidate).await;
    let why = tokio::time::timeout(Duration::from_secs(3600), ended).await;
    assert_eq!(why.expect("the copy was believed"), EndReason::Gone);
}

/// A wrapper that only knows `load` keeps its meaning.
#[tokio::test]
async fn the_latest_version_of_a_wrapper_is_that_of_its_load() {
    #[derive(Debug)]
    struct Blind(MemoryStore);

    impl Store for Blind {
        async fn load(&self, _: &StoreKey, _: Timestamp) -> Result<Loaded, StoreError> {
            Ok(Loaded::Absent)
        }

        delegate_store!(0, except load);
    }

    let (store, key) = (MemoryStore::new(), SessionId::from_random([1; 32]).store_key());
    store.create(&key, &Entry::new("text".into(), NOW, NOW, None), NOW).await.unwrap();
    assert!(matches!(store.load_latest(&key, NOW).await.unwrap(), Loaded::Live(..)));
    assert_eq!(Blind(store).load_latest(&key, NOW).await.unwrap(), Loaded::Absent);
}
