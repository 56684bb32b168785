//! Points in time. They are passed in: nothing in this crate reads a clock.

use std::time::Duration;

/// A point in time, in milliseconds since the Unix epoch.
///
/// It has milliseconds, so that a deadline doesn't depend on the fraction of the second in which a
/// request arrived.
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
    /// Creates a timestamp from whole seconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_secs(seconds: u64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Creates a timestamp from milliseconds since the Unix epoch.
    #[must_use]
    pub const fn from_unix_millis(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    /// Returns whole seconds since the Unix epoch, rounded down.
    #[must_use]
    pub const fn unix_secs(self) -> u64 {
        self.0 / 1000
    }

    /// Returns milliseconds since the Unix epoch.
    #[must_use]
    pub const fn unix_millis(self) -> u64 {
        self.0
    }

    /// Returns the time since `earlier`, or zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates at the maximum instead of overflowing, because an unlimited lifetime is valid.
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// The precision of a session's times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the formats that sessions are shared in have these two")]
pub enum Resolution {
    /// Milliseconds, as in our own formats.
    #[default]
    Milliseconds,
    /// Whole seconds, for formats of other frameworks.
    Seconds,
}

impl Resolution {
    /// Returns the time in this precision, rounded down.
    #[must_use]
    pub const fn floor(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Milliseconds => now,
            Self::Seconds => Timestamp::from_unix_secs(now.unix_secs()),
        }
    }
}
