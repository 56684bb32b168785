//! The router without a browser: headers, statuses, and leaked secrets.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use cloakroom::{CookieSessions, Key, ManualClock, Timestamp};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::app;
use crate::session_backend::SessionBackend;
use crate::state::{AppState, Scheme};

fn state() -> AppState {
    let key = Key::new(b"a secret of at least thirty-two bytes").expect("a key");
    let sessions = Arc::new(CookieSessions::encrypted(key).build().expect("sessions"));
    AppState {
        backend: SessionBackend::Cookies(sessions),
        clock: Arc::new(ManualClock::at(Timestamp::from_unix_secs(1_700_000_000))),
        scheme: Scheme::Http,
    }
}

/// An application with sessions in a store.
async fn state_with_store() -> AppState {
    AppState { backend: SessionBackend::open("memory:").await.expect("a store"), ..state() }
}

mod binding;

async fn ask(request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    ask_at(state(), request).await
}

async fn ask_at(state: AppState, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let response = app(state).expect("rules").oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("a body").to_bytes();
    (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).expect("text"))
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).header(header::HOST, "127.0.0.1:3000").body(Body::empty()).expect("a request")
}

/// Returns the session cookie and the token of the page.
async fn arrive() -> (String, String) {
    arrive_at(state()).await
}

async fn arrive_at(state: AppState) -> (String, String) {
    let (_, headers, page) = ask_at(state, get("/")).await;
    let cookie = headers[header::SET_COOKIE].to_str().expect("text").split(';').next().expect("a pair").to_owned();
    let token = page.split("name=\"csrf_token\" value=\"").nth(1).and_then(|it| it.split('"').next());
    (cookie, token.expect("a token").to_owned())
}

fn post(path: &str, cookie: &str, form: String) -> Request<Body> {
    Request::post(path)
        .header(header::HOST, "127.0.0.1:3000")
        .header("sec-fetch-site", "same-origin")
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .expect("a request")
}

#[tokio::test]
async fn every_page_answers() {
    for path in ["/", "/cart", "/sign-in", "/devices", "/stolen", "/inspector", "/forgery", "/handed-in"] {
        let (status, headers, page) = ask(get(path)).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(page.matches("<h1").count(), 1, "{path}: one heading");
        assert!(!page.contains("<script"), "{path}");
        assert!(headers.contains_key(header::CONTENT_SECURITY_POLICY), "{path}");
    }
}

#[tokio::test]
async fn requests_that_need_no_session_create_none() {
    for path in ["/cloakroom.css", "/ticket.svg", "/handed-in", "/nowhere"] {
        let (_, headers, _) = ask(get(path)).await;
        assert!(!headers.contains_key(header::SET_COOKIE) && !headers.contains_key(header::VARY), "{path}");
    }
    let (_, headers, _) = ask(get("/cloakroom.css")).await;
    assert_eq!(headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
}

#[tokio::test]
async fn a_forged_form_is_refused() {
    let (cookie, token) = arrive().await;
    let mut foreign = post("/cart/add", &cookie, format!("item=top-hat&csrf_token={token}"));
    foreign.headers_mut().insert("sec-fetch-site", "cross-site".parse().expect("a value"));
    for (row, request, status, words) in [
        ("ours", post("/cart/add", &cookie, format!("item=top-hat&csrf_token={token}")), StatusCode::SEE_OTHER, ""),
        (
            "without a token",
            post("/cart/add", &cookie, "item=top-hat".to_owned()),
            StatusCode::FORBIDDEN,
            "token-missing",
        ),
        ("from elsewhere", foreign, StatusCode::FORBIDDEN, "cross-site"),
    ] {
        let (answer, headers, page) = ask(request).await;
        assert_eq!(answer, status, "{row}");
        assert!(page.contains(words), "{row}: {page}");
        assert_eq!(headers.contains_key(header::SET_COOKIE), status == StatusCode::SEE_OTHER, "{row}");
    }
}

#[tokio::test]
async fn error_pages_contain_no_internal_details() {
    let (cookie, token) = arrive().await;
    let long = "x".repeat(5_000);
    for (row, request, status) in [
        ("no such page", get("/nowhere"), StatusCode::NOT_FOUND),
        ("wrong method", get("/cart/add"), StatusCode::METHOD_NOT_ALLOWED),
        (
            "wrong shape",
            post("/cart/set", &cookie, format!("count=many&csrf_token={token}")),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "too large",
            post("/inspector/note", &cookie, format!("text={long}&csrf_token={token}")),
            StatusCode::INTERNAL_SERVER_ERROR,
        ),
    ] {
        let (answer, headers, page) = ask(request).await;
        assert_eq!(answer, status, "{row}");
        assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8", "{row}");
        assert!(!headers.contains_key(header::SET_COOKIE), "{row}: the old session stays");
        for leak in ["csrf_token", "count", "xxx", "serde", "cloakroom_", ".rs"] {
            assert!(!page.contains(leak), "{row}: {leak}");
        }
    }
}

#[tokio::test]
async fn the_inspector_does_not_contain_the_cookie() {
    let (cookie, _) = arrive().await;
    let mut request = get("/inspector");
    request.headers_mut().insert(header::COOKIE, cookie.parse().expect("a value"));
    let (_, _, page) = ask(request).await;
    let (_, value) = cookie.split_once('=').expect("a pair");
    assert!(page.contains("id=\"store-key\""), "the session was opened");
    assert!(!page.contains(value) && !page.contains(&value[value.len() - 16..]));
}

fn with_cookie(mut request: Request<Body>, cookie: &str) -> Request<Body> {
    request.headers_mut().insert(header::COOKIE, cookie.parse().expect("a value"));
    request
}

#[tokio::test]
async fn a_store_keeps_notes_too_long_for_a_cookie() {
    let state = state_with_store().await;
    let (cookie, token) = arrive_at(state.clone()).await;
    let long = "x".repeat(20_000);
    let note = post("/inspector/note", &cookie, format!("text={long}&csrf_token={token}"));
    let (status, headers, _) = ask_at(state.clone(), note).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(!headers.contains_key(header::SET_COOKIE), "the cookie is unchanged");
    let (_, _, page) = ask_at(state, with_cookie(get("/inspector"), &cookie)).await;
    assert!(page.contains("id=\"version\">1<"), "the form wrote nothing, and the note once");
    assert!(page.contains(&long) && !page.contains("byte by byte"));
    let (_, id) = cookie.split_once('=').expect("a pair");
    assert!(!page.contains(id) && !page.contains(&token), "the page must not contain the cookie");
}

#[tokio::test]
async fn the_page_says_that_no_list_is_available() {
    let folder = std::env::temp_dir().join(format!("cloakroom-demo-{}", std::process::id()));
    let files = AppState {
        backend: SessionBackend::open(&format!("file:{}", folder.display())).await.expect("a store"),
        ..state()
    };
    for (row, state) in [("cookies", state()), ("files", files)] {
        let (cookie, token) = arrive_at(state.clone()).await;
        let sign_in = post("/sign-in", &cookie, format!("name=Ada&csrf_token={token}"));
        let (_, headers, _) = ask_at(state.clone(), sign_in).await;
        let cookie = headers[header::SET_COOKIE].to_str().expect("text").split(';').next().expect("a pair").to_owned();
        let (status, _, page) = ask_at(state.clone(), with_cookie(get("/devices"), &cookie)).await;
        assert_eq!(status, StatusCode::OK, "{row}");
        assert!(page.contains("id=\"unsupported\""), "{row}");
    }
    std::fs::remove_dir_all(folder).expect("removed");
}

/// The page of an encrypted connection has another origin.
#[tokio::test]
async fn forms_come_from_an_origin_with_the_demos_scheme() {
    for (scheme, origin, expected) in [
        (Scheme::Http, "http://127.0.0.1:3000", StatusCode::SEE_OTHER),
        (Scheme::Http, "https://127.0.0.1:3000", StatusCode::FORBIDDEN),
        (Scheme::Https, "https://127.0.0.1:3000", StatusCode::SEE_OTHER),
        (Scheme::Https, "http://127.0.0.1:3000", StatusCode::FORBIDDEN),
    ] {
        let state = AppState { scheme, ..state() };
        let (cookie, token) = arrive_at(state.clone()).await;
        let mut sign_in = post("/sign-in", &cookie, format!("name=Ada&csrf_token={token}"));
        sign_in.headers_mut().remove("sec-fetch-site");
        sign_in.headers_mut().insert(header::ORIGIN, origin.parse().expect("a header value"));
        assert_eq!(ask_at(state, sign_in).await.0, expected, "{scheme:?} {origin}");
    }
}
