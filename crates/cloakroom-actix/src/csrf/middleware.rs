//! The CSRF middleware and its options.

use std::fmt;
use std::future::{Ready, ready};
use std::sync::Arc;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::{HttpRequest, HttpResponse};
use cloakroom_session::adapter::PlainResponse;
use cloakroom_session::{CsrfGuard, CsrfRules, Error, Refusal};

use super::answers::{Answers, OnRefusal};
use super::service::CsrfService;
use crate::answers::sorry;

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
///    for the token, and passed on intact. The part beyond the limit still streams.
/// 5. A refusal is 403, or 413 or 400 if the body is at fault, with a reason for developers. A
///    failed check never creates a session. Report-only rules refuse nothing, even if the session's
///    store is down.
///
/// Wrap it before the [`SessionMiddleware`](crate::SessionMiddleware), so that it is inside that
/// one.
///
/// **Exemptions** belong to a scope or a resource: wrap it with the middleware from
/// [`CsrfMiddleware::exempt`], and the others with the enforcing one. A path pattern could match
/// more routes than intended, as in Go's `CrossOriginProtection`.
///
/// # Deployment
/// The scheme of the application is configured and never taken from the request. Behind a proxy
/// that terminates TLS no setting is needed. For plain http in development see
/// [`CsrfRulesBuilder::danger_own_scheme_http`](cloakroom_session::CsrfRulesBuilder::danger_own_scheme_http).
///
/// # Examples
/// ```
/// use actix_web::{App, HttpResponse, web};
/// use cloakroom_actix::{CsrfMiddleware, SessionMiddleware};
/// use cloakroom_session::{CookieSessions, CsrfRules, Key};
///
/// async fn buy() -> HttpResponse { HttpResponse::Ok().finish() }
/// async fn webhook() -> HttpResponse { HttpResponse::Ok().finish() }
///
/// let csrf = CsrfMiddleware::new(CsrfRules::default());
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let sessions = SessionMiddleware::new(CookieSessions::encrypted(key).build()?);
/// let app = move || {
///     App::new()
///         // This one checks its caller's signature instead.
///         .service(web::resource("/webhook").route(web::post().to(webhook)).wrap(csrf.exempt()))
///         .service(web::scope("").route("/buy", web::post().to(buy)).wrap(csrf.clone()))
///         .wrap(sessions.clone())
/// };
/// # let _ = app;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct CsrfMiddleware {
    guard: Arc<CsrfGuard>,
    answers: Answers,
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
        let on_refusal: OnRefusal = Arc::new(|refusal, _| PlainResponse::for_refusal(refusal).into());
        let answers = Answers { on_refusal, on_error: sorry() };
        Self { guard: Arc::new(guard), answers }
    }

    /// Sets the response to a refused request.
    ///
    /// The function receives everything but the body.
    pub fn on_refusal(
        mut self,
        respond: impl Fn(Refusal, &HttpRequest) -> HttpResponse + Send + Sync + 'static,
    ) -> Self {
        self.answers.on_refusal = Arc::new(respond);
        self
    }

    /// Sets the response to a request that couldn't be checked.
    ///
    /// This happens if the session's store fails.
    ///
    /// # Security
    /// The error is meant for traces. Don't show it to the client.
    pub fn on_error(mut self, respond: impl Fn(&Error) -> HttpResponse + Send + Sync + 'static) -> Self {
        self.answers.on_error = Arc::new(respond);
        self
    }

    /// Returns the middleware for an exempt route, whose pages can still render tokens.
    ///
    /// It has no effect inside an enforcing middleware: the request is still checked.
    pub fn exempt(&self) -> Self {
        Self { guard: Arc::new(self.guard.exempt()), answers: self.answers.clone() }
    }
}

impl<S, B> Transform<S, ServiceRequest> for CsrfMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = actix_web::Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = actix_web::Error;
    type Transform = CsrfService<S>;
    type InitError = ();
    type Future = Ready<Result<CsrfService<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        ready(Ok(CsrfService::new(inner, Arc::clone(&self.guard), self.answers.clone())))
    }
}

impl fmt::Debug for CsrfMiddleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfMiddleware").field("guard", &self.guard).finish_non_exhaustive()
    }
}
