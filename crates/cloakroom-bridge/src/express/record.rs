//! The records of `express-session`.

use std::time::Duration;

use cloakroom_session::factory::{CookieOrder, CookieTemplate, CsrfScheme, Json, Record, Rejected};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes, SameSite, Timestamp};

use super::keys::ExpressKeys;
use super::session_id::{self, Signers};
use crate::cookie_format::{CookieLife, IncomingCookie, Renewal, SealContext};
use crate::extras::{CloakroomExtras, Keeps};
use crate::iso;
use crate::layout::{Layout as _, Times, quoted, read, write};
use crate::secret::Secret;
use crate::shared::{RecordFormat, text_of};

/// The member that holds Express' data about the cookie.
const COOKIE: &str = "cookie";

const KEYS: ExpressKeys = ExpressKeys { framework: "express-session", hidden: &[COOKIE] };

/// The default of `ttl` in `connect-redis` and `connect-pg-simple`.
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
    ttl: Duration,
    rolling: bool,
}

/// Options of [`ExpressRecord`].
#[derive(Clone, Debug)]
#[must_use]
pub struct ExpressRecordBuilder {
    secrets: Vec<Secret>,
    max_age: Option<Duration>,
    ttl: Duration,
    rolling: bool,
}

impl ExpressRecord {
    /// Creates the format with this `secret`, the first one if there are several.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(secret: impl Into<Secret>) -> ExpressRecordBuilder {
        ExpressRecordBuilder { secrets: vec![secret.into()], max_age: None, ttl: DAY, rolling: false }
    }

    /// Returns Express' data about this session's cookie: its lifetime, and the attributes.
    ///
    /// Express sends later cookies with the attributes in the record, not with the configured ones.
    fn cookie_member(&self, record: &Record, sealing: &SealContext<'_>) -> Result<String, Error> {
        let (life, cookie) = (self.life(record), cookie_of(record));
        if let Some(cookie) = cookie
            && life == CookieLife::BrowserSession
            && original_of(cookie) == Original::BrowserSession
        {
            return Ok(cookie.as_str().to_owned());
        }
        let max_age = life.max_age(self.max_age, sealing.now);
        let text = |text: Option<String>| text.unwrap_or_else(|| "null".to_owned());
        let original = text(max_age.map(|span| span.as_millis().to_string()));
        let expires = text(max_age.map(|span| format!("\"{}\"", iso::format(sealing.now + span))));
        let Some(members) = cookie.and_then(Json::members) else {
            let attributes =
                sealing.cookie.map_or_else(|| Ok(r#""httpOnly":true,"path":"/""#.to_owned()), attributes)?;
            return Ok(format!(r#"{{"originalMaxAge":{original},"expires":{expires},{attributes}}}"#));
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
}

/// Returns the cookie's attributes as members of Express' object.
fn attributes(cookie: &CookieTemplate) -> Result<String, Error> {
    let mut members = Vec::new();
    for (is_set, member) in [
        (cookie.is_partitioned(), r#""partitioned":true"#),
        (cookie.is_secure(), r#""secure":true"#),
        (true, if cookie.is_http_only() { r#""httpOnly":true"# } else { r#""httpOnly":false"# }),
    ] {
        if is_set {
            members.push(member.to_owned());
        }
    }
    if let Some(domain) = cookie.domain() {
        members.push(format!(r#""domain":{}"#, quoted(domain)?));
    }
    members.push(format!(r#""path":{}"#, quoted(cookie.path())?));
    let same_site = match cookie.same_site() {
        SameSite::Strict => "strict",
        SameSite::None => "none",
        SameSite::Lax | _ => "lax",
    };
    members.push(format!(r#""sameSite":"{same_site}""#));
    Ok(members.join(","))
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

    /// Sets the store's `ttl`: the idle timeout of sessions without a `maxAge`.
    ///
    /// The default is a day, as in `connect-redis` and `connect-pg-simple`.
    pub const fn ttl(mut self, span: Duration) -> Self {
        self.ttl = span;
        self
    }

    /// Sets `rolling`: whether each request renews the cookie. The default is `false`, as in
    /// Express.
    pub const fn rolling(mut self, rolling: bool) -> Self {
        self.rolling = rolling;
        self
    }

    /// Checks the options and builds the format.
    ///
    /// # Errors
    /// Fails if a secret is empty.
    pub fn build(self) -> Result<ExpressRecord, ConfigError> {
        let signers = Signers::new(&self.secrets)?;
        Ok(ExpressRecord { signers, max_age: self.max_age, ttl: self.ttl, rolling: self.rolling })
    }
}

/// The `originalMaxAge` of a record's cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Original {
    Unset,
    /// The cookie lasts until the browser is closed.
    BrowserSession,
    Span(Duration),
}

/// Returns the data about the cookie in the record that was read.
fn cookie_of(record: &Record) -> Option<&Json> {
    record.foreign(KEYS.framework())?.member(COOKIE)
}

/// Returns the last member of this name.
fn member(object: &Json, name: &str) -> Option<Json> {
    let members = object.members().unwrap_or_default();
    let is_it = |key: &Json| key.decode::<String>(name).is_ok_and(|key| key == name);
    members.into_iter().rev().find(|(key, _)| is_it(key)).map(|(_, value)| value)
}

/// Returns the lifetime of a record's cookie.
fn original_of(cookie: &Json) -> Original {
    let Some(original) = member(cookie, "originalMaxAge") else { return Original::Unset };
    match original.decode::<u64>(COOKIE) {
        Ok(span) if span > 0 => Original::Span(Duration::from_millis(span)),
        _ if matches!(original.as_str(), "null" | "false") => Original::BrowserSession,
        _ => Original::Unset,
    }
}

/// Returns the time at which a record's cookie was written, and its lifetime.
fn times(object: &Json) -> (Option<Timestamp>, Original) {
    let Some(cookie) = member(object, COOKIE) else { return (None, Original::Unset) };
    let expires = member(&cookie, "expires").and_then(|at| iso::parse(&at.decode::<String>(COOKIE).ok()?));
    let original = original_of(&cookie);
    let written = match (expires, original) {
        (Some(at), Original::Span(span)) => {
            let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            Some(Timestamp::from_unix_millis(at.unix_millis().saturating_sub(span)))
        }
        _ => None,
    };
    (written, original)
}

impl RecordFormat for ExpressRecord {
    fn framework(&self) -> &'static str {
        KEYS.framework()
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("connect.sid")
    }

    /// `maxAge`, or the `ttl` for which stores keep a session without one. Like Express, touches at
    /// each request.
    fn lifetimes(&self) -> Lifetimes {
        let idle = self.max_age.unwrap_or(self.ttl);
        Lifetimes::default().idle_timeout(idle).absolute_timeout(None).touch_after(Duration::ZERO)
    }

    fn max_age(&self) -> Option<Duration> {
        self.max_age
    }

    fn life(&self, record: &Record) -> CookieLife {
        let (times, was) = (record.times(), cookie_of(record).map(original_of));
        match (times.remembered, times.absolute_deadline, times.own_idle) {
            (true, Some(date), _) => CookieLife::Until(date),
            (_, _, None) if was == Some(Original::BrowserSession) => CookieLife::BrowserSession,
            (_, _, Some(Some(idle))) if was == Some(Original::BrowserSession) && idle == self.ttl => {
                CookieLife::BrowserSession
            }
            (_, _, None) => CookieLife::Configured,
            (_, _, Some(None)) => CookieLife::BrowserSession,
            (_, _, Some(Some(idle))) => CookieLife::Lasts(idle),
        }
    }

    fn renewal(&self, record: &Record) -> Option<Renewal> {
        let expires = || cookie_of(record).and_then(|cookie| member(cookie, "expires"));
        let life = self.life(record);
        if self.rolling {
            return Some(Renewal::Uses);
        }
        // Express compares with null: `cookie.expires = false` sends the cookie at each write.
        let is_false = life == CookieLife::BrowserSession && expires().is_some_and(|it| it.as_str() != "null");
        let expires = life.max_age(self.max_age, Timestamp::from_unix_secs(0)).is_some();
        Some(if is_false || expires { Renewal::Writes } else { Renewal::Never })
    }

    fn order(&self) -> CookieOrder {
        CookieOrder::FirstFirst
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        KEYS.csrf_scheme()
    }

    fn open_id(&self, cookie: IncomingCookie<'_>) -> Result<String, Rejected> {
        self.signers.open(cookie.value)
    }

    fn seal_id(&self, id: &str, _: SealContext<'_>) -> String {
        self.signers.seal(id)
    }

    fn fresh_id(&self, random: &[u8; 64]) -> String {
        session_id::fresh(random)
    }

    fn open(&self, stored: &[u8], now: Timestamp, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let object = Json::from_lenient("session", text_of(stored)?).map_err(|_| Rejected::Corrupt)?;
        let (written, original) = times(&object);
        let idle = match original {
            Original::Span(span) => (Some(span) != self.max_age).then_some(Some(span)),
            Original::BrowserSession => self.max_age.map(|_| Some(self.ttl)),
            Original::Unset => None,
        };
        let mut record = read(&KEYS, &object, Times { idle, ..Times::touched(now) }, lifetimes)?;
        // A touch moves only the store's expiry and leaves the text unchanged, so only the store
        // knows whether the session has expired.
        record.restore_touch(written.unwrap_or(Timestamp::from_unix_secs(0)), None);
        Ok(record)
    }

    fn seal(&self, _: &str, record: &Record, sealing: SealContext<'_>) -> Result<Vec<u8>, Error> {
        let mut extras = CloakroomExtras::of(record, sealing.lifetimes, Keeps::Nothing, KEYS.csrf_key());
        // Express' own expiry must not be stored twice.
        extras.idle = extras.idle.filter(Option::is_none);
        let cookie = [(COOKIE, self.cookie_member(record, &sealing)?)];
        Ok(write(&KEYS, record, &extras, &cookie)?.into_bytes())
    }
}
