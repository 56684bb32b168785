//! The text that Django keeps in the table `django_session`.

use std::time::Duration;

use cloakroom_session::factory::{CsrfScheme, Record, Rejected, Resolution};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes, Timestamp};

use super::expiry::Expiry;
use super::keys::{self, DjangoKeys};
use super::signing::{self, COOKIE_AGE};
use crate::cookie_format::{CookieLife, IncomingCookie, Renewal, SealContext};
use crate::layout::Layout as _;
use crate::secret::Secret;
use crate::shared::{RecordFormat, TouchMode, text_of};
use crate::token::Tokens;

/// Django accepts keys of this length and more.
const SHORTEST_KEY: usize = 8;
const LONGEST_KEY: usize = 40;

/// The records of Django's session engine `db`.
///
/// A record is the column `session_data` of `django_session`; the cookie holds its key.
///
/// [`DjangoCookie`](crate::DjangoCookie) lists the shared data. Both Django and Cloakroom save with
/// an update that never creates a row, so neither application revives a session that ended in the
/// other.
///
/// The engine `cached_db` isn't supported: Django would read its cache first, and see neither
/// changes nor sign-outs of this side.
///
/// # Security
/// Django's session key is the row's key: anyone who can read the table can use it.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{DjangoRecord, MemoryRecords, SharedRecords};
///
/// let format = DjangoRecord::new("django-insecure-test-key")?;
/// let sessions = SharedRecords::new(format, MemoryRecords::new()).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DjangoRecord {
    secrets: Vec<Secret>,
    tokens: Tokens,
    cookie_age: Duration,
    at_browser_close: bool,
    keys: DjangoKeys,
}

impl DjangoRecord {
    /// Creates the format with this `SECRET_KEY`.
    ///
    /// # Errors
    /// Fails if the secret is empty.
    pub fn new(secret_key: impl Into<Secret>) -> Result<Self, ConfigError> {
        Self::with_fallbacks(secret_key, Vec::<Secret>::new())
    }

    /// Creates the format with this `SECRET_KEY` and these `SECRET_KEY_FALLBACKS`.
    ///
    /// The fallbacks verify but don't sign.
    ///
    /// # Errors
    /// Fails if a secret is empty.
    pub fn with_fallbacks(
        secret_key: impl Into<Secret>,
        fallbacks: impl IntoIterator<Item = impl Into<Secret>>,
    ) -> Result<Self, ConfigError> {
        let secrets: Vec<Secret> =
            std::iter::once(secret_key.into()).chain(fallbacks.into_iter().map(Into::into)).collect();
        let tokens = signing::tokens(&secrets, "django.contrib.sessions.SessionStore")?;
        Ok(Self { secrets, tokens, cookie_age: COOKIE_AGE, at_browser_close: false, keys: DjangoKeys::default() })
    }

    /// Sets the salt of a session engine derived from `db`.
    ///
    /// Django's is `django.contrib.sessions.` and the name of the class: for
    /// `class TenantSession(SessionStore)` it is `django.contrib.sessions.TenantSession`.
    ///
    /// # Errors
    /// Fails if a secret is empty.
    pub fn salt(mut self, salt: &str) -> Result<Self, ConfigError> {
        self.tokens = signing::tokens(&self.secrets, salt)?;
        Ok(self)
    }

    /// Sets `SESSION_COOKIE_AGE`. The default is two weeks, as in Django.
    #[must_use]
    pub const fn cookie_age(mut self, age: Duration) -> Self {
        self.cookie_age = age;
        self
    }

    /// Sets whether new sessions store the CSRF token under a mask, as Django before 4.1 expects
    /// it.
    ///
    /// Use `true` while an application on Django 3.2 or 4.0 shares the sessions. Sessions of both
    /// kinds are read in any case.
    #[must_use]
    pub const fn csrf_cookie_masked(mut self, masked: bool) -> Self {
        self.keys = DjangoKeys { is_masked: masked };
        self
    }

    /// Sets `SESSION_EXPIRE_AT_BROWSER_CLOSE`. The default is `false`, as in Django.
    #[must_use]
    pub const fn expire_at_browser_close(mut self, at_browser_close: bool) -> Self {
        self.at_browser_close = at_browser_close;
        self
    }
}

impl RecordFormat for DjangoRecord {
    fn framework(&self) -> &'static str {
        self.keys.framework()
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("sessionid")
    }

    fn lifetimes(&self) -> Lifetimes {
        signing::lifetimes(self.cookie_age)
    }

    fn max_age(&self) -> Option<Duration> {
        (!self.at_browser_close).then_some(self.cookie_age)
    }

    fn life(&self, record: &Record) -> CookieLife {
        Expiry::life(record)
    }

    fn renewal(&self, _: &Record) -> Option<Renewal> {
        Some(Renewal::Writes)
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        self.keys.csrf_scheme()
    }

    /// The signature contains a time, so only a new signature updates it.
    fn touch_mode(&self) -> TouchMode {
        TouchMode::Record
    }

    fn resolution(&self) -> Resolution {
        Resolution::Seconds
    }

    fn open_id(&self, cookie: IncomingCookie<'_>) -> Result<String, Rejected> {
        let key = cookie.value;
        let sensible =
            (SHORTEST_KEY..=LONGEST_KEY).contains(&key.len()) && key.bytes().all(|it| it.is_ascii_alphanumeric());
        if sensible { Ok(key.to_owned()) } else { Err(Rejected::Malformed) }
    }

    fn seal_id(&self, id: &str, _: SealContext<'_>) -> String {
        id.to_owned()
    }

    /// Generates 32 letters and digits from two random bytes each: 165 bits.
    fn fresh_id(&self, random: &[u8; 64]) -> String {
        const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let letter = |pair: &[u8]| {
            let number = pair.iter().fold(0, |number: usize, byte| number * 256 + usize::from(*byte));
            ALPHABET.get(number % ALPHABET.len()).map(|byte| char::from(*byte))
        };
        random.chunks(2).filter_map(letter).collect()
    }

    fn open(&self, stored: &[u8], _: Timestamp, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let (payload, touched) = self.tokens.open(text_of(stored)?)?;
        keys::open(self.keys, &payload, touched, lifetimes)
    }

    fn stored_end(&self, record: &Record) -> Option<Timestamp> {
        let (touched, end) = (record.times().touched, Expiry::of(record));
        Some(match end {
            Some(Expiry::Date(date)) => date,
            Some(Expiry::Lasts(idle)) => touched + idle,
            Some(Expiry::BrowserSession | Expiry::Past) | None => touched + self.cookie_age,
        })
    }

    fn seal(&self, _: &str, record: &Record, sealing: SealContext<'_>) -> Result<Vec<u8>, Error> {
        Ok(self.tokens.seal(&keys::payload(self.keys, record, sealing.lifetimes)?, sealing.now).into_bytes())
    }
}
