//! The middleware without a network. The example tests them over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a panic is how a test fails"
)]

use cloakroom_poem::{CsrfMiddleware, SessionMiddleware};
use cloakroom_session::adapter::FormToken;
use cloakroom_session::{
    CommitPolicy, CookieConfig, CookieSessions, CsrfRules, Error, Key, NamedSession, Session, SessionHeader,
    TokenPolicy,
};
use poem::http::{StatusCode, header};
use poem::test::{TestClient, TestResponse};
use poem::web::{Path, RemoteAddr};
use poem::{Body, Endpoint, EndpointExt, FromRequest as _, Request, Response, Route, get, handler, post};

fn sessions() -> SessionMiddleware {
    let key = Key::new(b"a secret of the tests, of 32 bytes or even more").unwrap();
    SessionMiddleware::new(CookieSessions::encrypted(key).build().unwrap())
}

fn csrf() -> CsrfMiddleware {
    CsrfMiddleware::new(CsrfRules::builder().token_policy(TokenPolicy::Always).build().unwrap())
}

#[handler]
async fn sign_in(session: Session) -> Result<(), Error> {
    session.insert("user", "ann")
}

#[handler]
async fn who(session: Session) -> Result<String, Error> {
    Ok(session.get::<String>("user")?.unwrap_or_default())
}

#[handler]
async fn fails(session: Session) -> poem::Result<()> {
    session.insert("user", "bob")?;
    Err(poem::Error::from_string("sorry", StatusCode::INTERNAL_SERVER_ERROR))
}

#[handler]
async fn wrong_type(session: Session) -> Result<String, Error> {
    Ok(session.get::<u32>("user")?.unwrap_or_default().to_string())
}

#[handler]
async fn too_much(session: Session) -> Result<&'static str, Error> {
    session.insert("text", "secret".repeat(1000))?;
    Ok("your order is on its way")
}

#[handler]
async fn form_token(token: FormToken) -> String {
    token.to_string()
}

#[handler]
async fn cached_token(token: FormToken) -> Response {
    let response = Response::builder().header("cache-control", "public").header("cdn-cache-control", "max-age=600");
    response.body(token.to_string())
}

#[handler]
async fn echo(body: String) -> String {
    body
}

#[handler]
async fn named(Path(name): Path<String>, address: &RemoteAddr, request: &Request) -> String {
    format!("{name} of {} at {address}", request.original_uri())
}

#[handler]
async fn stream() -> Body {
    Body::from_async_read(&b"piece by piece"[..])
}

fn site(sessions: SessionMiddleware) -> impl Endpoint {
    Route::new()
        .at("/in", get(sign_in))
        .at("/", get(who))
        .at("/fails", get(fails))
        .at("/wrong-type", get(wrong_type))
        .at("/much", get(too_much))
        .at("/token", get(form_token))
        .at("/cached", get(cached_token))
        .at("/echo", post(echo))
        .at("/stream", get(stream))
        .with(csrf())
        .with(sessions)
}

/// A client that keeps its cookie.
struct Browser<E> {
    client: TestClient<E>,
    cookie: String,
}

impl<E: Endpoint> Browser<E> {
    fn new(site: E) -> Self {
        Self { client: TestClient::new(site), cookie: String::new() }
    }

    async fn get(&mut self, path: &str) -> TestResponse {
        let response = self.client.get(path).header("cookie", &self.cookie).send().await;
        if let Some(line) = response.0.headers().get(header::SET_COOKIE) {
            line.to_str().unwrap().split(';').next().unwrap().clone_into(&mut self.cookie);
        }
        response
    }
}

async fn text(response: TestResponse) -> (StatusCode, String) {
    (response.0.status(), response.0.into_body().into_string().await.unwrap())
}

#[tokio::test]
async fn an_error_of_a_handler_commits_as_the_policy_says() {
    for (policy, user) in [(CommitPolicy::Always, "bob"), (CommitPolicy::NotOnServerError, "ann")] {
        let mut browser = Browser::new(site(sessions().commit_policy(policy)));
        browser.get("/in").await;
        let failed = text(browser.get("/fails").await).await;
        assert_eq!(failed, (StatusCode::INTERNAL_SERVER_ERROR, "sorry".to_owned()), "the text of the error");
        assert_eq!(text(browser.get("/").await).await.1, user);
    }
}

#[tokio::test]
async fn session_errors_are_responses_without_details() {
    let mut browser = Browser::new(site(sessions()));
    browser.get("/in").await;
    let sorry = (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error".to_owned());
    assert_eq!(text(browser.get("/wrong-type").await).await, sorry, "a handler's");
    assert_eq!(text(browser.get("/much").await).await, sorry, "the commit's");
    assert_eq!(text(browser.get("/").await).await.1, "ann", "the session is unchanged");
    let without = Route::new().at("/", get(who));
    assert_eq!(text(Browser::new(without).get("/").await).await, sorry, "without a layer");
    let unavailable = poem::Error::from(Error::unavailable("it is down")).into_response();
    assert_eq!(unavailable.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(unavailable.headers().contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn an_error_names_the_missing_middleware() {
    let (request, mut body) = Request::default().split();
    let session = Session::from_request(&request, &mut body).await.unwrap_err();
    assert!(session.to_string().contains("SessionMiddleware"), "{session}");
    let token = FormToken::from_request(&request, &mut body).await.unwrap_err();
    assert!(token.to_string().contains("CsrfMiddleware"), "{token}");
}

#[tokio::test]
async fn a_page_with_a_token_is_not_cached() {
    let mut browser = Browser::new(site(sessions()));
    browser.get("/in").await;
    let response = browser.get("/cached").await;
    let headers = response.0.headers();
    assert!(!headers.contains_key(header::SET_COOKIE));
    assert_eq!(headers[header::CACHE_CONTROL], "private, no-store");
    assert!(!headers.contains_key("cdn-cache-control"));
}

#[tokio::test]
async fn a_searched_body_arrives_complete() {
    let mut browser = Browser::new(site(sessions()));
    let token = text(browser.get("/token").await).await.1;
    let form = format!("csrf_token={token}&a={}", "x".repeat(100_000));
    let request = browser.client.post("/echo").header("cookie", &browser.cookie);
    let request = request.header("sec-fetch-site", "same-origin").content_type("application/x-www-form-urlencoded");
    let (status, echoed) = text(request.body(form.clone()).send().await).await;
    assert_eq!(status, StatusCode::OK, "{echoed}");
    assert!(echoed == form);
}

#[tokio::test]
async fn a_stream_passes() {
    let mut browser = Browser::new(site(sessions()));
    let response = browser.get("/stream").await;
    assert!(!response.0.headers().contains_key(header::CONTENT_LENGTH));
    assert_eq!(text(response).await.1, "piece by piece");
}

#[tokio::test]
async fn the_middleware_keeps_all_parts_of_a_request() {
    // The middleware is inside the router, where the path parameters are already known.
    let inside = Route::new().at("/hats/:name", get(named).with(csrf()).with(sessions()));
    let outside = Route::new().at("/hats/:name", get(named));
    let said = |response: TestResponse| async move { text(response).await.1 };
    let inside = said(TestClient::new(inside).get("/hats/bowler").send().await).await;
    let outside = said(TestClient::new(outside).get("/hats/bowler").send().await).await;
    assert_eq!(inside, outside);
    assert!(inside.starts_with("bowler of "), "{inside}");
}

#[tokio::test]
async fn a_program_has_its_id_in_a_header() {
    let session_header = SessionHeader::named("x-session").unwrap();
    let client = TestClient::new(site(sessions().header(session_header)));
    let begun = client.get("/in").header("x-session", "new").send().await.0;
    let id = begun.headers()["x-session"].to_str().unwrap();
    assert!(begun.headers().get(header::SET_COOKIE).is_none());
    let varies: Vec<_> = begun.headers().get_all(header::VARY).iter().collect();
    assert_eq!(varies, ["cookie", "x-session"]);
    assert_eq!(text(client.get("/").header("x-session", id).send().await).await.1, "ann");
    assert_eq!(text(client.post("/echo").header("x-session", id).body("x").send().await).await.1, "x", "no CSRF token");
    assert_eq!(client.post("/echo").body("x").send().await.0.status(), StatusCode::FORBIDDEN);
}

struct Place;

#[handler]
async fn both(admin: Session, site: NamedSession<Place>) -> Result<(), Error> {
    admin.insert("area", "admin")?;
    site.insert("area", "site")
}

#[tokio::test]
async fn several_session_middlewares_are_told_apart() {
    let with_cookie = |name: &str| {
        let key = Key::new(b"a secret of the tests, of 32 bytes or even more").unwrap();
        let cookie = CookieConfig::default().name(name);
        SessionMiddleware::new(CookieSessions::encrypted(key).cookie(cookie).build().unwrap())
    };
    let twice = with_cookie("__Host-Http-site").named::<Place>();
    for (name, inner, status, cookies) in [
        ("two cookies", with_cookie("__Host-Http-admin"), 200, 2),
        ("the same layer twice", twice.clone(), 200, 1),
        ("one cookie, two layers", with_cookie("__Host-Http-site"), 500, 0),
    ] {
        let app = Route::new().at("/", get(both)).with(inner).with(twice.clone());
        let response = TestClient::new(app).get("/").send().await;
        assert_eq!(response.0.status().as_u16(), status, "{name}");
        assert_eq!(response.0.headers().get_all(header::SET_COOKIE).iter().count(), cookies, "{name}");
    }
}

#[handler]
async fn order(session: Session) -> Result<(), Error> {
    session.insert("user", "ann")?;
    std::future::pending::<()>().await;
    Ok(())
}

#[tokio::test]
async fn a_handler_that_is_dropped_commits_nothing() {
    async fn limited<E: Endpoint>(next: std::sync::Arc<E>, request: Request) -> poem::Result<Response> {
        let limit = std::time::Duration::from_millis(1);
        match tokio::time::timeout(limit, next.get_response(request)).await {
            Ok(response) => Ok(response),
            Err(_) => Ok(StatusCode::REQUEST_TIMEOUT.into()),
        }
    }
    let app = Route::new().at("/", get(order)).with(csrf()).around(limited).with(sessions());
    let response = TestClient::new(app).get("/").send().await;
    assert_eq!(response.0.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(response.0.headers().get(header::SET_COOKIE).is_none());
}

#[tokio::test]
async fn refusals_and_errors_have_the_responses_of_the_application() {
    let refusing = csrf().on_refusal(|refusal, request| {
        Response::builder().status(StatusCode::IM_A_TEAPOT).body(format!("{refusal} at {}", request.uri().path()))
    });
    let sorry = |_: &Error| Response::builder().status(StatusCode::BAD_GATEWAY).body("try later");
    let app = Route::new()
        .at("/echo", post(echo))
        .at("/much", get(too_much))
        .with(refusing.clone())
        .with(sessions().on_error(sorry));
    let client = TestClient::new(app);
    let (status, words) = text(client.post("/echo").body("x").send().await).await;
    assert!(status == StatusCode::IM_A_TEAPOT && words.ends_with(" at /echo"), "{words}");
    let failed = text(client.get("/much").send().await).await;
    assert_eq!(failed, (StatusCode::BAD_GATEWAY, "try later".to_owned()));
    // Without a session middleware around it, the token can't be compared.
    let lonely = Route::new().at("/echo", post(echo)).with(refusing.on_error(sorry));
    let client = TestClient::new(lonely);
    let request = client.post("/echo").header("sec-fetch-site", "same-origin").header("x-csrf-token", "a");
    assert_eq!(text(request.body("x").send().await).await, (StatusCode::BAD_GATEWAY, "try later".to_owned()));
}

#[tokio::test]
async fn an_exempt_route_is_not_checked_but_has_tokens() {
    let app = Route::new()
        .at("/webhook", post(echo).get(form_token).with(csrf().exempt()))
        .at("/echo", post(echo).with(csrf()))
        .with(sessions());
    let client = TestClient::new(app);
    assert_eq!(text(client.post("/webhook").body("x").send().await).await.1, "x");
    assert!(!text(client.get("/webhook").send().await).await.1.is_empty());
    assert_eq!(client.post("/echo").body("x").send().await.0.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_unknown_path_and_a_wrong_method_keep_their_status() {
    let client = TestClient::new(site(sessions()));
    assert_eq!(client.get("/nowhere").send().await.0.status(), StatusCode::NOT_FOUND);
    assert_eq!(client.get("/echo").send().await.0.status(), StatusCode::METHOD_NOT_ALLOWED);
}
