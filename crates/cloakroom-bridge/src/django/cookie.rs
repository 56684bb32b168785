//! Django's session engine `signed_cookies`.

use std::time::Duration;

use cloakroom_session::factory::{CsrfScheme, Record, Rejected};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes};

use super::expiry::Expiry;
use super::keys::{self, DjangoKeys};
use super::signing::{self, COOKIE_AGE};
use crate::cookie_format::{CookieFormat, CookieLife, IncomingCookie, OutgoingCookie, SealContext};
use crate::layout::Layout as _;
use crate::secret::Secret;
use crate::token::Tokens;

/// The cookie of Django's session engine `signed_cookies`, serialized as JSON.
///
/// | Django | here |
/// |---|---|
/// | `messages.success(request, "Saved")` | `flash(Message::success("Saved"))` |
/// | `extra_tags="cart"` | the queue `cart` |
/// | – | a flash that is not a `Message` has the level `info` and the tag `plain` there |
/// | the token of `CSRF_USE_SESSIONS = True` | the session's token, masked in forms as Django does |
///
/// Messages are shared if Django uses
/// `MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"`. Its other storages
/// keep them in a separate cookie.
///
/// # Security
/// Anyone who has the cookie can read it. Signing out removes the cookie; a copy of it remains
/// valid for `SESSION_COOKIE_AGE`.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{BridgedCookies, DjangoCookie};
///
/// // SECRET_KEY and SECRET_KEY_FALLBACKS
/// let format = DjangoCookie::new("django-insecure-test-key").fallback("an older one").build()?;
/// let sessions = BridgedCookies::new(format).build()?;
/// assert_eq!(sessions.cookie_name(), "sessionid");
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DjangoCookie {
    tokens: Tokens,
    cookie_age: Duration,
    at_browser_close: bool,
    keys: DjangoKeys,
}

/// Options of [`DjangoCookie`].
#[derive(Clone, Debug)]
#[must_use]
pub struct DjangoCookieBuilder {
    secrets: Vec<Secret>,
    salt: String,
    cookie_age: Duration,
    at_browser_close: bool,
    keys: DjangoKeys,
}

impl DjangoCookie {
    /// Creates the format with this `SECRET_KEY`.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(secret_key: impl Into<Secret>) -> DjangoCookieBuilder {
        DjangoCookieBuilder {
            secrets: vec![secret_key.into()],
            salt: "django.contrib.sessions.backends.signed_cookies".to_owned(),
            cookie_age: COOKIE_AGE,
            at_browser_close: false,
            keys: DjangoKeys::default(),
        }
    }
}

impl DjangoCookieBuilder {
    /// Adds one of `SECRET_KEY_FALLBACKS`: it verifies but doesn't sign.
    pub fn fallback(mut self, secret_key: impl Into<Secret>) -> Self {
        self.secrets.push(secret_key.into());
        self
    }

    /// Sets the salt of a session engine derived from `signed_cookies`.
    pub fn salt(mut self, salt: impl Into<String>) -> Self {
        self.salt = salt.into();
        self
    }

    /// Sets `SESSION_COOKIE_AGE`. The default is two weeks, as in Django.
    pub const fn cookie_age(mut self, age: Duration) -> Self {
        self.cookie_age = age;
        self
    }

    /// Sets whether new sessions store the CSRF token under a mask, as Django before 4.1 expects
    /// it.
    ///
    /// Use `true` while an application on Django 3.2 or 4.0 shares the sessions. Sessions of both
    /// kinds are read in any case.
    pub const fn csrf_cookie_masked(mut self, masked: bool) -> Self {
        self.keys = DjangoKeys { is_masked: masked };
        self
    }

    /// Sets `SESSION_EXPIRE_AT_BROWSER_CLOSE`. The default is `false`, as in Django.
    pub const fn expire_at_browser_close(mut self, at_browser_close: bool) -> Self {
        self.at_browser_close = at_browser_close;
        self
    }

    /// Checks the options and builds the format.
    ///
    /// # Errors
    /// Fails if a secret is empty.
    pub fn build(self) -> Result<DjangoCookie, ConfigError> {
        let tokens = signing::tokens(&self.secrets, &self.salt)?;
        Ok(DjangoCookie {
            tokens,
            cookie_age: self.cookie_age,
            at_browser_close: self.at_browser_close,
            keys: self.keys,
        })
    }
}

impl CookieFormat for DjangoCookie {
    fn framework(&self) -> &'static str {
        self.keys.framework()
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("sessionid")
    }

    fn lifetimes(&self) -> Lifetimes {
        signing::lifetimes(self.cookie_age)
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        self.keys.csrf_scheme()
    }

    fn open(&self, cookie: IncomingCookie<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let (payload, touched) = self.tokens.open(cookie.value)?;
        let mut record = keys::open(self.keys, &payload, touched, lifetimes)?;
        // Django refuses signatures that are older, even if the session has a longer lifetime.
        let oldest = touched + self.cookie_age;
        let idle = record.times().idle_deadline.map_or(oldest, |deadline| deadline.min(oldest));
        record.restore_touch(touched, Some(idle));
        Ok(record)
    }

    fn seal(&self, record: &Record, sealing: SealContext<'_>) -> Result<OutgoingCookie, Error> {
        let payload = keys::payload(self.keys, record, sealing.lifetimes)?;
        let configured =
            if self.at_browser_close { CookieLife::BrowserSession } else { CookieLife::Lasts(self.cookie_age) };
        let life = Some(Expiry::life(record)).filter(|life| *life != CookieLife::Configured).unwrap_or(configured);
        Ok(OutgoingCookie::new(self.tokens.seal(&payload, sealing.now)).kept_for(life))
    }
}
