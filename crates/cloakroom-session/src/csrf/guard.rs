//! The rules of an application, and where its tokens live.

use cloakroom_core::{
    ConfigError, CookieConfig, CookieHeader, CookieTemplate, CsrfRules, CsrfToken, Keyring, Seal, Sealer, SetCookie,
};

use crate::error::Error;
use crate::slot::SessionSlot;

/// The CSRF rules of an application, and where its tokens live.
#[derive(Clone, Debug)]
pub struct CsrfGuard {
    rules: CsrfRules,
    home: Home,
    exempt: bool,
}

/// Where tokens live.
#[derive(Clone, Debug)]
pub(super) enum Home {
    Session,
    /// A signed double-submit cookie.
    Cookie(Box<TokenCookie>),
}

/// The cookie of tokens that don't live in the session.
#[derive(Clone, Debug)]
pub(super) struct TokenCookie {
    cookie: CookieTemplate,
    sealer: Sealer,
}

impl CsrfGuard {
    /// Tokens that live in the session: the default, and the stronger policy.
    #[must_use]
    pub const fn new(rules: CsrfRules) -> Self {
        Self { rules, home: Home::Session, exempt: false }
    }

    /// Tokens that live in a signed cookie of their own, for pages that must not create a session.
    ///
    /// `session_cookie` is the name of the session's cookie; `None` in an application without
    /// sessions.
    ///
    /// # Security
    /// The signature keeps others from inventing a token, and the `__Host-` prefix of the cookie's
    /// name keeps sibling domains from planting one that they were given; `__Host-Http-` keeps
    /// scripts from it as well. The token isn't bound to a session: where there is one, keep the
    /// token in it.
    ///
    /// # Errors
    /// A name without that prefix, the name of the session's cookie, or attributes that contradict
    /// each other.
    pub fn double_submit(
        rules: CsrfRules,
        keyring: &Keyring,
        cookie: CookieConfig,
        session_cookie: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let guard = Self::danger_double_submit(rules, keyring, cookie, session_cookie)?;
        match &guard.home {
            Home::Cookie(home) if !home.cookie.name().starts_with("__Host-") => Err(ConfigError::new(
                "name",
                "has no __Host- prefix: a sibling domain could plant its own token; see danger_double_submit",
            )),
            Home::Cookie(_) | Home::Session => Ok(guard),
        }
    }

    /// The same under any name, for development without TLS.
    ///
    /// # Security
    /// Without the prefix, every host below the same domain can plant a token that it was given,
    /// and send forms with it.
    ///
    /// # Errors
    /// The name of the session's cookie, or attributes that contradict each other.
    pub fn danger_double_submit(
        rules: CsrfRules,
        keyring: &Keyring,
        cookie: CookieConfig,
        session_cookie: Option<&str>,
    ) -> Result<Self, ConfigError> {
        let default = CookieConfig::default().build()?;
        let cookie = cookie.build()?;
        if [session_cookie, Some(default.name())].contains(&Some(cookie.name())) {
            return Err(ConfigError::new("name", "is the session cookie's: give the CSRF cookie another one"));
        }
        // No cookie has a colon in its name: what is sealed for a session never opens as a token.
        let sealer = Sealer::new(Seal::Signed, keyring, &format!("csrf:{}", cookie.name()))?;
        Ok(Self { rules, home: Home::Cookie(Box::new(TokenCookie { cookie, sealer })), exempt: false })
    }

    /// The guard of a route that isn't checked: its pages can still render tokens.
    #[must_use]
    pub fn exempt(&self) -> Self {
        Self { exempt: true, ..self.clone() }
    }

    /// Whether this is the guard of a route that isn't checked.
    #[must_use]
    pub const fn is_exempt(&self) -> bool {
        self.exempt
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &CsrfRules {
        &self.rules
    }

    pub(super) const fn home(&self) -> &Home {
        &self.home
    }

    /// The token that the request must know; `None` if there is nothing it could know. Creates
    /// nothing.
    pub(super) async fn expected(
        &self,
        session: Option<&SessionSlot>,
        cookies: CookieHeader<'_>,
    ) -> Result<Option<CsrfToken>, Error> {
        match &self.home {
            Home::Session => {
                let session = session.ok_or_else(|| Error::missing_layer("SessionLayer"))?;
                Ok(session.open(cookies).await?.known_csrf_token())
            }
            Home::Cookie(home) => Ok(home.token_in(&cookies)),
        }
    }
}

impl TokenCookie {
    /// The token of the last cookie that opens.
    pub(super) fn token_in(&self, cookies: &CookieHeader<'_>) -> Option<CsrfToken> {
        let mut candidates = cookies.candidates(self.cookie.name());
        let opened = candidates.find_map(|value| self.sealer.unseal(value.ok()?).ok())?;
        CsrfToken::from_text(opened)
    }

    pub(super) fn cookie_for(&self, token: &CsrfToken) -> Result<SetCookie, Error> {
        Ok(self.cookie.set(&self.sealer.seal(token.expose(), [0; 12])?, None)?)
    }
}
