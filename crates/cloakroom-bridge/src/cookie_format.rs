//! A session cookie of another framework: the trait alone.

use std::fmt;
use std::time::Duration;

use cloakroom_session::{
    CookieConfig, CsrfScheme, Error, Lifetimes, MAX_COOKIE, Record, Rejected, Resolution, Timestamp,
};

/// The session cookie of another framework: text in, a record out, and back.
///
/// A format is pure: it knows no clock and makes no random bytes.
/// [`BridgedCookies`](crate::BridgedCookies) is the factory that carries it out.
///
/// # What an implementation must do
/// - `open` **must** check the signature before it looks at anything else, in a time that doesn't
///   tell where it differs.
/// - `open` **must not** run what a cookie holds: a pickle or the like is
///   [`Rejected::UnsafeSerializer`].
/// - `open` **must not** unpack without a bound.
/// - `seal` **must** write what it knows nothing of as it was read.
///
/// # Examples
/// A framework that doesn't sign its cookies, and whose sessions are better not shared:
/// ```
/// use cloakroom_bridge::{BridgedCookies, CookieFormat, Presented, Sealed, Sealing};
/// use cloakroom_session::{Clockwork, CookieConfig, Error, Json, Lifetimes, Record, Rejected};
///
/// #[derive(Debug)]
/// struct Hexed;
///
/// impl CookieFormat for Hexed {
///     fn framework(&self) -> &'static str { "hexed" }
///     fn cookie(&self) -> CookieConfig { CookieConfig::default().name("hexed") }
///     fn lifetimes(&self) -> Lifetimes { Lifetimes::default() }
///
///     fn open(&self, cookie: Presented<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
///         let (at, user) = cookie.value.split_once('.').ok_or(Rejected::Malformed)?;
///         let at = u64::from_str_radix(at, 16).map_err(|_| Rejected::Malformed)?;
///         let at = cloakroom_session::Timestamp::from_unix_secs(at);
///         let mut record = Record::from_clockwork(Clockwork::start(at, lifetimes));
///         record.restore("user", Json::from_text("user", user).map_err(|_| Rejected::Corrupt)?);
///         Ok(record)
///     }
///
///     fn seal(&self, record: &Record, sealing: Sealing<'_>) -> Result<Sealed, Error> {
///         let user = record.get("user");
///         let user = user.as_ref().map_or("null", Json::as_str);
///         Ok(Sealed::new(format!("{:x}.{user}", sealing.now.unix_secs())))
///     }
/// }
/// let sessions = BridgedCookies::new(Hexed).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
pub trait CookieFormat: fmt::Debug + Send + Sync + 'static {
    /// The framework's name, for traces.
    fn framework(&self) -> &'static str;

    /// The cookie's name as that framework has it, and attributes that are safe.
    fn cookie(&self) -> CookieConfig;

    /// The timeouts that the framework has when nothing is configured.
    fn lifetimes(&self) -> Lifetimes;

    /// How the framework spells CSRF tokens, where that isn't as we do.
    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        None
    }

    /// What is appended to the cookie's name for a second cookie that belongs to it, as `.sig`.
    fn companion(&self) -> Option<&'static str> {
        None
    }

    /// The longest value that the framework itself writes, in bytes: it fails on more, and so would
    /// the next request to it.
    fn longest_value(&self) -> usize {
        MAX_COOKIE
    }

    /// The precision of times in the format. Most keep whole seconds.
    fn resolution(&self) -> Resolution {
        Resolution::Seconds
    }

    /// Opens a cookie's value. Deadlines are those of the record; whether they have passed isn't
    /// asked here.
    ///
    /// # Errors
    /// The reason why it isn't a session of this format.
    fn open(&self, cookie: Presented<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected>;

    /// The value for this record.
    ///
    /// # Errors
    /// When it can't be written in this format; the error names the key.
    fn seal(&self, record: &Record, sealing: Sealing<'_>) -> Result<Sealed, Error>;
}

/// A cookie as a request brought it.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Presented<'a> {
    /// The cookie's name: some formats sign it.
    pub name: &'a str,
    /// Its value, without quotes around it.
    pub value: &'a str,
    /// The value of the second cookie that belongs to it, where the format has one.
    pub companion: Option<&'a str>,
    /// When it came, for formats that write no time.
    pub now: Timestamp,
}

impl<'a> Presented<'a> {
    /// A cookie of this name and value.
    #[must_use]
    pub const fn new(name: &'a str, value: &'a str) -> Self {
        Self { name, value, companion: None, now: Timestamp::from_unix_secs(0) }
    }

    /// The same, at this time.
    #[must_use]
    pub const fn at(mut self, now: Timestamp) -> Self {
        self.now = now;
        self
    }

    /// The same, with the value of the second cookie that belongs to it.
    #[must_use]
    pub const fn with_companion(mut self, companion: Option<&'a str>) -> Self {
        self.companion = companion;
        self
    }
}

impl fmt::Debug for Presented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Presented({}, {} bytes)", self.name, self.value.len())
    }
}

/// What there is to make a cookie with.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Sealing<'a> {
    /// The cookie's name.
    pub name: &'a str,
    /// The time, in the precision of [`CookieFormat::resolution`].
    pub now: Timestamp,
    /// The configured timeouts.
    pub lifetimes: &'a Lifetimes,
    /// Random bytes, used nowhere else: for nonces and ids.
    pub random: &'a [u8; 64],
}

impl<'a> Sealing<'a> {
    /// All that is needed.
    #[must_use]
    pub const fn new(name: &'a str, now: Timestamp, lifetimes: &'a Lifetimes, random: &'a [u8; 64]) -> Self {
        Self { name, now, lifetimes, random }
    }
}

impl fmt::Debug for Sealing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealing({}, {:?})", self.name, self.now)
    }
}

/// The text of a cookie that holds a session.
///
/// # Security
/// `Debug` prints its length only.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sealed {
    /// The value, of characters that a cookie may hold.
    pub value: String,
    /// The value of the second cookie that belongs to it.
    pub companion: Option<String>,
    /// For how long the framework lets a browser keep it; `None` is for the browser session.
    pub max_age: Option<Duration>,
}

impl Sealed {
    /// A cookie of this value, for the browser session.
    #[must_use]
    pub const fn new(value: String) -> Self {
        Self { value, companion: None, max_age: None }
    }

    /// The same, with a second cookie that belongs to it.
    #[must_use]
    pub fn with_companion(mut self, companion: String) -> Self {
        self.companion = Some(companion);
        self
    }

    /// The same, kept by browsers for so long.
    #[must_use]
    pub const fn kept_for(mut self, max_age: Option<Duration>) -> Self {
        self.max_age = max_age;
        self
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.value.len())
    }
}
