//! A record of another framework, and the cookie that leads to it: the trait alone.

use std::fmt;
use std::time::Duration;

use cloakroom_session::{CookieConfig, CsrfScheme, Error, Lifetimes, Record, Rejected, Resolution, Timestamp};

use crate::cookie_format::{Presented, Sealing};

/// What it takes to note that a session was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Touching {
    /// The store's expiry, beside the record.
    Expiry,
    /// The record itself, which holds the time.
    Record,
}

/// A record of another framework, and the cookie that leads to it: text in, a record out, and back.
///
/// As [`CookieFormat`](crate::CookieFormat), it is pure, and must do what is written there.
/// [`SharedRecords`](crate::SharedRecords) is the factory that carries it out, over a
/// [`ForeignStore`](crate::ForeignStore).
pub trait RecordFormat: fmt::Debug + Send + Sync + 'static {
    /// The framework's name, for traces.
    fn framework(&self) -> &'static str;

    /// The cookie's name as that framework has it, and attributes that are safe.
    fn cookie(&self) -> CookieConfig;

    /// The timeouts that the framework has when nothing is configured.
    fn lifetimes(&self) -> Lifetimes;

    /// For how long the framework lets browsers keep the cookie; `None` is for the browser session.
    fn max_age(&self) -> Option<Duration> {
        None
    }

    /// How the framework spells CSRF tokens, where that isn't as we do.
    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        None
    }

    /// What it takes to note that a session was used.
    fn touching(&self) -> Touching {
        Touching::Expiry
    }

    /// The precision of times in the format.
    fn resolution(&self) -> Resolution {
        Resolution::Milliseconds
    }

    /// The id in a cookie.
    ///
    /// # Errors
    /// The reason why it isn't one of this framework's. A signature **must** be checked before
    /// anything else.
    fn open_id(&self, cookie: Presented<'_>) -> Result<String, Rejected>;

    /// The cookie's value for an id.
    fn seal_id(&self, id: &str, name: &str) -> String;

    /// A new id, as the framework makes them.
    fn fresh_id(&self, random: &[u8; 64]) -> String;

    /// Opens a record's text, at this time, which is for formats that write none.
    ///
    /// # Errors
    /// The reason why it isn't a record of this format.
    fn open(&self, text: &str, now: Timestamp, lifetimes: &Lifetimes) -> Result<Record, Rejected>;

    /// The text for this record, which is kept under this id.
    ///
    /// # Errors
    /// When it can't be written in this format; the error names the key.
    fn seal(&self, id: &str, record: &Record, sealing: Sealing<'_>) -> Result<String, Error>;
}
