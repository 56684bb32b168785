//! Sessions that are bound to a device.

use std::time::Duration;

use axum::Router;
use cloakroom::Clock as _;
use cloakroom_device::{Device, headers, offer};

use super::*;

/// A visitor of the demo over HTTPS.
struct Visitor {
    app: Router,
    clock: Arc<ManualClock>,
    session: String,
    token: String,
}

impl Visitor {
    async fn arrive(scheme: Scheme, store: &str) -> Self {
        let clock = Arc::new(ManualClock::at(Timestamp::from_unix_secs(1_700_000_000)));
        let backend = SessionBackend::open(store).await.expect("a backend");
        let app = app(AppState { backend, clock: clock.clone(), scheme }).expect("rules");
        let mut visitor = Self { app, clock, session: String::new(), token: String::new() };
        let (_, headers, page) = visitor.ask(get("/")).await;
        visitor.session = cookie(&headers);
        let token = page.split("name=\"csrf_token\" value=\"").nth(1).and_then(|it| it.split('"').next());
        visitor.token = token.expect("a token").to_owned();
        visitor
    }

    async fn ask(&self, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let response = self.app.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).expect("text"))
    }

    /// Signs in. Returns the offer to register, if there is one.
    async fn sign_in(&mut self) -> Option<String> {
        let form = format!("name=Ada&csrf_token={}", self.token);
        let (status, headers, _) = self.ask(post("/sign-in", &self.session, form)).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        self.session = cookie(&headers);
        let page = self.page("/", &self.session).await;
        self.token = page
            .split("name=\"csrf_token\" value=\"")
            .nth(1)
            .and_then(|it| it.split('"').next())
            .expect("a token")
            .into();
        headers.get("secure-session-registration").map(|header| header.to_str().expect("text").to_owned())
    }

    /// Registers a device. Returns the bound cookie.
    async fn register(&self, header: &str) -> String {
        let (path, challenge) = offer(header);
        let proof = Device::new(1).registers(&challenge);
        let mut request = Request::post(path).header(header::HOST, "127.0.0.1:3000");
        for (name, value) in headers(None, Some(&proof)) {
            request = request.header(name, value);
        }
        let request = request.header(header::COOKIE, &self.session).body(Body::empty()).expect("a request");
        let (status, headers, _) = self.ask(request).await;
        assert_eq!(status, StatusCode::OK);
        cookie(&headers)
    }

    async fn page(&self, path: &str, cookies: &str) -> String {
        self.ask(with_cookie(get(path), cookies)).await.2
    }

    async fn steal(&self, cookies: &str) -> String {
        self.ask(post("/stolen", cookies, format!("csrf_token={}", self.token))).await.2
    }

    fn wait(&self, seconds: u64) {
        self.clock.set(self.clock.now() + Duration::from_secs(seconds));
    }
}

fn cookie(headers: &HeaderMap) -> String {
    headers[header::SET_COOKIE].to_str().expect("text").split(';').next().expect("a pair").to_owned()
}

#[tokio::test]
async fn a_stolen_session_cookie_alone_opens_nothing() {
    let mut visitor = Visitor::arrive(Scheme::Https, "memory:").await;
    let offer = visitor.sign_in().await.expect("an offer");
    assert!(visitor.page("/devices", &visitor.session).await.contains("Not bound to this device"));
    assert!(visitor.page("/stolen", &visitor.session).await.contains("id=\"not-bound\""));

    let both = format!("{}; {}", visitor.session, visitor.register(&offer).await);
    assert!(visitor.page("/stolen", &visitor.session).await.contains("id=\"not-armed\""));
    let stolen = visitor.steal(&both).await;
    assert!(stolen.contains("id=\"bound\""));
    assert_eq!(stolen.matches("required yet. Try again").count(), 1, "the session cookie alone: {stolen}");
    visitor.wait(10);
    let devices = visitor.page("/devices", &both).await;
    assert!(devices.contains("Bound to this device 10 s ago, last proof 10 s ago."), "{devices}");

    let stolen = visitor.steal(&both).await;
    assert_eq!(stolen.matches("Refused: the thief").count(), 1, "the session cookie alone: {stolen}");
    assert_eq!(stolen.matches("signed in as <strong>Ada</strong>").count(), 1, "both cookies: {stolen}");
    for cookie in both.split("; ") {
        assert!(!stolen.contains(cookie.split_once('=').expect("a pair").1), "the page must not contain a cookie");
    }
    assert!(!visitor.page("/", &visitor.session).await.contains("id=\"visitor\""));
    assert!(visitor.page("/", &both).await.contains("id=\"visitor\""));
    visitor.wait(170);
    assert!(!visitor.page("/", &both).await.contains("id=\"visitor\""), "the bound cookie has expired");
}

#[tokio::test]
async fn nothing_is_offered_without_tls_or_without_a_store() {
    for (scheme, store) in [(Scheme::Http, "memory:"), (Scheme::Https, "encrypted")] {
        let mut visitor = Visitor::arrive(scheme, store).await;
        assert_eq!(visitor.sign_in().await, None, "{store}");
        assert!(visitor.page("/stolen", &visitor.session).await.contains("id=\"unavailable\""), "{store}");
        assert!(visitor.steal(&visitor.session).await.contains("id=\"unavailable\""), "{store}");
        assert!(!visitor.page("/devices", &visitor.session).await.contains("ound to this device"), "{store}");
    }
}
