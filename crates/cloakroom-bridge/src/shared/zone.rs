//! Recognising expiries in another time zone.

use std::time::Duration;

use cloakroom_session::Timestamp;

/// All time zones are multiples of a quarter of an hour away from UTC, and at most 14 hours.
const QUARTER: u64 = 15 * 60 * 1000;
const FARTHEST: u64 = 14 * 4;

/// A record and its expiry are written within this time.
const SLACK: Duration = Duration::from_secs(60);

fn apart(one: Timestamp, other: Timestamp) -> u64 {
    one.unix_millis().abs_diff(other.unix_millis())
}

/// Returns `true` if both are the same time, up to a minute.
pub(super) fn is_same(one: Timestamp, other: Timestamp) -> bool {
    u128::from(apart(one, other)) <= SLACK.as_millis()
}

/// Returns `true` if the times differ like the clocks of two time zones.
pub(super) fn is_other(one: Timestamp, other: Timestamp) -> bool {
    let apart = apart(one, other);
    let quarters = (apart + QUARTER / 2) / QUARTER;
    (1..=FARTHEST).contains(&quarters) && u128::from(apart.abs_diff(quarters * QUARTER)) <= SLACK.as_millis()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_time_zones_are_recognised() {
        const HOUR: u64 = 3600;
        let right = Timestamp::from_unix_secs(1_700_000_000);
        for (seconds, same, other) in [
            (0, true, false),
            (2, true, false),
            (60, true, false),
            (61, false, false),
            (400, false, false),
            (HOUR, false, true),
            (HOUR + 60, false, true),
            (HOUR + 61, false, false),
            (5 * HOUR + HOUR / 2 - 2, false, true),
            (5 * HOUR + HOUR * 3 / 4, false, true),
            (14 * HOUR, false, true),
            (14 * HOUR + HOUR / 4, false, false),
            (14 * 24 * HOUR, false, false),
        ] {
            let span = Duration::from_secs(seconds);
            for end in [right + span, Timestamp::from_unix_secs(1_700_000_000 - seconds)] {
                assert_eq!((is_same(end, right), is_other(end, right)), (same, other), "{seconds} s");
            }
        }
    }
}
