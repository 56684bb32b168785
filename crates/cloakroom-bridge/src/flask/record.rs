//! The records of Flask-Session, and the cookie with their id.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_session::factory::{CookieOrder, FrameworkData, Json, Record, Rejected};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes, Timestamp};
use sha1::Sha1;

use super::keys::PERMANENT;
use super::record_keys::RecordKeys;
use crate::cookie_format::{CookieLife, IncomingCookie, Renewal, SealContext};
use crate::extras::{CloakroomExtras, Keeps};
use crate::layout::{Layout as _, Times, read, write};
use crate::mac::Mac;
use crate::msgpack;
use crate::secret::Secret;
use crate::shared::{RecordFormat, text_of};

/// The number of characters of an id: Flask-Session's `SESSION_ID_LENGTH` is a number of bytes.
const ID: std::ops::RangeInclusive<usize> = 22..=256;

/// The records of Flask-Session 0.8 in Redis, and the cookie with their id.
///
/// A record is MessagePack or JSON. Both are read; the configured one is written. Handlers see the
/// same values as `flask.session`, and flash messages as in [`FlaskCookie`](crate::FlaskCookie).
///
/// | Flask-Session | here |
/// |---|---|
/// | `SESSION_SERIALIZATION_FORMAT = "msgpack"`, the default | the default |
/// | `SESSION_SERIALIZATION_FORMAT = "json"` | [`json`](FlaskSessionRecordBuilder::json) |
/// | `PERMANENT_SESSION_LIFETIME` | [`permanent_lifetime`](FlaskSessionRecordBuilder::permanent_lifetime) |
/// | `SESSION_PERMANENT = False` | [`permanent(false)`](FlaskSessionRecordBuilder::permanent) |
/// | `SESSION_REFRESH_EACH_REQUEST = False` | [`refresh_each_request(false)`](FlaskSessionRecordBuilder::refresh_each_request) |
/// | `SESSION_USE_SIGNER = True` | [`signed(secret_key)`](FlaskSessionRecordBuilder::signed) |
/// | `SESSION_KEY_PREFIX = "session:"` | `RedisRecords::prefix("session:")` |
///
/// # Security
/// The id is the record's key: anyone who can read the store can use an unsigned cookie. A pickle,
/// which Flask-Session before 0.7 wrote, is refused and never parsed. Flask-Session saves
/// unconditionally: a slow request there overwrites concurrent changes, and revives a session that
/// ended in the meantime. This side does neither.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{FlaskSessionRecord, MemoryRecords, SharedRecords};
///
/// let format = FlaskSessionRecord::builder().build()?;
/// let sessions = SharedRecords::new(format, MemoryRecords::new()).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FlaskSessionRecord {
    signer: Option<Mac>,
    permanent_lifetime: Duration,
    options: Options,
}

/// Options of [`FlaskSessionRecord`].
#[derive(Clone, Debug)]
#[must_use]
pub struct FlaskSessionRecordBuilder {
    secret: Option<Secret>,
    permanent_lifetime: Duration,
    options: Options,
}

#[derive(Clone, Copy, Debug)]
struct Options {
    is_json: bool,
    is_permanent: bool,
    refresh_each_request: bool,
}

impl FlaskSessionRecord {
    /// Returns the options, with the defaults of Flask-Session.
    pub const fn builder() -> FlaskSessionRecordBuilder {
        let options = Options { is_json: false, is_permanent: true, refresh_each_request: true };
        let permanent_lifetime = Duration::from_secs(31 * 24 * 60 * 60);
        FlaskSessionRecordBuilder { secret: None, permanent_lifetime, options }
    }

    fn is_permanent(&self, record: &Record) -> bool {
        let foreign = record.foreign(RecordKeys.framework());
        let was = foreign.and_then(|foreign: &FrameworkData| foreign.member(PERMANENT));
        // A record that begins has no members yet.
        let begins = foreign.is_none_or(|foreign| foreign.entries().is_empty());
        let own = if begins { self.options.is_permanent } else { was.is_some_and(|it| it.as_str() == "true") };
        own || record.times().remembered
    }
}

impl FlaskSessionRecordBuilder {
    /// Writes JSON instead of MessagePack.
    pub const fn json(mut self) -> Self {
        self.options.is_json = true;
        self
    }

    /// Sets `PERMANENT_SESSION_LIFETIME`, the idle timeout. The default is 31 days, as in Flask.
    pub const fn permanent_lifetime(mut self, lifetime: Duration) -> Self {
        self.permanent_lifetime = lifetime;
        self
    }

    /// Sets `SESSION_PERMANENT`: whether browsers keep the cookies of new sessions for
    /// `PERMANENT_SESSION_LIFETIME`. The default is `true`, as in Flask-Session.
    pub const fn permanent(mut self, permanent: bool) -> Self {
        self.options.is_permanent = permanent;
        self
    }

    /// Sets `SESSION_REFRESH_EACH_REQUEST`: whether each use of a session prolongs it. The default
    /// is `true`, as in Flask.
    pub const fn refresh_each_request(mut self, refresh: bool) -> Self {
        self.options.refresh_each_request = refresh;
        self
    }

    /// Sets `SESSION_USE_SIGNER`, with Flask's `SECRET_KEY`.
    pub fn signed(mut self, secret_key: impl Into<Secret>) -> Self {
        self.secret = Some(secret_key.into());
        self
    }

    /// Checks the options and builds the format.
    ///
    /// # Errors
    /// Fails if the secret is empty.
    pub fn build(self) -> Result<FlaskSessionRecord, ConfigError> {
        let mac = |secret: &Secret| {
            let key = Mac::new::<Sha1>(secret.checked("secret_key")?)?.tag(&[b"flask-session"]);
            Mac::new::<Sha1>(&key)
        };
        let signer = self.secret.as_ref().map(mac).transpose()?;
        Ok(FlaskSessionRecord { signer, permanent_lifetime: self.permanent_lifetime, options: self.options })
    }
}

/// Returns the object in a record.
fn object(stored: &[u8]) -> Result<Json, Rejected> {
    let text = if stored.first() == Some(&b'{') {
        text_of(stored)?.to_owned()
    } else {
        let (mut rest, mut text) = (stored, String::with_capacity(stored.len()));
        let is_read = msgpack::read_value(&mut rest, 1, &mut text).is_some() && rest.is_empty();
        match (is_read, stored) {
            (true, _) => text,
            // The first two bytes of a pickle of protocol 2 and newer. As MessagePack, they would
            // be an empty map and more.
            (false, [0x80, 2..=5, ..]) => return Err(Rejected::UnsafeSerializer),
            (false, _) => return Err(Rejected::Corrupt),
        }
    };
    Json::from_lenient("session", text).map_err(|_| Rejected::Corrupt)
}

impl RecordFormat for FlaskSessionRecord {
    fn framework(&self) -> &'static str {
        RecordKeys.framework()
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("session")
    }

    /// `PERMANENT_SESSION_LIFETIME`, also for sessions that aren't permanent. As in Flask-Session,
    /// each use of a session prolongs it.
    fn lifetimes(&self) -> Lifetimes {
        let touch = self.options.refresh_each_request.then_some(Duration::ZERO);
        Lifetimes::default().idle_timeout(self.permanent_lifetime).absolute_timeout(None).touch_after(touch)
    }

    fn max_age(&self) -> Option<Duration> {
        self.options.is_permanent.then_some(self.permanent_lifetime)
    }

    fn order(&self) -> CookieOrder {
        CookieOrder::FirstFirst
    }

    fn life(&self, record: &Record) -> CookieLife {
        if self.is_permanent(record) { CookieLife::Lasts(self.permanent_lifetime) } else { CookieLife::BrowserSession }
    }

    fn renewal(&self, record: &Record) -> Option<Renewal> {
        let uses = self.options.refresh_each_request && self.is_permanent(record);
        Some(if uses { Renewal::Uses } else { Renewal::Writes })
    }

    fn open_id(&self, cookie: IncomingCookie<'_>) -> Result<String, Rejected> {
        let id = match &self.signer {
            None => cookie.value,
            Some(mac) => {
                let (id, tag) = cookie.value.rsplit_once('.').ok_or(Rejected::Malformed)?;
                let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| Rejected::Malformed)?;
                if !mac.verifies(&[id.as_bytes()], &tag) {
                    return Err(Rejected::Forged);
                }
                id
            }
        };
        let is_id = ID.contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if is_id { Ok(id.to_owned()) } else { Err(Rejected::Malformed) }
    }

    fn seal_id(&self, id: &str, _: SealContext<'_>) -> String {
        match &self.signer {
            None => id.to_owned(),
            Some(mac) => format!("{id}.{}", URL_SAFE_NO_PAD.encode(mac.tag(&[id.as_bytes()]))),
        }
    }

    /// Generates 32 bytes, as `secrets.token_urlsafe` does.
    fn fresh_id(&self, random: &[u8; 64]) -> String {
        URL_SAFE_NO_PAD.encode(random.first_chunk::<32>().map_or(&[][..], |it| it))
    }

    fn open(&self, stored: &[u8], now: Timestamp, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let mut record = read(&RecordKeys, &object(stored)?, Times::touched(now), lifetimes)?;
        // The record contains no time, so only the store knows whether the session has expired.
        record.restore_touch(Timestamp::from_unix_secs(0), None);
        Ok(record)
    }

    fn seal(&self, _: &str, record: &Record, sealing: SealContext<'_>) -> Result<Vec<u8>, Error> {
        let extras = CloakroomExtras::of(record, sealing.lifetimes, Keeps::Nothing, RecordKeys.csrf_key());
        let is_new = record.foreign(RecordKeys.framework()).is_none();
        let permanent = is_new.then_some(self.options.is_permanent).or(record.times().remembered.then_some(true));
        let hidden: Vec<_> = permanent.map(|it| (PERMANENT, it.to_string())).into_iter().collect();
        let text = write(&RecordKeys, record, &extras, &hidden)?;
        if self.options.is_json {
            return Ok(text.into_bytes());
        }
        let mut stored = Vec::with_capacity(text.len());
        let written = msgpack::write_value(&Json::from_lenient("session", text)?, 1, &mut stored);
        written.map_err(|reason| Error::inexact("session", reason))?;
        Ok(stored)
    }
}
