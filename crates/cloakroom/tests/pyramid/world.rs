//! An application with one visitor: through the interface of the session, and over HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use axum::routing::{any, get};
use cloakroom::adapter::{CookieHeader, SessionSlot};
use cloakroom::for_axum::FormToken;
use cloakroom::{
    CommitPolicy, CookieSessions, CookieSessionsBuilder, CsrfLayer, CsrfRules, CsrfRulesBuilder, Engine, Error, Key,
    Lifetimes, ManualClock, Session, SessionLayer, Timestamp, TokenPolicy,
};
use tower::ServiceExt as _;

pub(crate) const START: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
pub(crate) const NAME: &str = "__Host-Http-session";

pub(crate) fn key() -> Key {
    Key::new(b"a secret of thirty-two bytes or more").unwrap()
}

/// Pyramid's rules: always check both the origin and the token.
pub(crate) fn always() -> CsrfRules {
    always_with(|it| it)
}

pub(crate) fn always_with(options: impl FnOnce(CsrfRulesBuilder) -> CsrfRulesBuilder) -> CsrfRules {
    options(CsrfRules::builder().token_policy(TokenPolicy::Always)).build().unwrap()
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) struct World {
    pub(crate) engine: Arc<Engine>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) cookie: Option<String>,
}

impl World {
    pub(crate) fn new(sessions: CookieSessionsBuilder, policy: CommitPolicy) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let engine = Engine::new(sessions.build().unwrap()).clock(Arc::clone(&clock)).policy(policy);
        Self { engine: Arc::new(engine), clock, cookie: None }
    }

    pub(crate) fn signed() -> Self {
        Self::new(CookieSessions::signed(key()), CommitPolicy::Always)
    }

    pub(crate) fn living(lifetimes: Lifetimes) -> Self {
        Self::new(CookieSessions::signed(key()).lifetimes(lifetimes), CommitPolicy::Always)
    }

    /// Makes the visitor store `state: 1`.
    pub(crate) fn with_state(mut self) -> Self {
        assert_eq!(self.visit(|session| session.insert("state", 1).unwrap()).len(), 1);
        self
    }

    /// Sets the time to `age` seconds after the start.
    pub(crate) fn at(&mut self, age: u64) -> &mut Self {
        self.clock.set(START + seconds(age));
        self
    }

    /// Makes a request and returns the `Set-Cookie` lines of its response.
    pub(crate) fn visit(&mut self, handler: impl FnOnce(&Session)) -> Vec<String> {
        self.visit_for(200, handler).unwrap()
    }

    /// Makes a request whose response has this status.
    pub(crate) fn visit_for(&mut self, status: u16, handler: impl FnOnce(&Session)) -> Result<Vec<String>, Error> {
        let line = self.cookie.as_ref().map(|value| format!("{NAME}={value}")).unwrap_or_default();
        let lines = run(async {
            let slot = SessionSlot::new(Arc::clone(&self.engine));
            let session = slot.open(CookieHeader::new([line.as_bytes()])).await.unwrap();
            handler(&session);
            drop(session);
            slot.finish(status).await
        })?;
        let lines: Vec<String> = lines.cookies.iter().map(|cookie| cookie.as_str().to_owned()).collect();
        if let Some(line) = lines.last() {
            let value = line.split(';').next().unwrap().split_once('=').unwrap().1;
            self.cookie = (!line.contains("Max-Age=0")).then(|| value.to_owned());
        }
        Ok(lines)
    }

    /// Returns the stored value without changing anything.
    pub(crate) fn state(&mut self) -> Option<u32> {
        let kept = self.cookie.clone();
        let mut state = None;
        self.visit(|session| state = session.get("state").unwrap());
        self.cookie = kept;
        state
    }
}

/// A site with both layers, and a visitor who has loaded a form.
pub(crate) struct Shop {
    pub(crate) router: Router,
    pub(crate) cookies: Vec<(String, String)>,
    pub(crate) token: String,
}

pub(crate) const OURS: (&str, &str) = ("origin", "https://own.example");
pub(crate) const PAIRS: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

impl Shop {
    pub(crate) fn new(csrf: CsrfLayer) -> Self {
        let csrf = csrf.on_refusal(|refusal, _| {
            let mut response = Response::new(refusal.as_str().into());
            *response.status_mut() = StatusCode::from_u16(refusal.status()).unwrap();
            response
        });
        Self::of(
            Router::new()
                .route("/", any(|| async { "ran" }))
                .route("/token", get(|token: FormToken| async move { token.to_string() }))
                .route("/tokens", get(|one: FormToken, other: FormToken| async move { format!("{one} {other}") }))
                .layer(csrf),
        )
    }

    /// The same with the given routes. `/token` must show a token.
    pub(crate) fn of(router: Router) -> Self {
        let sessions = SessionLayer::new(CookieSessions::signed(key()).build().unwrap()).clock(ManualClock::at(START));
        let mut shop = Self { router: router.layer(sessions), cookies: Vec::new(), token: String::new() };
        shop.token = shop.ask("GET /token", &[], "").1;
        shop
    }

    /// Makes a request and returns the status and the body of its response.
    pub(crate) fn ask(&mut self, line: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let (status, body, _) = self.ask_for_cookies(line, headers, body);
        (status, body)
    }

    /// Makes a request and also returns the `Set-Cookie` lines.
    pub(crate) fn ask_for_cookies(
        &mut self,
        line: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, String, Vec<String>) {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header(header::HOST, "own.example");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        for (name, value) in &self.cookies {
            request = request.header(header::COOKIE, format!("{name}={value}"));
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let (head, body) = run(async {
            let (head, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
            (head, to_bytes(body, 1 << 20).await.unwrap())
        });
        let lines = head.headers.get_all(header::SET_COOKIE).iter();
        let lines: Vec<String> = lines.map(|line| line.to_str().unwrap().to_owned()).collect();
        for line in &lines {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(kept, _)| kept != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        (head.status.as_u16(), String::from_utf8(body.to_vec()).unwrap(), lines)
    }

    /// Sends a POST from the site's own origin with this token in its header.
    pub(crate) fn post(&mut self, token: &str) -> (u16, String) {
        self.ask("POST /", &[OURS, ("x-csrf-token", token)], "")
    }
}

/// The response of a handler that ran.
pub(crate) fn ran() -> (u16, String) {
    (200, "ran".to_owned())
}

/// The response to a refused request.
pub(crate) fn refused(reason: &str) -> (u16, String) {
    (403, reason.to_owned())
}
