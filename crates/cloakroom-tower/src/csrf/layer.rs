//! The CSRF layer and its options.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use cloakroom_session::adapter::PlainResponse;
use cloakroom_session::{CsrfGuard, CsrfRules, Error, Refusal};
use http::Response;
use http::request::Parts;
use tower_layer::Layer;

use super::answers::{Answers, OnRefusal};
use super::service::CsrfService;
use crate::answers::sorry;
use crate::body::response;

/// Refuses requests that were forged by another site.
///
/// 1. Safe methods (GET, HEAD, OPTIONS, TRACE and QUERY) pass. WebSocket handshakes are checked by
///    their origin.
/// 2. All other requests are checked by their origin: `Sec-Fetch-Site`, else `Origin`, else
///    `Referer`.
/// 3. If the browser sent neither `Sec-Fetch-Site` nor `Origin`, the request must also carry the
///    session's token, in the header `X-CSRF-Token` or else in the form field `csrf_token`, never
///    in the query. [`TokenPolicy`](cloakroom_session::TokenPolicy) can require it always or never.
/// 4. A form (URL-encoded or multipart) is read into one buffer up to
///    [`CsrfRulesBuilder::body_limit`](cloakroom_session::CsrfRulesBuilder::body_limit), searched
///    for the token, and passed on intact.
/// 5. A refusal is 403, or 413 or 400 if the body is at fault, with a reason for developers. A
///    failed check never creates a session. Report-only rules refuse nothing, even if the session's
///    store is down.
///
/// Add it inside the [`SessionLayer`](crate::SessionLayer) and outside the handlers.
///
/// **Exemptions** belong to a route: give that route the layer from [`CsrfLayer::exempt`], and add
/// the enforcing layer to the other routes. A path pattern could match more routes than intended,
/// as in Go's `CrossOriginProtection`.
///
/// # Deployment
/// The scheme of the application is configured and never taken from the request. Behind a proxy
/// that terminates TLS no setting is needed. For plain http in development see
/// [`CsrfRulesBuilder::danger_own_scheme_http`](cloakroom_session::CsrfRulesBuilder::danger_own_scheme_http).
///
/// # Examples
/// ```
/// use axum::{Router, routing::post};
/// use cloakroom_session::{CookieSessions, CsrfRules, Key};
/// use cloakroom_tower::{CsrfLayer, SessionLayer};
///
/// async fn buy() {}
/// async fn webhook() {}
///
/// let csrf = CsrfLayer::new(CsrfRules::default());
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let app: Router = Router::new()
///     .route("/buy", post(buy))
///     .route_layer(csrf.clone())                               // for the routes above
///     .route("/webhook", post(webhook).layer(csrf.exempt()))   // this one checks its caller's signature instead
///     .layer(SessionLayer::new(CookieSessions::encrypted(key).build()?));
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct CsrfLayer {
    guard: Arc<CsrfGuard>,
    answers: Answers,
}

impl CsrfLayer {
    /// Creates a layer with these rules and with tokens in the session.
    pub fn new(rules: CsrfRules) -> Self {
        Self::from_guard(CsrfGuard::new(rules))
    }

    /// Creates a layer from a guard.
    ///
    /// Use it for tokens in a separate cookie ([`CsrfGuard::double_submit`]).
    pub fn from_guard(guard: CsrfGuard) -> Self {
        let on_refusal: OnRefusal = Arc::new(|refusal, _| response(PlainResponse::for_refusal(refusal)));
        let answers = Answers { on_refusal, on_error: sorry() };
        Self { guard: Arc::new(guard), answers }
    }

    /// Sets the response to a refused request.
    ///
    /// The function receives everything but the body.
    pub fn on_refusal(mut self, respond: impl Fn(Refusal, &Parts) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        self.answers.on_refusal = Arc::new(respond);
        self
    }

    /// Sets the response to a request that couldn't be checked.
    ///
    /// This happens if the session's store fails.
    ///
    /// # Security
    /// The error is meant for traces. Don't show it to the client.
    pub fn on_error(mut self, respond: impl Fn(&Error) -> Response<Bytes> + Send + Sync + 'static) -> Self {
        self.answers.on_error = Arc::new(respond);
        self
    }

    /// Returns the layer for an exempt route, whose pages can still render tokens.
    ///
    /// It has no effect inside an enforcing layer: the request is still checked.
    pub fn exempt(&self) -> Self {
        Self { guard: Arc::new(self.guard.exempt()), answers: self.answers.clone() }
    }
}

impl<S> Layer<S> for CsrfLayer {
    type Service = CsrfService<S>;

    fn layer(&self, inner: S) -> CsrfService<S> {
        CsrfService::new(inner, Arc::clone(&self.guard), self.answers.clone())
    }
}

impl fmt::Debug for CsrfLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfLayer").field("guard", &self.guard).finish_non_exhaustive()
    }
}
