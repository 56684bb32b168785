//! The example application of axum-login: a page for users, forms to sign in and out, permissions,
//! and messages of axum-messages.

use std::collections::HashSet;
use std::convert::Infallible;

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use axum_login::{AuthManager, AuthUser, AuthnBackend, AuthzBackend, UserId, login_required, permission_required};
use axum_messages::{Messages, MessagesManagerLayer};
use serde::Deserialize;
use tower_layer::layer_fn;

use crate::browser::{Browser, Site};

type AuthSession = axum_login::AuthSession<Backend>;

#[derive(Clone, Debug)]
struct User {
    id: i64,
    name: &'static str,
    password: String,
}

impl AuthUser for User {
    type Id = i64;

    fn id(&self) -> i64 {
        self.id
    }

    fn session_auth_hash(&self) -> &[u8] {
        self.password.as_bytes()
    }
}

#[derive(Clone, Debug, Deserialize)]
struct Credentials {
    username: String,
    password: String,
    next: Option<String>,
}

#[derive(Clone, Debug)]
struct Backend {
    users: [User; 2],
}

impl Backend {
    fn new(password: &str) -> Self {
        let user = |id, name| User { id, name, password: password.to_owned() };
        Self { users: [user(1, "ferris"), user(2, "admin")] }
    }
}

impl AuthnBackend for Backend {
    type User = User;
    type Credentials = Credentials;
    type Error = Infallible;

    async fn authenticate(&self, form: Credentials) -> Result<Option<User>, Infallible> {
        let is_right = |user: &&User| user.name == form.username && user.password == form.password;
        Ok(self.users.iter().find(is_right).cloned())
    }

    async fn get_user(&self, id: &UserId<Self>) -> Result<Option<User>, Infallible> {
        Ok(self.users.iter().find(|user| user.id == *id).cloned())
    }
}

impl AuthzBackend for Backend {
    type Permission = &'static str;

    async fn get_user_permissions(&self, user: &User) -> Result<HashSet<&'static str>, Infallible> {
        Ok(if user.name == "admin" { HashSet::from(["restricted.read"]) } else { HashSet::new() })
    }
}

#[derive(Deserialize)]
struct NextUrl {
    next: Option<String>,
}

async fn protected(auth: AuthSession, messages: Messages) -> Response {
    let Some(user) = auth.user else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let messages: Vec<_> = messages.map(|it| it.to_string()).collect();
    format!("Hello, {}. {}", user.name, messages.join(" ")).into_response()
}

async fn form(messages: Messages, Query(query): Query<NextUrl>) -> String {
    let messages: Vec<_> = messages.map(|it| it.to_string()).collect();
    format!("Sign in for {}. {}", query.next.as_deref().unwrap_or("/"), messages.join(" "))
}

async fn sign_in(mut auth: AuthSession, messages: Messages, Form(form): Form<Credentials>) -> Response {
    let user = match auth.authenticate(form.clone()).await {
        Ok(Some(user)) => user,
        Ok(None) => {
            messages.error("Invalid credentials");
            let next = form.next.map_or_else(|| "/login".to_owned(), |next| format!("/login?next={next}"));
            return Redirect::to(&next).into_response();
        }
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    if auth.login(&user).await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    messages.success(format!("Successfully logged in as {}", user.name));
    Redirect::to(form.next.as_deref().unwrap_or("/")).into_response()
}

async fn sign_out(mut auth: AuthSession) -> Response {
    match auth.logout().await {
        Ok(_) => Redirect::to("/login").into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Returns the routes of the example; the middleware for sessions is missing.
fn routes(backend: Backend) -> Router {
    Router::new()
        .route("/restricted", get(|| async { "Restricted" }))
        .route_layer(permission_required!(Backend, login_url = "/login", "restricted.read"))
        .route("/", get(protected))
        .route_layer(login_required!(Backend, login_url = "/login"))
        .route("/login", post(sign_in).get(form))
        .route("/logout", get(sign_out))
        .layer(MessagesManagerLayer)
        .layer(layer_fn(move |inner| AuthManager::new(inner, backend.clone(), "axum-login.data")))
}

fn site() -> Site {
    Site::new(routes(Backend::new("hunter42")))
}

async fn signed_in(site: &Site, name: &str) -> Browser {
    let mut browser = site.browser();
    let answer = browser.post("/login", &format!("username={name}&password=hunter42")).await;
    assert_eq!((answer.status, answer.location()), (StatusCode::SEE_OTHER, "/"));
    browser
}

/// The first of the two tests of axum-login.
#[tokio::test]
async fn the_example_signs_users_in_and_out() {
    let site = site();
    let mut browser = site.browser();

    // A visitor is asked to sign in, and has no cookie yet.
    let answer = browser.get("/").await;
    assert_eq!(answer.location(), "/login?next=%2F");
    let answer = browser.visit("/").await;
    assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, "Sign in for /. "));
    assert!(browser.cookies.is_empty());

    // A wrong password leaves a message, so there is a session now.
    let answer = browser.post("/login", "username=ferris&password=bogus").await;
    assert_eq!(answer.location(), "/login");
    assert_eq!(browser.cookies.len(), 1);
    assert_eq!(browser.get("/login").await.text, "Sign in for /. Invalid credentials");
    assert_eq!(browser.get("/login").await.text, "Sign in for /. ", "a message is shown once");

    let answer = browser.post("/login", "username=ferris&password=hunter42").await;
    assert_eq!(answer.location(), "/");
    assert_eq!(browser.get("/").await.text, "Hello, ferris. Successfully logged in as ferris");
    assert_eq!(browser.get("/").await.text, "Hello, ferris. ");

    let answer = browser.get("/logout").await;
    assert_eq!(answer.location(), "/login");
    assert!(browser.cookies.is_empty(), "the cookie is removed");
    assert_eq!(browser.get("/").await.status, StatusCode::TEMPORARY_REDIRECT);
}

/// The second of the two tests of axum-login.
#[tokio::test]
async fn the_example_checks_permissions() {
    let site = site();
    let mut browser = signed_in(&site, "ferris").await;
    assert_eq!(browser.get("/restricted").await.location(), "/login?next=%2Frestricted");
    let answer = browser.post("/login", "username=admin&password=hunter42&next=/restricted").await;
    assert_eq!(answer.location(), "/restricted");
    assert_eq!(browser.get("/restricted").await.text, "Restricted");
    browser.get("/logout").await;
    assert!(browser.cookies.is_empty());
}

#[tokio::test]
async fn signing_in_gives_a_new_id_and_the_old_one_opens_nothing() {
    let site = site();
    let mut browser = site.browser();
    browser.post("/login", "username=ferris&password=bogus").await;
    let old = browser.clone();
    browser.post("/login", "username=ferris&password=hunter42").await;
    assert_ne!(browser.cookies, old.cookies);
    assert_eq!(browser.get("/").await.status, StatusCode::OK);

    let answer = old.clone().get("/").await;
    assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(answer.set_cookies(), Vec::<&str>::new(), "the new cookie isn't replaced");
}

#[tokio::test]
async fn a_cookie_that_a_client_invented_is_never_adopted() {
    let site = site();
    let mut browser = site.browser();
    browser.cookies.insert("__Host-id".to_owned(), "A".repeat(43));
    let invented = browser.clone();
    browser.post("/login", "username=ferris&password=hunter42").await;
    assert_ne!(browser.cookies, invented.cookies);
    assert_eq!(browser.get("/").await.status, StatusCode::OK);
    assert_eq!(invented.clone().get("/").await.status, StatusCode::TEMPORARY_REDIRECT);
}

#[tokio::test]
async fn a_signed_out_cookie_opens_nothing() {
    let site = site();
    let mut browser = signed_in(&site, "ferris").await;
    let mut copy = browser.clone();
    browser.get("/logout").await;
    assert_eq!(copy.get("/").await.status, StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(copy.post("/login", "username=ferris&password=hunter42").await.location(), "/");
    assert_eq!(copy.get("/").await.status, StatusCode::OK, "signing in again begins a new session");
}

#[tokio::test]
async fn a_sign_out_with_a_superseded_cookie_ends_the_session_under_its_new_id() {
    let site = site();
    let mut browser = site.browser();
    browser.post("/login", "username=ferris&password=bogus").await;
    let mut old = browser.clone();
    browser.post("/login", "username=ferris&password=hunter42").await;
    old.get("/logout").await;
    assert_eq!(browser.get("/").await.status, StatusCode::TEMPORARY_REDIRECT);
}

#[tokio::test]
async fn a_changed_password_ends_the_session() {
    let site = site();
    let mut browser = signed_in(&site, "ferris").await;
    let copy = browser.clone();

    // The same store under a backend with another password.
    let sessions = cloakroom::StoredSessions::new(std::sync::Arc::clone(&site.store));
    let sessions = sessions.cookie(cloakroom::CookieConfig::default().name("__Host-id")).build().unwrap();
    let app = routes(Backend::new("correct horse"))
        .layer(cloakroom_tower_sessions::v0_14::TowerSessionsLayer::new())
        .layer(cloakroom::SessionLayer::new(sessions).clock(std::sync::Arc::clone(&site.clock)));
    let mut changed = Browser::of(app);
    changed.cookies = copy.cookies.clone();
    assert_eq!(changed.get("/").await.status, StatusCode::TEMPORARY_REDIRECT);
    assert!(changed.cookies.is_empty(), "axum-login flushes the session");
    assert_eq!(browser.get("/").await.status, StatusCode::TEMPORARY_REDIRECT);
}

#[tokio::test]
async fn a_request_costs_one_load_and_a_sign_in_two_calls() {
    let site = site();
    let mut browser = site.browser();
    browser.get("/login").await;
    assert_eq!(site.store.calls(), 0, "a visitor without a cookie");
    browser.post("/login", "username=ferris&password=hunter42").await;
    assert_eq!(site.store.calls(), 1, "create");
    browser.get("/").await;
    assert_eq!(site.store.calls(), 2, "load and replace: the message was shown");
    browser.get("/").await;
    assert_eq!(site.store.calls(), 1, "load");
}
