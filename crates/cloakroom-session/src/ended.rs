//! Waiting for the end of a session, for factories.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_core::{CookiePayload, SessionState, Timestamp};
use tokio::time::sleep;

use crate::clock::Clock;
use crate::error::Error;

/// The time between two checks of a session whose factory can only be asked.
const INTERVAL: Duration = Duration::from_secs(5);

/// The time between two looks at the clock while a session waits for its deadline, in case the
/// clock is set or the machine sleeps.
const LOOK: Duration = Duration::from_secs(60);

/// The first pause after an error; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// The reason for which [`Session::ended`](crate::Session::ended) resolved, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndReason {
    /// The session was signed out or revoked, or the store has lost it.
    Gone,
    /// The session lives on under another id, which this request doesn't have.
    ///
    /// For example because the user signed in again in another tab.
    Moved,
    /// The deadline has passed.
    Expired,
}

/// Asks the factory periodically whether the session is still there.
///
/// `reload` loads it at the given time.
pub(crate) async fn by_asking<F: Future<Output = Result<SessionState, Error>>>(
    reload: impl Fn(Timestamp) -> F,
    session: &SessionState,
    clock: &Arc<dyn Clock>,
) -> EndReason {
    let (mut newest, mut failures) = (session.clone(), 0);
    loop {
        let now = clock.now();
        let pause = match reload(now).await {
            Ok(found) if found.id().is_none() => return reason(&newest, now),
            Ok(found) => {
                (newest, failures) = (found, 0);
                next_check(&newest, now)
            }
            // The factory can't be asked, so only the deadline is known.
            Err(error) if error.is_unsupported() && newest.is_expired(now) => return EndReason::Expired,
            Err(error) if error.is_unsupported() => next_look(&newest, now),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a session couldn't be checked for its end");
                failures += 1;
                after_failures(failures, INTERVAL)
            }
        };
        sleep(pause).await;
    }
}

fn reason(last: &SessionState, now: Timestamp) -> EndReason {
    if last.is_expired(now) { EndReason::Expired } else { EndReason::Gone }
}

fn next_check(session: &SessionState, now: Timestamp) -> Duration {
    match session.payload() {
        // No other request can end it before its deadline.
        CookiePayload::Record => next_look(session, now),
        CookiePayload::Id | _ => until_expired(session, now).unwrap_or(INTERVAL).min(INTERVAL),
    }
}

fn next_look(session: &SessionState, now: Timestamp) -> Duration {
    until_expired(session, now).unwrap_or(LOOK).min(LOOK)
}

/// Returns the time until the session has expired. `None` for a session without a deadline, and for
/// one that lives although its deadline has passed, because opening it counts as use.
fn until_expired(session: &SessionState, now: Timestamp) -> Option<Duration> {
    let deadline = session.record().times().ends()?;
    (deadline >= now).then(|| span(now, deadline))
}

/// Returns the time until a deadline has passed. A session is valid at its deadline, and not one
/// millisecond later.
#[must_use]
pub fn span(now: Timestamp, deadline: Timestamp) -> Duration {
    Duration::from_millis(deadline.unix_millis().saturating_sub(now.unix_millis()).saturating_add(1))
}

/// Returns the pause after this many failures in a row, at most `most`.
#[must_use]
pub fn after_failures(failures: u32, most: Duration) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST_PAUSE.saturating_mul(doubled).min(most.max(FIRST_PAUSE))
}
