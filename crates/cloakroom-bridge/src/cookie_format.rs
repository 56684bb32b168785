//! The trait for session cookies of other frameworks.

use std::fmt;
use std::time::Duration;

use cloakroom_session::factory::{CookieOrder, CookieTemplate, CsrfScheme, MAX_COOKIE, Record, Rejected, Resolution};
use cloakroom_session::{CookieConfig, Error, Lifetimes, Timestamp};

/// A session cookie of another framework, decoded to a record and encoded again.
///
/// A format is pure: it reads no clock and generates no random bytes.
/// [`BridgedCookies`](crate::BridgedCookies) is the factory that uses it.
///
/// # Requirements for implementations
/// - `open` **must** check the signature before anything else, in constant time.
/// - `open` **must not** execute the contents of a cookie: a pickle or a similar format is
///   [`Rejected::UnsafeSerializer`].
/// - `open` **must not** decompress without a size limit.
/// - `seal` **must** preserve unknown members byte for byte.
///
/// # Examples
/// An unsigned format, for illustration only: such sessions should not be shared.
/// ```
/// use cloakroom_bridge::{BridgedCookies, CookieFormat, IncomingCookie, OutgoingCookie, SealContext};
/// use cloakroom_session::factory::{Json, Record, Rejected, SessionTimes};
/// use cloakroom_session::{CookieConfig, Error, Lifetimes};
///
/// #[derive(Debug)]
/// struct Hexed;
///
/// impl CookieFormat for Hexed {
///     fn framework(&self) -> &'static str { "hexed" }
///     fn cookie(&self) -> CookieConfig { CookieConfig::default().name("hexed") }
///     fn lifetimes(&self) -> Lifetimes { Lifetimes::default() }
///
///     fn open(&self, cookie: IncomingCookie<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
///         let (at, user) = cookie.value.split_once('.').ok_or(Rejected::Malformed)?;
///         let at = u64::from_str_radix(at, 16).map_err(|_| Rejected::Malformed)?;
///         let at = cloakroom_session::Timestamp::from_unix_secs(at);
///         let mut record = Record::with_times(SessionTimes::start(at, lifetimes));
///         record.restore("user", Json::from_text("user", user).map_err(|_| Rejected::Corrupt)?);
///         Ok(record)
///     }
///
///     fn seal(&self, record: &Record, sealing: SealContext<'_>) -> Result<OutgoingCookie, Error> {
///         let user = record.get("user");
///         let user = user.as_ref().map_or("null", Json::as_str);
///         Ok(OutgoingCookie::new(format!("{:x}.{user}", sealing.now.unix_secs())))
///     }
/// }
/// let sessions = BridgedCookies::new(Hexed).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
pub trait CookieFormat: fmt::Debug + Send + Sync + 'static {
    /// Returns the framework's name, for traces.
    fn framework(&self) -> &'static str;

    /// Returns the framework's default cookie name, with safe attributes.
    fn cookie(&self) -> CookieConfig;

    /// Returns the framework's default timeouts.
    fn lifetimes(&self) -> Lifetimes;

    /// Returns the framework's encoding of CSRF tokens, if it differs from Cloakroom's.
    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        None
    }

    /// Returns the cookie that counts for the framework if several open.
    fn order(&self) -> CookieOrder {
        CookieOrder::LastFirst
    }

    /// Returns the requests that send the cookie of this session again.
    ///
    /// The default is [`Renewal::Uses`]: the configured
    /// [`touch_after`](Lifetimes::touch_after) decides.
    fn renewal(&self, _record: &Record) -> Renewal {
        Renewal::Uses
    }

    /// Returns the suffix of the name of a second cookie, such as `.sig`.
    fn companion(&self) -> Option<&'static str> {
        None
    }

    /// Returns the longest value that the framework itself can write, in bytes. With a longer one,
    /// its next request would fail.
    fn longest_value(&self) -> usize {
        MAX_COOKIE
    }

    /// Returns the precision of times in the format. Most keep whole seconds.
    fn resolution(&self) -> Resolution {
        Resolution::Seconds
    }

    /// Opens a cookie's value.
    ///
    /// The record keeps its own deadlines; this method doesn't check whether they have passed.
    ///
    /// # Errors
    /// Returns the reason if the value isn't a valid session of this format.
    fn open(&self, cookie: IncomingCookie<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected>;

    /// Encodes a record as the cookie's value.
    ///
    /// # Errors
    /// Fails if the record can't be written in this format; the error names the key.
    fn seal(&self, record: &Record, sealing: SealContext<'_>) -> Result<OutgoingCookie, Error>;
}

/// A cookie received with a request.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct IncomingCookie<'a> {
    /// The cookie's name: some formats sign it.
    pub name: &'a str,
    /// The cookie's value, without surrounding quotes.
    pub value: &'a str,
    /// The value of the second cookie, if the format has one.
    pub companion: Option<&'a str>,
    /// The time of the request, for formats that contain no time.
    pub now: Timestamp,
}

impl<'a> IncomingCookie<'a> {
    /// Creates a cookie from its name and value.
    #[must_use]
    pub const fn new(name: &'a str, value: &'a str) -> Self {
        Self { name, value, companion: None, now: Timestamp::from_unix_secs(0) }
    }

    /// Sets the time of the request.
    #[must_use]
    pub const fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// Sets the value of the second cookie.
    #[must_use]
    pub const fn with_companion(mut self, companion: Option<&'a str>) -> Self {
        self.companion = companion;
        self
    }
}

impl fmt::Debug for IncomingCookie<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IncomingCookie({}, {} bytes)", self.name, self.value.len())
    }
}

/// The inputs for sealing a cookie.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct SealContext<'a> {
    /// The cookie's name.
    pub name: &'a str,
    /// The time, in the precision of [`CookieFormat::resolution`].
    pub now: Timestamp,
    /// The configured timeouts.
    pub lifetimes: &'a Lifetimes,
    /// Random bytes for nonces and ids, not used anywhere else.
    pub random: &'a [u8; 64],
    /// The cookie's attributes, for formats that store them in the record.
    pub cookie: Option<&'a CookieTemplate>,
}

impl<'a> SealContext<'a> {
    /// Creates the inputs.
    #[must_use]
    pub const fn new(name: &'a str, now: Timestamp, lifetimes: &'a Lifetimes, random: &'a [u8; 64]) -> Self {
        Self { name, now, lifetimes, random, cookie: None }
    }

    /// Sets the cookie's attributes.
    #[must_use]
    pub const fn with_cookie(mut self, cookie: &'a CookieTemplate) -> Self {
        self.cookie = Some(cookie);
        self
    }
}

impl fmt::Debug for SealContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealContext({}, {:?})", self.name, self.now)
    }
}

/// The requests that send the cookie of an existing session again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Renewal {
    /// None.
    Never,
    /// Those that change the session.
    Writes,
    /// Those that change or touch the session.
    Uses,
}

/// The time for which browsers keep the cookie of one session.
///
/// Django and Express let a handler choose it for each session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CookieLife {
    /// The time configured for all sessions.
    #[default]
    Configured,
    /// Until the browser is closed.
    BrowserSession,
    /// For this time after the response.
    Lasts(Duration),
    /// Until this date.
    Until(Timestamp),
}

impl CookieLife {
    /// Returns the cookie's Max-Age; `None` lets the cookie end with the browser session.
    ///
    /// `configured` is the time configured for all sessions.
    #[must_use]
    pub fn max_age(self, configured: Option<Duration>, now: Timestamp) -> Option<Duration> {
        match self {
            Self::Configured => configured,
            Self::BrowserSession => None,
            Self::Lasts(span) => Some(span),
            Self::Until(date) => Some(date.since(now)),
        }
    }
}

/// The text of a cookie that holds a session.
///
/// # Security
/// `Debug` prints only its length.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutgoingCookie {
    /// The value, in characters that a cookie may contain.
    pub value: String,
    /// The value of the second cookie.
    pub companion: Option<String>,
    /// How long browsers keep the cookie.
    pub life: CookieLife,
}

impl OutgoingCookie {
    /// Creates a cookie with this value, kept for the time configured for all sessions.
    #[must_use]
    pub const fn new(value: String) -> Self {
        Self { value, companion: None, life: CookieLife::Configured }
    }

    /// Adds the value of the second cookie.
    #[must_use]
    pub fn with_companion(mut self, companion: String) -> Self {
        self.companion = Some(companion);
        self
    }

    /// Sets how long browsers keep the cookie.
    #[must_use]
    pub const fn kept_for(mut self, life: CookieLife) -> Self {
        self.life = life;
        self
    }
}

impl fmt::Debug for OutgoingCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OutgoingCookie({} bytes)", self.value.len())
    }
}
