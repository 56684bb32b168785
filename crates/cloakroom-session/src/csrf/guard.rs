//! The CSRF rules of an application, and the storage of its tokens.

use cloakroom_core::{
    ConfigError, CookieConfig, CookieHeader, CookieTemplate, CsrfRules, CsrfToken, Keyring, Seal, Sealer, SetCookie,
};

use crate::error::Error;
use crate::slot::SessionSlot;

/// The CSRF rules of an application, and the storage of its tokens.
///
/// # Examples
/// ```
/// use cloakroom_session::{CsrfGuard, CsrfRules};
///
/// let guard = CsrfGuard::new(CsrfRules::builder().own_origin("https://shop.example").build()?);
/// assert!(guard.rules().covers("POST"));
/// assert!(!guard.is_exempt() && guard.exempt().is_exempt());
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CsrfGuard {
    rules: CsrfRules,
    home: Home,
    exempt: bool,
}

/// The storage of tokens.
#[derive(Clone, Debug)]
pub(super) enum Home {
    Session,
    /// A signed double-submit cookie.
    Cookie(Box<TokenCookie>),
}

/// The cookie of tokens that aren't kept in the session.
#[derive(Clone, Debug)]
pub(super) struct TokenCookie {
    cookie: CookieTemplate,
    sealer: Sealer,
}

impl CsrfGuard {
    /// Keeps tokens in the session. This is the default, and the stronger policy.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{CsrfGuard, CsrfRules, TokenPolicy};
    ///
    /// let guard = CsrfGuard::new(CsrfRules::default());
    /// assert_eq!(guard.rules().token_policy(), TokenPolicy::WhenUnsure);
    /// ```
    #[must_use]
    pub const fn new(rules: CsrfRules) -> Self {
        Self { rules, home: Home::Session, exempt: false }
    }

    /// Keeps tokens in a separate signed cookie, for pages that must not create a session.
    ///
    /// `session_cookie` is the name of the session's cookie, or `None` in an application without
    /// sessions.
    ///
    /// # Security
    /// The signature prevents others from inventing a token. The `__Host-` prefix of the cookie's
    /// name prevents sibling domains from planting a token that was issued to them; `__Host-Http-`
    /// prevents scripts from doing so too. The token isn't bound to a session: in an application
    /// with sessions, keep it in the session.
    ///
    /// # Errors
    /// Returns an error for a name without that prefix, for the name of the session's cookie, and
    /// for attributes that contradict each other.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{CookieConfig, CsrfGuard, CsrfRules, Key, Keyring};
    ///
    /// let keyring = Keyring::new(Key::new(b"a secret from the environment, of 32 bytes or more")?);
    /// let double_submit = |name| {
    ///     CsrfGuard::double_submit(CsrfRules::default(), &keyring, CookieConfig::default().name(name), None)
    /// };
    /// assert!(double_submit("__Host-Http-csrf").is_ok());
    /// assert_eq!(double_submit("csrf").unwrap_err().option(), "name");
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
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

    /// Keeps tokens in a separate signed cookie with any name, for development without TLS.
    ///
    /// # Security
    /// Without the prefix, every host below the same domain can plant a token that was issued to
    /// it, and submit forms with that token.
    ///
    /// # Errors
    /// Returns an error for the name of the session's cookie, and for attributes that contradict
    /// each other.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{CookieConfig, CsrfGuard, CsrfRules, Key, Keyring};
    ///
    /// let keyring = Keyring::new(Key::new(b"a secret from the environment, of 32 bytes or more")?);
    /// let cookie = CookieConfig::default().name("csrf").danger_insecure();
    /// assert!(CsrfGuard::danger_double_submit(CsrfRules::default(), &keyring, cookie, None).is_ok());
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
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
        if cookie.has_former() {
            return Err(ConfigError::new("former", "has no effect on the CSRF cookie: drop the option"));
        }
        // No cookie name has a colon, so a value sealed for a session never opens as a token.
        let sealer = Sealer::new(Seal::Signed, keyring, &format!("csrf:{}", cookie.name()))?;
        Ok(Self { rules, home: Home::Cookie(Box::new(TokenCookie { cookie, sealer })), exempt: false })
    }

    /// Returns the guard for an exempt route. Its pages can still render tokens.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_session::{CsrfGuard, CsrfRules};
    ///
    /// assert!(CsrfGuard::new(CsrfRules::default()).exempt().is_exempt());
    /// ```
    #[must_use]
    pub fn exempt(&self) -> Self {
        Self { exempt: true, ..self.clone() }
    }

    /// Returns `true` for the guard of an exempt route.
    #[must_use]
    pub const fn is_exempt(&self) -> bool {
        self.exempt
    }

    /// Returns the rules.
    #[must_use]
    pub const fn rules(&self) -> &CsrfRules {
        &self.rules
    }

    pub(super) const fn home(&self) -> &Home {
        &self.home
    }

    /// Returns the token to compare with, or `None` if there is none. Never creates a session or
    /// token.
    pub(super) async fn expected(
        &self,
        session: Option<&SessionSlot>,
        cookies: CookieHeader<'_>,
    ) -> Result<Option<CsrfToken>, Error> {
        match &self.home {
            Home::Session => {
                let session = session.ok_or_else(Error::no_session_around_csrf)?;
                Ok(session.open(cookies).await?.known_csrf_token())
            }
            Home::Cookie(home) => Ok(home.token_in(&cookies)),
        }
    }
}

impl TokenCookie {
    /// Returns the token of the last cookie that opens.
    pub(super) fn token_in(&self, cookies: &CookieHeader<'_>) -> Option<CsrfToken> {
        let mut candidates = cookies.candidates(self.cookie.name());
        let opened = candidates.find_map(|value| self.sealer.unseal(value.ok()?).ok())?;
        CsrfToken::from_text(opened)
    }

    pub(super) fn cookie_for(&self, token: &CsrfToken) -> Result<SetCookie, Error> {
        Ok(self.cookie.set(&self.sealer.seal(token.expose(), [0; 12])?, None)?)
    }
}
