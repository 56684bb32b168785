//! `set_expiry` as timeouts of the Cloakroom session.

use std::time::Duration;

use cloakroom_session::{Session, Timestamp};
use time::OffsetDateTime;

/// `Expiry` of any version of tower-sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    OnSessionEnd,
    OnInactivity(time::Duration),
    AtDateTime(OffsetDateTime),
}

/// A source of the expiry that the handler has set.
pub(crate) trait Expires: Send + Sync {
    fn expires(&self) -> Option<Expiry>;
}

impl Expiry {
    /// Sets the timeouts of `session`. A time that has passed ends it.
    pub(crate) fn apply(self, session: &Session, now: Timestamp) {
        match self {
            Self::OnSessionEnd => session.forget(),
            Self::OnInactivity(span) => match Duration::try_from(span) {
                Ok(span) if !span.is_zero() => {
                    // `remember` makes the cookie persistent, as in tower-sessions. Its deadline
                    // must not end a session that is in use.
                    session.remember(span);
                    session.set_absolute_timeout(None);
                    session.set_idle_timeout(span);
                }
                _ => session.invalidate(),
            },
            Self::AtDateTime(time) => match span_until(time, now) {
                Some(span) => session.remember(span),
                None => session.invalidate(),
            },
        }
    }
}

/// Returns the span from now to `time`, or `None` if it has passed.
fn span_until(time: OffsetDateTime, now: Timestamp) -> Option<Duration> {
    let millis = u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()?;
    Some(Timestamp::from_unix_millis(millis).since(now)).filter(|span| !span.is_zero())
}

/// Returns the date that a record of tower-sessions expires at. No deadline is a very late date.
pub(crate) fn date_of(ends: Option<Timestamp>) -> OffsetDateTime {
    let latest = time::PrimitiveDateTime::MAX.assume_utc();
    let date = |ends: Timestamp| {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(ends.unix_millis()).saturating_mul(1_000_000)).ok()
    };
    ends.and_then(date).unwrap_or(latest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

    fn at(seconds: i64) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_700_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_date_is_a_span_from_now() {
        for (name, seconds, span) in [
            ("tomorrow", 86_400, Some(Duration::from_secs(86_400))),
            ("now", 0, None),
            ("a second ago", -1, None),
            ("before the epoch", -1_700_000_001, None),
        ] {
            assert_eq!(span_until(at(seconds), NOW), span, "{name}");
        }
    }

    #[test]
    fn a_deadline_is_a_date() {
        assert_eq!(date_of(Some(NOW)), at(0));
        assert_eq!(date_of(None).year(), 9999);
        assert_eq!(date_of(Some(Timestamp::from_unix_millis(u64::MAX))), date_of(None));
    }
}
