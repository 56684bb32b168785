//! The integration tests of tower-sessions, on the layer for each version.
//!
//! One of its thirteen tests deliberately differs: Cloakroom ignores a malformed cookie, and
//! tower-sessions removes it.

/// The tests of one version: its `tower_sessions` crate, and its module here.
macro_rules! suite {
    ($name:ident, $tower_sessions:ident, $module:ident) => {
        mod $name {
            use std::time::Duration;

            use axum::Router;
            use axum::http::StatusCode;
            use axum::routing::get;
            use cloakroom::{CookieConfig, Lifetimes, MemoryStore, SameSite, SessionLayer, StoredSessions};
            use cloakroom_tower_sessions::$module::TowerSessionsLayer;
            use time::OffsetDateTime;
            use $tower_sessions::{Expiry, Session};

            use crate::browser::{Answer, Browser};

            const HOUR: Duration = Duration::from_secs(3600);

            fn routes() -> Router {
                let tomorrow = || OffsetDateTime::now_utc() + time::Duration::days(1);
                Router::new()
                    .route("/", get(|_: Session| async { "Hello, world!" }))
                    .route("/insert", get(|it: Session| async move { it.insert("foo", 42).await.unwrap() }))
                    .route(
                        "/get",
                        get(|it: Session| async move { it.get::<usize>("foo").await.unwrap().unwrap().to_string() }),
                    )
                    .route(
                        "/get_value",
                        get(|it: Session| async move { format!("{:?}", it.get_value("foo").await.unwrap()) }),
                    )
                    .route(
                        "/remove",
                        get(|it: Session| async move {
                            it.remove::<usize>("foo").await.unwrap();
                        }),
                    )
                    .route(
                        "/remove_value",
                        get(|it: Session| async move {
                            it.remove_value("foo").await.unwrap();
                        }),
                    )
                    .route("/cycle_id", get(|it: Session| async move { it.cycle_id().await.unwrap() }))
                    .route("/flush", get(|it: Session| async move { it.flush().await.unwrap() }))
                    .route(
                        "/set_expiry",
                        get(move |it: Session| async move {
                            it.set_expiry(Some(Expiry::AtDateTime(tomorrow())));
                        }),
                    )
                    .route(
                        "/remove_expiry",
                        get(|it: Session| async move {
                            it.set_expiry(Some(Expiry::OnSessionEnd));
                        }),
                    )
            }

            fn browser(cookie: CookieConfig) -> Browser {
                let lifetimes = Lifetimes::default().idle_timeout(HOUR);
                let sessions = StoredSessions::new(MemoryStore::new()).lifetimes(lifetimes).cookie(cookie);
                let layer = SessionLayer::new(sessions.build().unwrap());
                Browser::of(routes().layer(TowerSessionsLayer::new()).layer(layer))
            }

            fn strict() -> CookieConfig {
                CookieConfig::default().name("id").same_site(SameSite::Strict)
            }

            /// Returns the only `Set-Cookie` line, in its parts.
            fn cookie(answer: &Answer) -> Vec<String> {
                let [line] = answer.set_cookies()[..] else { panic!("not one cookie: {answer:?}") };
                line.split("; ").map(str::to_owned).collect()
            }

            fn max_age(answer: &Answer) -> Option<u64> {
                cookie(answer).iter().find_map(|part| part.strip_prefix("Max-Age=")?.parse().ok())
            }

            #[tokio::test]
            async fn no_session_set() {
                assert_eq!(browser(strict()).get("/").await.set_cookies(), Vec::<&str>::new());
            }

            #[tokio::test]
            async fn bogus_session_cookie() {
                for bogus in ["AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
                    let mut browser = browser(strict());
                    browser.cookies.insert("id".to_owned(), bogus.to_owned());
                    let answer = browser.get("/insert").await;
                    assert_eq!(answer.status, StatusCode::OK);
                    assert_ne!(browser.cookies["id"], bogus);
                }
            }

            #[tokio::test]
            async fn malformed_session_cookie() {
                let mut browser = browser(strict());
                browser.cookies.insert("id".to_owned(), "malformed".to_owned());
                let answer = browser.get("/").await;
                assert_eq!(answer.status, StatusCode::OK);
                assert_eq!(answer.set_cookies(), Vec::<&str>::new(), "it is ignored, not removed");
                browser.get("/insert").await;
                assert_ne!(browser.cookies["id"], "malformed");
            }

            #[tokio::test]
            async fn insert_session() {
                let parts = cookie(&browser(strict()).get("/insert").await);
                assert!(parts[0].starts_with("id="), "{parts:?}");
                for attribute in ["HttpOnly", "SameSite=Strict", "Secure", "Path=/"] {
                    assert!(parts.contains(&attribute.to_owned()), "{attribute}: {parts:?}");
                }
            }

            #[tokio::test]
            async fn session_max_age() {
                assert_eq!(max_age(&browser(strict()).get("/insert").await), None);
            }

            #[tokio::test]
            async fn get_session() {
                let mut browser = browser(strict());
                browser.get("/insert").await;
                let answer = browser.get("/get").await;
                assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "42"));
            }

            #[tokio::test]
            async fn get_no_value() {
                assert_eq!(browser(strict()).get("/get_value").await.text, "None");
            }

            #[tokio::test]
            async fn remove_last_value() {
                for path in ["/remove", "/remove_value"] {
                    let mut browser = browser(strict());
                    browser.get("/insert").await;
                    browser.get(path).await;
                    assert_eq!(browser.get("/get_value").await.text, "None");
                }
            }

            #[tokio::test]
            async fn cycle_session_id() {
                let mut browser = browser(strict());
                browser.get("/insert").await;
                let mut old = browser.clone();
                browser.get("/cycle_id").await;
                assert_ne!(browser.cookies["id"], old.cookies["id"]);
                assert_eq!(browser.get("/get").await.text, "42");
                assert_eq!(old.get("/get_value").await.text, "None", "the old id opens nothing");
            }

            #[tokio::test]
            async fn flush_session() {
                let mut browser = browser(strict());
                browser.get("/insert").await;
                let mut old = browser.clone();
                let parts = cookie(&browser.get("/flush").await);
                assert_eq!(parts[0], "id=");
                assert!(parts.contains(&"Max-Age=0".to_owned()) && parts.contains(&"Path=/".to_owned()), "{parts:?}");
                assert_eq!(old.get("/get_value").await.text, "None");
            }

            #[tokio::test]
            async fn flush_with_domain() {
                let mut browser = browser(strict().domain("example.com"));
                browser.get("/insert").await;
                let parts = cookie(&browser.get("/flush").await);
                assert!(parts.contains(&"Domain=example.com".to_owned()), "{parts:?}");
                assert!(parts.contains(&"Max-Age=0".to_owned()), "{parts:?}");
            }

            #[tokio::test]
            async fn set_expiry() {
                let mut browser = browser(strict());
                assert_eq!(max_age(&browser.get("/insert").await), None);
                let day = max_age(&browser.get("/set_expiry").await).unwrap();
                // The handler computes the date before the layer computes the span.
                assert!((86_000..=86_400).contains(&day), "{day}");
            }

            #[tokio::test]
            async fn change_expiry_type() {
                let mut browser = browser(strict());
                browser.get("/insert").await;
                assert!(max_age(&browser.get("/set_expiry").await).is_some());
                assert_eq!(max_age(&browser.get("/remove_expiry").await), None);
            }
        }
    };
}

suite!(v0_14, tower_sessions, v0_14);
#[cfg(feature = "v0-15")]
suite!(v0_15, tower_sessions_0_15, v0_15);
