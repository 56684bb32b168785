//! The check of one request, and the token that its pages carry.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloakroom_core::{
    ConfigError, CookieConfig, CookieHeader, CookieTemplate, CsrfRules, CsrfToken, Keyring, Refusal, RequestFacts,
    Seal, Sealer, SetCookie,
};

use crate::error::Error;

use crate::clock::fresh_token;
use crate::session::masked;
use crate::slot::{ResponseEffects, SessionSlot};

/// The CSRF rules of an application, and where its tokens live.
#[derive(Clone, Debug)]
pub struct CsrfGuard {
    rules: CsrfRules,
    home: Home,
}

#[derive(Clone, Debug)]
enum Home {
    Session,
    /// A signed double-submit cookie.
    Cookie(Box<(CookieTemplate, Sealer)>),
}

/// What stage one says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Not covered: a safe method.
    Uncovered,
    /// It comes from a good place, and no token is asked for.
    Passed,
    /// It comes from a good place; its token must be checked.
    TokenNeeded,
    /// It comes from a bad place.
    Refused(Refusal),
}

/// What became of the check of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It passed every stage that the rules ask for.
    Passed,
    /// It wasn't checked: a safe method, or an exempt route.
    Unchecked,
    /// It failed, and was let through because the rules only report.
    Reported(Refusal),
}

impl CsrfGuard {
    /// Tokens that live in the session: the default, and the stronger policy.
    #[must_use]
    pub const fn new(rules: CsrfRules) -> Self {
        Self { rules, home: Home::Session }
    }

    /// Tokens that live in a signed cookie of their own, for pages that must not create a session.
    ///
    /// # Security
    /// The signature keeps others from inventing a token, and the cookie's `__Host-Http-` prefix keeps sibling domains and scripts
    /// from planting one that they were given. The token isn't bound to a session: where there is one, keep the token in it.
    ///
    /// # Errors
    /// Cookie attributes that contradict each other, or the session cookie's own name, which is the default of [`CookieConfig`].
    pub fn double_submit(rules: CsrfRules, keyring: &Keyring, cookie: CookieConfig) -> Result<Self, ConfigError> {
        let session = CookieConfig::default().build()?;
        let cookie = cookie.build()?;
        if cookie.name() == session.name() {
            return Err(ConfigError::new("name", "is the session cookie's: give the CSRF cookie one of its own"));
        }
        // No cookie has a colon in its name: what is sealed for a session never opens as a token.
        let sealer = Sealer::new(Seal::Signed, keyring, &format!("csrf:{}", cookie.name()))?;
        Ok(Self { rules, home: Home::Cookie(Box::new((cookie, sealer))) })
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &CsrfRules {
        &self.rules
    }

    /// Stage one: where the request comes from.
    #[must_use]
    pub fn first_stage(&self, facts: &RequestFacts<'_>) -> Stage {
        if !self.rules.covers(facts.method) {
            return Stage::Uncovered;
        }
        match self.rules.check_origin(facts) {
            Err(refusal) => Stage::Refused(refusal),
            Ok(()) if self.rules.checks_token() => Stage::TokenNeeded,
            Ok(()) => Stage::Passed,
        }
    }

    /// The token that the request must know; `None` if there is nothing it could know. Creates nothing.
    ///
    /// # Errors
    /// When the session's store couldn't answer, or no session layer is installed around this guard.
    pub async fn expected(
        &self,
        slot: Option<&SessionSlot>,
        cookies: CookieHeader<'_>,
    ) -> Result<Option<CsrfToken>, Error> {
        match &self.home {
            Home::Session => {
                let slot = slot.ok_or_else(|| Error::missing_layer("SessionLayer"))?;
                Ok(slot.open(cookies).await?.known_csrf_token())
            }
            Home::Cookie(home) => Ok(home.token_in(&cookies)),
        }
    }

    /// Stage two: whether the request knows the token.
    ///
    /// # Errors
    /// The [`Refusal`] if it doesn't.
    pub fn second_stage(expected: &CsrfToken, submitted: Option<&str>) -> Result<(), Refusal> {
        match submitted {
            None | Some("") => Err(Refusal::TokenMissing),
            Some(token) if expected.matches(token) => Ok(()),
            Some(_) => Err(Refusal::TokenMismatch),
        }
    }
}

trait TokenCookie {
    fn token_in(&self, cookies: &CookieHeader<'_>) -> Option<CsrfToken>;
}

impl TokenCookie for (CookieTemplate, Sealer) {
    fn token_in(&self, cookies: &CookieHeader<'_>) -> Option<CsrfToken> {
        let (cookie, sealer) = self;
        let opened = cookies.last_first(cookie.name()).find_map(|value| sealer.unseal(value).ok())?;
        CsrfToken::from_text(opened)
    }
}

/// A request's place for its CSRF check: the guard, the verdict, and a token cookie that the response must set.
#[derive(Clone)]
pub struct CsrfSlot(Arc<Slot>);

struct Slot {
    guard: Arc<CsrfGuard>,
    inner: Mutex<Inner>,
}

struct Inner {
    verdict: Verdict,
    /// A page was rendered with the token of the request's cookie.
    rendered: bool,
    /// A token that this request was given, and the cookie that brings it to the browser.
    issued: Option<(CsrfToken, SetCookie)>,
}

impl CsrfSlot {
    /// The place of a request that wasn't checked yet.
    #[must_use]
    pub fn new(guard: Arc<CsrfGuard>) -> Self {
        let inner = Mutex::new(Inner { verdict: Verdict::Unchecked, rendered: false, issued: None });
        Self(Arc::new(Slot { guard, inner }))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The guard.
    #[must_use]
    pub fn guard(&self) -> &CsrfGuard {
        &self.0.guard
    }

    /// What became of the check.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.inner().verdict
    }

    /// Writes down what became of the check.
    pub fn set_verdict(&self, verdict: Verdict) {
        self.inner().verdict = verdict;
    }

    /// The token for this request's pages, under a fresh mask. Where tokens live in the session, this keeps a new session.
    ///
    /// # Errors
    /// When the session's store couldn't answer, no session layer is installed, or the system has no random bytes to give.
    pub async fn masked_token(&self, slot: Option<&SessionSlot>, cookies: CookieHeader<'_>) -> Result<String, Error> {
        match &self.0.guard.home {
            Home::Session => {
                let slot = slot.ok_or_else(|| Error::missing_layer("SessionLayer"))?;
                slot.open(cookies).await?.masked_csrf_token()
            }
            Home::Cookie(home) => {
                self.inner().rendered = true;
                if let Some(token) = home.token_in(&cookies) {
                    return masked(&token);
                }
                let (cookie, sealer) = &**home;
                let fresh = fresh_token()?;
                let set = cookie.set(&sealer.seal(fresh.expose(), [0; 12])?, None);
                masked(&self.inner().issued.get_or_insert((fresh, set)).0)
            }
        }
    }

    /// What the check asks of the response: a token cookie, and `Vary` on a page that depends on one.
    #[must_use]
    pub fn effects(&self) -> ResponseEffects {
        let opened = self.inner().rendered;
        ResponseEffects { opened, cookies: self.cookie().into_iter().collect() }
    }

    /// The cookie that the response must set, where tokens live in a cookie and this request was given a new one.
    #[must_use]
    pub fn cookie(&self) -> Option<SetCookie> {
        self.inner().issued.as_ref().map(|(_, cookie)| cookie.clone())
    }
}

impl fmt::Debug for CsrfSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsrfSlot").field("verdict", &self.verdict()).finish_non_exhaustive()
    }
}
