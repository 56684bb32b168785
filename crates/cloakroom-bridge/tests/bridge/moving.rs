//! Concurrent requests while a session moves between two stores.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom_bridge::{Migration, Phase};
use cloakroom_session::adapter::SessionSlot;
use cloakroom_session::factory::{Commit, Committed, CookieHeader, SessionFactory, SessionState};
use cloakroom_session::{CookieConfig, Engine, Error, ManualClock, Session, Timestamp};
use cloakroom_store::store::Store;
use cloakroom_store::{MemoryStore, StoredSessions};

use super::browser::{App, Browser, NOW};
use super::slow_stores::Yielding;

/// The two stores, shared by several nodes.
struct Site {
    old: Arc<Yielding>,
    new: Arc<Yielding>,
}

impl Site {
    fn empty() -> Self {
        Self { old: Arc::default(), new: Arc::default() }
    }

    fn sides(&self) -> [StoredSessions<Yielding>; 2] {
        [("old", &self.old), ("new", &self.new)].map(|(name, store)| {
            let cookie = CookieConfig::default().name(name);
            StoredSessions::new(Arc::clone(store)).cookie(cookie).build().unwrap()
        })
    }

    fn node(&self, phase: Phase) -> App {
        let [old, new] = self.sides();
        App::new(Migration::new(old, new, phase))
    }

    /// Creates a browser with a session on the old side.
    async fn visitor(&self) -> Browser {
        let mut browser = Browser::default();
        browser.visit(&self.node(Phase::ReadOld), |session| session.insert("user", 42).unwrap()).await;
        browser
    }

    /// Lists all contents, for the message of a failed test.
    async fn contents(&self) -> Vec<String> {
        let mut contents = Vec::new();
        for store in [&self.old, &self.new] {
            let page = Store::scan(&**store, None, 100, NOW).await.unwrap();
            contents.extend(page.sessions.iter().map(|it| it.entry.text().to_string()));
        }
        contents
    }

    /// Counts the sessions that a browser could still open, on both sides.
    async fn live(&self) -> usize {
        let mut live = 0;
        // By then the marks of moved sessions have expired, but the sessions haven't.
        let later = NOW + std::time::Duration::from_secs(61);
        for store in [&self.old, &self.new] {
            live += Store::scan(&**store, None, 100, later).await.unwrap().sessions.len();
        }
        live
    }
}

/// Starts a request whose handler has returned and whose commit is pending.
pub(crate) async fn begun(app: &App, browser: &Browser, act: impl FnOnce(&Session)) -> SessionSlot {
    let header = browser.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let slot = app.slot();
    let session = slot.open(CookieHeader::new([header.as_bytes()])).await.unwrap();
    act(&session);
    slot
}

async fn finish(slot: SessionSlot, browser: &mut Browser) -> usize {
    let cookies = slot.finish(200).await.unwrap().cookies;
    browser.take(&cookies);
    cookies.len()
}

pub(crate) fn add_one(session: &Session) {
    session.update("count", |count: &mut u32| *count += 1).unwrap();
}

pub(crate) async fn count(app: &App, browser: &Browser) -> Option<u32> {
    browser.clone().visit(app, |session| session.get::<u32>("count").unwrap()).await.0
}

#[tokio::test]
async fn changes_of_requests_that_opened_the_session_before_it_moved_are_kept() {
    let site = Site::empty();
    let app = site.node(Phase::ReadBothWriteNew);
    let mut browser = site.visitor().await;
    let mut requests = Vec::new();
    for _ in 0..12 {
        requests.push(begun(&app, &browser, add_one).await);
    }
    let mut values = Vec::new();
    for request in requests {
        finish(request, &mut browser).await;
        values.push(browser.jar["new"].clone());
    }
    values.dedup();
    assert_eq!(values.len(), 1, "all reach the same new session");
    assert_eq!(browser.jar.keys().collect::<Vec<_>>(), ["new"]);
    assert_eq!(count(&app, &browser).await, Some(12));
    let (user, _) = browser.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
    assert_eq!(user, Some(42));
    assert_eq!(site.live().await, 1);
}

#[tokio::test]
async fn a_late_cookie_leads_to_the_moved_session() {
    let site = Site::empty();
    let app = site.node(Phase::ReadBothWriteNew);
    let mut browser = site.visitor().await;
    let mut late = browser.clone();
    browser.visit(&app, add_one).await;
    late.visit(&app, add_one).await;
    assert_eq!(late.jar["new"], browser.jar["new"]);
    assert_eq!(count(&app, &browser).await, Some(2));
}

#[tokio::test]
async fn a_sign_out_ends_a_session_that_moved_concurrently() {
    type Act = fn(&Session);
    let rows: [(&str, Act); 3] = [
        ("by a write", add_one),
        ("by a new id", |session| session.cycle_id()),
        ("by a sign-in", |session| session.set_owner("ann")),
    ];
    for (row, act) in rows {
        for phase in [Phase::ReadBothWriteOld, Phase::ReadBothWriteNew] {
            let (site, row) = (Site::empty(), format!("moved {row}, signed out in {}", phase.as_str()));
            let browser = site.visitor().await;
            let leaving = begun(&site.node(phase), &browser, Session::invalidate).await;
            let late = browser.clone();
            let (app, mut moved) = (site.node(Phase::ReadBothWriteNew), browser.clone());
            moved.visit(&app, act).await;
            let mut leaver = browser.clone();
            finish(leaving, &mut leaver).await;
            let (user, _) = moved.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
            assert_eq!(user, None, "{row}");
            let (user, _) = late.clone().visit(&app, |session| session.get::<u32>("user").unwrap()).await;
            assert_eq!(user, None, "{row}: its old cookie opens no session either");
            assert_eq!(site.live().await, 0, "{row}");
        }
    }
}

#[tokio::test]
async fn a_late_sign_out_by_the_old_cookie_ends_the_moved_session() {
    let site = Site::empty();
    let app = site.node(Phase::ReadBothWriteNew);
    let mut browser = site.visitor().await;
    let mut late = browser.clone();
    browser.visit(&app, |session| session.cycle_id()).await;
    let (user, sent) = late.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
    assert_eq!((user, sent), (None, 0), "the old id opens no session after a cycle");
    late.visit(&app, Session::invalidate).await;
    let (user, _) = browser.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
    assert_eq!(user, None);
}

#[tokio::test]
async fn a_session_that_was_ended_is_not_moved() {
    let site = Site::empty();
    let app = site.node(Phase::ReadBothWriteNew);
    let mut browser = site.visitor().await;
    let slow = begun(&app, &browser, add_one).await;
    let copy = browser.clone();
    browser.visit(&app, Session::invalidate).await;
    assert_eq!(finish(slow, &mut copy.clone()).await, 0, "no cookie is sent");
    assert_eq!(site.live().await, 0);
}

/// Loses the answers of some commits, starting with this number. The commits are executed.
#[derive(Debug)]
struct Loses<F> {
    inner: F,
    calls: Arc<AtomicUsize>,
    lost: usize,
    before: bool,
}

impl<F: SessionFactory> SessionFactory for Loses<F> {
    async fn open(&self, cookies: CookieHeader<'_>, now: Timestamp) -> Result<SessionState, Error> {
        self.inner.open(cookies, now).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Error> {
        let fails = self.calls.fetch_add(1, Ordering::SeqCst) == self.lost;
        if fails && self.before {
            return Err(Error::unavailable("not executed"));
        }
        let committed = self.inner.commit(commit).await?;
        if fails { Err(Error::unavailable("the answer was lost")) } else { Ok(committed) }
    }

    async fn reload(&self, session: &SessionState, now: Timestamp) -> Result<SessionState, Error> {
        self.inner.reload(session, now).await
    }
}

/// Each commit of a move fails once, before or after its execution. Then the same request retries,
/// or another one finishes the move.
#[tokio::test]
async fn a_move_interrupted_at_any_step_is_finished() {
    for before in [true, false] {
        for lost in 0..3 {
            for retries in [true, false] {
                let row = format!("commit {lost}, executed: {}, the same request: {retries}", !before);
                let (site, calls) = (Site::empty(), Arc::new(AtomicUsize::new(0)));
                let browser = site.visitor().await;
                let [old, new] = site.sides().map(|inner| Loses { inner, calls: Arc::clone(&calls), lost, before });
                let app = App::new(Migration::new(old, new, Phase::ReadBothWriteNew));
                let slot = begun(&app, &browser, add_one).await;
                let session = slot.open(CookieHeader::default()).await.unwrap();
                assert!(session.commit_now().await.is_err(), "{row}");
                let mut next = browser.clone();
                let expected = if retries {
                    finish(slot, &mut next).await;
                    1
                } else {
                    // The client disconnected; the browser still has the old cookie.
                    drop((slot, session));
                    next.visit(&app, add_one).await;
                    1 + u32::from(count_of_first(before, lost))
                };
                assert_eq!(count(&app, &next).await, Some(expected), "{row}");
                // The response that removes the old cookie was lost. That cookie leads to the same
                // session.
                let stale = next.clone().jar.remove("old").is_some();
                assert_eq!(stale, !retries && lost == 2 && !before, "{row}");
                assert!(next.jar.contains_key("new"), "{row}");
                assert_eq!(site.live().await, 1, "{row}");
            }
        }
    }
}

/// Returns whether the change of a request that failed at this commit was written.
const fn count_of_first(before: bool, lost: usize) -> bool {
    !before || lost > 0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_requests_lose_no_update_while_their_session_moves() {
    const ROUNDS: usize = 40;
    const REQUESTS: u32 = 8;
    for round in 0..ROUNDS {
        let site = Arc::new(Site::empty());
        let browser = site.visitor().await;
        let mut racing = Vec::new();
        for number in 0..REQUESTS {
            let (site, browser) = (Arc::clone(&site), browser.clone());
            // Half of the nodes are one phase behind.
            let phase = if number % 2 == 0 { Phase::ReadBothWriteNew } else { Phase::ReadBothWriteOld };
            racing.push(tokio::spawn(async move {
                let mut browser = browser;
                browser.visit(&site.node(phase), add_one).await;
                browser
            }));
        }
        let mut last = browser.clone();
        for request in racing {
            let after = request.await.unwrap();
            if after.jar.contains_key("new") {
                last = after;
            }
        }
        let app = site.node(Phase::ReadBothWriteNew);
        assert_eq!(count(&app, &last).await, Some(REQUESTS), "round {round}");
        assert_eq!(site.live().await, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_racing_sign_out_leaves_nothing_behind() {
    const ROUNDS: usize = 300;
    for round in 0..ROUNDS {
        let site = Arc::new(Site::empty());
        // Each round has other interleavings.
        site.old.calls.store(round * 1_000, Ordering::Relaxed);
        site.new.calls.store(round * 777_777, Ordering::Relaxed);
        let browser = site.visitor().await;
        let acts: [fn(&Session); 4] = [add_one, Session::invalidate, add_one, Session::cycle_id];
        let mut requests = Vec::new();
        for (number, act) in acts.into_iter().enumerate() {
            let phase = if number == 2 { Phase::ReadBothWriteOld } else { Phase::ReadBothWriteNew };
            // All requests have opened the session before the first one commits.
            requests.push(begun(&site.node(phase), &browser, act).await);
        }
        let finish = |slot: SessionSlot| tokio::spawn(async move { slot.finish(200).await.unwrap() });
        let racing: Vec<_> = requests.into_iter().map(finish).collect();
        for request in racing {
            request.await.unwrap();
        }
        assert_eq!(site.live().await, 0, "round {round}: {:#?}", site.contents().await);
    }
}

#[tokio::test]
async fn a_stream_finds_its_moved_session() {
    let site = Site::empty();
    let [old, new] = site.sides();
    let engine = Engine::new(Migration::new(old, new, Phase::ReadBothWriteNew)).clock(ManualClock::at(NOW));
    let slot = SessionSlot::new(Arc::new(engine));
    let mut browser = site.visitor().await;
    let header = format!("old={}", browser.jar["old"]);
    let session = slot.open(CookieHeader::new([header.as_bytes()])).await.unwrap();
    let app = site.node(Phase::ReadBothWriteNew);
    browser.visit(&app, add_one).await;
    assert!(session.refresh().await.unwrap());
    assert_eq!(session.get::<u32>("count").unwrap(), Some(1));
    session.update("count", |count: &mut u32| *count += 1).unwrap();
    session.commit_now().await.unwrap();
    assert_eq!(count(&app, &browser).await, Some(2), "and continues there");
    browser.visit(&app, Session::invalidate).await;
    assert!(!session.refresh().await.unwrap());
}

#[cfg(all(feature = "django", feature = "records"))]
#[tokio::test]
async fn a_session_of_django_moves_with_all_its_requests() {
    use cloakroom_bridge::{DjangoRecord, MemoryRecords, SharedRecords};

    for back in [false, true] {
        let (records, store) = (Arc::new(MemoryRecords::new()), Arc::new(MemoryStore::new()));
        let shared = SharedRecords::new(DjangoRecord::new("secret").unwrap(), Arc::clone(&records)).build().unwrap();
        let stored = StoredSessions::new(store).cookie(CookieConfig::default().name("new")).build().unwrap();
        let migration = Migration::new(shared, stored, Phase::ReadBothWriteOld);
        let switch = migration.switch();
        let app = App::new(migration);
        switch.set(if back { Phase::ReadBothWriteNew } else { Phase::ReadBothWriteOld });
        let mut browser = Browser::default();
        browser.visit(&app, |session| session.insert("user", 42).unwrap()).await;
        switch.set(if back { Phase::ReadBothWriteOld } else { Phase::ReadBothWriteNew });
        let mut requests = Vec::new();
        for _ in 0..4 {
            requests.push(begun(&app, &browser, add_one).await);
        }
        let leaving = begun(&app, &browser, Session::invalidate).await;
        for request in requests {
            finish(request, &mut browser).await;
        }
        let expected = if back { "sessionid" } else { "new" };
        assert_eq!(browser.jar.keys().collect::<Vec<_>>(), [expected]);
        assert_eq!(count(&app, &browser).await, Some(4), "back: {back}");
        finish(leaving, &mut browser.clone()).await;
        let (user, _) = browser.visit(&app, |session| session.get::<u32>("user").unwrap()).await;
        assert_eq!(user, None, "back: {back}");
    }
}
