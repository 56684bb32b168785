//! A site, and a browser that keeps cookies between requests.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cloakroom_session::{
    Clock as _, CookieSessions, CsrfRules, CsrfRulesBuilder, Key, ManualClock, Timestamp, TokenPolicy,
};
use cloakroom_tower::SessionLayer;
use http::{Request, Response, header};
use http_body::Body;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use tower::util::BoxCloneService;
use tower::{Service, ServiceExt as _};

pub(crate) type Sent = BoxBody<Bytes, Broken>;

/// The error of a body that breaks off.
#[derive(Debug)]
pub(crate) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection broke off")
    }
}

impl std::error::Error for Broken {}

pub(crate) const NAME: &str = "__Host-Http-session";
pub(crate) const START: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

pub(crate) fn key(seed: u8) -> Key {
    let bytes: Vec<u8> = (0..32).map(|index| seed.wrapping_mul(31).wrapping_add(index)).collect();
    Key::new(bytes).unwrap()
}

pub(crate) fn sessions() -> CookieSessions {
    CookieSessions::signed(key(1)).build().unwrap()
}

/// Rules that always ask for the token.
pub(crate) fn always() -> CsrfRules {
    always_with(|it| it)
}

pub(crate) fn always_with(options: impl FnOnce(CsrfRulesBuilder) -> CsrfRulesBuilder) -> CsrfRules {
    options(CsrfRules::builder().token_policy(TokenPolicy::Always)).build().unwrap()
}

/// The session layer with a fixed clock.
pub(crate) fn session_layer() -> SessionLayer {
    SessionLayer::new(sessions()).clock(ManualClock::at(START))
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A service of any type.
#[derive(Clone)]
pub(crate) struct Site(BoxCloneService<Request<Sent>, Response<Bytes>, Infallible>);

impl Site {
    pub(crate) fn new<S, B>(service: S) -> Self
    where
        S: Service<Request<Sent>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Debug,
    {
        let whole = service.and_then(|response: Response<B>| async move {
            let (parts, body) = response.into_parts();
            Ok(Response::from_parts(parts, body.collect().await.unwrap().to_bytes()))
        });
        Self(BoxCloneService::new(whole))
    }

    pub(crate) fn answer(&self, request: Request<Sent>) -> Response<Bytes> {
        run(self.0.clone().oneshot(request)).unwrap()
    }
}

/// Starts a request over TLS, without headers that describe its origin.
pub(crate) fn request(method: &str, path: &str) -> http::request::Builder {
    Request::builder().method(method).uri(path).header(header::HOST, "own.example")
}

pub(crate) fn empty() -> Sent {
    full("")
}

pub(crate) fn full(body: impl Into<Bytes>) -> Sent {
    Full::new(body.into()).map_err(|never| match never {}).boxed()
}

/// Keeps cookies between requests like a browser: sets, replaces, removes and expires them.
#[derive(Clone, Debug)]
pub(crate) struct Browser {
    clock: Arc<ManualClock>,
    pub(crate) jar: Vec<Kept>,
}

#[derive(Clone, Debug)]
pub(crate) struct Kept {
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) until: Option<Timestamp>,
}

impl Default for Browser {
    fn default() -> Self {
        Self { clock: Arc::new(ManualClock::at(START)), jar: Vec::new() }
    }
}

impl Browser {
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.jar.iter().find(|kept| kept.name == name).map(|kept| kept.value.as_str())
    }

    pub(crate) fn get(&mut self, site: &Site, path: &str) -> Response<Bytes> {
        self.send(site, request("GET", path).body(empty()).unwrap())
    }

    pub(crate) fn send(&mut self, site: &Site, mut request: Request<Sent>) -> Response<Bytes> {
        let now = self.clock.now();
        self.jar.retain(|kept| kept.until.is_none_or(|until| now < until));
        if !self.jar.is_empty() {
            let pairs: Vec<_> = self.jar.iter().map(|kept| format!("{}={}", kept.name, kept.value)).collect();
            request.headers_mut().insert(header::COOKIE, pairs.join("; ").parse().unwrap());
        }
        let response = site.answer(request);
        for line in set_cookies(&response) {
            self.receive(&line, now);
        }
        response
    }

    fn receive(&mut self, line: &str, now: Timestamp) {
        let (pair, attributes) = line.split_once("; ").unwrap();
        let (name, value) = pair.split_once('=').unwrap();
        self.jar.retain(|kept| kept.name != name);
        let age = attributes.split("; ").find_map(|attribute| attribute.strip_prefix("Max-Age="));
        let until = age.map(|age| now + Duration::from_secs(age.parse().unwrap()));
        if until != Some(now) {
            self.jar.push(Kept { name: name.to_owned(), value: value.to_owned(), until });
        }
    }
}

/// Returns the `Set-Cookie` lines of a response, and checks that all are marked sensitive.
pub(crate) fn set_cookies<B>(response: &Response<B>) -> Vec<String> {
    let lines = response.headers().get_all(header::SET_COOKIE);
    assert!(lines.iter().all(http::HeaderValue::is_sensitive), "the value is marked sensitive");
    lines.iter().map(|line| line.to_str().unwrap().to_owned()).collect()
}
