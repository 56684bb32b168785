//! Slow requests on real stores must not undo a concurrent sign-out, sign-in or expiry, and must
//! send no cookie.

use std::sync::Arc;
use std::time::Duration;

use cloakroom::adapter::{CookieHeader, SessionSlot};
use cloakroom::factory::SessionId;
use cloakroom::store::{Loaded, Store as _, StoreKey};
use cloakroom::{AnyStore, Clock as _, CookieConfig, Engine, ManualClock, Session, StoredSessions, Timestamp, connect};

use crate::place::Place;

const ROUNDS: usize = 1000;

/// The number of concurrent rounds, each with a separate session.
const AT_A_TIME: usize = 8;

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

type Act = fn(&Session);

/// The changes that slow requests make, in rotation.
const SLOW: [(&str, Act); 9] = [
    ("insert", |session| session.insert("slow", 1).unwrap()),
    ("update", |session| session.update("count", |count: &mut u32| *count += 1).unwrap()),
    ("remove", |session| assert!(session.remove("count"))),
    ("flash", |session| session.flash("slow")),
    ("pop", |session| assert_eq!(session.pop_flash::<String>(), ["waiting"])),
    ("cycle", Session::cycle_id),
    ("sign in", |session| session.set_owner("slow")),
    ("remember", |session| session.remember(Duration::from_secs(86_400))),
    ("changed", Session::changed),
];

/// The event between the start and the end of a slow request.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    Logout,
    SignIn,
    LogoutAndSignIn,
    Expiry,
}

/// One of several applications that share a store.
struct App {
    sessions: Arc<StoredSessions<AnyStore>>,
    engine: Arc<Engine>,
}

impl App {
    fn new(store: &AnyStore, clock: &Arc<ManualClock>) -> Self {
        // Generous timeouts: this test checks the results, and a busy machine may be slow.
        let patient = Duration::from_secs(60);
        let sessions = StoredSessions::new(store.clone()).call_timeout(patient).commit_timeout(patient);
        // Every round signs in as the same owner, so these sessions must not evict each other.
        let sessions = sessions.cookie(CookieConfig::default().name("session")).no_owner_limit();
        let sessions = Arc::new(sessions.build().unwrap());
        let engine = Arc::new(Engine::new(Arc::clone(&sessions)).clock(Arc::clone(clock)));
        Self { sessions, engine }
    }

    async fn request(&self, cookie: &str) -> (SessionSlot, Session) {
        let slot = SessionSlot::new(Arc::clone(&self.engine));
        let session = slot.open(CookieHeader::new([cookie.as_bytes()])).await.unwrap();
        (slot, session)
    }

    /// Performs a whole request. Returns the cookie that it sets, if any.
    async fn visit(&self, cookie: &str, handler: impl FnOnce(&Session)) -> Option<String> {
        let (slot, session) = self.request(cookie).await;
        handler(&session);
        finish(slot).await
    }
}

/// Commits. Returns the response's cookie as `name=value`; a removal has an empty value.
async fn finish(slot: SessionSlot) -> Option<String> {
    let effects = slot.finish(200).await.unwrap();
    let line = effects.cookies.first().map(ToString::to_string);
    line.and_then(|line| line.split(';').next().map(str::to_owned))
}

fn key_of(cookie: &str) -> StoreKey {
    SessionId::parse(cookie.strip_prefix("session=").unwrap()).unwrap().store_key()
}

async fn round(store: AnyStore, meanwhile: Meanwhile, (what, act): (&'static str, Act)) {
    let clock = Arc::new(ManualClock::at(NOW));
    // Both share the store and nothing else.
    let (ours, other) = (App::new(&store, &clock), App::new(&store, &clock));
    let begin = |session: &Session| {
        session.insert("count", 0).unwrap();
        session.flash("waiting");
    };
    let cookie = ours.visit("", begin).await.unwrap();
    let (slow, session) = ours.request(&cookie).await;
    act(&session);
    drop(session);

    let newer = match meanwhile {
        Meanwhile::Logout => {
            assert_eq!(other.visit(&cookie, Session::invalidate).await.as_deref(), Some("session="));
            None
        }
        Meanwhile::SignIn => other.visit(&cookie, |session| session.set_owner("ann")).await,
        Meanwhile::LogoutAndSignIn => {
            let anew = |session: &Session| {
                session.invalidate();
                session.set_owner("ann");
            };
            other.visit(&cookie, anew).await
        }
        Meanwhile::Expiry => {
            clock.advance(Duration::from_millis(20 * 60 * 1000 + 1));
            None
        }
    };
    let now = clock.now();
    let before = match &newer {
        Some(cookie) => Some(store.load(&key_of(cookie), now).await.unwrap()),
        None => None,
    };

    assert_eq!(finish(slow).await, None, "{what}: a cookie was sent");
    assert!(!matches!(store.load(&key_of(&cookie), now).await.unwrap(), Loaded::Live(..)), "{what}: revived");
    if let Some(newer) = &newer {
        assert_ne!(*newer, cookie);
        let after = store.load(&key_of(newer), now).await.unwrap();
        assert!(matches!(after, Loaded::Live(..)), "{what}");
        assert_eq!(Some(after), before, "{what}: the newer session was changed");
    }
    let stats = ours.sessions.stats();
    assert_eq!((stats.dropped, stats.created, stats.cycled), (1, 1, 0), "{what}: dropped, nothing created");
}

async fn slow(name: &'static str) {
    let place = Place::start(name);
    let store = connect(&place.url).await.unwrap();
    let all = [Meanwhile::Logout, Meanwhile::SignIn, Meanwhile::LogoutAndSignIn, Meanwhile::Expiry];
    for meanwhile in all {
        let lanes = (0..AT_A_TIME).map(|lane| {
            let store = store.clone();
            tokio::spawn(async move {
                let mine = (lane..ROUNDS).step_by(AT_A_TIME);
                let rounds = mine.len();
                for index in mine {
                    round(store.clone(), meanwhile, SLOW[index % SLOW.len()]).await;
                }
                rounds
            })
        });
        let mut silent = 0;
        for lane in lanes.collect::<Vec<_>>() {
            silent += lane.await.unwrap();
        }
        println!(
            "{name}, {meanwhile:?}: {silent} slow requests of {ROUNDS} dropped without a cookie, none revived anything"
        );
        assert_eq!(silent, ROUNDS);
    }
}

macro_rules! slow {
    ($($name:ident)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            slow(stringify!($name)).await;
        }
    )+};
}

slow!(file sqlite postgres mariadb redis valkey sentinel cluster);
