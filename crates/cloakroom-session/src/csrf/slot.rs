//! The CSRF check of one request, and its steps.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "form")]
use bytes::Bytes;
use cloakroom_core::{CookieHeader, CsrfDecision, CsrfToken, Refusal, RequestFacts, SetCookie};
#[cfg(feature = "form")]
use serde::de::DeserializeOwned;

use super::body::FormBody;
#[cfg(feature = "form")]
use super::checked::{self, FormRejection, Received};
use super::compare::compare;
use super::form_token::FormToken;
use super::guard::{CsrfGuard, Home, TokenCookie};
use crate::adapter::{RequestHead, fact};
use crate::clock::fresh_token;
use crate::effects::ResponseEffects;
use crate::error::Error;
use crate::meter;
use crate::session::masked;
use crate::slot::SessionSlot;
use crate::watched::Watched;

/// The slot of a request's CSRF check: the guard, the session and the decision.
///
/// If session layers are nested, the session is the one that the check used. A token of any other
/// session would never match.
#[derive(Clone)]
pub struct CsrfSlot(Arc<Slot>);

struct Slot {
    guard: Arc<CsrfGuard>,
    session: Option<SessionSlot>,
    progress: Mutex<Progress>,
}

struct Progress {
    decision: CsrfDecision,
    /// A page was rendered with the token of the request's cookie.
    rendered: bool,
    /// A token that was issued to this request, and the cookie that carries it.
    issued: Option<(CsrfToken, SetCookie)>,
}

impl CsrfSlot {
    /// Creates the slot of an unchecked request.
    ///
    /// `session` is the innermost session slot around the check.
    #[must_use]
    pub fn new(guard: Arc<CsrfGuard>, session: Option<SessionSlot>) -> Self {
        let progress = Progress { decision: CsrfDecision::Unchecked, rendered: false, issued: None };
        Self(Arc::new(Slot { guard, session, progress: Mutex::new(progress) }))
    }

    /// Returns the slot that was found in a request, for the extractor of an adapter.
    ///
    /// The counterpart of [`SessionSlot::require`].
    ///
    /// # Errors
    /// Returns an error that names the middleware if there is no slot.
    pub fn require<'a>(slot: Option<&'a Self>, middleware: &'static str) -> Result<&'a Self, Error> {
        slot.ok_or_else(|| Error::missing_layer(middleware))
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the guard.
    #[must_use]
    pub fn guard(&self) -> &CsrfGuard {
        &self.0.guard
    }

    /// Watches the handler of this request for being dropped before it has returned.
    pub fn watch<F>(&self, handler: F) -> Watched<F> {
        Watched::new(self.0.session.clone(), handler)
    }

    pub(super) fn session(&self) -> Option<&SessionSlot> {
        self.0.session.as_ref()
    }

    /// Returns the current decision on this request.
    #[must_use]
    pub fn decision(&self) -> CsrfDecision {
        self.progress().decision
    }

    /// Checks the request's head.
    ///
    /// `outer` is the slot of an outer CSRF layer, if there is one. After `Refused`, the handler
    /// must not run. After `TokenNeeded`, call [`CsrfSlot::check_token`] first.
    pub fn check_head(&self, head: &impl RequestHead, outer: Option<&Self>) -> CsrfDecision {
        if self.guard().is_exempt() {
            if outer.is_some_and(|outer| !outer.guard().is_exempt()) {
                tracing::warn!(
                    "a route is exempt from CSRF checks inside a layer that enforces them: it is checked nevertheless"
                );
            }
            return CsrfDecision::Unchecked;
        }
        let rules = self.guard().rules();
        // The common case: no further headers need to be read.
        if !rules.covers(head.method()) && !head.is_handshake() {
            return CsrfDecision::Unchecked;
        }
        if self.is_by_header(head) {
            return self.record(CsrfDecision::Passed, head);
        }
        self.record(rules.decide(&self.facts(head)), head)
    }

    /// Returns the facts about a request that the rules ask for.
    fn facts<'a>(&self, head: &'a impl RequestHead) -> RequestFacts<'a> {
        let facts = head.facts();
        if !self.guard().rules().exempts_authorization() {
            return facts;
        }
        let facts = facts.authorization(fact(head, "authorization"));
        let cookies = head.cookies();
        let has_cookie = self.session().map_or(!cookies.is_empty(), |session| session.may_use(&cookies));
        if has_cookie { facts } else { facts.without_cookie() }
    }

    /// Returns `true` if the request names its session in a header. No page of another site can
    /// send that header, and the request's cookies don't count.
    fn is_by_header(&self, head: &impl RequestHead) -> bool {
        self.session().is_some_and(|session| session.is_by_header(head))
    }

    /// Compares the token of a request whose head requires it. Never creates a session.
    ///
    /// The body is read only if it may contain the token, and is replayed before this returns.
    ///
    /// # Errors
    /// Returns an error if the check is impossible, because the session's store couldn't answer or
    /// no session layer is installed around this one. The error is traced. With report-only rules,
    /// it is a reported refusal instead.
    pub async fn check_token(&self, head: &impl RequestHead, body: &mut impl FormBody) -> Result<CsrfDecision, Error> {
        let outcome = compare(self.guard(), self.session(), head, body).await.or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "CSRF check impossible");
            if self.guard().rules().is_report_only() { Ok(Err(Refusal::Unavailable)) } else { Err(error) }
        })?;
        Ok(self.record(CsrfDecision::of(outcome), head))
    }

    /// Records the decision. In report-only mode a failed check passes; otherwise nothing that the
    /// refused request did is committed.
    fn record(&self, decision: CsrfDecision, head: &impl RequestHead) -> CsrfDecision {
        let decision = decision.refusal().map_or(decision, |refusal| self.refuse(refusal, head.method()));
        self.progress().decision = decision;
        decision
    }

    fn refuse(&self, refusal: Refusal, method: &str) -> CsrfDecision {
        let reported = self.guard().rules().is_report_only();
        let outcome = if reported { "would be refused" } else { "refused" };
        meter::refused(refusal, reported);
        tracing::warn!(reason = refusal.as_str(), method, "request {outcome} by the CSRF check: {refusal}");
        if reported {
            return CsrfDecision::Reported(refusal);
        }
        if let Some(session) = self.session() {
            session.discard();
        }
        CsrfDecision::Refused(refusal)
    }

    /// Returns the token for this request's pages, under a fresh mask.
    ///
    /// If tokens are kept in the session, a new session is stored.
    ///
    /// # Errors
    /// Returns an error if the session's store couldn't answer, if no session layer is installed
    /// around the CSRF layer, or if the operating system can't provide random bytes.
    pub fn form_token<'a, H: RequestHead>(
        &'a self,
        head: &'a H,
    ) -> impl Future<Output = Result<FormToken, Error>> + use<'a, H> {
        let masked = self.masked_token(head);
        async move { Ok(FormToken::new(self.guard().rules().field_name().to_owned(), masked.await?)) }
    }

    /// Returns the text of [`CsrfSlot::form_token`].
    ///
    /// # Errors
    /// Returns the errors of [`CsrfSlot::form_token`].
    pub fn masked_token<'a, H: RequestHead>(
        &'a self,
        head: &'a H,
    ) -> impl Future<Output = Result<String, Error>> + use<'a, H> {
        // The head is read before the future is created, so that the future is `Send` even if the
        // head isn't.
        let session = self.session().map(|slot| slot.open_for(head));
        let cookies = head.cookies();
        async move {
            match self.guard().home() {
                Home::Session => {
                    let session = session.ok_or_else(Error::no_session_around_csrf)?;
                    session.await?.masked_csrf_token()
                }
                Home::Cookie(home) => self.token_of_cookie(home, &cookies),
            }
        }
    }

    fn token_of_cookie(&self, home: &TokenCookie, cookies: &CookieHeader<'_>) -> Result<String, Error> {
        self.progress().rendered = true;
        if let Some(token) = home.token_in(cookies) {
            return masked(&token);
        }
        let fresh = fresh_token()?;
        let cookie = home.cookie_for(&fresh)?;
        masked(&self.progress().issued.get_or_insert((fresh, cookie)).0)
    }

    /// Returns the effects of the check on the response.
    ///
    /// They are a token cookie, and `Vary` on a page with a token.
    #[must_use]
    pub fn effects(&self) -> ResponseEffects {
        let rendered = self.progress().rendered;
        ResponseEffects {
            opened: rendered,
            private: rendered,
            cookies: self.cookie().into_iter().collect(),
            ..ResponseEffects::default()
        }
    }

    /// Returns the token cookie to set, if this request was issued a token.
    ///
    /// Only if tokens are kept in a cookie.
    #[must_use]
    pub fn cookie(&self) -> Option<SetCookie> {
        self.progress().issued.as_ref().map(|(_, cookie)| cookie.clone())
    }
}

/// Forms, for the `CheckedForm` extractors.
#[cfg(feature = "form")]
impl CsrfSlot {
    /// Checks that the request has an urlencoded form. Call it before reading the body.
    ///
    /// # Errors
    /// Returns an error if the request has another content type.
    pub fn expect_form(&self, head: &impl RequestHead) -> Result<(), FormRejection> {
        checked::expect_form(head)
    }

    /// Parses an urlencoded form.
    ///
    /// A request that hasn't passed the check yet is checked first. The token's field is removed
    /// before `T` is decoded.
    ///
    /// # Errors
    /// Returns an error if the request is refused, couldn't be checked, or has a form of an
    /// unexpected shape.
    pub async fn checked_form<T: DeserializeOwned>(
        &self,
        head: &impl RequestHead,
        form: Bytes,
    ) -> Result<T, FormRejection> {
        if self.decision() != CsrfDecision::Passed {
            self.check_regardless(head, &form).await?;
        }
        checked::parse(&form, self.guard().rules().field_name())
    }

    /// Runs the check, even if the method, the route or report-only rules would let the request
    /// through.
    async fn check_regardless(&self, head: &impl RequestHead, form: &Bytes) -> Result<(), FormRejection> {
        if self.is_by_header(head) {
            return Ok(());
        }
        let mut decision = self.guard().rules().decide_covered(&self.facts(head));
        if decision == CsrfDecision::TokenNeeded {
            let mut body = Received::new(form);
            decision = CsrfDecision::of(compare(self.guard(), self.session(), head, &mut body).await?);
        }
        decision.refusal().map_or(Ok(()), |refusal| Err(FormRejection::refused(refusal)))
    }
}

impl fmt::Debug for CsrfSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfSlot").field("decision", &self.decision()).finish_non_exhaustive()
    }
}
