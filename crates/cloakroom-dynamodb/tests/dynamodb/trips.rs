//! The requests to DynamoDB per operation: the documented costs derive from them.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_servers::DynamoDb;
use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::{CookieConfig, Engine, Session};
use cloakroom_store::StoredSessions;
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

type Visit = (&'static str, Option<fn(&Session)>, &'static [&'static str]);

fn read(session: &Session) {
    assert_eq!(session.get::<u32>("n").unwrap(), Some(1));
}

/// The calls of the guide's table of costs, in the order in which a visitor makes them.
const VISITS: [Visit; 7] = [
    ("untouched", None, &[]),
    ("create", Some(|session| session.insert("n", 1).unwrap()), &["putitem"]),
    ("read", Some(read), &["getitem"]),
    ("read and write", Some(|session| session.update("m", |m: &mut u32| *m += 1).unwrap()), &["getitem", "updateitem"]),
    ("sign in", Some(|session| session.set_owner("ann")), &["getitem", "getitem", "transactwriteitems"]),
    ("read and write, with an owner", Some(|session| session.insert("m", 0).unwrap()), &["getitem", "updateitem"]),
    ("sign out", Some(Session::invalidate), &["getitem", "getitem", "transactwriteitems"]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_make_as_few_calls_as_documented() {
    let server = DynamoDb::start();
    let wire = Wire::to(&server).await;
    let sessions = StoredSessions::new(store(wire.port).await).cookie(CookieConfig::default().name("session"));
    let engine = Arc::new(Engine::new(sessions.no_owner_limit().build().unwrap()));
    let mut cookie = String::new();
    for (what, handler, expected) in VISITS {
        wire.asked();
        let slot = SessionSlot::new(Arc::clone(&engine));
        if let Some(handler) = handler {
            handler(&slot.open(CookieHeader::new([cookie.as_bytes()])).await.unwrap());
        }
        let effects = slot.finish(200).await.unwrap();
        assert_eq!(wire.asked(), expected, "{what}");
        if let Some(set) = effects.cookies.first() {
            cookie = set.to_string().split(';').next().unwrap_or_default().to_owned();
        }
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
