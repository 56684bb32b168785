//! The trait for records of other frameworks and the cookies that refer to them.

use std::fmt;
use std::time::Duration;

use cloakroom_session::factory::{CookieOrder, CsrfScheme, Record, Rejected, Resolution};
use cloakroom_session::{CookieConfig, Error, Lifetimes, Timestamp};

use crate::cookie_format::{CookieLife, IncomingCookie, Renewal, SealContext};

/// The write that a touch needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TouchMode {
    /// An update of the store's expiry, separate from the record.
    Expiry,
    /// A replacement of the record, which contains the time.
    Record,
}

/// A record of another framework, and the cookie that refers to it.
///
/// The format decodes a record's bytes and encodes it again.
///
/// Implementations are pure and have the same requirements as
/// [`CookieFormat`](crate::CookieFormat). [`SharedRecords`](crate::SharedRecords) is the factory
/// that uses a format, over a [`ForeignStore`](crate::ForeignStore).
pub trait RecordFormat: fmt::Debug + Send + Sync + 'static {
    /// Returns the framework's name, for traces.
    fn framework(&self) -> &'static str;

    /// Returns the framework's default cookie name, with safe attributes.
    fn cookie(&self) -> CookieConfig;

    /// Returns the framework's default timeouts.
    fn lifetimes(&self) -> Lifetimes;

    /// Returns how long browsers keep the framework's cookie; `None` means until they are closed.
    fn max_age(&self) -> Option<Duration> {
        None
    }

    /// Returns the cookie that counts for the framework if several open.
    fn order(&self) -> CookieOrder {
        CookieOrder::LastFirst
    }

    /// Returns how long browsers keep the cookie of this session.
    fn life(&self, _record: &Record) -> CookieLife {
        CookieLife::Configured
    }

    /// Returns when the framework sends the cookie of this session again; `None` means with every
    /// use, if browsers keep the cookie for some time.
    fn renewal(&self, _record: &Record) -> Option<Renewal> {
        None
    }

    /// Returns the framework's encoding of CSRF tokens, if it differs from Cloakroom's.
    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        None
    }

    /// Returns the write that a touch needs.
    fn touch_mode(&self) -> TouchMode {
        TouchMode::Expiry
    }

    /// Returns the precision of times in the format.
    fn resolution(&self) -> Resolution {
        Resolution::Milliseconds
    }

    /// Returns the id in a cookie.
    ///
    /// # Errors
    /// Returns the reason if the id isn't one of this framework's. Implementations **must** check a
    /// signature before anything else.
    fn open_id(&self, cookie: IncomingCookie<'_>) -> Result<String, Rejected>;

    /// Returns the cookie's value for an id.
    fn seal_id(&self, id: &str, sealing: SealContext<'_>) -> String;

    /// Generates a new id in the framework's form.
    fn fresh_id(&self, random: &[u8; 64]) -> String;

    /// Decodes a record. `now` is for formats that contain no time.
    ///
    /// # Errors
    /// Returns the reason if the bytes aren't a valid record of this format.
    fn open(&self, stored: &[u8], now: Timestamp, lifetimes: &Lifetimes) -> Result<Record, Rejected>;

    /// Returns the expiry that the framework stores next to this record, if the record tells.
    ///
    /// It reveals a store in another time zone, see [`Rejected::OtherTimeZone`].
    fn stored_end(&self, _record: &Record) -> Option<Timestamp> {
        None
    }

    /// Encodes a record, to be stored under this id.
    ///
    /// # Errors
    /// Fails if the record can't be written in this format; the error names the key.
    fn seal(&self, id: &str, record: &Record, sealing: SealContext<'_>) -> Result<Vec<u8>, Error>;
}

/// Returns a record that is text.
pub(crate) fn text_of(stored: &[u8]) -> Result<&str, Rejected> {
    std::str::from_utf8(stored).map_err(|_| Rejected::Corrupt)
}
