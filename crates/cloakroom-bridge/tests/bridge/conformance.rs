//! The factories of bridges, and migrations between factories, under the conformance suite.

use std::sync::Arc;

use cloakroom_bridge::{Migration, Phase};
use cloakroom_session::factory::{
    Commit, Committed, CookieHeader, Plan, SessionFactory, SessionState,
    conformance::{Capabilities, assert_conforms, check},
};
use cloakroom_session::{CookieConfig, CookieSessions, CookieSessionsBuilder, Error, Key, Timestamp};
use cloakroom_store::store::Store;
use cloakroom_store::{MemoryStore, StoredSessions};

use super::slow_stores::Yielding;

const PHASES: [Phase; 4] = [Phase::ReadOld, Phase::ReadBothWriteOld, Phase::ReadBothWriteNew, Phase::ReadNew];

/// The browser holds the only copy.
fn in_cookies() -> Capabilities {
    Capabilities::all().without_revocation().without_merging()
}

fn cookies(name: &str, seal: fn(Key) -> CookieSessionsBuilder) -> CookieSessions {
    let key = Key::new(b"a secret of 32 bytes or more, for the tests alone").unwrap();
    seal(key).cookie(CookieConfig::default().name(name)).build().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn migrations_between_cookies_conform() {
    for phase in PHASES {
        let (old, new) = (cookies("old", CookieSessions::signed), cookies("new", CookieSessions::encrypted));
        assert_conforms(Arc::new(Migration::new(old, new, phase)), in_cookies()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn migrations_between_stores_conform() {
    let stored = |name: &str| {
        StoredSessions::new(MemoryStore::new()).cookie(CookieConfig::default().name(name)).build().unwrap()
    };
    for phase in PHASES {
        let migration = Migration::new(stored("old"), stored("new"), phase);
        assert_conforms(Arc::new(migration), Capabilities::all()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn migrations_from_cookies_to_a_store_conform() {
    for phase in PHASES {
        let old = cookies("old", CookieSessions::signed);
        let cookie = CookieConfig::default().name("new");
        let new = StoredSessions::new(MemoryStore::new()).cookie(cookie).build().unwrap();
        let writes_old = matches!(phase, Phase::ReadOld | Phase::ReadBothWriteOld);
        let can = if writes_old { in_cookies() } else { Capabilities::all() };
        assert_conforms(Arc::new(Migration::new(old, new, phase)), can).await;
    }
}

/// A deployment in which sessions begin on nodes that write the old side, and are then used on
/// nodes that write the new one: the first request that changes a session moves it.
#[derive(Debug)]
struct MovesEach<F> {
    begins: F,
    goes_on: F,
}

impl<F: SessionFactory> SessionFactory for MovesEach<F> {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        self.goes_on.open(cookies, now).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let node = if commit.plan() == Plan::Create { &self.begins } else { &self.goes_on };
        node.commit(commit).await
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        self.goes_on.reload(session, now).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_that_move_between_cookies_conform() {
    let (old, new) = (cookies("old", CookieSessions::signed), cookies("new", CookieSessions::encrypted));
    let node = |phase| Migration::new(old.clone(), new.clone(), phase);
    let nodes = MovesEach { begins: node(Phase::ReadBothWriteOld), goes_on: node(Phase::ReadBothWriteNew) };
    assert_conforms(Arc::new(nodes), in_cookies()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_that_move_between_stores_conform() {
    moves_conform::<MemoryStore>().await;
}

/// Commits that overlap are written as a group.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_that_move_between_slow_stores_conform() {
    moves_conform::<Yielding>().await;
}

async fn moves_conform<S: Store + Default>() {
    let stored = |name: &str| {
        let cookie = CookieConfig::default().name(name);
        Arc::new(StoredSessions::new(S::default()).cookie(cookie).build().unwrap())
    };
    let (old, new) = (stored("old"), stored("new"));
    let node = |phase| Migration::new(Arc::clone(&old), Arc::clone(&new), phase);
    let nodes = MovesEach { begins: node(Phase::ReadBothWriteOld), goes_on: node(Phase::ReadBothWriteNew) };
    assert_conforms(Arc::new(nodes), Capabilities::all()).await;
}

#[cfg(all(
    feature = "actix-session",
    feature = "beaker",
    feature = "django",
    feature = "express",
    feature = "flask",
    feature = "flask-session",
    feature = "plug",
    feature = "pyramid",
    feature = "rails",
    feature = "starlette",
    feature = "tower-sessions"
))]
mod formats {
    use cloakroom_bridge::{
        ActixSessionCookie, ActixSessionRecord, BeakerCipher, BeakerCookie, BeakerRecord, BridgedCookies, CookieFormat,
        DjangoCookie, DjangoRecord, ExpressCookie, ExpressRecord, FlaskCookie, FlaskSessionRecord, MemoryRecords,
        PlugCookie, PyramidCookie, RailsCookie, RecordFormat, SharedRecords, StarletteCookie, TowerSessionsRecord,
    };

    use super::*;

    async fn cookies_conform(name: &str, format: impl CookieFormat, can: Capabilities) {
        let failures = check(Arc::new(BridgedCookies::new(format).build().unwrap()), can).await;
        assert_eq!(failures, [], "{name}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn cookies_of_every_format_conform() {
        cookies_conform("pyramid", PyramidCookie::new("secret").build().unwrap(), in_cookies()).await;
        // Only permanent sessions are touched.
        cookies_conform("flask", FlaskCookie::new("secret").build().unwrap(), in_cookies().without_touches()).await;
        // SESSION_SAVE_EVERY_REQUEST is off.
        cookies_conform("django", DjangoCookie::new("secret").build().unwrap(), in_cookies().without_touches()).await;
        cookies_conform("express", ExpressCookie::new("secret").build().unwrap(), in_cookies()).await;
        let starlette = StarletteCookie::new("secret").build().unwrap();
        cookies_conform("starlette", starlette, in_cookies().without_touches()).await;
        let rails = RailsCookie::encrypted("secret").build().unwrap();
        cookies_conform("rails, encrypted", rails, in_cookies()).await;
        cookies_conform("rails, signed", RailsCookie::signed("secret").build().unwrap(), in_cookies()).await;
        let plug = PlugCookie::signed("secret", "salt").build().unwrap();
        cookies_conform("plug, signed", plug, in_cookies()).await;
        let plug = PlugCookie::encrypted("secret", "salt").build().unwrap();
        cookies_conform("plug, encrypted", plug, in_cookies()).await;
        let actix = ActixSessionCookie::private(vec![7; 64]).unwrap();
        cookies_conform("actix-session, private", actix, in_cookies().without_touches()).await;
        let actix = ActixSessionCookie::signed(vec![7; 64]).unwrap();
        cookies_conform("actix-session, signed", actix, in_cookies().without_touches()).await;
        let beaker = BeakerCookie::new("secret").encrypt_key("key", BeakerCipher::AesGcm).build().unwrap();
        cookies_conform("beaker", beaker, in_cookies()).await;
    }

    async fn records_conform(name: &str, format: impl RecordFormat, can: Capabilities) {
        let store = Arc::new(MemoryRecords::new());
        let factory = Arc::new(SharedRecords::new(format, Arc::clone(&store)).build().unwrap());
        let can = can.without_tombstones().counting(move || store.ids().len());
        assert_eq!(check(factory, can).await, [], "{name}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn records_of_every_format_conform() {
        let can = Capabilities::all;
        records_conform("django", DjangoRecord::new("secret").unwrap(), can().without_touches()).await;
        // A permanent session sends its cookie with each use.
        let flask = FlaskSessionRecord::builder().permanent(false).build().unwrap();
        records_conform("flask-session", flask, can()).await;
        records_conform("express", ExpressRecord::new("secret").build().unwrap(), can()).await;
        records_conform("beaker", BeakerRecord::new("secret").unwrap(), can()).await;
        // They don't save sessions that are only read, unless configured to.
        let key = || vec![7; 64];
        let tower = TowerSessionsRecord::private(key()).unwrap();
        records_conform("tower-sessions", tower.clone(), can().without_touches()).await;
        records_conform("tower-sessions, always_save", tower.always_save(true), can()).await;
        let actix = ActixSessionRecord::private(key()).unwrap();
        records_conform("actix-session", actix.clone(), can().without_touches()).await;
        records_conform("actix-session, on every request", actix.on_every_request(true), can()).await;
    }
}
