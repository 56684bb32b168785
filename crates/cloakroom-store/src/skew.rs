//! The difference between the clocks of processes.

use std::time::Duration;

use cloakroom_session::Timestamp;

/// The largest difference between clocks that ends allow for. A clock that is further ahead than
/// this is reported by a check-up.
const SKEW: Duration = Duration::from_secs(60);

/// Returns the time to pass to [`Store::end`] and other calls that end sessions: a minute ago.
///
/// A session that has just expired by the clock of this process may be live by that of another one,
/// which can also prolong it. A sign-out that found it expired and left it would then have no
/// effect.
///
/// [`Store::end`]: crate::store::Store::end
///
/// # Examples
/// ```
/// use cloakroom_session::Timestamp;
/// use cloakroom_store::store::time_for_ends;
///
/// let now = Timestamp::from_unix_secs(1_700_000_060);
/// assert_eq!(time_for_ends(now), Timestamp::from_unix_secs(1_700_000_000));
/// ```
#[must_use]
pub fn time_for_ends(now: Timestamp) -> Timestamp {
    Timestamp::from_unix_millis(now.unix_millis().saturating_sub(u64::try_from(SKEW.as_millis()).unwrap_or(u64::MAX)))
}
