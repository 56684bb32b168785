//! `cookie-session`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cloakroom_session::factory::{CookieOrder, CsrfScheme, Json, Record, Rejected};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes};
use sha1::Sha1;

use super::keys::ExpressKeys;
use crate::cookie_format::{CookieFormat, IncomingCookie, OutgoingCookie, SealContext};
use crate::extras::{CloakroomExtras, Keeps};
use crate::layout::{Layout as _, Times, read, write};
use crate::mac::Mac;
use crate::secret::Secret;

const KEYS: ExpressKeys = ExpressKeys { framework: "express", hidden: &[] };

/// The session cookie of Express' `cookie-session`, and its signature cookie.
///
/// The first cookie holds the session in base64. The second one, whose name ends in `.sig`, holds
/// `HMAC-SHA1("name=value")`. As in Keygrip, any of the keys opens and the first one seals. A
/// session sealed with an older key is resealed at its next write.
///
/// # Security
/// Anyone who has the cookie can read it. It contains no times: a cookie that Express sealed opens
/// until its key is removed, and only the browser enforces `maxAge`. Unsigned sessions
/// (`signed: false`) are refused.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{BridgedCookies, ExpressCookie};
///
/// // cookieSession({ name: 'session', keys: ['new key', 'old key'] })
/// let format = ExpressCookie::new("new key").previous("old key").build()?;
/// let sessions = BridgedCookies::new(format).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExpressCookie {
    keys: Vec<Mac>,
}

/// Options of [`ExpressCookie`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ExpressCookieBuilder {
    secrets: Vec<Secret>,
}

impl ExpressCookie {
    /// Creates the format with this key, the first of `keys`.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(key: impl Into<Secret>) -> ExpressCookieBuilder {
        ExpressCookieBuilder { secrets: vec![key.into()] }
    }

    fn signature(key: &Mac, name: &str, value: &str) -> Vec<u8> {
        key.tag(&[name.as_bytes(), b"=", value.as_bytes()])
    }
}

impl ExpressCookieBuilder {
    /// Adds another one of `keys`, which only opens.
    pub fn previous(mut self, key: impl Into<Secret>) -> Self {
        self.secrets.push(key.into());
        self
    }

    /// Checks the options and builds the format.
    ///
    /// # Errors
    /// Fails if a key is empty.
    pub fn build(self) -> Result<ExpressCookie, ConfigError> {
        let keys = self.secrets.iter().map(|secret| Mac::new::<Sha1>(secret.checked("key")?));
        Ok(ExpressCookie { keys: keys.collect::<Result<_, _>>()? })
    }
}

impl CookieFormat for ExpressCookie {
    fn framework(&self) -> &'static str {
        KEYS.framework
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("session")
    }

    /// No timeouts: the cookie contains no time from which to count them.
    fn lifetimes(&self) -> Lifetimes {
        Lifetimes::default().idle_timeout(None).absolute_timeout(None)
    }

    fn order(&self) -> CookieOrder {
        CookieOrder::FirstFirst
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        KEYS.csrf_scheme()
    }

    fn companion(&self) -> Option<&'static str> {
        Some(".sig")
    }

    fn open(&self, cookie: IncomingCookie<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let tag = cookie.companion.and_then(|tag| URL_SAFE_NO_PAD.decode(tag).ok()).ok_or(Rejected::Malformed)?;
        let parts = [cookie.name.as_bytes(), b"=", cookie.value.as_bytes()];
        if !self.keys.iter().any(|key| key.verifies(&parts, &tag)) {
            return Err(Rejected::Forged);
        }
        let text = STANDARD.decode(cookie.value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let object = Json::from_lenient("session", text.ok_or(Rejected::Corrupt)?).map_err(|_| Rejected::Corrupt)?;
        read(&KEYS, &object, Times::touched(cookie.now), lifetimes)
    }

    fn seal(&self, record: &Record, sealing: SealContext<'_>) -> Result<OutgoingCookie, Error> {
        let extras = CloakroomExtras::of(record, sealing.lifetimes, Keeps::Nothing, KEYS.csrf_key());
        let value = STANDARD.encode(write(&KEYS, record, &extras, &[])?);
        let tag = self.keys.first().map(|key| Self::signature(key, sealing.name, &value)).unwrap_or_default();
        Ok(OutgoingCookie::new(value).with_companion(URL_SAFE_NO_PAD.encode(tag)))
    }
}
