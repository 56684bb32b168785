//! The records of tower-sessions, and the cookie with their id.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_session::factory::{Json, Record, Rejected, SessionTimes};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes, SameSite, Timestamp};

use super::keys::TowerKeys;
use super::msgpack;
use crate::cookie_format::{CookieLife, IncomingCookie, Renewal, SealContext};
use crate::cookie_jar::JarSeal;
use crate::extras::{CloakroomExtras, Keeps};
use crate::layout::{Layout as _, Times, read, write};
use crate::secret::Secret;
use crate::shared::{RecordFormat, TouchMode};

const KEYS: TowerKeys = TowerKeys;

/// The time for which tower-sessions keeps a session of `Expiry::OnSessionEnd`.
const TWO_WEEKS: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// The expiry of sessions without one: records of tower-sessions always have an expiry.
const LATEST: Timestamp = Timestamp::from_unix_secs(253_402_300_799);

/// The records of tower-sessions 0.14 and 0.15, and the cookie with their id.
///
/// A record is MessagePack, as `tower-sessions-sqlx-store` 0.15 and `tower-sessions-redis-store`
/// 0.16 write it. Handlers see the same values on both sides.
///
/// | tower-sessions | here |
/// |---|---|
/// | `SessionManagerLayer::new(store)` | `TowerSessionsRecord::plain()` |
/// | `.with_signed(key)` | `TowerSessionsRecord::signed(key.master())?` |
/// | `.with_private(key)` | `TowerSessionsRecord::private(key.master())?` |
/// | `.with_expiry(Expiry::OnInactivity(span))` | [`on_inactivity(span)`](Self::on_inactivity) |
/// | `.with_always_save(true)` | [`always_save(true)`](Self::always_save) |
/// | `messages.success("Saved")` of `axum-messages` | `flash(Message::success("Saved"))` |
///
/// A time that a handler there sets for one session with `set_expiry` lasts until the session is
/// saved next, on either side: tower-sessions doesn't keep it.
///
/// # Security
/// The id is the record's key: anyone who can read the store can use a plain cookie, but can't sign
/// one. In SQL stores, tower-sessions saves unconditionally: a slow request there overwrites
/// concurrent changes, and revives a session that ended in the meantime. This side does neither.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{MemoryRecords, SharedRecords, TowerSessionsRecord};
/// use std::time::Duration;
///
/// // SessionManagerLayer::new(store).with_signed(key).with_expiry(Expiry::OnInactivity(Duration::hours(1)))
/// let key = [7; 64];                                      // key.master()
/// let format = TowerSessionsRecord::signed(&key[..])?.on_inactivity(Duration::from_secs(3600));
/// let sessions = SharedRecords::new(format, MemoryRecords::new()).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct TowerSessionsRecord {
    seal: JarSeal,
    inactivity: Option<Duration>,
    always_save: bool,
}

impl TowerSessionsRecord {
    /// Creates the format with plain cookies, the default of tower-sessions.
    #[must_use]
    pub const fn plain() -> Self {
        Self::of(JarSeal::Plain)
    }

    /// Creates the format with signed cookies and this `Key`, as returned by `master()`.
    ///
    /// # Errors
    /// Fails if the key has fewer than 64 bytes.
    pub fn signed(key: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Self::of(JarSeal::signed(&key.into())?))
    }

    /// Creates the format with private cookies and this `Key`, as returned by `master()`.
    ///
    /// # Errors
    /// Fails if the key has fewer than 64 bytes.
    pub fn private(key: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Self::of(JarSeal::private(&key.into())?))
    }

    const fn of(seal: JarSeal) -> Self {
        Self { seal, inactivity: None, always_save: false }
    }

    /// Sets `Expiry::OnInactivity`.
    ///
    /// It is both the idle timeout and the time for which browsers keep the cookie. Without it, as
    /// with `Expiry::OnSessionEnd`, stores keep a session for two weeks and browsers until they are
    /// closed.
    #[must_use]
    pub const fn on_inactivity(mut self, span: Duration) -> Self {
        self.inactivity = Some(span);
        self
    }

    /// Sets `with_always_save`: whether a request that only reads prolongs the session.
    ///
    /// The default is `false`, as in tower-sessions.
    #[must_use]
    pub const fn always_save(mut self, always: bool) -> Self {
        self.always_save = always;
        self
    }
}

/// Returns the time that is earlier by `span`.
fn before(at: Timestamp, span: Duration) -> Timestamp {
    Timestamp::from_unix_millis(at.unix_millis().saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
}

/// Returns the bytes of an id.
fn bytes_of(id: &str) -> Option<[u8; 16]> {
    URL_SAFE_NO_PAD.decode(id).ok()?.try_into().ok()
}

impl RecordFormat for TowerSessionsRecord {
    fn framework(&self) -> &'static str {
        KEYS.framework()
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("id").same_site(SameSite::Strict)
    }

    /// The time of `Expiry::OnInactivity`, or two weeks, after the last save. tower-sessions
    /// doesn't save a session that is only read, and neither does this bridge unless configured to.
    fn lifetimes(&self) -> Lifetimes {
        let lifetimes = Lifetimes::default().idle_timeout(self.inactivity.unwrap_or(TWO_WEEKS)).absolute_timeout(None);
        lifetimes.touch_after(self.always_save.then_some(Duration::ZERO))
    }

    fn max_age(&self) -> Option<Duration> {
        self.inactivity
    }

    fn life(&self, record: &Record) -> CookieLife {
        let times = record.times();
        match (times.remembered, times.absolute_deadline, times.own_idle) {
            (true, Some(date), _) => CookieLife::Until(date),
            (_, _, Some(Some(idle))) if self.inactivity.is_some() => CookieLife::Lasts(idle),
            (_, _, Some(_)) => CookieLife::BrowserSession,
            _ => CookieLife::Configured,
        }
    }

    fn renewal(&self, _: &Record) -> Option<Renewal> {
        Some(if self.always_save { Renewal::Uses } else { Renewal::Writes })
    }

    /// The expiry is a part of the record.
    fn touch_mode(&self) -> TouchMode {
        TouchMode::Record
    }

    fn open_id(&self, cookie: IncomingCookie<'_>) -> Result<String, Rejected> {
        let id = self.seal.open(cookie.name, cookie.value)?;
        if bytes_of(&id).is_some() { Ok(id) } else { Err(Rejected::Malformed) }
    }

    fn seal_id(&self, id: &str, sealing: SealContext<'_>) -> String {
        self.seal.seal(sealing.name, id, sealing.random)
    }

    fn fresh_id(&self, random: &[u8; 64]) -> String {
        URL_SAFE_NO_PAD.encode(random.first_chunk::<16>().map_or(&[][..], |it| it))
    }

    fn open(&self, stored: &[u8], now: Timestamp, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let parts = msgpack::open(stored)?;
        let idle_of = |lifetimes: &Lifetimes| SessionTimes::start(now, lifetimes).idle_deadline.map(|it| it.since(now));
        let saved = |idle: Option<Duration>| idle.map_or(now, |idle| before(parts.expires, idle).min(now));
        let usual = idle_of(lifetimes);
        let mut record = read(&KEYS, &parts.data, Times::touched(saved(usual)), lifetimes)?;
        // The other side doesn't know the time that a handler here set for this session. A longer
        // one than that is never used.
        let idle = record.times().own_idle.unwrap_or(usual);
        let latest = idle.map_or(parts.expires, |idle| parts.expires.min(now + idle));
        record.restore_touch(saved(idle), Some(latest));
        Ok(record)
    }

    fn seal(&self, id: &str, record: &Record, sealing: SealContext<'_>) -> Result<Vec<u8>, Error> {
        let id = bytes_of(id).ok_or_else(|| Error::corrupt("the id isn't one of tower-sessions"))?;
        let extras = CloakroomExtras::of(record, sealing.lifetimes, Keeps::Nothing, KEYS.csrf_key());
        let data = Json::from_lenient("session", write(&KEYS, record, &extras, &[])?)?;
        msgpack::seal(id, &data, record.times().ends().unwrap_or(LATEST).min(LATEST))
    }
}
