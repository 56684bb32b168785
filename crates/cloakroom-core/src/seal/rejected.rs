//! The reasons for rejecting a request's cookie.

use std::fmt;

use crate::lifetimes::{Deadline, SessionTimes};
use crate::time::Timestamp;

/// The reason for ignoring a cookie.
///
/// It is a value, not an error, because cookies are network input. The request then has a new
/// session, as if it had sent no cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejected {
    /// Not in our format: wrong characters, too short, or not in canonical form.
    Malformed,
    /// Longer than any session cookie.
    TooLong,
    /// Sealed in a format or version that this factory isn't configured to read.
    UnknownFormat,
    /// Sealed with a key that isn't in the keyring.
    UnknownKey,
    /// The seal is invalid: the cookie was modified, or sealed for a cookie of another name.
    Forged,
    /// The seal is valid, but the content isn't a record.
    Corrupt,
    /// The seal is valid, but the content is a pickle or another format that may execute code. It
    /// is never decoded.
    UnsafeSerializer,
    /// The seal is valid, but was made for another use than a session cookie of this name.
    WrongPurpose,
    /// The content decompresses to more than any session holds.
    Bomb,
    /// There is no session with this id.
    Unknown,
    /// The session has expired.
    Expired(Deadline),
    /// Dated in the future by more than the allowed clock skew.
    FromFuture,
    /// The expiry in the store and the record are hours apart: the application that shares the
    /// record keeps local times in a column without a time zone, or has another session age.
    OtherTimeZone,
}

impl Rejected {
    /// Returns the reason for ignoring a session with these times, if there is one.
    #[must_use]
    pub fn by_times(times: &SessionTimes, now: Timestamp) -> Option<Self> {
        if times.is_from_future(now) {
            return Some(Self::FromFuture);
        }
        times.expired(now).map(Self::Expired)
    }

    /// Returns a short name, for metrics and traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::TooLong => "too-long",
            Self::UnknownFormat => "unknown-format",
            Self::UnknownKey => "unknown-key",
            Self::Forged => "forged",
            Self::Corrupt => "corrupt",
            Self::UnsafeSerializer => "unsafe-serializer",
            Self::WrongPurpose => "wrong-purpose",
            Self::Bomb => "bomb",
            Self::Unknown => "unknown",
            Self::Expired(Deadline::Idle) => "expired-idle",
            Self::Expired(Deadline::Absolute) => "expired-absolute",
            Self::FromFuture => "from-future",
            Self::OtherTimeZone => "other-time-zone",
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the cookie isn't in the format of a session",
            Self::TooLong => "the cookie is longer than any session cookie",
            Self::UnknownFormat => "the cookie is sealed in a format that this factory doesn't read",
            Self::UnknownKey => "the cookie is sealed with a key that isn't in the keyring",
            Self::Forged => "the cookie's seal is broken",
            Self::Corrupt => "the cookie's seal holds, but its content isn't a session record",
            Self::UnsafeSerializer => "the seal holds, but the content is a pickle or the like, which is never read",
            Self::WrongPurpose => "the seal holds, but was made for another cookie",
            Self::Bomb => "the content decompresses to more than any session holds",
            Self::Unknown => "there is no session of this id",
            Self::Expired(Deadline::Idle) => "the session wasn't used for longer than its idle timeout",
            Self::Expired(Deadline::Absolute) => "the session is older than its absolute timeout",
            Self::FromFuture => "the session is dated in the future",
            Self::OtherTimeZone => {
                "the expiry in the store is hours away from the record's: the other application keeps local times, or has another session age"
            }
        })
    }
}
