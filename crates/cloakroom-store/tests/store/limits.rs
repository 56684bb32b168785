//! Owners with many sessions, which are counted, listed and ended in bounded steps.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_session::factory::{Record, SessionId, StoreKey};
use cloakroom_session::{Lifetimes, Session};
use cloakroom_store::store::{Entry, Store as _};
use cloakroom_store::{FileStore, MemoryStore, Sessions, StoredSessions};

use crate::faulty::{App, Faulty, NOW};

fn sign_in(session: &Session) {
    session.set_owner("ann");
}

/// More sessions than one sign-in may end.
const MANY: u32 = 50_000;

/// Creates this many sessions of `ann`.
async fn fill(store: &MemoryStore, count: u32) {
    for index in 0..count {
        let mut bytes = [9; 32];
        bytes[..4].copy_from_slice(&index.to_be_bytes());
        let record = Record::new(NOW, &Lifetimes::default());
        let mut entry = Entry::of(record).owner(Some("ann".to_owned()));
        entry.created = NOW + Duration::from_millis(u64::from(index));
        let key: StoreKey = SessionId::from_random(bytes).store_key();
        store.create(&key, &entry, NOW).await.unwrap();
    }
}

#[tokio::test]
async fn a_sign_in_ends_a_bounded_number_of_the_oldest_sessions() {
    let app = App::new(Faulty::new());
    let store = Arc::clone(app.sessions.store());
    fill(&store.inner, MANY).await;
    app.clock.advance(Duration::from_secs(10));
    let began = tokio::time::Instant::now();
    let mut newest = app.visit("", sign_in).await;
    println!("a sign-in of an owner with {MANY} sessions: {:?}", began.elapsed());
    let count = async || store.inner.count_owned("ann", usize::MAX, NOW).await.unwrap();
    let many = usize::try_from(MANY).unwrap();
    assert_eq!(count().await, many + 1 - 100);
    assert_eq!(app.request(&newest).await.unwrap().session.owner().as_deref(), Some("ann"));
    // The oldest sessions have ended, and the newest remain.
    let first = store.inner.owned("ann", None, 1, NOW).await.unwrap().sessions.remove(0).entry.created;
    assert_eq!(first.since(NOW), Duration::from_millis(100));
    // Each further sign-in ends a hundred more.
    for _ in 0..3 {
        newest = app.visit("", sign_in).await;
    }
    assert_eq!(count().await, many + 4 - 400);
    // Signing in again in the same session ends none.
    app.visit(&newest, sign_in).await;
    assert_eq!(count().await, many + 4 - 400);
}

#[tokio::test]
async fn the_default_limit_of_sessions_per_owner_is_a_hundred() {
    for (limited, expected) in [(true, 100), (false, 105)] {
        let app = App::with(Faulty::new(), |sessions| if limited { sessions } else { sessions.no_owner_limit() });
        let mut cookies = Vec::new();
        for _ in 0..105 {
            cookies.push(app.visit("", sign_in).await);
            app.clock.advance(Duration::from_millis(1));
        }
        assert_eq!(app.sessions.store().inner.count_owned("ann", usize::MAX, NOW).await.unwrap(), expected);
        let first = app.request(&cookies[0]).await.unwrap();
        assert_eq!(first.session.is_new(), limited, "the oldest ends first");
        assert!(!app.request(&cookies[104]).await.unwrap().session.is_new());
    }
}

#[tokio::test]
async fn a_store_without_an_owner_index_has_no_default_limit() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Arc::new(FileStore::open(folder.path()).unwrap());
    let app = App::new(open());
    let cookie = app.visit("", sign_in).await;
    assert_eq!(app.request(&cookie).await.unwrap().session.owner().as_deref(), Some("ann"));
    // A limit that the application configured can't be enforced.
    let app = App::with(open(), |sessions| sessions.owner_limit(2, cloakroom_store::AtLimit::EndOldest));
    let request = app.request("").await.unwrap();
    sign_in(&request.session);
    assert!(request.finish().await.unwrap_err().is_unsupported());
}

#[tokio::test]
async fn sessions_of_an_owner_are_listed_and_ended_page_by_page() {
    let store = Faulty::new();
    fill(&store.inner, 1_100).await;
    let factory = StoredSessions::new(Arc::clone(&store)).build().unwrap();
    let clock = cloakroom_session::ManualClock::at(NOW);
    let sessions = Sessions::new(Arc::new(factory)).clock(clock);
    let all = sessions.list("ann").await.unwrap();
    assert_eq!(all.len(), 1_000, "the oldest thousand are listed");
    assert!(all.windows(2).all(|two| two[0].created < two[1].created), "oldest first");
    let (mut seen, mut after, mut pages) = (HashSet::new(), None, 0);
    loop {
        let page = sessions.page("ann", after.as_ref(), 300).await.unwrap();
        assert!(page.sessions.len() <= 300);
        seen.extend(page.sessions.iter().map(cloakroom_store::SessionInfo::prefix));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((seen.len(), pages), (1_100, 4));
    // A session far down the list is found.
    let last = sessions.page("ann", None, 1_100).await.unwrap().sessions.pop().unwrap();
    assert!(sessions.end("ann", &last.prefix()).await.unwrap());
    let before = store.calls.load(Ordering::SeqCst);
    assert_eq!(sessions.end_all("ann").await.unwrap(), 1_099);
    println!("ended in {} calls", store.calls.load(Ordering::SeqCst) - before);
    assert_eq!(sessions.list("ann").await.unwrap(), []);
}
