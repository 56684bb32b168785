//! The memory store under the conformance suite, and its capacity.

use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::fresh_id;
use cloakroom_store::store::{
    Entry, Store,
    conformance::{Capabilities, assert_conforms},
};
use cloakroom_store::{AnyStore, MemoryStore};

/// Erases the type of a store, so that the suite isn't compiled again for each type.
pub(crate) fn any(store: impl Store) -> Arc<AnyStore> {
    Arc::new(AnyStore::new(store))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_memory_store_conforms() {
    assert_conforms(Arc::new(MemoryStore::new()), Capabilities::all().rounds(1000)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn any_store_conforms() {
    assert_conforms(any(MemoryStore::new()), Capabilities::all()).await;
}

#[tokio::test]
async fn a_memory_store_stays_bounded_when_sessions_move() {
    let store = MemoryStore::new().capacity(64);
    let now = Timestamp::from_unix_secs(1_700_000_000);
    let later = now + std::time::Duration::from_secs(10);
    let entry = Entry::new("text".into(), now, now, Some(later));
    for _ in 0..500 {
        let (old, new) = (fresh_id().unwrap().store_key(), fresh_id().unwrap().store_key());
        store.create(&old, &entry, now).await.unwrap();
        store.cycle(&old, entry.next_version(None), &new, &entry, later, now).await.unwrap();
        assert!(store.len() <= 64, "{} of 64", store.len());
    }
}
