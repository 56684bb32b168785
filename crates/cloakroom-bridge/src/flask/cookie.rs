//! Flask's session cookie.

use std::time::Duration;

use cloakroom_session::factory::{CookieOrder, FrameworkData, Json, Record, Rejected};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes};
use sha1::Sha1;

use super::keys::{FlaskKeys, PERMANENT};
use crate::cookie_format::{CookieFormat, CookieLife, IncomingCookie, OutgoingCookie, Renewal, SealContext};
use crate::extras::{CloakroomExtras, Keeps};
use crate::layout::{Layout as _, Times, read, write};
use crate::mac::Mac;
use crate::secret::Secret;
use crate::token::{Time, Tokens};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Flask's session cookie, signed by `itsdangerous` with HMAC-SHA1.
///
/// It holds tagged JSON, compressed if that is shorter.
///
/// | Flask | here |
/// |---|---|
/// | `flash("Saved")` | `flash("Saved")` |
/// | `flash("Saved", "success")` | `flash_queue("success").push("Saved")`: the category is the queue |
/// | `session.permanent = True` | kept; `remember(duration)` sets it |
/// | `session["csrf_token"]` of Flask-WTF | the session's token, see [`FlaskWtf`](crate::FlaskWtf) |
///
/// # Security
/// Anyone who has the cookie can read it. Signing out removes the cookie; a copy of it remains
/// valid for `PERMANENT_SESSION_LIFETIME`.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{BridgedCookies, FlaskCookie};
///
/// // SECRET_KEY and SECRET_KEY_FALLBACKS
/// let format = FlaskCookie::new("dev-secret-key").fallback("an older one").build()?;
/// let sessions = BridgedCookies::new(format).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FlaskCookie {
    tokens: Tokens,
    keys: FlaskKeys,
    permanent_lifetime: Duration,
    refresh_each_request: bool,
}

/// Options of [`FlaskCookie`].
#[derive(Clone, Debug)]
#[must_use]
pub struct FlaskCookieBuilder {
    secrets: Vec<Secret>,
    salt: String,
    keys: FlaskKeys,
    permanent_lifetime: Duration,
    refresh_each_request: bool,
}

impl FlaskCookie {
    /// Creates the format with this `SECRET_KEY`.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(secret_key: impl Into<Secret>) -> FlaskCookieBuilder {
        let (secrets, salt) = (vec![secret_key.into()], "cookie-session".to_owned());
        FlaskCookieBuilder {
            secrets,
            salt,
            keys: FlaskKeys::default(),
            permanent_lifetime: DAY * 31,
            refresh_each_request: true,
        }
    }

    fn is_permanent(&self, record: &Record) -> bool {
        let was = record.foreign(self.keys.framework()).and_then(|foreign: &FrameworkData| foreign.member(PERMANENT));
        record.times().remembered || was.is_some_and(|it| it.as_str() == "true")
    }
}

impl FlaskCookieBuilder {
    /// Adds one of `SECRET_KEY_FALLBACKS`: it verifies but doesn't sign.
    pub fn fallback(mut self, secret_key: impl Into<Secret>) -> Self {
        self.secrets.push(secret_key.into());
        self
    }

    /// Sets the salt of a custom session interface.
    pub fn salt(mut self, salt: impl Into<String>) -> Self {
        self.salt = salt.into();
        self
    }

    /// Lets handlers write tagged values under this key, such as `{" t":[3,4]}` for a tuple.
    ///
    /// Under all other keys, an object that looks like a tagged value is escaped, so that Flask
    /// reads the same object. A tagged value that Flask wrote itself keeps its tag under every key.
    ///
    /// # Security
    /// Never store a visitor's JSON under this key: `{" m":"<script>…"}` is `Markup` in Flask,
    /// which templates print without escaping.
    pub fn tagged_key(mut self, key: impl Into<String>) -> Self {
        self.keys.tagged.push(key.into());
        self
    }

    /// Sets `PERMANENT_SESSION_LIFETIME`. The default is 31 days, as in Flask.
    pub const fn permanent_lifetime(mut self, lifetime: Duration) -> Self {
        self.permanent_lifetime = lifetime;
        self
    }

    /// Sets `SESSION_REFRESH_EACH_REQUEST`. The default is `true`, as in Flask.
    ///
    /// It decides whether each use renews the cookie of a permanent session. Other sessions are
    /// renewed only by writes.
    pub const fn refresh_each_request(mut self, refresh: bool) -> Self {
        self.refresh_each_request = refresh;
        self
    }

    /// Checks the options and builds the format.
    ///
    /// # Errors
    /// Fails if a secret is empty.
    pub fn build(self) -> Result<FlaskCookie, ConfigError> {
        let mac = |secret: &Secret| {
            let key = Mac::new::<Sha1>(secret.checked("secret_key")?)?.tag(&[self.salt.as_bytes()]);
            Mac::new::<Sha1>(&key)
        };
        let macs = self.secrets.iter().map(mac).collect::<Result<_, _>>()?;
        let tokens = Tokens { separator: '.', time: Time::Bytes, macs };
        Ok(FlaskCookie {
            tokens,
            keys: self.keys,
            permanent_lifetime: self.permanent_lifetime,
            refresh_each_request: self.refresh_each_request,
        })
    }
}

impl CookieFormat for FlaskCookie {
    fn framework(&self) -> &'static str {
        self.keys.framework()
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("session")
    }

    fn order(&self) -> CookieOrder {
        CookieOrder::FirstFirst
    }

    /// `PERMANENT_SESSION_LIFETIME` after the last write, which Flask enforces for all sessions. As
    /// in Flask, each use of a permanent session is a write.
    fn lifetimes(&self) -> Lifetimes {
        let touch = self.refresh_each_request.then_some(Duration::ZERO);
        Lifetimes::default().idle_timeout(self.permanent_lifetime).absolute_timeout(None).touch_after(touch)
    }

    fn renewal(&self, record: &Record) -> Renewal {
        if self.is_permanent(record) { Renewal::Uses } else { Renewal::Writes }
    }

    fn open(&self, cookie: IncomingCookie<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let (payload, touched) = self.tokens.open(cookie.value)?;
        let payload = String::from_utf8(payload).map_err(|_| Rejected::Corrupt)?;
        let object = Json::from_lenient("session", payload).map_err(|_| Rejected::Corrupt)?;
        read(&self.keys, &object, Times::touched(touched), lifetimes)
    }

    fn seal(&self, record: &Record, sealing: SealContext<'_>) -> Result<OutgoingCookie, Error> {
        let extras = CloakroomExtras::of(record, sealing.lifetimes, Keeps::Nothing, self.keys.csrf_key());
        let permanent = self.is_permanent(record);
        let mut hidden = Vec::new();
        if record.times().remembered {
            hidden.push((PERMANENT, "true".to_owned()));
        }
        let payload = write(&self.keys, record, &extras, &hidden)?;
        let sealed = OutgoingCookie::new(self.tokens.seal(&payload, sealing.now));
        let life = if permanent { CookieLife::Lasts(self.permanent_lifetime) } else { CookieLife::BrowserSession };
        Ok(sealed.kept_for(life))
    }
}
