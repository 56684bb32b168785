//! Points in time, passed in from outside: nothing in this crate reads a clock.

use std::time::Duration;

/// A point in time, in milliseconds since the Unix epoch.
///
/// Milliseconds, because a deadline must not depend on where in its second a request fell.
///
/// # Examples
/// ```
/// use cloakroom_core::Timestamp;
/// use std::time::Duration;
///
/// let created = Timestamp::from_unix_secs(1_700_000_000);
/// let later = created + Duration::from_millis(1_500);
/// assert_eq!(later.unix_millis(), 1_700_000_001_500);
/// assert_eq!(later.since(created), Duration::from_millis(1_500));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// A timestamp from whole seconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// A timestamp from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_millis(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// Whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn unix_secs(self) -> u64 {
        self.0 / 1000
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_millis(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it isn't after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at the end of time instead of overflowing: a lifetime of "for ever" is a valid
    /// wish.
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// The precision in which a session's times are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the formats that sessions are shared in have these two")]
pub enum Resolution {
    /// Milliseconds: our own formats.
    #[default]
    Milliseconds,
    /// Whole seconds: formats of frameworks that keep no more.
    Seconds,
}

impl Resolution {
    /// The time in this precision, rounded down.
    #[must_use]
    pub const fn floor(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Milliseconds => now,
            Self::Seconds => Timestamp::from_unix_secs(now.unix_secs()),
        }
    }
}
