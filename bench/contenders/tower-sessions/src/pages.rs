//! The pages. The contender `tower-sessions-stores` includes this file too; its `Session` is that
//! of the older release.

use axum::Router;
use axum::extract::Path;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use bench_harness::{Contents, slow_work};
use bench_on_axum::{check, token};

use crate::Session;

const ANSWERS: &str = "a store that answers";

pub(crate) fn pages() -> Router {
    Router::new()
        .route("/untouched", get(async || "hello"))
        .route(
            "/fill/{contents}",
            get(async |session: Session, Path(contents): Path<String>| {
                for (key, value) in Contents::named(&contents).entries() {
                    session.insert(&key, value).await.expect(ANSWERS);
                }
                session.insert("count", 1).await.expect(ANSWERS);
            }),
        )
        .route(
            "/new",
            get(async |session: Session| {
                session.insert("count", 1).await.expect(ANSWERS);
                "new"
            }),
        )
        .route(
            "/read",
            get(async |session: Session| {
                let count = session.get::<u64>("count").await.expect(ANSWERS);
                if count.is_some() { "known" } else { "unknown" }
            }),
        )
        .route(
            "/write",
            get(async |session: Session| {
                let count: u64 = session.get("count").await.expect(ANSWERS).unwrap_or_default();
                session.insert("count", count + 1).await.expect(ANSWERS);
                "written"
            }),
        )
        // It has no flash messages: these are handlers that its users would write.
        .route(
            "/flash",
            get(async |session: Session| {
                let mut messages: Vec<String> = session.get("_flash").await.expect(ANSWERS).unwrap_or_default();
                messages.push("Saved".to_owned());
                session.insert("_flash", messages).await.expect(ANSWERS);
                "flashed"
            }),
        )
        .route(
            "/pop",
            get(async |session: Session| {
                let messages: Vec<String> = session.remove("_flash").await.expect(ANSWERS).unwrap_or_default();
                assert_eq!(messages, ["Saved"]);
                "popped"
            }),
        )
        // It has no CSRF check either.
        .route(
            "/token",
            get(async |session: Session| {
                let token = token();
                session.insert("_csrf", &token).await.expect(ANSWERS);
                token
            }),
        )
        .route(
            "/post",
            post(async |session: Session, headers: HeaderMap| {
                let token: Option<String> = session.get("_csrf").await.expect(ANSWERS);
                check(token, &headers)
            }),
        )
        .route(
            "/slow-count",
            get(async |session: Session| {
                let count: u64 = session.get("count").await.expect(ANSWERS).unwrap_or_default();
                slow_work().await;
                session.insert("count", count + 1).await.expect(ANSWERS);
                "counted"
            }),
        )
        .route(
            "/slow-key/{key}",
            get(async |session: Session, Path(key): Path<String>| {
                session.get::<u64>("count").await.expect(ANSWERS);
                slow_work().await;
                session.insert(&key, true).await.expect(ANSWERS);
                "set"
            }),
        )
        .route(
            "/count",
            get(async |session: Session| {
                session.get::<u64>("count").await.expect(ANSWERS).unwrap_or_default().to_string()
            }),
        )
        .route(
            "/has/{key}",
            get(async |session: Session, Path(key): Path<String>| {
                session.get::<bool>(&key).await.expect(ANSWERS).is_some().to_string()
            }),
        )
        .route(
            "/login",
            get(async |session: Session| {
                session.cycle_id().await.expect(ANSWERS);
                session.insert("user", true).await.expect(ANSWERS);
                "welcome"
            }),
        )
        .route(
            "/logout",
            get(async |session: Session| {
                session.flush().await.expect(ANSWERS);
                "good bye"
            }),
        )
}
