//! The application without a server: requests through all layers, with databases in a temporary
//! folder.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use tower::ServiceExt;

use crate::app;
use crate::state::AppState;

const PASSWORD: &str = "correct horse battery staple";

struct World {
    app: Router,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let state = AppState::open(folder.path()).unwrap();
        state.users.add("anna", PASSWORD).unwrap();
        Self {
            app: app::app(state),
            _folder: folder,
        }
    }

    fn browser(&self) -> Browser {
        Browser {
            app: self.app.clone(),
            cookie: String::new(),
            token: String::new(),
        }
    }

    async fn signed_in(&self) -> Browser {
        let mut browser = self.browser();
        browser.get("/sign-in").await;
        let response = browser
            .post("/sign-in", &format!("name=anna&password={PASSWORD}"))
            .await;
        assert_eq!(response.location(), Some("/"));
        browser
    }
}

struct Browser {
    app: Router,
    cookie: String,
    /// The token of the last page.
    token: String,
}

struct Response {
    status: StatusCode,
    headers: header::HeaderMap,
    body: String,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    fn location(&self) -> Option<&str> {
        self.header("location")
    }
}

impl Browser {
    async fn send(&mut self, request: axum::http::request::Builder, body: String) -> Response {
        let request = request
            .header(header::COOKIE, &self.cookie)
            .body(Body::from(body))
            .unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let headers = response.headers().clone();
        if let Some(line) = headers.get(header::SET_COOKIE) {
            self.cookie = line.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), 1 << 20)
            .await
            .unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        if let Some((_, rest)) = body.split_once("\"X-CSRF-Token\": \"") {
            self.token = rest.split('"').next().unwrap().to_owned();
        }
        Response {
            status,
            headers,
            body,
        }
    }

    async fn get(&mut self, path: &str) -> Response {
        self.send(Request::get(path), String::new()).await
    }

    /// Submits a form of our own page.
    async fn post(&mut self, path: &str, form: &str) -> Response {
        let request = Request::post(path)
            .header("sec-fetch-site", "same-origin")
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        let form = format!("csrf_token={}&{form}", self.token);
        self.send(request, form).await
    }

    /// Sends a request of htmx. The headers are those of an old browser, so the token counts.
    async fn htmx(&mut self, method: &str, path: &str) -> Response {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "shop.example")
            .header(header::REFERER, "https://shop.example/devices")
            .header("hx-request", "true")
            .header("x-csrf-token", &self.token);
        self.send(request, String::new()).await
    }
}

/// Returns the paths of the buttons that sign a device out.
fn buttons(page: &str) -> Vec<String> {
    page.split("hx-delete=\"")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again() {
    let world = World::new();
    let mut browser = world.browser();
    browser.get("/sign-in").await;
    for form in ["name=anna&password=wrong", "name=nobody&password=wrong"] {
        let response = browser.post("/sign-in", form).await;
        assert_eq!(
            (response.status, response.location()),
            (StatusCode::SEE_OTHER, Some("/sign-in")),
            "{form}"
        );
        let page = browser.get("/sign-in").await.body;
        assert!(page.contains("Name or password is wrong."), "{page}");
        let name = form.split(['=', '&']).nth(1).unwrap();
        assert!(
            page.contains(&format!("value=\"{name}\"")) && !page.contains("wrong\""),
            "{page}"
        );
    }
    assert!(
        !browser
            .get("/sign-in")
            .await
            .body
            .contains("value=\"nobody\""),
        "the input is shown once"
    );
}

#[tokio::test]
async fn signing_in_and_out() {
    let world = World::new();
    let mut browser = world.browser();
    browser.get("/sign-in").await;
    let before = browser.cookie.clone();
    browser
        .post("/sign-in", &format!("name=anna&password={PASSWORD}"))
        .await;
    assert_ne!(browser.cookie, before, "a sign-in changes the id");
    let page = browser.get("/").await.body;
    assert!(
        page.contains("Welcome, anna.") && page.contains("signed in as anna"),
        "{page}"
    );

    let stolen = browser.cookie.clone();
    browser.post("/sign-out", "").await;
    assert!(browser.get("/").await.body.contains("You have signed out."));
    browser.cookie = stolen;
    assert!(
        browser
            .get("/")
            .await
            .body
            .contains("You are not signed in.")
    );
}

#[tokio::test]
async fn a_user_signs_out_on_other_devices() {
    let world = World::new();
    let (mut laptop, mut phone, mut tablet) = (
        world.signed_in().await,
        world.signed_in().await,
        world.signed_in().await,
    );
    let page = laptop.get("/devices").await.body;
    let others = buttons(&page);
    assert_eq!(
        (others.len(), page.matches("(this one)").count()),
        (2, 1),
        "{page}"
    );

    assert_eq!(
        laptop.htmx("DELETE", &others[0]).await.status,
        StatusCode::OK
    );
    let mut gone = 0;
    for browser in [&mut phone, &mut tablet] {
        gone += usize::from(browser.get("/devices").await.location() == Some("/sign-in"));
    }
    assert_eq!(gone, 1);

    laptop.post("/devices/end-others", "").await;
    assert!(buttons(&laptop.get("/devices").await.body).is_empty());
    for browser in [&mut phone, &mut tablet] {
        assert_eq!(browser.get("/devices").await.location(), Some("/sign-in"));
    }
}

#[tokio::test]
async fn requests_without_a_user_lead_to_the_sign_in_page() {
    let mut browser = World::new().browser();
    assert_eq!(browser.get("/devices").await.location(), Some("/sign-in"));
    browser.get("/").await;
    let response = browser.htmx("DELETE", "/devices/00000000").await;
    assert_eq!(
        (response.status, response.header("hx-redirect")),
        (StatusCode::OK, Some("/sign-in"))
    );
}

#[tokio::test]
async fn forged_requests_are_refused() {
    let world = World::new();
    let mut browser = world.signed_in().await;
    browser.get("/").await;
    let forged = Request::post("/sign-out").header("sec-fetch-site", "cross-site");
    let response = browser.send(forged, String::new()).await;
    assert_eq!(response.status, StatusCode::FORBIDDEN);
    assert!(response.body.contains("Please try again"));

    let token = std::mem::replace(&mut browser.token, "guessed".to_owned());
    assert_eq!(
        browser.htmx("DELETE", "/devices/00000000").await.status,
        StatusCode::FORBIDDEN
    );
    browser.token = token;
    assert_eq!(
        browser.htmx("DELETE", "/devices/00000000").await.status,
        StatusCode::OK
    );
    assert!(browser.get("/").await.body.contains("signed in as anna"));
}

#[tokio::test]
async fn the_first_account_is_added_once() {
    let folder = tempfile::tempdir().unwrap();
    let state = AppState::open(folder.path()).unwrap();
    let password = state.users.add_first("admin").unwrap().unwrap();
    assert_eq!(state.users.add_first("admin").unwrap(), None);
    let admin = state
        .users
        .check("admin".to_owned(), password)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(state.users.by_id(admin.id).unwrap(), Some(admin));
    assert_eq!(state.users.by_id(7).unwrap(), None);
}

#[tokio::test]
async fn pages_without_a_session_have_no_cookie() {
    let mut browser = World::new().browser();
    let response = browser.get("/htmx.js").await;
    assert_eq!(
        (response.status, response.header("set-cookie")),
        (StatusCode::OK, None)
    );
}
