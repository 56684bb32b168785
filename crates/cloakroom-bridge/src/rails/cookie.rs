//! `ActionDispatch::Session::CookieStore`.

use std::time::Duration;

use cloakroom_session::factory::{CookieOrder, CsrfScheme, Json, Record, Rejected, SessionTimes};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes, Timestamp};

use super::envelope;
use super::keys::{RailsKeys, SESSION_ID};
use super::legacy::Legacy;
use super::seal::{DerivedKey, NONCE, RailsDigest};
use crate::cookie_format::{CookieFormat, CookieLife, IncomingCookie, OutgoingCookie, SealContext};
use crate::extras::{CloakroomExtras, Keeps};
use crate::hex::hex;
use crate::layout::{Layout as _, Times, read, write};
use crate::percent;
use crate::secret::Secret;

/// The session cookie of Rails, serialized as JSON.
///
/// It requires `config.action_dispatch.cookies_serializer = :json`.
///
/// Encrypted cookies follow Rails 5.2 and newer: AES-256-GCM, with a purpose and an expiry in the
/// envelope. Marshalled sessions and the cookies of older versions are recognized and refused; with
/// the `:hybrid` serializer Rails rewrites the former itself.
///
/// # Security
/// `secret_key_base` opens everything that Rails seals: protect it here as carefully as there.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{BridgedCookies, RailsCookie, RailsDigest};
/// use cloakroom_session::CookieConfig;
///
/// # let secret_key_base = "0123456789abcdef".repeat(8);
/// // Rails 7 and newer, which still reads what Rails 6 has sealed.
/// let format = RailsCookie::encrypted(secret_key_base.as_str()).also_read(secret_key_base.as_str(), RailsDigest::Sha1).build()?;
/// let sessions = BridgedCookies::new(format).cookie(CookieConfig::default().name("_shop_session")).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RailsCookie {
    keys: Vec<DerivedKey>,
    legacy: Legacy,
    expire_after: Option<Duration>,
    bare: bool,
}

/// Options of [`RailsCookie`].
#[derive(Clone, Debug)]
#[must_use]
pub struct RailsCookieBuilder {
    kind: Kind,
    secrets: Vec<(Secret, Option<RailsDigest>)>,
    digest: RailsDigest,
    signature: RailsDigest,
    expire_after: Option<Duration>,
    bare: bool,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Encrypted,
    Signed,
}

impl RailsCookie {
    /// Creates the format of Rails' encrypted sessions, with this `secret_key_base`.
    pub fn encrypted(secret_key_base: impl Into<Secret>) -> RailsCookieBuilder {
        RailsCookieBuilder::new(Kind::Encrypted, secret_key_base.into())
    }

    /// Creates the format of Rails' signed cookie jar, with this `secret_key_base`.
    pub fn signed(secret_key_base: impl Into<Secret>) -> RailsCookieBuilder {
        RailsCookieBuilder::new(Kind::Signed, secret_key_base.into())
    }
}

impl RailsCookieBuilder {
    fn new(kind: Kind, secret: Secret) -> Self {
        let (digest, signature) = (RailsDigest::default(), RailsDigest::Sha1);
        Self { kind, secrets: vec![(secret, None)], digest, signature, expire_after: None, bare: false }
    }

    /// Sets the hash of key derivation.
    ///
    /// The default is SHA-256, which Rails uses since 7.0. Earlier versions use SHA-1.
    pub const fn digest(mut self, digest: RailsDigest) -> Self {
        self.digest = digest;
        self
    }

    /// Sets the hash of cookie signatures (`signed_cookie_digest`).
    ///
    /// The default is SHA-1.
    pub const fn signature(mut self, digest: RailsDigest) -> Self {
        self.signature = digest;
        self
    }

    /// Adds a secret with its hash of key derivation, which only opens.
    ///
    /// This corresponds to Rails' `cookies_rotations`. To support an old hash, repeat the secret.
    pub fn also_read(mut self, secret_key_base: impl Into<Secret>, digest: RailsDigest) -> Self {
        self.secrets.push((secret_key_base.into(), Some(digest)));
        self
    }

    /// Sets Rails' `expire_after`.
    ///
    /// It is both the idle timeout and the time for which browsers keep the cookie.
    pub const fn expire_after(mut self, span: Duration) -> Self {
        self.expire_after = Some(span);
        self
    }

    /// Writes no envelope, like Rails before 6.0 (`use_cookies_with_metadata = false`).
    ///
    /// Both forms are always read.
    pub const fn without_metadata(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Checks the options and derives the keys, which takes a few milliseconds.
    ///
    /// # Errors
    /// Fails if a secret is empty.
    pub fn build(self) -> Result<RailsCookie, ConfigError> {
        let mut keys = Vec::with_capacity(self.secrets.len());
        let mut legacy = Legacy::default();
        for (secret, digest) in &self.secrets {
            let secret = secret.checked("secret_key_base")?;
            let digest = digest.unwrap_or(self.digest);
            keys.push(match self.kind {
                Kind::Encrypted => DerivedKey::encrypted(secret, digest)?,
                Kind::Signed => DerivedKey::signed(secret, digest, self.signature)?,
            });
            legacy.add(secret)?;
        }
        Ok(RailsCookie { keys, legacy, expire_after: self.expire_after, bare: self.bare })
    }
}

/// Returns the times of a session whose envelope may contain its expiry. With an idle timeout, the
/// last use was one idle timeout before the expiry.
fn times(expires: Option<Timestamp>, now: Timestamp, lifetimes: &Lifetimes) -> Times {
    let idle = SessionTimes::start(now, lifetimes).idle_deadline.map(|deadline| deadline.since(now));
    let used = expires.zip(idle).map(|(at, idle)| {
        let idle = u64::try_from(idle.as_millis()).unwrap_or(u64::MAX);
        Timestamp::from_unix_millis(at.unix_millis().saturating_sub(idle))
    });
    let touched = used.filter(|used| *used < now).unwrap_or(now);
    Times { expires: expires.filter(|_| idle.is_none()), ..Times::touched(touched) }
}

impl CookieFormat for RailsCookie {
    fn framework(&self) -> &'static str {
        RailsKeys.framework()
    }

    /// `_session`; Rails derives the name from the application's, such as `_shop_session`.
    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("_session")
    }

    /// `expire_after`, which each use renews, as in Rails. Without it there are no timeouts: the
    /// cookie contains no time from which to count them.
    fn lifetimes(&self) -> Lifetimes {
        Lifetimes::default().idle_timeout(self.expire_after).absolute_timeout(None).touch_after(Duration::ZERO)
    }

    fn order(&self) -> CookieOrder {
        CookieOrder::FirstFirst
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        RailsKeys.csrf_scheme()
    }

    fn open(&self, cookie: IncomingCookie<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let text = percent::decode(cookie.value).ok_or(Rejected::Malformed)?;
        let mut reason = Rejected::Malformed;
        for key in &self.keys {
            match key.open(&text) {
                Ok(plaintext) => {
                    let content = envelope::open(plaintext, cookie.name)?;
                    let times = times(content.expires, cookie.now, lifetimes);
                    return read(&RailsKeys, &content.session, times, lifetimes);
                }
                Err(why) => reason = why,
            }
        }
        Err(self.legacy.refusal(&text, reason))
    }

    fn seal(&self, record: &Record, sealing: SealContext<'_>) -> Result<OutgoingCookie, Error> {
        let extras = CloakroomExtras::of(record, sealing.lifetimes, Keeps::Nothing, RailsKeys.csrf_key());
        let known = record.foreign(RailsKeys.framework()).is_some_and(|foreign| foreign.member(SESSION_ID).is_some());
        let (nonce, rest) = sealing.random.split_first_chunk::<NONCE>().unwrap_or((&[0; NONCE], &[]));
        let id = hex(rest.get(..16).unwrap_or_default());
        let id = [(SESSION_ID, Json::encode(SESSION_ID, &id)?.as_str().to_owned())];
        let session = write(&RailsKeys, record, &extras, if known { &[] } else { &id })?;
        let mut times = *record.times();
        times.touch(sealing.now, sealing.lifetimes);
        let ends = times.ends();
        let content = if self.bare { session } else { envelope::seal(&session, ends, sealing.name)? };
        let text = self.keys.first().and_then(|key| key.seal(content, *nonce));
        let text = text.ok_or_else(|| Error::unavailable("the session can't be encrypted"))?;
        let life = self.expire_after.map_or(CookieLife::Configured, CookieLife::Lasts);
        Ok(OutgoingCookie::new(percent::encode(&text)).kept_for(life))
    }
}
