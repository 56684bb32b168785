//! The lifetime that Django keeps for one session: `request.session.set_expiry(…)`.
//!
//! | Django | here | the cookie |
//! |---|---|---|
//! | not called | the configured timeouts | `SESSION_COOKIE_AGE`, or until the browser is closed |
//! | `set_expiry(60)` | `set_idle_timeout` | 60 seconds |
//! | `set_expiry(0)` | the configured timeouts | until the browser is closed |
//! | `set_expiry(date)` | `remember` | until the date |
//! | a negative number, a past date | the session has expired | – |

use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{FrameworkData, Json, Record, Rejected};

use crate::cookie_format::CookieLife;
use crate::iso;
use crate::layout::Times;

/// The framework's name in records and traces.
pub(crate) const FRAMEWORK: &str = "django";

/// The key of the lifetime.
pub(crate) const EXPIRY: &str = "_session_expiry";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// This time after the last write.
    Lasts(Duration),
    BrowserSession,
    Date(Timestamp),
    /// A negative number of seconds.
    Past,
}

impl Expiry {
    /// Reads the member; `None` if it says nothing.
    ///
    /// # Errors
    /// Refuses a date without a time zone, which Django writes with `USE_TZ = False`: the session's
    /// end can't be known.
    pub(crate) fn read(value: &Json) -> Result<Option<Self>, Rejected> {
        if let Ok(seconds) = value.decode::<i64>(EXPIRY) {
            return Ok(Some(match u64::try_from(seconds) {
                Ok(0) => Self::BrowserSession,
                Ok(seconds) => Self::Lasts(Duration::from_secs(seconds)),
                Err(_) => Self::Past,
            }));
        }
        match value.decode::<String>(EXPIRY) {
            Ok(date) => iso::parse_with_offset(&date).map(|date| Some(Self::Date(date))).ok_or(Rejected::UnknownFormat),
            Err(_) => Ok(None),
        }
    }

    /// Returns the times of a session that was written at `touched`.
    pub(crate) fn times(self, touched: Timestamp) -> Times {
        let times = Times::touched(touched);
        match self {
            Self::Lasts(idle) => Times { idle: Some(Some(idle)), ..times },
            Self::Date(date) => Times { expires: Some(date), idle: Some(None), remembered: true, ..times },
            Self::Past => Times { expires: Some(Timestamp::from_unix_secs(0)), ..times },
            Self::BrowserSession => times,
        }
    }

    /// Returns the lifetime in the text that was read.
    fn before(record: &Record) -> Option<Self> {
        let django = record.foreign(FRAMEWORK);
        let member = django.and_then(|django: &FrameworkData| django.member(EXPIRY))?;
        Self::read(member).ok().flatten()
    }

    /// Returns the lifetime of a session, as Django would express it.
    pub(crate) fn of(record: &Record) -> Option<Self> {
        let times = record.times();
        match (times.remembered, times.absolute_deadline, times.own_idle.flatten()) {
            (true, Some(date), _) => Some(Self::Date(date)),
            (_, _, Some(idle)) => Some(Self::Lasts(idle)),
            _ => Self::before(record).filter(|before| *before == Self::BrowserSession),
        }
    }

    /// Returns the member's new text if it changes.
    pub(crate) fn change(record: &Record, expiry: Option<Self>) -> Option<String> {
        let before = Self::before(record);
        (before != expiry).then(|| match expiry {
            Some(Self::Lasts(idle)) => idle.as_secs().max(1).to_string(),
            // The form that Python 3.7 and newer can read.
            Some(Self::Date(date)) => format!("\"{}\"", iso::format(date).replace('Z', "+00:00")),
            Some(Self::BrowserSession) => "0".to_owned(),
            Some(Self::Past) => "-1".to_owned(),
            None => "null".to_owned(),
        })
    }

    /// Returns how long browsers keep the session's cookie.
    pub(crate) fn life(record: &Record) -> CookieLife {
        match Self::of(record) {
            Some(Self::Lasts(idle)) => CookieLife::Lasts(idle),
            Some(Self::Date(date)) => CookieLife::Until(date),
            Some(Self::BrowserSession) => CookieLife::BrowserSession,
            Some(Self::Past) | None => CookieLife::Configured,
        }
    }
}
