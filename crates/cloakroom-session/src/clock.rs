//! The sources of time and of random bytes.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloakroom_core::{CsrfToken, SessionId, Timestamp};

use crate::error::Error;

/// A source of the current time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}

/// The system's clock, which is the default.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        // A clock before 1970 is broken. At time zero every session is from the future and
        // rejected.
        let millis = now.unwrap_or_default().as_millis();
        Timestamp::from_unix_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

/// A clock for tests that moves only when it is set.
///
/// # Examples
/// ```
/// use cloakroom_session::{Clock, ManualClock, Timestamp};
/// use std::time::Duration;
///
/// let clock = ManualClock::at(Timestamp::from_unix_secs(1_700_000_000));
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now().unix_secs(), 1_700_000_060);
/// ```
#[derive(Debug)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// Creates a clock that shows `now`.
    #[must_use]
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicU64::new(now.unix_millis()))
    }

    /// Advances the clock.
    pub fn advance(&self, by: Duration) {
        self.set(self.now() + by);
    }

    /// Sets the clock.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.unix_millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::SeqCst))
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// Returns random bytes from the operating system.
///
/// # Errors
/// Returns an error if the operating system can't provide random bytes.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// Fills a buffer with random bytes from the operating system.
///
/// An empty buffer needs no system call.
///
/// # Errors
/// Returns an error if the operating system can't provide random bytes.
pub fn fill(bytes: &mut [u8]) -> Result<(), Error> {
    if bytes.is_empty() {
        return Ok(());
    }
    #[cfg(feature = "simulation")]
    if crate::simulation::fill(bytes) {
        return Ok(());
    }
    getrandom::fill(bytes).map_err(|error| Error::unavailable(error.to_string()))
}

/// Generates a session id.
///
/// # Errors
/// Returns an error if the operating system can't provide random bytes.
pub fn fresh_id() -> Result<SessionId, Error> {
    random().map(SessionId::from_random)
}

/// Generates a CSRF token.
///
/// # Errors
/// Returns an error if the operating system can't provide random bytes.
pub fn fresh_token() -> Result<CsrfToken, Error> {
    random().map(CsrfToken::from_random)
}
