//! Counts of sessions.

use std::collections::HashSet;

use cloakroom::Timestamp;
use cloakroom::store::Entry;
use serde_json::{Map, Value, json};

use crate::table::{bars, bytes, grouped};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Upper bounds in seconds, and the names of the ranges.
const AGES: [(u64, &str); 8] = [
    (MINUTE, "under a minute"),
    (10 * MINUTE, "under 10 minutes"),
    (HOUR, "under an hour"),
    (6 * HOUR, "under 6 hours"),
    (DAY, "under a day"),
    (7 * DAY, "under a week"),
    (30 * DAY, "under 30 days"),
    (u64::MAX, "older"),
];

/// The same in bytes.
const SIZES: [(u64, &str); 8] = [
    (256, "under 256 B"),
    (1024, "under 1 KiB"),
    (4 * 1024, "under 4 KiB"),
    (16 * 1024, "under 16 KiB"),
    (64 * 1024, "under 64 KiB"),
    (256 * 1024, "under 256 KiB"),
    (1024 * 1024, "under 1 MiB"),
    (u64::MAX, "larger"),
];

const WIDTH: usize = 40;

/// The counts of one pass over a store.
#[derive(Debug)]
pub(super) struct Tally {
    now: Timestamp,
    sessions: u64,
    pub(super) damaged: u64,
    /// Encrypted, and not opened.
    pub(super) locked: u64,
    endless: u64,
    owned: u64,
    owners: HashSet<String>,
    bytes: u64,
    largest: u64,
    created: [u64; 8],
    used: [u64; 8],
    sizes: [u64; 8],
}

impl Tally {
    pub(super) fn at(now: Timestamp) -> Self {
        Self {
            now,
            sessions: 0,
            damaged: 0,
            locked: 0,
            endless: 0,
            owned: 0,
            owners: HashSet::new(),
            bytes: 0,
            largest: 0,
            created: [0; 8],
            used: [0; 8],
            sizes: [0; 8],
        }
    }

    pub(super) fn add(&mut self, entry: &Entry) {
        let size = entry.text().len() as u64;
        self.sessions += 1;
        self.endless += u64::from(entry.deadline.is_none());
        self.owned += u64::from(entry.owner.is_some());
        self.owners.extend(entry.owner.clone());
        self.bytes += size;
        self.largest = self.largest.max(size);
        count(&mut self.created, &AGES, self.now.since(entry.created).as_secs());
        count(&mut self.used, &AGES, self.now.since(entry.touched).as_secs());
        count(&mut self.sizes, &SIZES, size);
    }

    pub(super) fn text(&self) -> String {
        let chart = |counts: &[u64; 8], ends: &[(u64, &str); 8]| {
            let rows: Vec<_> = ends.iter().zip(counts).map(|((_, name), count)| ((*name).to_owned(), *count)).collect();
            bars(&rows, WIDTH)
        };
        let mean = self.bytes.checked_div(self.sessions).unwrap_or_default();
        format!(
            "{} sessions; {} of {} owners; {} without an end; {} damaged\n\nCreated, ago\n{}\nLast used, ago\n{}\nSize: {} in all, {} on average, the largest {}\n{}",
            grouped(self.sessions),
            grouped(self.owned),
            grouped(self.owners.len() as u64),
            grouped(self.endless),
            grouped(self.damaged),
            chart(&self.created, &AGES),
            chart(&self.used, &AGES),
            bytes(self.bytes),
            bytes(mean),
            bytes(self.largest),
            chart(&self.sizes, &SIZES),
        )
    }

    pub(super) fn document(&self) -> Value {
        let chart = |counts: &[u64; 8], ends: &[(u64, &str); 8]| -> Value {
            let pairs = ends.iter().zip(counts).map(|((_, name), count)| ((*name).to_owned(), json!(count)));
            Value::Object(Map::from_iter(pairs))
        };
        json!({
            "sessions": self.sessions, "owned": self.owned, "owners": self.owners.len(), "endless": self.endless, "damaged": self.damaged, "locked": self.locked,
            "bytes": self.bytes, "largest": self.largest,
            "created_ago": chart(&self.created, &AGES), "used_ago": chart(&self.used, &AGES), "sizes": chart(&self.sizes, &SIZES),
        })
    }
}

fn count(counts: &mut [u64; 8], ends: &[(u64, &str); 8], value: u64) {
    let place = ends.iter().position(|(end, _)| value < *end).unwrap_or(ends.len() - 1);
    if let Some(count) = counts.get_mut(place) {
        *count += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cloakroom::Timestamp;
    use cloakroom::store::Entry;

    use super::Tally;

    #[test]
    fn each_session_is_in_one_row_of_each_chart() {
        let created = Timestamp::from_unix_secs(1_700_000_000);
        let now = created + Duration::from_secs(600);
        let mut tally = Tally::at(now);
        for (size, touched, owner, deadline) in
            [(255, 599, Some("ann"), None), (256, 540, Some("ann"), Some(now)), (1_500_000, 0, None, Some(now))]
        {
            let touched = created + Duration::from_secs(touched);
            tally.add(&Entry::new("x".repeat(size).into(), created, touched, deadline).owner(owner.map(str::to_owned)));
        }
        let document = tally.document();
        assert_eq!(
            (&document["sessions"], &document["owners"], &document["endless"]),
            (&3.into(), &1.into(), &1.into())
        );
        assert_eq!(document["created_ago"]["under an hour"], 3);
        assert_eq!(document["used_ago"]["under a minute"], 1);
        assert_eq!(document["used_ago"]["under 10 minutes"], 1);
        for (size, count) in [("under 256 B", 1), ("under 1 KiB", 1), ("under 4 KiB", 0), ("larger", 1)] {
            assert_eq!(document["sizes"][size], count, "{size}");
        }
        let text = tally.text();
        assert!(text.starts_with("3 sessions; 2 of 1 owners; 1 without an end; 0 damaged\n"), "{text}");
        assert!(text.contains("█"), "{text}");
    }
}
