//! The rules that applications see.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::{Alias, Record};
use cloakroom_session::{CookieConfig, CookieSessions, Engine, Error, Key, Keyring, ManualClock, Session};
use cloakroom_store::store::{Entry, Loaded, Store, end_alias};
use cloakroom_store::{MemoryStore, PackedStore, Sessions, StoredSessions};

use crate::world::{Gated, NOW, Process};

const ISSUER: &str = "https://login.example";

/// An application with a manual clock.
struct App<S> {
    sessions: Arc<StoredSessions<S>>,
    clock: Arc<ManualClock>,
}

impl<S: Store> App<S> {
    fn new(store: Arc<S>) -> Self {
        let sessions = StoredSessions::new(store).cookie(CookieConfig::default().name("session")).build().unwrap();
        Self { sessions: Arc::new(sessions), clock: Arc::new(ManualClock::at(NOW)) }
    }

    fn list(&self) -> Sessions<S> {
        Sessions::new(Arc::clone(&self.sessions)).clock(Arc::clone(&self.clock))
    }

    /// Runs a whole request. Returns the browser's cookie afterwards.
    async fn visit(&self, cookie: &str, handler: impl FnOnce(&Session)) -> Result<String, Error> {
        let engine = Engine::new(Arc::clone(&self.sessions)).clock(Arc::clone(&self.clock));
        let slot = SessionSlot::new(Arc::new(engine));
        handler(&slot.open(CookieHeader::new([cookie.as_bytes()])).await?);
        let effects = slot.finish(200).await?;
        let mut cookies = effects.cookies.iter().map(|line| line.as_str().split(';').next().unwrap().to_owned());
        Ok(cookies.next_back().unwrap_or_else(|| cookie.to_owned()))
    }

    async fn sign_in(&self, owner: &str, sid: &str) -> Result<String, Error> {
        self.visit("", |session| {
            session.sign_in(owner);
            session.set_alias(ISSUER, sid).unwrap();
        })
        .await
    }

    async fn owner(&self, cookie: &str) -> Option<String> {
        let mut owner = None;
        self.visit(cookie, |session| owner = session.owner()).await.unwrap();
        owner
    }
}

#[tokio::test]
async fn an_alias_ends_its_sessions_and_no_others() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let [one, two] = [app.sign_in("ann", "1").await.unwrap(), app.sign_in("ann", "2").await.unwrap()];
    assert_eq!(app.list().end_alias("https://evil.example", "1").await.unwrap(), 0, "another issuer");
    assert_eq!(app.list().end_alias(ISSUER, "3").await.unwrap(), 0, "an unknown sid");
    assert_eq!(app.list().end_alias(ISSUER, "1").await.unwrap(), 1);
    assert_eq!((app.owner(&one).await, app.owner(&two).await.as_deref()), (None, Some("ann")));
    assert_eq!(app.list().list("ann").await.unwrap().len(), 1, "entries of aliases are no sessions");
}

#[tokio::test]
async fn an_alias_is_refused_for_five_minutes_after_its_end() {
    let app = App::new(Arc::new(MemoryStore::new()));
    for (name, sid) in [("known before", "1"), ("ended before its sign-in", "2")] {
        if sid == "1" {
            app.sign_in("ann", sid).await.unwrap();
        }
        app.list().end_alias(ISSUER, sid).await.unwrap();
        assert_eq!(app.sign_in("ann", sid).await.unwrap(), "", "no cookie: {name}");
        app.clock.advance(Duration::from_secs(299));
        assert_eq!(app.sign_in("ann", sid).await.unwrap(), "", "no cookie: {name}");
        app.clock.advance(Duration::from_secs(1));
        let cookie = app.sign_in("ann", sid).await.unwrap();
        assert_eq!(app.owner(&cookie).await.as_deref(), Some("ann"), "{name}");
        assert_eq!(app.list().end_alias(ISSUER, sid).await.unwrap(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_refused_sign_in_leaves_the_visitors_session() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let visitor = app.visit("", |session| session.insert("cart", "hat").unwrap()).await.unwrap();
    app.list().end_alias(ISSUER, "1").await.unwrap();
    let sign_in = |session: &Session| {
        session.sign_in("ann");
        session.set_alias(ISSUER, "1").unwrap();
    };
    assert_eq!(app.visit(&visitor, sign_in).await.unwrap(), visitor, "no cookie");
    let see = |session: &Session| {
        assert_eq!(session.owner(), None);
        assert_eq!(session.get::<String>("cart").unwrap().as_deref(), Some("hat"));
    };
    app.visit(&visitor, see).await.unwrap();
}

#[tokio::test]
async fn the_alias_of_another_owner_is_refused_until_that_one_has_no_session() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let anns = app.sign_in("ann", "1").await.unwrap();
    let refused = |result: Result<String, Error>| {
        let error = result.unwrap_err();
        assert!(error.is_alias_taken() && error.status() == 409, "{error}");
        assert_eq!(error.to_string(), "the alias belongs to a session of another owner");
    };
    refused(app.sign_in("bob", "1").await);
    app.clock.advance(Duration::from_secs(600));
    refused(app.sign_in("bob", "1").await);
    assert_eq!(app.owner(&anns).await.as_deref(), Some("ann"));
    app.visit(&anns, Session::invalidate).await.unwrap();
    let bobs = app.sign_in("bob", "1").await.unwrap();
    refused(app.sign_in("ann", "1").await);
    assert_eq!(app.list().end_alias(ISSUER, "1").await.unwrap(), 1);
    assert_eq!(app.owner(&bobs).await, None);
}

#[tokio::test]
async fn an_alias_goes_with_its_owner() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let cookie = app.sign_in("ann", "1").await.unwrap();
    let alias = |session: &Session| session.record().alias();
    let cookie = app.visit(&cookie, |session| assert!(alias(session).is_some())).await.unwrap();
    let cookie = app.visit(&cookie, Session::cycle_id).await.unwrap();
    let again = |session: &Session| {
        assert_eq!(alias(session), Some(Alias::new(ISSUER, "1")), "it stays when the id cycles");
        session.sign_in("ann");
        assert!(alias(session).is_some(), "and when the same owner signs in");
        session.set_alias(ISSUER, "2").unwrap();
        assert_eq!(alias(session), Some(Alias::new(ISSUER, "2")), "a later one replaces it");
    };
    let cookie = app.visit(&cookie, again).await.unwrap();
    assert_eq!(app.list().end_alias(ISSUER, "1").await.unwrap(), 0);
    let other = |session: &Session| {
        session.sign_in("bob");
        assert_eq!(alias(session), None, "another owner");
    };
    let cookie = app.visit(&cookie, other).await.unwrap();
    assert_eq!(app.list().end_alias(ISSUER, "2").await.unwrap(), 0);
    assert_eq!(app.owner(&cookie).await.as_deref(), Some("bob"));
}

#[tokio::test]
async fn what_has_no_alias_says_so() {
    let session = Session::for_tests();
    assert_eq!(
        session.set_alias(ISSUER, "1").unwrap_err().to_string(),
        "a session without an owner can't have an alias"
    );
    session.set_owner("ann");
    assert_eq!(session.set_alias(ISSUER, "").unwrap_err().to_string(), "the alias of a session is empty");
    session.set_alias(ISSUER, "1".repeat(100_000)).unwrap();

    let key = Key::new(b"a secret of 32 bytes or more, for this test").unwrap();
    let slot = SessionSlot::new(Arc::new(Engine::new(CookieSessions::signed(key).build().unwrap())));
    let session = slot.open(CookieHeader::default()).await.unwrap();
    session.set_owner("ann");
    let error = session.set_alias(ISSUER, "1").unwrap_err();
    assert!(error.is_unsupported(), "{error:?}");
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("StoredSessions"));
}

/// A session without an alias makes the calls that it made before there were aliases.
#[tokio::test]
async fn an_alias_costs_one_write_and_one_read_at_the_sign_in() {
    let store = Gated::new();
    let process = Process::new(&store);
    let calls = || store.calls.swap(0, Ordering::SeqCst);
    let id = process.without_alias("ann").await;
    assert_eq!(calls(), 1);
    let id = process.cycle(id).await.unwrap().unwrap();
    assert_eq!(calls(), 2, "a load and a move");
    process.name(id).await.unwrap();
    assert_eq!(calls(), 5, "a load, the index asked for once, a claim, the session, and the claim again");
    let id = process.cycle(id).await.unwrap().unwrap();
    assert_eq!(calls(), 2, "a session that has its alias");
    let mut session = process.open(Some(id)).await;
    session.insert("cart", &"hat").unwrap();
    process.commit(session).await.unwrap();
    assert_eq!(calls(), 2, "a load and a write");
}

#[tokio::test]
async fn the_entry_of_an_alias_lives_as_long_as_its_session() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let until = |sid: &'static str| {
        let store = Arc::clone(app.sessions.store());
        async move {
            match store.load(&Alias::new(ISSUER, sid).store_key(), NOW).await.unwrap() {
                Loaded::Live(_, entry) => entry.deadline.unwrap().since(NOW).as_secs(),
                other @ (Loaded::Moved | Loaded::Absent) => panic!("{other:?}"),
            }
        }
    };
    const DAY: u64 = 24 * 60 * 60;
    let cookie = app.sign_in("ann", "1").await.unwrap();
    assert_eq!(until("1").await, DAY, "the absolute timeout");
    app.visit(&cookie, |session| session.remember(Duration::from_secs(14 * DAY))).await.unwrap();
    assert_eq!(until("1").await, 14 * DAY, "a session that became longer");
    app.sign_in("ann", "1").await.unwrap();
    assert_eq!(until("1").await, 14 * DAY, "a shorter one of the same alias");
    let endless = |session: &Session| {
        session.set_owner("ann");
        session.set_absolute_timeout(None);
        session.set_alias(ISSUER, "2").unwrap();
    };
    app.visit("", endless).await.unwrap();
    assert_eq!(until("2").await, 400 * DAY);
}

#[tokio::test]
async fn visitors_evict_no_alias_from_a_full_memory_store() {
    let app = App::new(Arc::new(MemoryStore::new().capacity(64)));
    app.sign_in("ann", "1").await.unwrap();
    for visitor in 0..500 {
        app.visit("", |session| session.insert("visitor", visitor).unwrap()).await.unwrap();
    }
    assert_eq!(app.list().end_alias(ISSUER, "1").await.unwrap(), 1);
}

#[tokio::test]
async fn a_sealed_store_keeps_neither_owner_nor_alias_readable() {
    let inner = Arc::new(MemoryStore::new());
    let key = Key::new(b"a secret of 32 bytes or more, for records").unwrap();
    let packed = PackedStore::new(Arc::clone(&inner)).encrypt(Keyring::new(key)).unwrap();
    let app = App::new(Arc::new(packed));
    app.sign_in("somebody-with-a-name", "sid-with-a-name").await.unwrap();
    let page = inner.scan(None, 100, NOW).await.unwrap();
    let all: Vec<&Entry> = page.sessions.iter().chain(&page.locked).map(|scanned| &scanned.entry).collect();
    assert_eq!((all.len(), all.iter().filter(|entry| entry.is_alias()).count()), (2, 1), "known without the keyring");
    for entry in all {
        assert!(!format!("{}{:?}", entry.text(), entry.owner).contains("with-a-name"), "{}", entry.text());
    }
    assert_eq!(app.list().end_alias(ISSUER, "sid-with-a-name").await.unwrap(), 1);
}

/// A damaged entry is an error: a success would mean that the sessions have ended.
#[tokio::test]
async fn a_damaged_entry_of_an_alias_is_an_error() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let alias = Alias::new(ISSUER, "1");
    let times = Record::new(NOW, &cloakroom_session::Lifetimes::default());
    app.sessions.store().create(&alias.store_key(), &Entry::of(times), NOW).await.unwrap();
    assert!(end_alias(&**app.sessions.store(), &alias, NOW).await.unwrap_err().is_corrupt());
    assert!(app.sign_in("ann", "1").await.unwrap_err().is_corrupt());
}
