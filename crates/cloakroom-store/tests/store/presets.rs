//! The presets of lifetimes, as a visitor's browser sees them.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::SessionFactory;
use cloakroom_session::{
    Clock as _, CookieConfig, CookieSessions, Engine, Key, Lifetimes, ManualClock, Session, Timestamp,
};
use cloakroom_store::{MemoryStore, StoredSessions};

const START: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const MILLISECOND: Duration = Duration::from_millis(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A preset, and its promises.
struct Preset {
    name: &'static str,
    lifetimes: Lifetimes,
    idle: Option<Duration>,
    absolute: Option<Duration>,
    is_persistent: bool,
}

fn presets() -> Vec<Preset> {
    let preset = |name, lifetimes, idle: Option<Duration>, absolute: Option<Duration>| Preset {
        name,
        lifetimes,
        idle,
        absolute,
        is_persistent: false,
    };
    let persistent = |preset: Preset| Preset { is_persistent: true, ..preset };
    let week = 7 * DAY;
    vec![
        preset("default", Lifetimes::default(), Some(20 * MINUTE), Some(DAY)),
        preset("bank", Lifetimes::bank(), Some(5 * MINUTE), Some(8 * HOUR)),
        preset("shop", Lifetimes::shop(), Some(DAY), Some(week)),
        persistent(preset("two weeks", Lifetimes::two_weeks(), Some(14 * DAY), Some(90 * DAY))),
        preset("tower-sessions", Lifetimes::tower_sessions(), Some(14 * DAY), None),
        persistent(preset(
            "tower-sessions, OnInactivity",
            Lifetimes::tower_sessions().idle_timeout(week).persistent_cookie(),
            Some(week),
            None,
        )),
        preset("actix-session", Lifetimes::actix_session(), Some(DAY), None),
        persistent(preset(
            "actix-session, PersistentSession",
            Lifetimes::actix_session().persistent_cookie(),
            Some(DAY),
            None,
        )),
        preset("AAL1", Lifetimes::aal1(), None, Some(30 * DAY)),
        persistent(preset("AAL1, persistent", Lifetimes::aal1().persistent_cookie(), None, Some(30 * DAY))),
        preset("AAL2", Lifetimes::aal2(), Some(HOUR), Some(DAY)),
        preset("AAL3", Lifetimes::aal3(), Some(15 * MINUTE), Some(12 * HOUR)),
    ]
}

/// An application with a clock, and a visitor's browser.
struct Visitor {
    engine: Arc<Engine>,
    clock: Arc<ManualClock>,
    /// The cookie, and the time at which the browser deletes it.
    cookie: Option<(String, Option<Timestamp>)>,
    /// The Max-Age of the last cookie, in seconds.
    max_age: Option<u64>,
}

impl Visitor {
    fn of(factory: impl SessionFactory) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let engine = Arc::new(Engine::new(factory).clock(Arc::clone(&clock)));
        Self { engine, clock, cookie: None, max_age: None }
    }

    /// Visits a page this long after the start.
    async fn visit(&mut self, after: Duration, page: impl FnOnce(&Session)) {
        let now = START + after;
        self.clock.set(now);
        self.cookie.take_if(|(_, until)| until.is_some_and(|until| now > until));
        let slot = SessionSlot::new(Arc::clone(&self.engine));
        let sent = self.cookie.as_ref().map(|(pair, _)| pair.as_bytes());
        let session = slot.open(CookieHeader::new(sent)).await.unwrap();
        page(&session);
        for cookie in slot.finish(200).await.unwrap().cookies {
            let line = cookie.to_string();
            let age = line.split("; ").find_map(|attribute| attribute.strip_prefix("Max-Age="));
            self.max_age = age.map(|age| age.parse().unwrap());
            let until = self.max_age.map(|age| self.clock.now() + Duration::from_secs(age));
            self.cookie = Some((line.split(';').next().unwrap().to_owned(), until));
        }
    }

    async fn sign_in(&mut self) {
        self.visit(Duration::ZERO, |session| session.insert("user", "ann").unwrap()).await;
    }

    async fn is_signed_in(&mut self, after: Duration) -> bool {
        let mut is_signed_in = false;
        self.visit(after, |session| is_signed_in = session.contains_key("user")).await;
        is_signed_in
    }

    /// Deletes the cookies of the browser session.
    fn restart_browser(&mut self) {
        self.cookie.take_if(|(_, until)| until.is_none());
    }
}

/// Returns a new visitor with sessions in cookies, and one with sessions in a store.
fn visitors(lifetimes: Lifetimes) -> [(&'static str, Visitor); 2] {
    let key = Key::new(b"a secret of the tests, of 32 bytes or even more").unwrap();
    let cookie = || CookieConfig::default();
    let in_cookies = CookieSessions::encrypted(key).cookie(cookie()).lifetimes(lifetimes).build().unwrap();
    let in_store = StoredSessions::new(MemoryStore::new()).cookie(cookie()).lifetimes(lifetimes).build().unwrap();
    [("cookies", Visitor::of(in_cookies)), ("a store", Visitor::of(in_store))]
}

#[tokio::test]
async fn presets_set_the_max_age_of_the_first_cookie() {
    for Preset { name, lifetimes, idle, absolute, is_persistent } in presets() {
        for (place, mut visitor) in visitors(lifetimes) {
            visitor.sign_in().await;
            let expected = idle.or(absolute).filter(|_| is_persistent).map(|ends| ends.as_secs());
            assert_eq!(visitor.max_age, expected, "{name}, {place}");
        }
    }
}

#[tokio::test]
async fn presets_end_a_session_that_is_not_used() {
    for Preset { name, lifetimes, idle, absolute, .. } in presets() {
        let ends = idle.or(absolute).unwrap();
        for (after, expected) in [(ends, true), (ends + MILLISECOND, false)] {
            for (place, mut visitor) in visitors(lifetimes) {
                visitor.sign_in().await;
                assert_eq!(visitor.is_signed_in(after).await, expected, "{name}, {place}, after {after:?}");
            }
        }
    }
}

#[tokio::test]
async fn presets_end_a_session_in_use_at_its_absolute_timeout() {
    for Preset { name, lifetimes, idle, absolute, .. } in presets() {
        let ends = absolute.unwrap_or(400 * DAY);
        let step = idle.map_or(DAY, |idle| idle / 2);
        for (place, mut visitor) in visitors(lifetimes) {
            visitor.sign_in().await;
            let mut after = Duration::ZERO;
            while after + step < ends {
                after += step;
                assert!(visitor.is_signed_in(after).await, "{name}, {place}, after {after:?}");
            }
            assert!(visitor.is_signed_in(ends).await, "{name}, {place}, at the end");
            let expected = absolute.is_none();
            assert_eq!(visitor.is_signed_in(ends + MILLISECOND).await, expected, "{name}, {place}, after the end");
        }
    }
}

#[tokio::test]
async fn persistent_presets_survive_the_end_of_the_browser_session() {
    for Preset { name, lifetimes, is_persistent, .. } in presets() {
        for (place, mut visitor) in visitors(lifetimes) {
            visitor.sign_in().await;
            visitor.restart_browser();
            assert_eq!(visitor.is_signed_in(MINUTE).await, is_persistent, "{name}, {place}");
        }
    }
}

/// Each write extends the session, and none of them is late enough for a touch.
#[tokio::test]
async fn frequent_writes_keep_a_persistent_cookie() {
    for Preset { name, lifetimes, idle, .. } in presets().into_iter().filter(|preset| preset.is_persistent) {
        let Some(idle) = idle else { continue };
        for (place, mut visitor) in visitors(lifetimes) {
            visitor.sign_in().await;
            for write in 1..60_u32 {
                visitor.visit(idle * write / 25, |session| session.insert("last", write).unwrap()).await;
            }
            assert!(visitor.is_signed_in(idle * 60 / 25).await, "{name}, {place}");
        }
    }
}

/// "Remember me" that slides: a limit, and an idle timeout within it.
#[tokio::test]
async fn a_remembered_session_with_an_idle_timeout_slides() {
    for (place, mut visitor) in visitors(Lifetimes::default()) {
        visitor.sign_in().await;
        assert_eq!(visitor.max_age, None, "{place}");
        let remember = |session: &Session| {
            session.remember(90 * DAY);
            session.set_idle_timeout(14 * DAY);
        };
        visitor.visit(MINUTE, remember).await;
        assert_eq!(visitor.max_age, Some(14 * 86_400), "{place}");
        for days in (7..90).step_by(7) {
            visitor.restart_browser();
            assert!(visitor.is_signed_in(days * DAY).await, "{place}, after {days} days");
        }
        assert!(visitor.is_signed_in(90 * DAY + MINUTE).await, "{place}, at the limit");
        assert!(!visitor.is_signed_in(90 * DAY + MINUTE + MILLISECOND).await, "{place}, after the limit");
    }
}

/// A deployment makes sessions longer: one that began before follows at its next use.
#[tokio::test]
async fn sessions_in_use_follow_a_new_configuration() {
    let store = Arc::new(MemoryStore::new());
    let sessions = |lifetimes| StoredSessions::new(Arc::clone(&store)).lifetimes(lifetimes).build().unwrap();
    let mut visitor = Visitor::of(sessions(Lifetimes::default()));
    visitor.sign_in().await;
    let deployed = Visitor::of(sessions(Lifetimes::two_weeks()));
    let mut visitor = Visitor { cookie: visitor.cookie, ..deployed };
    assert!(visitor.is_signed_in(MINUTE).await);
    // The idle timeout of 20 minutes would end it; the absolute deadline of 24 hours stays.
    assert_eq!(visitor.max_age, Some(86_400 - 60));
    visitor.visit(10 * MINUTE, |session| session.remember(DAY)).await;
    assert_eq!(visitor.max_age, Some(86_400), "the session's own lifetime");
    visitor.visit(11 * MINUTE, Session::forget).await;
    assert_eq!(visitor.max_age, Some(14 * 86_400), "the layer's");
}
