//! Concurrent requests of one session: on this layer, and on tower-sessions itself.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Path;
use axum::routing::get;
use axum::{Extension, Router};
use cloakroom::store::Store;
use cloakroom::{SessionLayer, SqliteStore, StoredSessions};
use cloakroom_tower_sessions::v0_14::TowerSessionsLayer;
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

use crate::browser::{Browser, Site};

const REQUESTS: usize = 100;

/// Requests that all read the session before one of them writes.
fn keys(barrier: Arc<Barrier>) -> Router {
    Router::new()
        .route("/begin", get(|session: Session| async move { session.insert("begun", true).await.unwrap() }))
        .route("/set/{key}", get(set_key))
        .route("/count", get(count_keys))
        .layer(Extension(barrier))
}

async fn set_key(session: Session, Path(key): Path<String>, Extension(barrier): Extension<Arc<Barrier>>) {
    session.get_value("begun").await.unwrap();
    barrier.wait().await;
    session.insert(&key, 1).await.unwrap();
}

async fn count_keys(session: Session) -> String {
    let mut count = 0;
    for key in 0..REQUESTS {
        count += usize::from(session.get_value(&key.to_string()).await.unwrap().is_some());
    }
    count.to_string()
}

/// Returns the number of keys that survive.
async fn surviving(app: Router) -> usize {
    let mut browser = Browser::of(app);
    browser.get("/begin").await;
    let mut requests = JoinSet::new();
    for key in 0..REQUESTS {
        let mut tab = browser.clone();
        requests.spawn(async move { tab.get(&format!("/set/{key}")).await.status });
    }
    while let Some(status) = requests.join_next().await {
        assert!(status.unwrap().is_success());
    }
    browser.get("/count").await.text.parse().unwrap()
}

fn here(store: impl Store) -> Router {
    let barrier = Arc::new(Barrier::new(REQUESTS));
    let patience = Duration::from_secs(60);
    let sessions = StoredSessions::new(store).call_timeout(patience).commit_timeout(patience).build().unwrap();
    keys(barrier).layer(TowerSessionsLayer::new()).layer(SessionLayer::new(sessions))
}

#[tokio::test]
async fn all_concurrent_writes_of_different_keys_survive() {
    let barrier = Arc::new(Barrier::new(REQUESTS));
    let theirs = surviving(keys(barrier).layer(SessionManagerLayer::new(MemoryStore::default()))).await;
    let folder = tempfile::tempdir().unwrap();
    let sqlite = SqliteStore::open(folder.path().join("sessions.db")).unwrap();
    sqlite.migrate().await.unwrap();
    let ours = [surviving(here(cloakroom::MemoryStore::new())).await, surviving(here(sqlite)).await];
    println!("of {REQUESTS} keys: {ours:?} here, in memory and in SQLite; {theirs} with tower-sessions itself");
    assert_eq!(ours, [REQUESTS, REQUESTS]);
    assert!(theirs < REQUESTS);
}

/// A slow request that has read the session, and saves it when it is let go.
#[derive(Clone)]
struct Slow {
    has_read: Arc<Semaphore>,
    may_write: Arc<Semaphore>,
}

async fn slow(session: Session, Extension(slow): Extension<Slow>, Path(how): Path<String>) -> String {
    session.get_value("user").await.unwrap();
    slow.has_read.add_permits(1);
    slow.may_write.acquire().await.unwrap().forget();
    session.insert("slow", true).await.unwrap();
    if how == "saves" {
        session.save().await.unwrap();
    }
    "done".to_owned()
}

fn slow_routes(state: Slow) -> Router {
    Router::new()
        .route(
            "/sign-in",
            get(|session: Session| async move {
                session.cycle_id().await.unwrap();
                session.insert("user", "ferris").await.unwrap();
            }),
        )
        .route("/sign-out", get(|session: Session| async move { session.flush().await.unwrap() }))
        .route(
            "/user",
            get(|session: Session| async move { format!("{:?}", session.get::<String>("user").await.unwrap()) }),
        )
        .route("/slow/{how}", get(slow))
        .layer(Extension(state))
}

/// Signs out while a slow request runs. Returns the users that are signed in afterwards, with the
/// cookie of the slow request and with the one from before.
async fn race(site: impl FnOnce(Router) -> Router, how: &str) -> [String; 2] {
    let state = Slow { has_read: Arc::new(Semaphore::new(0)), may_write: Arc::new(Semaphore::new(0)) };
    let mut browser = Browser::of(site(slow_routes(state.clone())));
    browser.get("/sign-in").await;
    assert_eq!(browser.get("/user").await.text, "Some(\"ferris\")");
    let mut old = browser.clone();
    let mut tab = browser.clone();
    let path = format!("/slow/{how}");
    let running = tokio::spawn(async move {
        tab.get(&path).await;
        tab
    });
    state.has_read.acquire().await.unwrap().forget();
    browser.get("/sign-out").await;
    state.may_write.add_permits(1);
    let mut tab = running.await.unwrap();
    [tab.get("/user").await.text, old.get("/user").await.text]
}

#[tokio::test]
async fn a_sign_out_is_final_under_a_slow_writer() {
    for how in ["returns", "saves"] {
        let ours = race(|routes| Site::new(routes).app, how).await;
        assert_eq!(ours, ["None", "None"], "a slow request that {how}");
        let theirs = race(|routes| routes.layer(SessionManagerLayer::new(MemoryStore::default())), how).await;
        println!("after a sign-out, and a slow request that {how}: {theirs:?} with tower-sessions itself");
    }
}

#[tokio::test]
async fn a_deletion_of_one_key_keeps_what_others_write() {
    let state = Slow { has_read: Arc::new(Semaphore::new(0)), may_write: Arc::new(Semaphore::new(0)) };
    let routes = slow_routes(state.clone())
        .route(
            "/remove",
            get(|session: Session| async move {
                session.remove_value("user").await.unwrap();
            }),
        )
        .route(
            "/slow",
            get(|session: Session| async move { format!("{:?}", session.get_value("slow").await.unwrap()) }),
        );
    let site = Site::new(routes);
    let mut browser = site.browser();
    browser.get("/sign-in").await;
    let mut tab = browser.clone();
    let running = tokio::spawn(async move { tab.get("/slow/returns").await });
    state.has_read.acquire().await.unwrap().forget();
    browser.get("/remove").await;
    state.may_write.add_permits(1);
    running.await.unwrap();
    assert_eq!(browser.get("/user").await.text, "None");
    assert_eq!(browser.get("/slow").await.text, "Some(Bool(true))");
}
