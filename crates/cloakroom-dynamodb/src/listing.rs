//! The place of a session in its owner's index, and how long it is listed.
//!
//! A session must not outlive its entry in the index, or "sign out everywhere" would miss it. It is
//! therefore listed for twice the time that it has left, and for a day longer than its deadline at
//! least. A touch or a write within that time leaves the index unchanged.
//!
//! A session keeps its place when it moves to another key. A walk through the index therefore
//! meets each session once, even if it moves in the meantime.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{Cursor, Entry, StoreError};

use crate::item::{Attributes, Kept, bytes_of, expires, millis};
use crate::write::Write;

/// The least time for which the index lists a session after its deadline.
const LEAST: Duration = Duration::from_secs(24 * 60 * 60);

/// The number of digits of a time: those of the last one.
const DIGITS: usize = 20;

/// An entry in the index of an owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) owner: String,
    pub(crate) place: String,
    /// Until when it is listed; `None` means forever.
    pub(crate) until: Option<Timestamp>,
}

impl Listing {
    /// Returns the listing that an entry needs: the one of the stored session `old`, if that lists
    /// it for long enough.
    pub(crate) fn of(entry: &Entry, old: Option<&Kept>, now: Timestamp) -> Result<Option<Self>, StoreError> {
        let Some(owner) = &entry.owner else { return Ok(None) };
        let old = old.filter(|old| old.entry.owner == entry.owner && old.entry.created == entry.created);
        if let Some(listing) = old.and_then(Self::stored) {
            let until = if listing.covers(entry.deadline) { listing.until } else { until(entry.deadline, now) };
            return Ok(Some(Self { until, ..listing }));
        }
        let place = place(entry.created)?;
        Ok(Some(Self { owner: owner.clone(), place, until: until(entry.deadline, now) }))
    }

    /// Returns the listing of a stored session.
    pub(crate) fn stored(kept: &Kept) -> Option<Self> {
        let (owner, place) = (kept.entry.owner.clone()?, kept.place.clone()?);
        Some(Self { owner, place, until: kept.listed })
    }

    fn covers(&self, deadline: Option<Timestamp>) -> bool {
        self.until.is_none_or(|until| deadline.is_some_and(|deadline| deadline <= until))
    }

    /// The write that lists the session under `key`.
    pub(crate) fn put(&self, prefix: &str, key: &StoreKey) -> Write {
        let mut attributes = Attributes::from([("session".to_owned(), bytes_of(key))]);
        if let Some(until) = self.until {
            attributes.insert("expires".to_owned(), expires(until));
        }
        Write::put(owner_key(prefix, &self.owner), &self.place, attributes)
    }

    /// The write that removes it.
    pub(crate) fn delete(&self, prefix: &str) -> Write {
        Write::delete(owner_key(prefix, &self.owner), &self.place)
    }

    /// Adds the attributes that the session has of it.
    pub(crate) fn add_to(&self, attributes: &mut Attributes) {
        attributes.insert("owner".to_owned(), AttributeValue::S(self.owner.clone()));
        attributes.insert("place".to_owned(), AttributeValue::S(self.place.clone()));
        if let Some(until) = self.until {
            attributes.insert("listed".to_owned(), millis(until));
        }
    }
}

/// The partition key of an owner's index.
pub(crate) fn owner_key(prefix: &str, owner: &str) -> String {
    format!("{prefix}o#{owner}")
}

/// Returns a new place: the time of creation, so that the oldest session comes first, and a random
/// number.
fn place(created: Timestamp) -> Result<String, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::unavailable(error.to_string()))?;
    Ok(format!("{:0DIGITS$}#{:032x}", created.unix_millis(), u128::from_le_bytes(bytes)))
}

/// Returns the place after which a page begins.
pub(crate) fn read_place(cursor: &Cursor) -> Result<&str, StoreError> {
    let is_place = |text: &str| {
        let (created, random) = text.split_once('#')?;
        let digits = created.len() == DIGITS && created.bytes().all(|byte| byte.is_ascii_digit());
        let random = random.len() == 32 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        (digits && random).then_some(())
    };
    is_place(cursor.as_str()).map(|()| cursor.as_str()).ok_or_else(StoreError::foreign_cursor)
}

/// Returns until when the index lists a session with this deadline.
fn until(deadline: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    deadline.map(|deadline| deadline + deadline.since(now).max(LEAST))
}

#[cfg(test)]
mod tests {
    use super::{LEAST, place, read_place, until};
    use cloakroom_session::Timestamp;
    use cloakroom_store::store::Cursor;
    use std::time::Duration;

    #[test]
    fn sessions_are_listed_for_longer_than_they_last() {
        let now = Timestamp::from_unix_secs(1_000_000);
        let [hour, week] = [Duration::from_secs(3_600), Duration::from_secs(7 * 86_400)];
        for (row, deadline, expected) in [
            ("never expires", None, None),
            ("an hour is left", Some(now + hour), Some(now + hour + LEAST)),
            ("a week is left", Some(now + week), Some(now + week + week)),
            ("expired", Some(Timestamp::from_unix_secs(5)), Some(Timestamp::from_unix_secs(5) + LEAST)),
        ] {
            assert_eq!(until(deadline, now), expected, "{row}");
        }
        let last = Timestamp::from_unix_millis(u64::MAX);
        assert_eq!(until(Some(last), now), Some(last), "no overflow");
    }

    #[test]
    fn places_are_in_the_order_of_creation() {
        let places = [0, 9, 10, 1_700_000_000_000, u64::MAX].map(|at| place(Timestamp::from_unix_millis(at)).unwrap());
        assert!(places.is_sorted());
        for place in places {
            assert_eq!(read_place(&Cursor::new(place.clone())).unwrap(), place);
        }
        for foreign in ["", "#", "1#2", "0123456789012345678#00000000000000000000000000000000"] {
            read_place(&Cursor::new(foreign)).unwrap_err();
        }
    }
}
