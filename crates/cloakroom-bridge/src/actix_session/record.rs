//! `RedisSessionStore`: the cookie holds a key, and Redis the session.

use std::time::Duration;

use cloakroom_session::factory::{CookieOrder, Record, Rejected};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes, Timestamp};

use super::state::{self, KEYS};
use crate::cookie_format::{CookieLife, IncomingCookie, Renewal, SealContext};
use crate::cookie_jar::JarSeal;
use crate::layout::Layout as _;
use crate::secret::Secret;
use crate::shared::{RecordFormat, text_of};

/// The time for which actix-session keeps a session.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Keys of actix-session have 64 letters and digits. An application's own store may generate
/// others.
const KEY: usize = 64;

/// The JSON records of actix-session 0.11 in Redis, and the cookie with their key.
///
/// | actix-session | here |
/// |---|---|
/// | the default, `CookieContentSecurity::Private` | `ActixSessionRecord::private(key.master())?` |
/// | `CookieContentSecurity::Signed` | `ActixSessionRecord::signed(key.master())?` |
/// | `BrowserSession::default().state_ttl(span)` | [`state_ttl(span)`](Self::state_ttl) |
/// | `PersistentSession::default().session_ttl(span)` | [`session_ttl(span)`](Self::session_ttl) |
/// | `TtlExtensionPolicy::OnEveryRequest` | [`on_every_request(true)`](Self::on_every_request) |
///
/// # Security
/// If a session ends while a request of actix-session is running, that request saves its copy of
/// the session under a new key, and sends a cookie for it. This side doesn't.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{ActixSessionRecord, MemoryRecords, SharedRecords};
///
/// // SessionMiddleware::new(RedisSessionStore::new("redis://127.0.0.1/").await?, key)
/// let key = [7; 64];                                      // key.master()
/// let sessions = SharedRecords::new(ActixSessionRecord::private(&key[..])?, MemoryRecords::new()).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ActixSessionRecord {
    seal: JarSeal,
    ttl: Duration,
    is_persistent: bool,
    on_every_request: bool,
}

impl ActixSessionRecord {
    /// Creates the format with encrypted cookies and this `Key`, as returned by `master()`.
    ///
    /// # Errors
    /// Fails if the key has fewer than 64 bytes.
    pub fn private(key: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Self::of(JarSeal::private(&key.into())?))
    }

    /// Creates the format with signed cookies and this `Key`, as returned by `master()`.
    ///
    /// # Errors
    /// Fails if the key has fewer than 64 bytes.
    pub fn signed(key: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Self::of(JarSeal::signed(&key.into())?))
    }

    const fn of(seal: JarSeal) -> Self {
        Self { seal, ttl: DAY, is_persistent: false, on_every_request: false }
    }

    /// Sets the `state_ttl` of `BrowserSession`: the idle timeout. The default is a day, as in
    /// actix-session.
    #[must_use]
    pub const fn state_ttl(mut self, span: Duration) -> Self {
        (self.ttl, self.is_persistent) = (span, false);
        self
    }

    /// Sets the `session_ttl` of `PersistentSession`: the idle timeout, and the time for which
    /// browsers keep the cookie.
    #[must_use]
    pub const fn session_ttl(mut self, span: Duration) -> Self {
        (self.ttl, self.is_persistent) = (span, true);
        self
    }

    /// Sets `TtlExtensionPolicy::OnEveryRequest`: a request that only reads prolongs the session.
    ///
    /// The default is `false`, as in actix-session.
    #[must_use]
    pub const fn on_every_request(mut self, every: bool) -> Self {
        self.on_every_request = every;
        self
    }
}

impl RecordFormat for ActixSessionRecord {
    fn framework(&self) -> &'static str {
        KEYS.framework()
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("id")
    }

    /// The configured time, counted from the last write unless each request prolongs a session.
    fn lifetimes(&self) -> Lifetimes {
        let lifetimes = Lifetimes::default().idle_timeout(self.ttl).absolute_timeout(None);
        lifetimes.touch_after(self.on_every_request.then_some(Duration::ZERO))
    }

    fn max_age(&self) -> Option<Duration> {
        self.is_persistent.then_some(self.ttl)
    }

    /// actix-session looks only at the first cookie of its name.
    fn order(&self) -> CookieOrder {
        CookieOrder::FirstFirst
    }

    fn life(&self, record: &Record) -> CookieLife {
        let times = record.times();
        match (times.remembered, times.absolute_deadline, times.own_idle) {
            (true, Some(date), _) => CookieLife::Until(date),
            (_, _, Some(Some(idle))) if self.is_persistent => CookieLife::Lasts(idle),
            (_, _, Some(_)) => CookieLife::BrowserSession,
            _ => CookieLife::Configured,
        }
    }

    fn renewal(&self, _: &Record) -> Option<Renewal> {
        Some(if self.on_every_request && self.is_persistent { Renewal::Uses } else { Renewal::Writes })
    }

    fn open_id(&self, cookie: IncomingCookie<'_>) -> Result<String, Rejected> {
        let key = self.seal.open(cookie.name, cookie.value)?;
        // With the same `Key`, a cookie that holds a session opens here as well.
        let is_key = (1..=KEY).contains(&key.len()) && key.bytes().all(|it| it.is_ascii_alphanumeric());
        if is_key { Ok(key) } else { Err(Rejected::Malformed) }
    }

    fn seal_id(&self, id: &str, sealing: SealContext<'_>) -> String {
        self.seal.seal(sealing.name, id, sealing.random)
    }

    /// Generates 64 letters and digits from a random byte each: at least 370 bits.
    fn fresh_id(&self, random: &[u8; 64]) -> String {
        const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let letter = |byte: &u8| ALPHABET.get(usize::from(*byte) % ALPHABET.len()).map(|it| char::from(*it));
        random.iter().filter_map(letter).collect()
    }

    fn open(&self, stored: &[u8], now: Timestamp, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let mut record = state::open(text_of(stored)?, now, lifetimes)?;
        // The record contains no time, so only the store knows whether the session has expired.
        record.restore_touch(Timestamp::from_unix_secs(0), None);
        Ok(record)
    }

    fn seal(&self, _: &str, record: &Record, sealing: SealContext<'_>) -> Result<Vec<u8>, Error> {
        Ok(state::seal(record, sealing.lifetimes)?.into_bytes())
    }
}
