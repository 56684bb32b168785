//! The cookie of Starlette's `SessionMiddleware`.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom_session::factory::{CsrfScheme, Json, Record, Rejected};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes};
use sha1::{Digest as _, Sha1};

use super::keys::StarletteKeys;
use crate::cookie_format::{CookieFormat, CookieLife, IncomingCookie, OutgoingCookie, SealContext};
use crate::extras::{CloakroomExtras, Keeps};
use crate::layout::{Layout as _, Times, read, write};
use crate::mac::Mac;
use crate::secret::Secret;
use crate::token::{Time, Tokens};

/// The default of `max_age`.
const TWO_WEEKS: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The salt of `itsdangerous.TimestampSigner`, which Starlette doesn't change.
const SALT: &[u8] = b"itsdangerous.Signer";

/// The session cookie of Starlette's `SessionMiddleware`, which FastAPI uses as well.
///
/// It holds JSON in base64, signed by `itsdangerous` with HMAC-SHA1 and a time.
///
/// | Starlette | here |
/// |---|---|
/// | `request.session.pop("_flash", {})` | the waiting messages: an object with a list for each queue, `message` for the default queue |
/// | `request.session["csrf_token"]` | the session's token, in forms as well |
///
/// # Security
/// Anyone who has the cookie can read it. Signing out removes the cookie; a copy of it remains
/// valid for `max_age`, or forever without one. Starlette knows only one secret: to rotate it, use
/// [`previous`](StarletteCookieBuilder::previous) here, and expect Starlette to end the sessions
/// that were signed with the old one.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{BridgedCookies, StarletteCookie};
///
/// // app.add_middleware(SessionMiddleware, secret_key="dev-secret-key")
/// let sessions = BridgedCookies::new(StarletteCookie::new("dev-secret-key").build()?).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct StarletteCookie {
    tokens: Tokens,
    max_age: Option<Duration>,
}

/// Options of [`StarletteCookie`].
#[derive(Clone, Debug)]
#[must_use]
pub struct StarletteCookieBuilder {
    secrets: Vec<Secret>,
    max_age: Option<Duration>,
}

impl StarletteCookie {
    /// Creates the format with this `secret_key`.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(secret_key: impl Into<Secret>) -> StarletteCookieBuilder {
        StarletteCookieBuilder { secrets: vec![secret_key.into()], max_age: Some(TWO_WEEKS) }
    }
}

impl StarletteCookieBuilder {
    /// Adds an earlier secret: it verifies but doesn't sign.
    pub fn previous(mut self, secret_key: impl Into<Secret>) -> Self {
        self.secrets.push(secret_key.into());
        self
    }

    /// Sets `max_age`. The default is two weeks, as in Starlette.
    ///
    /// With `None` the browser keeps the cookie until it is closed, and no cookie expires.
    pub const fn max_age(mut self, max_age: Option<Duration>) -> Self {
        self.max_age = max_age;
        self
    }

    /// Checks the options and builds the format.
    ///
    /// # Errors
    /// Fails if a secret is empty.
    pub fn build(self) -> Result<StarletteCookie, ConfigError> {
        let mac = |secret: &Secret| {
            let key = Sha1::new().chain_update(SALT).chain_update(b"signer");
            Mac::new::<Sha1>(&key.chain_update(secret.checked("secret_key")?).finalize())
        };
        let macs = self.secrets.iter().map(mac).collect::<Result<_, _>>()?;
        let tokens = Tokens { separator: '.', time: Time::Bytes, macs };
        Ok(StarletteCookie { tokens, max_age: self.max_age })
    }
}

impl CookieFormat for StarletteCookie {
    fn framework(&self) -> &'static str {
        StarletteKeys.framework()
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("session")
    }

    /// `max_age` after the last write. Starlette doesn't renew the cookie of a session that is only
    /// read (versions before 1.0 do), and neither does this format unless configured to.
    fn lifetimes(&self) -> Lifetimes {
        Lifetimes::default().idle_timeout(self.max_age).absolute_timeout(None).touch_after(None)
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        StarletteKeys.csrf_scheme()
    }

    fn open(&self, cookie: IncomingCookie<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let (payload, touched) = self.tokens.unsign(cookie.value)?;
        let text = STANDARD.decode(payload).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let object = Json::from_lenient("session", text.ok_or(Rejected::Corrupt)?).map_err(|_| Rejected::Corrupt)?;
        read(&StarletteKeys, &object, Times::touched(touched), lifetimes)
    }

    fn seal(&self, record: &Record, sealing: SealContext<'_>) -> Result<OutgoingCookie, Error> {
        let extras = CloakroomExtras::of(record, sealing.lifetimes, Keeps::Nothing, StarletteKeys.csrf_key());
        let payload = STANDARD.encode(write(&StarletteKeys, record, &extras, &[])?);
        let sealed = OutgoingCookie::new(self.tokens.sign(payload, sealing.now));
        Ok(sealed.kept_for(self.max_age.map_or(CookieLife::BrowserSession, CookieLife::Lasts)))
    }
}
