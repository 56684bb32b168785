//! Waiting for the end of a session in a cookie, and of one whose factory can only be asked.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a panic is the failure report of a test")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_session::adapter::{CookieHeader, SessionSlot};
use cloakroom_session::factory::{
    Commit, Committed, CookiePayload, EndReason, Record, SessionFactory, SessionId, SessionState,
};
use cloakroom_session::{Clock, CookieSessions, Engine, Error, Key, Lifetimes, Session, Timestamp};
use tokio::time::{Instant, timeout};

const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const MINUTE: Duration = Duration::from_secs(60);

/// A clock that moves with tokio's paused time.
#[derive(Debug)]
struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        NOW + self.0.elapsed()
    }
}

fn engine(factory: impl SessionFactory) -> Arc<Engine> {
    Arc::new(Engine::new(factory).clock(TokioClock(Instant::now())))
}

async fn opened(engine: &Arc<Engine>, cookie: &str) -> (SessionSlot, Session) {
    let slot = SessionSlot::new(Arc::clone(engine));
    let session = slot.open(CookieHeader::new([cookie.as_bytes()])).await.unwrap();
    (slot, session)
}

#[tokio::test(start_paused = true)]
async fn a_cookie_session_resolves_at_its_deadline_only() {
    let engine = engine(
        CookieSessions::encrypted(Key::new(b"a secret from the environment, of 32 bytes or more").unwrap())
            .build()
            .unwrap(),
    );
    let (slot, session) = opened(&engine, "").await;
    session.insert("a", 1).unwrap();
    let began = Instant::now();
    let waiting = tokio::spawn(session.ended());
    let cookie = slot.finish(200).await.unwrap().cookies[0].to_string();
    let (slot, elsewhere) = opened(&engine, cookie.split(';').next().unwrap()).await;
    elsewhere.invalidate();
    slot.finish(200).await.unwrap();
    assert_eq!(waiting.await.unwrap(), EndReason::Expired, "the server doesn't learn of a sign-out");
    let elapsed = began.elapsed();
    assert!(elapsed > 20 * MINUTE && elapsed < 21 * MINUTE, "{elapsed:?}");
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Lives,
    Gone,
    Down,
    Unsupported,
}

/// A factory with one session, whose answer to `reload` the test chooses.
#[derive(Clone, Debug)]
struct Asked(Arc<Mutex<(Answer, usize)>>);

impl Asked {
    fn new(answer: Answer) -> Self {
        Self(Arc::new(Mutex::new((answer, 0))))
    }

    fn is(&self, answer: Answer) {
        self.0.lock().unwrap().0 = answer;
    }

    fn state() -> SessionState {
        let lifetimes = Lifetimes::default();
        SessionState::loaded(SessionId::from_random([1; 32]), Record::new(NOW, &lifetimes), NOW, lifetimes)
            .with_payload(CookiePayload::Id)
    }
}

impl SessionFactory for Asked {
    async fn open(&self, _: CookieHeader<'_>, _: Timestamp) -> Result<SessionState, Error> {
        Ok(Self::state())
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        Ok(Committed::dropped(commit))
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        let mut asked = self.0.lock().unwrap();
        asked.1 += 1;
        match asked.0 {
            Answer::Lives => Ok(Self::state()),
            Answer::Gone => Ok(SessionState::detached(session.id(), now, Lifetimes::default())),
            Answer::Down => Err(Error::unavailable("connection refused")),
            Answer::Unsupported => Err(Error::unsupported("reloading")),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_factory_is_asked_every_five_seconds_and_again_after_errors() {
    let factory = Asked::new(Answer::Lives);
    let (_slot, session) = opened(&engine(factory.clone()), "").await;
    let mut waiting = tokio::spawn(session.ended());
    assert!(timeout(MINUTE, &mut waiting).await.is_err());
    let asked = factory.0.lock().unwrap().1;
    assert!((12..=13).contains(&asked), "{asked} times in a minute");
    factory.is(Answer::Down);
    assert!(timeout(MINUTE, &mut waiting).await.is_err(), "no answer is not an end");
    factory.is(Answer::Gone);
    let began = Instant::now();
    assert_eq!(waiting.await.unwrap(), EndReason::Gone);
    assert!(began.elapsed() <= Duration::from_secs(5), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_cannot_be_asked_resolves_at_the_deadline() {
    let began = Instant::now();
    let (_slot, session) = opened(&engine(Asked::new(Answer::Unsupported)), "").await;
    assert_eq!(session.ended().await, EndReason::Expired);
    let elapsed = began.elapsed();
    assert!(elapsed > 20 * MINUTE && elapsed < 21 * MINUTE, "{elapsed:?}");
}
