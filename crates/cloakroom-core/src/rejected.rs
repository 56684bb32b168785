//! Why the cookie that a request sent doesn't open a session.

use std::fmt;

use crate::lifetimes::Deadline;

/// Why a cookie was ignored: a value, not an error, because it is the network that sent it.
///
/// The request then has a new session, as if there had been no cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejected {
    /// Not in our format: wrong characters, too short, or not in the one spelling that there is.
    Malformed,
    /// Longer than any cookie of ours.
    TooLong,
    /// Sealed in another format or version than this factory is told to read.
    UnknownFormat,
    /// Sealed with a key that isn't in the keyring.
    UnknownKey,
    /// The seal is broken: tampered with, or made for a cookie of another name.
    Forged,
    /// Sealed by us, but what it holds isn't a record.
    Corrupt,
    /// Sealed by us, but its content is a pickle or another format that may hold code. It is never
    /// read.
    UnsafeSerializer,
    /// Sealed by us, but for another use than a session cookie of this name.
    WrongPurpose,
    /// It unpacks to more than any session holds.
    Bomb,
    /// There is no session of this id.
    Unknown,
    /// The session has ended.
    Expired(Deadline),
    /// Dated further in the future than clocks differ.
    FromFuture,
}

impl Rejected {
    /// A short name, for metrics and traces.
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
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the cookie isn't in the format of a session",
            Self::TooLong => "the cookie is longer than any that was ever sent",
            Self::UnknownFormat => "the cookie is sealed in a format that this factory doesn't read",
            Self::UnknownKey => "the cookie is sealed with a key that isn't in the keyring",
            Self::Forged => "the cookie's seal is broken",
            Self::Corrupt => "the cookie's seal holds, but its content isn't a session record",
            Self::UnsafeSerializer => "the seal holds, but the content is a pickle or the like, which is never read",
            Self::WrongPurpose => "the seal holds, but was made for another cookie",
            Self::Bomb => "the content unpacks to more than any session holds",
            Self::Unknown => "there is no session of this id",
            Self::Expired(Deadline::Idle) => "the session wasn't used for longer than its idle timeout",
            Self::Expired(Deadline::Absolute) => "the session is older than its absolute timeout",
            Self::FromFuture => "the session is dated in the future",
        })
    }
}
