//! A store that is known to be down, and the metrics that show it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_session::Session;
use tokio::time::{Instant, sleep};

use crate::faulty::{App, Faulty, Mode};

const MILLISECOND: Duration = Duration::from_millis(1);

async fn begun(fails_fast: bool) -> (App<Faulty>, Arc<Faulty>, String) {
    let app = App::with(Faulty::new(), |sessions| sessions.fail_fast(fails_fast));
    let store = Arc::clone(app.sessions.store());
    let cookie = app.visit("", |session| session.insert("count", 1).unwrap()).await;
    (app, store, cookie)
}

/// Makes one request per millisecond for this time. Returns the number of failures.
async fn requests(app: &App<Faulty>, cookie: &str, millis: usize) -> usize {
    let mut failed = 0;
    for _ in 0..millis {
        failed += usize::from(app.request(cookie).await.is_err());
        sleep(MILLISECOND).await;
    }
    failed
}

#[tokio::test(start_paused = true)]
async fn calls_fail_at_once_while_the_store_is_down_and_go_on_when_it_answers() {
    let (app, store, cookie) = begun(true).await;
    let under_way = app.request(&cookie).await.unwrap();
    let leaving = app.request(&cookie).await.unwrap();
    store.be(Mode::Down);
    assert_eq!(requests(&app, &cookie, 600).await, 600);
    assert!(app.sessions.stats().is_down);
    // Only a few probes are made.
    let calls = store.calls.load(Ordering::SeqCst);
    assert_eq!(requests(&app, &cookie, 5_000).await, 5_000);
    let probes = store.calls.load(Ordering::SeqCst) - calls;
    assert!((10..=20).contains(&probes), "{probes} probes in 5 seconds");
    // A write and a sign-out fail as in any outage, but at once.
    let error = app.request(&cookie).await.err().unwrap();
    assert_eq!((error.status(), error.retry_after().is_some()), (503, true));
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(why, "the store is known to be down, and the call wasn't made");
    under_way.session.insert("count", 2).unwrap();
    leaving.session.invalidate();
    for request in [under_way, leaving] {
        let began = Instant::now();
        assert!(request.finish().await.unwrap_err().is_unavailable());
        assert!(began.elapsed() <= MILLISECOND, "{:?}", began.elapsed());
    }
    // The store is back: all calls succeed within half a second.
    store.be(Mode::Works);
    let began = Instant::now();
    while app.request(&cookie).await.is_err() {
        sleep(MILLISECOND).await;
    }
    assert!(began.elapsed() <= Duration::from_millis(500), "{:?}", began.elapsed());
    assert!(!app.sessions.stats().is_down);
    assert_eq!(requests(&app, &cookie, 100).await, 0);
    assert_eq!(app.request(&cookie).await.unwrap().session.get("count").unwrap(), Some(1), "as before the outage");
}

#[tokio::test(start_paused = true)]
async fn brief_or_partial_failures_stop_no_call() {
    let (app, store, cookie) = begun(true).await;
    // All calls fail, for less than half a second.
    store.be(Mode::Down);
    assert_eq!(requests(&app, &cookie, 450).await, 450);
    store.be(Mode::Works);
    assert_eq!(requests(&app, &cookie, 1).await, 0);
    // Nine of ten calls fail, for a long time.
    for _ in 0..500 {
        store.be(Mode::Down);
        assert_eq!(requests(&app, &cookie, 9).await, 9);
        store.be(Mode::Works);
        assert_eq!(requests(&app, &cookie, 1).await, 0, "no call is refused");
    }
    // Few calls are made, and none succeeds, for a long time.
    store.be(Mode::Down);
    for _ in 0..4 {
        assert!(app.request(&cookie).await.is_err());
        sleep(Duration::from_secs(60)).await;
    }
    assert!(!app.sessions.stats().is_down);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_probe_blocks_no_other_probe() {
    let (app, store, cookie) = begun(true).await;
    let app = Arc::new(app);
    store.be(Mode::Down);
    requests(&app, &cookie, 600).await;
    store.be(Mode::Hangs);
    let calls = store.calls.load(Ordering::SeqCst);
    let hangs = tokio::spawn({
        let (app, cookie) = (Arc::clone(&app), cookie.clone());
        async move {
            while app.request(&cookie).await.is_err_and(|error| {
                std::error::Error::source(&error).is_some_and(|why| why.to_string().contains("known to be down"))
            }) {
                sleep(MILLISECOND).await;
            }
        }
    });
    while store.calls.load(Ordering::SeqCst) == calls {
        sleep(MILLISECOND).await;
    }
    store.be(Mode::Works);
    let began = Instant::now();
    // Another session, because the hanging load belongs to this one.
    let other = "session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    while app.request(other).await.is_err() {
        sleep(MILLISECOND).await;
    }
    assert!(began.elapsed() <= Duration::from_millis(510), "{:?}", began.elapsed());
    hangs.abort();
}

#[tokio::test(start_paused = true)]
async fn by_default_every_call_is_made() {
    let (app, store, cookie) = begun(false).await;
    store.be(Mode::Down);
    requests(&app, &cookie, 1000).await;
    store.be(Mode::Works);
    assert!(app.request(&cookie).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn stats_count_shared_calls_and_waiting_commits() {
    let (app, store, cookie) = begun(false).await;
    let count = |session: &Session| session.update("count", |count: &mut u32| *count += 1).unwrap();
    let mut tasks = Vec::new();
    for _ in 0..10 {
        let request = app.request(&cookie).await.unwrap();
        count(&request.session);
        tasks.push(request);
    }
    store.be(Mode::Near);
    let tasks: Vec<_> = tasks.into_iter().map(|request| tokio::spawn(request.finish())).collect();
    tokio::task::yield_now().await;
    sleep(MILLISECOND).await;
    let stats = app.sessions.stats();
    assert_eq!((stats.calls_in_flight, stats.commits_waiting), (1, 9));
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let stats = app.sessions.stats();
    assert_eq!((stats.groups, stats.grouped, stats.replaced), (1, 9, 10));
    assert_eq!((stats.calls_in_flight, stats.commits_waiting, stats.overwritten), (0, 0, 0));
    // A lost update.
    store.be(Mode::Works);
    let request = app.request(&cookie).await.unwrap();
    let seen: u32 = request.session.get("count").unwrap().unwrap();
    request.session.insert("count", seen + 1).unwrap();
    app.visit(&cookie, count).await;
    request.finish().await.unwrap();
    assert_eq!(app.sessions.stats().overwritten, 1);
}
