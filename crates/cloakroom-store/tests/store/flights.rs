//! Concurrent loads and touches of one session in one process.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloakroom_session::Session;

use crate::faulty::{App, Faulty, Mode, Request};

/// Longer than the default touch interval, and shorter than the idle timeout.
const LATER: Duration = Duration::from_secs(300);

async fn begun(app: &App<Faulty>) -> String {
    app.visit("", |session| session.insert("count", 1).unwrap()).await
}

/// Opens requests concurrently.
async fn open_all(app: &Arc<App<Faulty>>, cookie: &str, count: usize) -> Vec<Request> {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let (app, cookie) = (Arc::clone(app), cookie.to_owned());
            tokio::spawn(async move { app.request(&cookie).await.unwrap() })
        })
        .collect();
    let mut requests = Vec::new();
    for task in tasks {
        requests.push(task.await.unwrap());
    }
    requests
}

#[tokio::test(start_paused = true)]
async fn thirty_requests_of_a_page_share_a_load_and_make_one_touch() {
    let app = Arc::new(App::new(Faulty::new()));
    let store = Arc::clone(app.sessions.store());
    let cookie = begun(&app).await;
    app.clock.advance(LATER);
    store.be(Mode::Near);
    let before = store.calls.load(Ordering::SeqCst);
    let requests = open_all(&app, &cookie, 30).await;
    let loads = store.calls.load(Ordering::SeqCst) - before;
    assert_eq!(loads, 2, "one sent before the others arrived, and one shared by them");
    for request in &requests {
        assert_eq!(request.session.get("count").unwrap(), Some(1));
    }
    let tasks: Vec<_> = requests.into_iter().map(|request| tokio::spawn(request.finish())).collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(store.calls.load(Ordering::SeqCst) - before - loads, 1, "touches");
    assert_eq!(app.sessions.stats().touched, 30);
    // The touch was written: the session lives as long as if each request had touched it.
    store.be(Mode::Works);
    app.clock.advance(Duration::from_secs(1200));
    assert!(!app.request(&cookie).await.unwrap().session.is_new());
    app.clock.advance(Duration::from_secs(1));
    assert!(app.request(&cookie).await.unwrap().session.is_new());
}

#[tokio::test(start_paused = true)]
async fn a_later_request_never_joins_an_earlier_load() {
    let app = Arc::new(App::new(Faulty::new()));
    let store = Arc::clone(app.sessions.store());
    let another_node = App::new(Arc::clone(&store));
    let cookie = begun(&app).await;
    store.be(Mode::FarAway);
    let early = tokio::spawn({
        let (app, cookie) = (Arc::clone(&app), cookie.clone());
        async move { app.request(&cookie).await.unwrap().session.get::<u32>("count").unwrap() }
    });
    tokio::task::yield_now().await;
    store.be(Mode::Works);
    // Completed before the next request begins.
    another_node.visit(&cookie, |session| session.insert("count", 2).unwrap()).await;
    store.be(Mode::FarAway);
    let later = app.request(&cookie).await.unwrap();
    assert_eq!(later.session.get("count").unwrap(), Some(2));
    assert_eq!(early.await.unwrap(), Some(1), "this value was read earlier");
}

#[tokio::test(start_paused = true)]
async fn a_hanging_or_dropped_load_blocks_no_other_load() {
    for is_dropped in [false, true] {
        let app = Arc::new(App::new(Faulty::new()));
        let store = Arc::clone(app.sessions.store());
        let cookie = begun(&app).await;
        store.be(Mode::Hangs);
        let hangs = tokio::spawn({
            let (app, cookie) = (Arc::clone(&app), cookie.clone());
            async move { app.request(&cookie).await.is_err() }
        });
        tokio::task::yield_now().await;
        store.be(Mode::Near);
        let began = tokio::time::Instant::now();
        let others = tokio::spawn({
            let (app, cookie) = (Arc::clone(&app), cookie.clone());
            async move { open_all(&app, &cookie, 10).await.len() }
        });
        tokio::task::yield_now().await;
        if is_dropped {
            hangs.abort();
        }
        assert_eq!(others.await.unwrap(), 10);
        let most = Duration::from_millis(if is_dropped { 10 } else { 300 });
        assert!(began.elapsed() <= most, "{:?}", began.elapsed());
        assert_eq!(hangs.await.ok(), (!is_dropped).then_some(true));
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_that_fails_fails_for_all_that_shared_it() {
    let app = Arc::new(App::new(Faulty::new()));
    let store = Arc::clone(app.sessions.store());
    let cookie = begun(&app).await;
    store.be(Mode::Near);
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let (app, cookie) = (Arc::clone(&app), cookie.clone());
            tokio::spawn(async move { app.request(&cookie).await.map(|_| ()) })
        })
        .collect();
    tokio::task::yield_now().await;
    store.be(Mode::Down);
    let before = store.calls.load(Ordering::SeqCst);
    let mut failed = 0;
    for task in tasks {
        failed += usize::from(task.await.unwrap().is_err_and(|error| error.status() == 503));
    }
    assert_eq!((failed, store.calls.load(Ordering::SeqCst) - before), (4, 1), "the first load was sent earlier");
}

/// A touch that sends a cookie calls the store each time: the session may have ended, and the
/// browser may already have a newer cookie.
#[tokio::test(start_paused = true)]
async fn a_touch_with_a_cookie_is_never_skipped() {
    let app = App::new(Faulty::new());
    let cookie = app
        .visit("", |session: &Session| {
            session.insert("count", 1).unwrap();
            session.remember(Duration::from_secs(86_400));
        })
        .await;
    app.clock.advance(Duration::from_secs(20_000));
    let (first, second) = (app.request(&cookie).await.unwrap(), app.request(&cookie).await.unwrap());
    let sent = first.finish().await.unwrap();
    app.visit(&cookie, Session::invalidate).await;
    assert_eq!(second.finish().await.unwrap(), [""; 0], "after {sent:?}");
}
