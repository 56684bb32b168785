//! The id that handlers see.

use axum::Router;
use axum::http::header::VARY;
use axum::routing::get;
use cloakroom::{CookieSessions, Key, SessionLayer};
use cloakroom_tower_sessions::v0_14::TowerSessionsLayer;
use tower_sessions::Session;

use crate::browser::{Browser, Site};

fn id(session: &Session) -> String {
    session.id().map_or_else(|| "none".to_owned(), |id| id.to_string())
}

fn routes() -> Router {
    Router::new()
        .route("/untouched", get(|session: Session| async move { id(&session) }))
        .route(
            "/read",
            get(|session: Session| async move {
                session.get_value("a").await.unwrap();
                id(&session)
            }),
        )
        .route(
            "/write",
            get(|session: Session| async move {
                let count: u32 = session.get("count").await.unwrap().unwrap_or_default();
                session.insert("count", count + 1).await.unwrap();
                id(&session)
            }),
        )
        .route(
            "/save",
            get(|session: Session| async move {
                session.insert("a", 1).await.unwrap();
                session.save().await.unwrap();
                id(&session)
            }),
        )
        .route(
            "/save-empty",
            get(|session: Session| async move {
                session.save().await.unwrap();
                id(&session)
            }),
        )
        .route(
            "/cycle",
            get(|session: Session| async move {
                session.cycle_id().await.unwrap();
                session.save().await.unwrap();
                id(&session)
            }),
        )
        .route(
            "/flush",
            get(|session: Session| async move {
                session.flush().await.unwrap();
                id(&session)
            }),
        )
}

fn cookie_sessions() -> Browser {
    let key = Key::new(b"a secret of thirty-two bytes, here for the test").unwrap();
    let layer = SessionLayer::new(CookieSessions::encrypted(key).build().unwrap());
    Browser::of(routes().layer(TowerSessionsLayer::new()).layer(layer))
}

#[tokio::test]
async fn an_id_is_the_same_in_all_requests_until_it_is_cycled() {
    for (name, mut browser) in [("in a store", Site::new(routes()).browser()), ("in a cookie", cookie_sessions())] {
        assert_eq!(browser.get("/read").await.text, "none", "{name}: a visitor has no id");
        assert_eq!(browser.get("/write").await.text, "none", "{name}: no id before the first save");
        let first = browser.get("/untouched").await.text;
        assert_eq!(first.len(), 22, "{name}");
        for path in ["/read", "/write", "/save", "/write", "/untouched"] {
            assert_eq!(browser.get(path).await.text, first, "{name}: {path}");
        }
        let second = browser.get("/cycle").await.text;
        assert_ne!(second, first, "{name}");
        assert_eq!(browser.get("/untouched").await.text, second, "{name}");
        assert_eq!(browser.get("/flush").await.text, "none", "{name}");
        assert_eq!(browser.get("/untouched").await.text, "none", "{name}");
    }
}

#[tokio::test]
async fn a_handler_that_saves_learns_the_id_of_a_new_session() {
    for path in ["/save", "/save-empty"] {
        for (name, mut browser) in [("in a store", Site::new(routes()).browser()), ("in a cookie", cookie_sessions())] {
            let id = browser.get(path).await.text;
            assert_eq!(browser.cookies.len(), 1, "{name}: {path}");
            assert_eq!(browser.get("/untouched").await.text, id, "{name}: {path}");
        }
    }
}

#[tokio::test]
async fn an_id_opens_nothing_as_a_cookie() {
    let site = Site::new(routes());
    let mut browser = site.browser();
    let id = browser.get("/save").await.text;
    let secret = browser.cookies["__Host-id"].clone();
    assert!(!secret.contains(&id));
    let mut thief = site.browser();
    for cookie in [id.clone(), format!("{id}{}", "A".repeat(21))] {
        thief.cookies.insert("__Host-id".to_owned(), cookie);
        assert_ne!(thief.get("/untouched").await.text, id);
        assert_eq!(thief.get("/read").await.text, "none");
    }
}

#[tokio::test]
async fn a_response_that_depends_on_the_cookie_says_so() {
    let mut browser = Site::new(routes()).browser();
    let mut vary = async |path: &str, name: &str| {
        let answer = browser.get(path).await;
        (name.to_owned(), answer.headers.get(VARY).map(|field| field.to_str().unwrap().to_ascii_lowercase()))
    };
    let cookie = Some("cookie".to_owned());
    assert_eq!(vary("/untouched", "a visitor, untouched").await.1, None);
    assert_eq!(vary("/read", "a visitor, read").await.1, cookie, "the visitor was recognized as one");
    assert_eq!(vary("/write", "written").await.1, cookie);
    assert_eq!(vary("/untouched", "a session, untouched").await.1, None);
    assert_eq!(vary("/read", "a session, read").await.1, cookie);
}
