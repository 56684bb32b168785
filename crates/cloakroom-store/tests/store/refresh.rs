//! Refreshing a session while a long request runs.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::Session;
use cloakroom_store::MemoryStore;
use cloakroom_store::store::Store as _;

use crate::faulty::{App, Faulty, Mode, NOW};

const NONE: [&str; 0] = [];

async fn begun(app: &App<MemoryStore>) -> String {
    app.visit("", |session| session.insert("count", 1).unwrap()).await
}

#[tokio::test]
async fn a_refresh_notices_an_ended_session() {
    type Other = fn(&Session);
    let rows: [(&str, Option<Other>, bool); 6] = [
        ("nothing happened", None, true),
        ("another wrote", Some(|session| session.insert("count", 2).unwrap()), true),
        ("another signed out", Some(Session::invalidate), false),
        ("another cycled the id", Some(Session::cycle_id), false),
        ("another signed in", Some(|session| session.set_owner("ann")), false),
        (
            "another signed out and began anew",
            Some(|session| {
                session.invalidate();
                session.insert("count", 9).unwrap();
            }),
            false,
        ),
    ];
    for (name, other, goes_on) in rows {
        for changed in [false, true] {
            let app = App::new(Arc::new(MemoryStore::new()));
            let cookie = begun(&app).await;
            let request = app.request(&cookie).await.unwrap();
            if changed {
                request.session.insert("mine", 1).unwrap();
            }
            if let Some(other) = other {
                app.visit(&cookie, other).await;
            }
            let entries = app.sessions.store().len();
            assert_eq!(request.session.refresh().await.unwrap(), goes_on, "{name}");
            assert_eq!(request.session.refresh().await.unwrap(), goes_on, "{name}, refreshed again");
            assert_eq!(request.session.contains_key("count"), goes_on, "{name}");
            assert_eq!(request.session.contains_key("mine"), goes_on && changed, "{name}");
            request.session.insert("later", 1).unwrap();
            request.session.commit_now().await.unwrap();
            assert_eq!(request.session.refresh().await.unwrap(), goes_on, "{name}, after a write");
            assert_eq!(request.finish().await.unwrap(), NONE, "{name}: no cookie");
            assert_eq!(app.sessions.store().len(), entries, "{name}: nothing was created");
        }
    }
}

#[tokio::test]
async fn a_refresh_shows_other_commits_and_merges_them() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let cookie = begun(&app).await;
    let request = app.request(&cookie).await.unwrap();
    app.visit(&cookie, |session| session.insert("count", 2).unwrap()).await;
    assert!(request.session.refresh().await.unwrap());
    assert_eq!(request.session.get("count").unwrap(), Some(2));

    request.session.update("count", |count: &mut u32| *count += 10).unwrap();
    app.visit(&cookie, |session| session.insert("count", 3).unwrap()).await;
    assert!(request.session.refresh().await.unwrap());
    assert_eq!(request.session.get("count").unwrap(), Some(12), "not committed yet, so the local change is visible");
    request.session.commit_now().await.unwrap();
    assert_eq!(request.session.get("count").unwrap(), Some(13), "replayed on the newest version");
    assert_eq!(request.finish().await.unwrap(), NONE);
}

#[tokio::test]
async fn a_session_that_began_here_goes_on_and_can_be_ended_once_it_is_committed() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let request = app.request("").await.unwrap();
    assert!(request.session.refresh().await.unwrap());
    request.session.insert("a", 1).unwrap();
    assert!(request.session.refresh().await.unwrap());
    assert!(request.session.contains_key("a"), "uncommitted changes are still visible");
    request.session.commit_now().await.unwrap();
    let key = request.session.id().unwrap().store_key();
    assert!(request.session.refresh().await.unwrap());
    assert!(app.sessions.store().end(&key, NOW).await.unwrap());
    assert!(!request.session.refresh().await.unwrap());
}

#[tokio::test]
async fn a_refresh_does_not_touch_the_session() {
    let app = App::new(Arc::new(MemoryStore::new()));
    let cookie = begun(&app).await;
    let request = app.request(&cookie).await.unwrap();
    for minute in 1..=20 {
        app.clock.set(NOW + Duration::from_secs(minute * 60));
        assert!(request.session.refresh().await.unwrap(), "minute {minute}");
    }
    app.clock.advance(Duration::from_millis(1));
    assert!(!request.session.refresh().await.unwrap(), "past its idle timeout");
}

#[tokio::test]
async fn a_store_that_is_down_says_nothing_about_the_session() {
    let store = Faulty::new();
    let app = App::new(Arc::clone(&store));
    let cookie = app.visit("", |session| session.insert("a", 1).unwrap()).await;
    let request = app.request(&cookie).await.unwrap();
    store.be(Mode::Down);
    assert!(request.session.refresh().await.unwrap_err().is_unavailable());
    assert!(request.session.contains_key("a"));
    store.be(Mode::Works);
    assert!(request.session.refresh().await.unwrap());
}
