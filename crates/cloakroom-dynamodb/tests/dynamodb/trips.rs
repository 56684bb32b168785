//! The requests to DynamoDB per operation: the documented costs derive from them.

use std::time::Duration;

use cloakroom_servers::DynamoDb;
use cloakroom_store::store::conformance::nth;
use cloakroom_store::store::{Replaced, Store as _};

use crate::common::{LIFE, entry, key, now, owned, put, store};
use crate::wire::Wire;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_make_as_few_requests_as_documented() {
    let server = DynamoDb::start();
    let wire = Wire::to(&server).await;
    let store = store(wire.port).await;
    for (entry, create) in [(entry("text"), "putitem"), (owned("text", "ann"), "transactwriteitems")] {
        let asked = |what: &str, expected: &[&str]| assert_eq!(wire.asked(), expected, "{what}, {:?}", entry.owner);
        wire.asked();
        let one = put(&store, &entry).await;
        asked("create", &[create]);
        store.load(&one, now()).await.unwrap();
        asked("load", &["getitem"]);
        store.replace(&one, nth(1, &entry), &entry, now()).await.unwrap();
        asked("replace", &["updateitem"]);
        assert!(store.touch(&one, now(), Some(now() + LIFE + LIFE), now()).await.unwrap());
        asked("touch", &["updateitem"]);
        let (two, until) = (key(), now() + Duration::from_secs(10));
        let moved = store.cycle(&one, nth(2, &entry), &two, &entry, until, now()).await.unwrap();
        assert_eq!(moved, Replaced::Yes(nth(1, &entry)));
        asked("cycle", &["getitem", "transactwriteitems"]);
        assert_eq!(
            store.owned("ann", None, 100, now()).await.unwrap().sessions.len(),
            usize::from(entry.owner.is_some())
        );
        let owned: &[&str] = if entry.owner.is_some() { &["query", "batchgetitem"] } else { &["query"] };
        asked("owned", owned);
        assert!(store.end(&one, now()).await.unwrap());
        asked("end, by a tombstone", &["getitem", "getitem", "transactwriteitems"]);
        assert!(!store.end(&one, now()).await.unwrap());
        asked("end of nothing", &["getitem", "getitem"]);
    }
}

/// A session that is used for longer than it is listed stays in the index of its owner.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_touch_beyond_the_listing_extends_it() {
    let server = DynamoDb::start();
    let wire = Wire::to(&server).await;
    let store = store(wire.port).await;
    let session = put(&store, &owned("text", "ann")).await;
    let week = Duration::from_secs(7 * 24 * 60 * 60);
    wire.asked();
    assert!(store.touch(&session, now(), Some(now() + week), now()).await.unwrap());
    assert_eq!(wire.asked(), ["updateitem", "transactwriteitems"]);
    // Listed for twice that time now.
    assert!(store.touch(&session, now(), Some(now() + week + week / 2), now()).await.unwrap());
    assert_eq!(wire.asked(), ["updateitem"]);
    // Never expires, and is listed forever.
    assert!(store.touch(&session, now(), None, now()).await.unwrap());
    assert_eq!(wire.asked(), ["getitem", "transactwriteitems"]);
    assert_eq!(store.owned("ann", None, 1, now() + 100 * week).await.unwrap().sessions.len(), 1);
}
