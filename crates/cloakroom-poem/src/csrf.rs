//! The CSRF middleware and its options.

use std::fmt;
use std::sync::Arc;

use cloakroom_session::adapter::{CsrfDecision, CsrfSlot, SessionSlot};
use cloakroom_session::{CsrfGuard, CsrfRules, Error, Refusal};
use poem::{Endpoint, Middleware, Request, Response};

use crate::answers::{OnError, OnRefusal, refused, sorry};
use crate::body;

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
/// Add it before the [`SessionMiddleware`](crate::SessionMiddleware), so that it is inside that
/// one.
///
/// **Exemptions** belong to a route: give that route the middleware from
/// [`CsrfMiddleware::exempt`], and add the enforcing one to the other routes. A path pattern could
/// match more routes than intended, as in Go's `CrossOriginProtection`.
///
/// # Deployment
/// The scheme of the application is configured and never taken from the request. Behind a proxy
/// that terminates TLS no setting is needed. For plain http in development see
/// [`CsrfRulesBuilder::danger_own_scheme_http`](cloakroom_session::CsrfRulesBuilder::danger_own_scheme_http).
///
/// # Examples
/// ```
/// use cloakroom_poem::{CsrfMiddleware, SessionMiddleware};
/// use cloakroom_session::{CookieSessions, CsrfRules, Key};
/// use poem::{EndpointExt, Route, handler, post};
///
/// #[handler]
/// async fn buy() {}
///
/// #[handler]
/// async fn webhook() {}
///
/// let csrf = CsrfMiddleware::new(CsrfRules::default());
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let app = Route::new()
///     .at("/buy", post(buy).with(csrf.clone()))
///     .at("/webhook", post(webhook).with(csrf.exempt()))      // this one checks its caller's signature instead
///     .with(SessionMiddleware::new(CookieSessions::encrypted(key).build()?));
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct CsrfMiddleware {
    guard: Arc<CsrfGuard>,
    on_refusal: OnRefusal,
    on_error: OnError,
}

impl CsrfMiddleware {
    /// Creates a middleware with these rules and with tokens in the session.
    pub fn new(rules: CsrfRules) -> Self {
        Self::from_guard(CsrfGuard::new(rules))
    }

    /// Creates a middleware from a guard.
    ///
    /// Use it for tokens in a separate cookie ([`CsrfGuard::double_submit`]).
    pub fn from_guard(guard: CsrfGuard) -> Self {
        Self { guard: Arc::new(guard), on_refusal: refused(), on_error: sorry() }
    }

    /// Sets the response to a refused request.
    pub fn on_refusal(mut self, respond: impl Fn(Refusal, &Request) -> Response + Send + Sync + 'static) -> Self {
        self.on_refusal = Arc::new(respond);
        self
    }

    /// Sets the response to a request that couldn't be checked.
    ///
    /// This happens if the session's store fails.
    ///
    /// # Security
    /// The error is meant for traces. Don't show it to the client.
    pub fn on_error(mut self, respond: impl Fn(&Error) -> Response + Send + Sync + 'static) -> Self {
        self.on_error = Arc::new(respond);
        self
    }

    /// Returns the middleware for an exempt route, whose pages can still render tokens.
    ///
    /// It has no effect inside an enforcing middleware: the request is still checked.
    pub fn exempt(&self) -> Self {
        Self { guard: Arc::new(self.guard.exempt()), ..self.clone() }
    }
}

impl<E: Endpoint> Middleware<E> for CsrfMiddleware {
    type Output = CsrfEndpoint<E>;

    fn transform(&self, inner: E) -> CsrfEndpoint<E> {
        CsrfEndpoint { inner, middleware: self.clone() }
    }
}

impl fmt::Debug for CsrfMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfMiddleware").field("guard", &self.guard).finish_non_exhaustive()
    }
}

/// The endpoint made by [`CsrfMiddleware`].
pub struct CsrfEndpoint<E> {
    inner: E,
    middleware: CsrfMiddleware,
}

impl<E: Endpoint> CsrfEndpoint<E> {
    /// Returns the response that replaces the handler's if the request isn't accepted.
    async fn check(&self, slot: &CsrfSlot, decision: CsrfDecision, request: &mut Request) -> Option<Response> {
        let CsrfMiddleware { on_refusal, on_error, .. } = &self.middleware;
        let checked = if decision == CsrfDecision::TokenNeeded {
            // Only now, because the conversion of a body costs an allocation.
            let mut ahead = body::take(request);
            let checked = slot.check_token(request, &mut ahead).await;
            body::give_back(request, ahead);
            checked
        } else {
            Ok(decision)
        };
        match checked.map(CsrfDecision::refusal) {
            Ok(refusal) => refusal.map(|refusal| on_refusal(refusal, request)),
            Err(error) => Some(on_error(&error)),
        }
    }
}

impl<E: Endpoint> Endpoint for CsrfEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let guard = Arc::clone(&self.middleware.guard);
        let slot = CsrfSlot::new(guard, request.extensions().get::<SessionSlot>().cloned());
        let decision = slot.check_head(&request, request.extensions().get::<CsrfSlot>());
        request.extensions_mut().insert(slot.clone());
        let mut response = match self.check(&slot, decision, &mut request).await {
            Some(instead) => instead,
            None => slot.watch(self.inner.get_response(request)).await,
        };
        slot.effects().apply(response.headers_mut());
        Ok(response)
    }
}

impl<E: fmt::Debug> fmt::Debug for CsrfEndpoint<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfEndpoint").field("inner", &self.inner).finish_non_exhaustive()
    }
}
