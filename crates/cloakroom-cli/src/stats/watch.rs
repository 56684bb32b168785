//! Changes between two passes over a store.

use std::collections::HashMap;
use std::time::Duration;

use cloakroom::store::{ScannedSession, StoreKey};
use cloakroom::{AnyStore, Clock as _, SystemClock, Timestamp};
use serde_json::json;

use crate::outcome::Outcome;
use crate::output::print;
use crate::scan;
use crate::table::grouped;
use crate::time::utc;

/// Version and last use of each session.
type Look = HashMap<StoreKey, (u64, Timestamp)>;

/// The numbers of sessions created, written, only read, and ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Between {
    created: u64,
    written: u64,
    touched: u64,
    ended: u64,
}

impl Between {
    fn of(before: &Look, after: &Look) -> Self {
        let mut between = Self::default();
        for (key, (version, touched)) in after {
            match before.get(key) {
                None => between.created += 1,
                Some((earlier, _)) if earlier != version => between.written += version.saturating_sub(*earlier).max(1),
                Some((_, earlier)) => between.touched += u64::from(earlier != touched),
            }
        }
        between.ended = before.keys().filter(|key| !after.contains_key(*key)).count() as u64;
        between
    }
}

/// Prints rates until stopped. A session that begins and ends between two passes isn't seen.
pub(super) async fn run(store: &AnyStore, seconds: u64, times: Option<u64>, json: bool) -> anyhow::Result<Outcome> {
    let (mut began, mut before) = (SystemClock.now(), look(store).await?);
    if !json {
        print("TIME                  SESSIONS   NEW/s  WRITTEN/s  TOUCHED/s  ENDED/s\n")?;
    }
    let mut left = times.unwrap_or(u64::MAX);
    while left > 0 {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        let (now, after) = (SystemClock.now(), look(store).await?);
        let between = Between::of(&before, &after);
        let span = now.since(began).as_secs_f64().max(0.001);
        let rate = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / span;
        let Between { created, written, touched, ended } = between;
        let rates = [created, written, touched, ended].map(rate);
        let [created, written, touched, ended] = rates;
        let sessions = after.len() as u64;
        print(&if json {
            let document = json!({
                "time": utc(now), "sessions": sessions, "created_per_second": created, "written_per_second": written,
                "touched_per_second": touched, "ended_per_second": ended,
            });
            format!("{document}\n")
        } else {
            format!(
                "{}  {:>8}  {created:6.1}  {written:9.1}  {touched:9.1}  {ended:7.1}\n",
                utc(now),
                grouped(sessions)
            )
        })?;
        (began, before, left) = (now, after, left - 1);
    }
    Ok(Outcome::Done)
}

async fn look(store: &AnyStore) -> anyhow::Result<Look> {
    let mut look = Look::new();
    let note = |ScannedSession { key, version, entry, .. }: &ScannedSession| {
        look.insert(*key, (version.writes(), entry.touched));
    };
    scan::all(store, note).await?;
    Ok(look)
}

#[cfg(test)]
mod tests {
    use cloakroom::Timestamp;
    use cloakroom::store::StoreKey;

    use super::{Between, Look};

    #[test]
    fn what_happened() {
        let look = |sessions: &[(u8, u64, u64)]| -> Look {
            sessions
                .iter()
                .map(|(key, version, touched)| {
                    (StoreKey::from_bytes([*key; 32]), (*version, Timestamp::from_unix_secs(*touched)))
                })
                .collect()
        };
        let before = look(&[(1, 1, 10), (2, 1, 10), (3, 1, 10), (4, 5, 10), (5, 1, 10)]);
        let after = look(&[(1, 1, 10), (2, 4, 12), (3, 1, 12), (4, 5, 10), (6, 1, 12), (7, 2, 12)]);
        assert_eq!(Between::of(&before, &after), Between { created: 2, written: 3, touched: 1, ended: 1 });
        assert_eq!(Between::of(&before, &before), Between::default());
    }
}
