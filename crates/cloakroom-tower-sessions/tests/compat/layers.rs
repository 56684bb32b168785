//! The layer among others: free when unused, both versions at once, and a forgotten
//! `SessionManagerLayer`.

use axum::Router;
use axum::routing::get;
use cloakroom::Session as Cloakroom;
use cloakroom_tower_sessions::v0_14::TowerSessionsLayer;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};
use tracing::Level;

use crate::browser::{Answer, Site};
use crate::traces::traced;

fn routes() -> Router {
    Router::new()
        .route("/untouched", get(|_: Session| async { "Hello" }))
        .route("/write", get(|session: Session| async move { session.insert("a", 1).await.unwrap() }))
        .route("/same", get(|session: Session| async move { session.insert("a", 1).await.unwrap() }))
        .route("/read", get(|session: Session| async move { format!("{:?}", session.get_value("a").await.unwrap()) }))
        .route(
            "/sign-out-and-note",
            get(|session: Session| async move {
                session.flush().await.unwrap();
                session.insert("note", "signed out").await.unwrap();
            }),
        )
        .route(
            "/note",
            get(|session: Session| async move {
                format!("{:?} {:?}", session.get_value("note").await.unwrap(), session.get_value("a").await.unwrap())
            }),
        )
        .route(
            "/clear-and-write",
            get(|session: Session| async move {
                session.clear().await;
                session.insert("b", 2).await.unwrap();
            }),
        )
        .route("/cloakroom", get(|session: Cloakroom| async move { format!("{:?}", session.keys()) }))
        .route(
            "/both",
            get(|session: Session, cloakroom: Cloakroom| async move {
                session.get_value("a").await.unwrap();
                cloakroom.insert("cloakroom", 1).unwrap();
                session.insert("tower", 2).await.unwrap();
            }),
        )
        .route(
            "/reload",
            get(|session: Session, cloakroom: Cloakroom| async move {
                session.get_value("a").await.unwrap();
                session.insert("dropped", 1).await.unwrap();
                session.load().await.unwrap();
                format!("{:?} {}", session.get_value("dropped").await.unwrap(), cloakroom.len())
            }),
        )
        .route(
            "/delete-and-write",
            get(|session: Session| async move {
                session.delete().await.unwrap();
                session.insert("b", 2).await.unwrap();
            }),
        )
}

#[tokio::test]
async fn an_untouched_session_is_free() {
    let site = Site::new(routes());
    let mut browser = site.browser();
    assert_eq!(browser.get("/untouched").await.text, "Hello");
    browser.get("/write").await;
    assert_eq!(site.store.calls(), 1, "create");
    let answer = browser.get("/untouched").await;
    assert_eq!(site.store.calls(), 0);
    assert!(answer.headers.keys().all(|name| name != "vary" && name != "set-cookie" && name != "cache-control"));
    browser.get("/read").await;
    assert_eq!(site.store.calls(), 1, "load");
    browser.get("/same").await;
    assert_eq!(site.store.calls(), 1, "an equal value is no change");
}

#[tokio::test]
async fn a_flush_and_a_later_write_begin_a_new_session() {
    let site = Site::new(routes());
    let mut browser = site.browser();
    browser.get("/write").await;
    let mut old = browser.clone();
    browser.get("/sign-out-and-note").await;
    assert_ne!(browser.cookies, old.cookies);
    assert_eq!(browser.get("/note").await.text, "Some(String(\"signed out\")) None");
    assert_eq!(old.get("/read").await.text, "None");
}

#[tokio::test]
async fn a_session_that_is_cleared_before_it_is_loaded_is_cleared() {
    let site = Site::new(routes());
    let mut browser = site.browser();
    browser.get("/write").await;
    browser.get("/clear-and-write").await;
    assert_eq!(browser.get("/cloakroom").await.text, "[\"b\"]");
}

#[tokio::test]
async fn an_invented_id_is_not_adopted_without_a_load_either() {
    let site = Site::new(routes());
    let mut browser = site.browser();
    browser.cookies.insert("__Host-id".to_owned(), "A".repeat(43));
    let mut attacker = browser.clone();
    browser.get("/clear-and-write").await;
    assert_ne!(browser.cookies, attacker.cookies);
    assert_eq!(browser.get("/cloakroom").await.text, "[\"b\"]");
    assert_eq!(attacker.get("/cloakroom").await.text, "[]");
}

#[tokio::test]
async fn a_deletion_ends_the_session_even_if_it_is_saved_later() {
    let site = Site::new(routes());
    let mut browser = site.browser();
    browser.get("/write").await;
    let mut old = browser.clone();
    browser.get("/delete-and-write").await;
    assert_ne!(browser.cookies, old.cookies);
    assert_eq!(old.get("/read").await.text, "None");
}

#[tokio::test]
async fn both_apis_can_be_used_in_one_request() {
    let site = Site::new(routes());
    let mut browser = site.browser();
    browser.get("/write").await;
    browser.get("/both").await;
    assert_eq!(browser.get("/cloakroom").await.text, "[\"a\", \"cloakroom\", \"tower\"]");
    assert_eq!(browser.get("/reload").await.text, "None 3", "`load` discards what wasn't saved");
}

#[cfg(feature = "v0-15")]
#[tokio::test]
async fn both_versions_share_one_session() {
    use tower_sessions_0_15::Session as Newer;

    async fn newer(session: Newer) {
        let a: Option<u32> = session.get("a").await.unwrap();
        session.insert("newer", a).await.unwrap();
    }

    async fn both(older: Session, newer: Newer) -> String {
        older.insert("older", 1).await.unwrap();
        newer.insert("newest", 2).await.unwrap();
        format!("{}", older.id().map(|id| id.0) == newer.id().map(|id| id.0))
    }

    let routes = routes()
        .route("/newer", get(newer))
        .route("/both-versions", get(both))
        .route("/flush-newer", get(|session: Newer| async move { session.flush().await.unwrap() }));
    let layers =
        routes.layer(TowerSessionsLayer::new()).layer(cloakroom_tower_sessions::v0_15::TowerSessionsLayer::new());
    let site = Site::around(layers);
    let mut browser = site.browser();
    browser.get("/write").await;
    browser.get("/newer").await;
    assert_eq!(browser.get("/both-versions").await.text, "true");
    assert_eq!(browser.cookies.len(), 1, "one cookie");
    let mut keys: Vec<String> = serde_json::from_str(&browser.get("/cloakroom").await.text).unwrap();
    keys.sort();
    assert_eq!(keys, ["a", "newer", "newest", "older"]);
    browser.get("/flush-newer").await;
    assert_eq!(browser.get("/read").await.text, "None");
}

/// Requests a page twice, and returns the second answer and the warnings of this crate.
fn warnings(routes: Router) -> (Answer, Vec<String>) {
    let site = Site::around(routes);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (answer, events) = traced(|| {
        runtime.block_on(async {
            let mut browser = site.browser();
            browser.get("/write").await;
            browser.get("/read").await
        })
    });
    let warnings = events.into_iter().filter(|event| event.level == Level::WARN).map(|event| event.message);
    (answer, warnings.filter(|message| message.contains("SessionManagerLayer")).collect())
}

#[test]
fn a_forgotten_session_manager_layer_is_reported_once() {
    let (answer, none) = warnings(routes().layer(TowerSessionsLayer::new()));
    assert_eq!((answer.text.as_str(), none), ("Some(Number(1))", Vec::new()));

    let manager = SessionManagerLayer::new(MemoryStore::default());
    let (answer, found) = warnings(routes().layer(TowerSessionsLayer::new()).layer(manager));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(answer.text, "Some(Number(1))", "the session of the inner layer is used");
    assert_eq!(answer.set_cookies(), Vec::<&str>::new());
}
