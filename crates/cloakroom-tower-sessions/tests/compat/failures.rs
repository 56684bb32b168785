//! Stores that fail, and error responses.

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::routing::get;
use tower_sessions::Session;

use crate::browser::Site;

fn routes() -> Router {
    Router::new()
        .route("/write", get(|session: Session| async move { session.insert("a", 1).await.unwrap() }))
        .route(
            "/read",
            get(|session: Session| async move {
                session.get_value("a").await.map_or_else(|error| error.to_string(), |value| format!("{value:?}"))
            }),
        )
        .route("/clear", get(|session: Session| async move { session.clear().await }))
        .route(
            "/save",
            get(|session: Session| async move {
                session.insert("b", 2).await.unwrap();
                session.save().await.map_or_else(|error| error.to_string(), |()| "saved".to_owned())
            }),
        )
        .route(
            "/flush-and-fail",
            get(|session: Session| async move {
                session.flush().await.unwrap();
                StatusCode::INTERNAL_SERVER_ERROR
            }),
        )
        .route("/untouched", get(|| async { "Hello" }))
}

#[tokio::test]
async fn a_store_that_fails_is_an_error_of_the_call() {
    let site = Site::new(routes());
    let mut browser = site.browser();
    browser.get("/write").await;
    site.store.break_down();
    let answer = browser.get("/read").await;
    assert!(answer.text.contains("out of order"), "{}", answer.text);
    assert_eq!(browser.get("/untouched").await.text, "Hello", "a request without a session is unaffected");
}

#[tokio::test]
async fn a_session_that_cannot_be_saved_replaces_the_response() {
    let site = Site::new(routes());
    let mut browser = site.browser();
    browser.get("/write").await;
    site.store.break_down();
    // `clear` doesn't load the session, so the layer's save is the first call.
    let answer = browser.get("/clear").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.headers.contains_key(RETRY_AFTER));
    assert_eq!(answer.set_cookies(), Vec::<&str>::new());
    // A visitor's first write fails at the commit, after the layer.
    let answer = site.browser().get("/write").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_failed_save_is_an_error_of_the_call() {
    let site = Site::new(routes());
    site.store.break_down();
    let answer = site.browser().get("/save").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "the change can't be committed later either");
}

#[tokio::test]
async fn the_commit_policy_decides_about_error_responses() {
    let site = Site::new(routes());
    let mut browser = site.browser();
    browser.get("/write").await;
    browser.get("/flush-and-fail").await;
    assert!(browser.cookies.is_empty(), "committed, by default");
}

#[tokio::test]
async fn a_missing_session_layer_is_named_at_the_first_use() {
    use cloakroom_tower_sessions::v0_14::TowerSessionsLayer;

    let mut browser = crate::browser::Browser::of(routes().layer(TowerSessionsLayer::new()));
    assert_eq!(browser.get("/untouched").await.text, "Hello");
    let answer = browser.get("/read").await;
    assert!(answer.text.contains("SessionLayer"), "{}", answer.text);
    assert_eq!(browser.get("/clear").await.status, StatusCode::INTERNAL_SERVER_ERROR);
}
