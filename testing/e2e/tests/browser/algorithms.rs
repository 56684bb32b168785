//! The browser's proofs, checked by the core alone.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use cloakroom_core::dbsc::{Binding, BindingAnswer, BoundLife, DeviceRequest, Refresh, RefusedProof};
use cloakroom_core::dbsc::{challenge_header, registration_header};
use cloakroom_core::{CookieConfig, CookieTemplate, HeaderFact, Timestamp};
use cloakroom_e2e::{Browser, HttpsServer};
use tokio::sync::watch;

const START: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
/// Chromium 156 binds nothing to a cookie whose name begins with `__Host-Http-`.
const BOUND: &str = "__Host-bound";

/// A server with one session.
struct Server {
    origin: String,
    /// The algorithms that the server offers.
    offered: &'static str,
    cookie: CookieTemplate,
    binding: Mutex<Binding>,
    /// The results of all requests to the endpoints. The clock moves by a second with each.
    results: watch::Sender<Vec<Result<&'static str, RefusedProof>>>,
}

impl Server {
    fn application(self: &Arc<Self>) -> Router {
        let page = || async { Html("<!doctype html><title>A page</title><h1>A page</h1>") };
        let routes = Router::new().route("/", get(page)).route("/offer", get(offer));
        let routes = routes.route("/register", post(register)).route("/refresh", post(refresh));
        routes.with_state(Arc::clone(self))
    }

    fn update<T>(&self, decide: impl FnOnce(&mut Binding) -> T) -> T {
        decide(&mut self.binding.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn now(&self) -> Timestamp {
        START + Duration::from_secs(self.results.borrow().len() as u64)
    }

    /// Returns random bytes, for this purpose: they differ at each time.
    fn random<const N: usize>(&self) -> [u8; N] {
        [u8::try_from(self.results.borrow().len()).unwrap_or(u8::MAX); N]
    }

    fn proven(&self, binding: &Binding) -> Response {
        let value = binding.cookie_value(BoundLife::default()).unwrap_or_default();
        let cookie = format!("{BOUND}={value}; Max-Age=600; {}", self.cookie.attributes());
        let challenge = challenge_header(binding.challenge(), binding.id());
        let json = BindingAnswer::new(&self.origin, "/refresh", &self.cookie).json(binding.id());
        ([("set-cookie", cookie), ("secure-session-challenge", challenge)], json).into_response()
    }
}

async fn offer(State(server): State<Arc<Server>>) -> Response {
    let header = server.update(|binding| registration_header("/register", binding.challenge()));
    let (_, rest) = header.split_once(')').unwrap_or_default();
    let header = format!("{}{rest}", server.offered);
    ([("secure-session-registration", header)], Html("<!doctype html><title>A page</title>")).into_response()
}

fn fact<'a>(headers: &'a HeaderMap, name: &str) -> HeaderFact<'a> {
    headers
        .get(name)
        .map_or(HeaderFact::Absent, |value| value.to_str().map_or(HeaderFact::Malformed, HeaderFact::Value))
}

fn request(headers: &HeaderMap) -> DeviceRequest<'_> {
    let [proof, id, site] = ["secure-session-response", "sec-secure-session-id", "sec-fetch-site"];
    DeviceRequest::new(fact(headers, proof), fact(headers, id), fact(headers, site))
}

async fn register(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    let registered = server.update(|binding| {
        let registered = Binding::register(Some(binding), &request(&headers), &server.random(), server.now());
        registered.inspect(|next| *binding = next.clone())
    });
    server.results.send_modify(|results| results.push(registered.as_ref().map(|_| "registered").map_err(|why| *why)));
    match registered {
        Ok(binding) => server.proven(&binding),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn refresh(State(server): State<Arc<Server>>, headers: HeaderMap) -> Response {
    let decision = server.update(|binding| {
        let decision =
            Binding::refresh(Some(binding), &request(&headers), BoundLife::default(), &server.random(), server.now());
        if let Refresh::Refreshed { binding: next, .. } = &decision {
            *binding = next.clone();
        }
        decision
    });
    let (result, response) = match decision {
        Refresh::Refreshed { binding, .. } => (Ok("refreshed"), server.proven(&binding)),
        Refresh::Refused(why) => (Err(why), StatusCode::BAD_REQUEST.into_response()),
        Refresh::Challenged { .. } | Refresh::Unknown | Refresh::Unsupported | _ => {
            (Ok("challenged"), StatusCode::UNAUTHORIZED.into_response())
        }
    };
    server.results.send_modify(|results| results.push(result));
    response
}

#[tokio::test]
async fn chromium_registers_and_refreshes_with_each_algorithm() -> Result<()> {
    for (offered, length) in [("(ES256)", 236), ("(RS256)", 493), ("(ES256 RS256)", 236), ("(RS256 ES256)", 493)] {
        let (results, mut seen) = watch::channel(Vec::new());
        let cookie = CookieConfig::default().name(BOUND).build()?;
        let binding = Mutex::new(Binding::offer(&[7; 40], START));
        let mut server = None;
        let https = HttpsServer::start(|origin| {
            let it = Arc::new(Server { origin: origin.to_owned(), offered, cookie, binding, results });
            server.insert(it).application()
        })
        .await?;
        let server = server.context("the server was started")?;
        let browser = Browser::start_with_device(https.public_key_hash()).await?;

        browser.go(&https.url("/offer")).await?;
        seen.wait_for(|results| !results.is_empty()).await?;
        assert_eq!(*server.results.borrow(), [Ok("registered")], "{offered}");
        assert_eq!(server.update(|binding| binding.encode()).len(), length, "{offered}");

        let page = https.url("/");
        browser.until_refreshed(&page, BOUND, || server.results.borrow().len() > 1).await?;
        let bound = browser.cookie(BOUND).await?.context("no bound cookie")?;
        browser.delete_cookie(&page, BOUND).await?;
        browser.go(&page).await?;
        assert_eq!(*server.results.borrow(), [Ok("registered"), Ok("refreshed"), Ok("refreshed")], "{offered}");
        assert!(browser.cookie(BOUND).await?.is_some_and(|it| it.value() != bound.value()), "{offered}");
    }
    Ok(())
}
