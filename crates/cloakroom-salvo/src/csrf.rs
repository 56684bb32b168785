//! The CSRF hoop and its options.

use std::fmt;
use std::sync::Arc;

use cloakroom_session::adapter::{CsrfDecision, CsrfSlot, SessionSlot};
use cloakroom_session::{CsrfGuard, CsrfRules, Error, Refusal};
use salvo_core::{Depot, FlowCtrl, Handler, Request, Response, async_trait};

use crate::answers::{OnError, OnRefusal, refused, set_status, sorry};
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
/// Add it after the [`SessionHoop`](crate::SessionHoop), so that it is inside that one, and before
/// hoops that parse the form: salvo keeps a parsed form without its text, in which the check would
/// find no token. `Request::payload` may be called before.
///
/// **Exemptions** belong to a router: give it the hoop from [`CsrfHoop::exempt`], and add the
/// enforcing one to the routers next to it. A path pattern could match more routes than intended,
/// as in Go's `CrossOriginProtection`.
///
/// # Deployment
/// The scheme of the application is configured and never taken from the request. Behind a proxy
/// that terminates TLS no setting is needed. For plain http in development see
/// [`CsrfRulesBuilder::danger_own_scheme_http`](cloakroom_session::CsrfRulesBuilder::danger_own_scheme_http).
///
/// # Examples
/// ```
/// use cloakroom_salvo::{CsrfHoop, SessionHoop};
/// use cloakroom_session::{CookieSessions, CsrfRules, Key};
/// use salvo::prelude::*;
///
/// #[handler]
/// async fn buy() {}
///
/// #[handler]
/// async fn webhook() {}
///
/// let csrf = CsrfHoop::new(CsrfRules::default());
/// let key = Key::new(b"a secret from the environment, of 32 bytes or more")?;
/// let app = Router::new()
///     .hoop(SessionHoop::new(CookieSessions::encrypted(key).build()?))
///     .push(Router::with_path("webhook").hoop(csrf.exempt()).post(webhook))   // checks its caller's signature instead
///     .push(Router::new().hoop(csrf).push(Router::with_path("buy").post(buy)));
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct CsrfHoop {
    guard: Arc<CsrfGuard>,
    on_refusal: OnRefusal,
    on_error: OnError,
}

impl CsrfHoop {
    /// Creates a hoop with these rules and with tokens in the session.
    pub fn new(rules: CsrfRules) -> Self {
        Self::from_guard(CsrfGuard::new(rules))
    }

    /// Creates a hoop from a guard.
    ///
    /// Use it for tokens in a separate cookie ([`CsrfGuard::double_submit`]).
    pub fn from_guard(guard: CsrfGuard) -> Self {
        Self { guard: Arc::new(guard), on_refusal: refused(), on_error: sorry() }
    }

    /// Sets the function that writes the response to a refused request.
    ///
    /// The response has the status of the refusal and no body.
    pub fn on_refusal(mut self, write: impl Fn(Refusal, &Request, &mut Response) + Send + Sync + 'static) -> Self {
        self.on_refusal = Arc::new(write);
        self
    }

    /// Sets the function that writes the response to a request that couldn't be checked.
    ///
    /// This happens if the session's store fails. The response has the status of the error and no
    /// body.
    ///
    /// # Security
    /// The error is meant for traces. Don't show it to the client.
    pub fn on_error(mut self, write: impl Fn(&Error, &mut Response) + Send + Sync + 'static) -> Self {
        self.on_error = Arc::new(write);
        self
    }

    /// Returns the hoop for an exempt router, whose pages can still render tokens.
    ///
    /// It has no effect inside an enforcing hoop: the request is still checked.
    pub fn exempt(&self) -> Self {
        Self { guard: Arc::new(self.guard.exempt()), ..self.clone() }
    }

    /// Writes the response that replaces the handler's if the request isn't accepted. Returns
    /// `true` if the request is accepted.
    async fn accepts(
        &self,
        slot: &CsrfSlot,
        decision: CsrfDecision,
        request: &mut Request,
        response: &mut Response,
    ) -> bool {
        let checked = if decision == CsrfDecision::TokenNeeded {
            // Only now, because the conversion of a body costs an allocation.
            let mut ahead = body::take(request).await;
            let checked = slot.check_token(request, &mut ahead.body).await;
            body::give_back(request, ahead);
            checked
        } else {
            Ok(decision)
        };
        match checked.map(CsrfDecision::refusal) {
            Ok(None) => return true,
            Ok(Some(refusal)) => {
                set_status(response, refusal.status());
                (self.on_refusal)(refusal, request, response);
            }
            Err(error) => {
                set_status(response, error.status());
                (self.on_error)(&error, response);
            }
        }
        false
    }
}

#[async_trait]
impl Handler for CsrfHoop {
    async fn handle(&self, request: &mut Request, depot: &mut Depot, response: &mut Response, flow: &mut FlowCtrl) {
        let slot = CsrfSlot::new(Arc::clone(&self.guard), request.extensions().get::<SessionSlot>().cloned());
        let decision = slot.check_head(request, request.extensions().get());
        let outer = request.extensions_mut().insert(slot.clone());
        if self.accepts(&slot, decision, request, response).await {
            slot.watch(flow.call_next(request, depot, response)).await;
        } else {
            flow.skip_rest();
        }
        if let Some(outer) = outer {
            request.extensions_mut().insert(outer);
        }
        slot.effects().apply(response.headers_mut());
    }
}

impl fmt::Debug for CsrfHoop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfHoop").field("guard", &self.guard).finish_non_exhaustive()
    }
}
