//! The records of `express-session`.

use std::time::Duration;

use cloakroom_session::factory::{CsrfScheme, Json, Record, Rejected, SessionTimes};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes, Timestamp};

use super::keys::ExpressKeys;
use super::session_id::{self, Signers};
use crate::cookie_format::{IncomingCookie, SealContext};
use crate::extras::{CloakroomExtras, Keeps};
use crate::iso;
use crate::layout::{Layout as _, Times, read, write};
use crate::secret::Secret;
use crate::shared::RecordFormat;

/// The member that holds Express' data about the cookie.
const COOKIE: &str = "cookie";

const KEYS: ExpressKeys = ExpressKeys { framework: "express-session", hidden: &[COOKIE] };

/// The time for which `connect-redis` and `connect-pg-simple` keep a session whose cookie has no
/// `maxAge`.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The JSON records of `express-session`, and the cookie with their signed id.
///
/// Handlers see the same data as `req.session` in Express, without its `cookie`. A `maxAge` that an
/// Express handler sets for one session also applies here, and one set here by `set_idle_timeout`
/// or `remember` also applies in Express.
///
/// # Security
/// The id in the cookie is the record's key: anyone who can read the store learns ids, but can't
/// sign them. Express saves unconditionally: a slow request there overwrites concurrent changes,
/// and revives a session that ended in the meantime. This side does neither.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{ExpressRecord, MemoryRecords, SharedRecords};
/// use std::time::Duration;
///
/// // session({ secret: ['new secret', 'old secret'], cookie: { maxAge: 3600000 } })
/// let format = ExpressRecord::new("new secret").previous("old secret").max_age(Duration::from_secs(3600)).build()?;
/// let sessions = SharedRecords::new(format, MemoryRecords::new()).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ExpressRecord {
    signers: Signers,
    max_age: Option<Duration>,
}

/// Options of [`ExpressRecord`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ExpressRecordBuilder {
    secrets: Vec<Secret>,
    max_age: Option<Duration>,
}

impl ExpressRecord {
    /// Creates the format with this `secret`, the first one if there are several.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(secret: impl Into<Secret>) -> ExpressRecordBuilder {
        ExpressRecordBuilder { secrets: vec![secret.into()], max_age: None }
    }

    /// Returns Express' data about this session's cookie: its lifetime, and the members that
    /// Express wrote itself.
    fn cookie_member(&self, record: &Record, now: Timestamp) -> Result<String, Error> {
        let max_age = self.original_max_age(record.times(), now);
        let number = |span: Duration| span.as_millis().to_string();
        let original = max_age.map_or_else(|| "null".to_owned(), number);
        let expires = max_age.map_or_else(|| "null".to_owned(), |span| format!("\"{}\"", iso::format(now + span)));
        let read = record.foreign(KEYS.framework()).and_then(|foreign| foreign.member(COOKIE)?.members());
        let Some(members) = read else {
            return Ok(format!(r#"{{"originalMaxAge":{original},"expires":{expires},"httpOnly":true,"path":"/"}}"#));
        };
        let members = members.iter().map(|(key, value)| {
            let value = match key.as_str() {
                "\"originalMaxAge\"" => &original,
                "\"expires\"" => &expires,
                _ => value.as_str(),
            };
            format!("{}:{value}", key.as_str())
        });
        Ok(format!("{{{}}}", members.collect::<Vec<_>>().join(",")))
    }

    /// Returns this session's own `maxAge`, or the configured one.
    fn original_max_age(&self, times: &SessionTimes, now: Timestamp) -> Option<Duration> {
        let remembered = times.absolute_deadline.filter(|_| times.remembered).map(|end| end.since(now));
        remembered.or_else(|| times.own_idle.unwrap_or(self.max_age))
    }
}

impl ExpressRecordBuilder {
    /// Adds a secret that only opens.
    pub fn previous(mut self, secret: impl Into<Secret>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Sets the cookie's `maxAge`.
    ///
    /// It is both the idle timeout and the time for which browsers keep the cookie. Without it,
    /// stores keep the session for a day and browsers until they are closed.
    pub const fn max_age(mut self, span: Duration) -> Self {
        self.max_age = Some(span);
        self
    }

    /// Checks the options and builds the format.
    ///
    /// # Errors
    /// Fails if a secret is empty.
    pub fn build(self) -> Result<ExpressRecord, ConfigError> {
        Ok(ExpressRecord { signers: Signers::new(&self.secrets)?, max_age: self.max_age })
    }
}

/// Returns the time and the idle timeout of a record's cookie: when it was written, and its
/// lifetime.
fn times(object: &Json) -> (Option<Timestamp>, Option<Duration>) {
    let member = |object: &Json, name: &str| {
        let members = object.members().unwrap_or_default();
        members.into_iter().rev().find(|(key, _)| key.decode::<String>(name).is_ok_and(|key| key == name))
    };
    let Some((_, cookie)) = member(object, COOKIE) else { return (None, None) };
    let original = member(&cookie, "originalMaxAge").and_then(|(_, span)| span.decode::<u64>(COOKIE).ok());
    let expires = member(&cookie, "expires").and_then(|(_, at)| iso::parse(&at.decode::<String>(COOKIE).ok()?));
    let written = expires.zip(original).map(|(at, span)| at.unix_millis().saturating_sub(span));
    (written.map(Timestamp::from_unix_millis), original.filter(|span| *span > 0).map(Duration::from_millis))
}

impl RecordFormat for ExpressRecord {
    fn framework(&self) -> &'static str {
        KEYS.framework()
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("connect.sid")
    }

    /// `maxAge`, or the day for which stores keep a session without one. Like Express, touches at
    /// each request.
    fn lifetimes(&self) -> Lifetimes {
        let idle = self.max_age.unwrap_or(DAY);
        Lifetimes::default().idle_timeout(idle).absolute_timeout(None).touch_after(Duration::ZERO)
    }

    fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        KEYS.csrf_scheme()
    }

    fn open_id(&self, cookie: IncomingCookie<'_>) -> Result<String, Rejected> {
        self.signers.open(cookie.value)
    }

    fn seal_id(&self, id: &str, _: &str) -> String {
        self.signers.seal(id)
    }

    fn fresh_id(&self, random: &[u8; 64]) -> String {
        session_id::fresh(random)
    }

    fn open(&self, text: &str, now: Timestamp, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let object = Json::from_lenient("session", text).map_err(|_| Rejected::Corrupt)?;
        let (written, own_idle) = times(&object);
        let idle = own_idle.filter(|idle| Some(*idle) != self.max_age);
        let mut record = read(&KEYS, &object, Times { idle, ..Times::touched(now) }, lifetimes)?;
        // A touch moves only the store's expiry and leaves the text unchanged, so only the store
        // knows whether the session has expired.
        record.restore_touch(written.unwrap_or(Timestamp::from_unix_secs(0)), None);
        Ok(record)
    }

    fn seal(&self, _: &str, record: &Record, sealing: SealContext<'_>) -> Result<String, Error> {
        let mut extras = CloakroomExtras::of(record, sealing.lifetimes, Keeps::Nothing, KEYS.csrf_key());
        // Express' own expiry must not be stored twice.
        extras.idle = extras.idle.filter(Option::is_none);
        let cookie = [(COOKIE, self.cookie_member(record, sealing.now)?)];
        write(&KEYS, record, &extras, &cookie)
    }
}
