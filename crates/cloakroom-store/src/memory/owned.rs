//! Lists, counts and ends the sessions of an owner, in bounded steps.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;

use super::MemoryStore;
use super::owners::Place;
use super::slot::{Held, Live};
use crate::entry::OwnedSession;
use crate::error::StoreError;
use crate::pages::{Ended, OwnedPage};
use crate::scan::Cursor;

/// The number of sessions counted before yielding to other tasks.
const BATCH: usize = 1000;

impl Place {
    fn cursor(self) -> Cursor {
        Cursor::new(format!("{}.{}", self.created.unix_millis(), self.arrival))
    }

    pub(super) fn read(cursor: &Cursor) -> Result<Self, StoreError> {
        let [created, arrival] = cursor.numbers().ok_or_else(StoreError::foreign_cursor)?;
        Ok(Self { created: Timestamp::from_unix_millis(created), arrival })
    }
}

impl MemoryStore {
    /// Returns a page of an owner's sessions after a place.
    pub(super) fn owned_after(&self, owner: &str, after: Option<Place>, limit: usize, now: Timestamp) -> OwnedPage {
        let mut listed = self.owners.after(owner, after, limit.saturating_add(1));
        let is_last = listed.len() <= limit;
        listed.truncate(limit);
        let next = if is_last { None } else { listed.last().map(|(place, _)| place.cursor()) };
        let owned = |(place, key)| {
            self.in_place(owner, place, key, |live| {
                (!live.entry.is_expired(now)).then(|| live.entry.clone()).map(|entry| (entry, false))
            })
        };
        let sessions = listed.into_iter().filter_map(owned).map(|(key, entry)| OwnedSession::new(key, entry)).collect();
        OwnedPage::new(sessions, next)
    }

    /// Counts an owner's live sessions.
    pub(super) async fn count_live(&self, owner: &str, at_most: usize, now: Timestamp) -> usize {
        let (mut count, mut after) = (0, None);
        loop {
            let listed = self.owners.after(owner, after, BATCH);
            let Some((last, _)) = listed.last() else { return count.min(at_most) };
            after = Some(*last);
            let is_live = |live: &Live| (!live.entry.is_expired(now)).then_some(((), false));
            count += listed.iter().filter_map(|(place, key)| self.in_place(owner, *place, *key, is_live)).count();
            if listed.len() < BATCH || count >= at_most {
                return count.min(at_most);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Ends at most `limit` of an owner's sessions, oldest first, and removes expired ones on the
    /// way.
    pub(super) fn end_oldest(&self, owner: &str, keep: Option<&StoreKey>, limit: usize, now: Timestamp) -> Ended {
        // One more for the session to keep, and one to detect that there are more.
        let room = limit.saturating_add(2);
        let listed = self.owners.after(owner, None, room);
        let is_all = listed.len() < room;
        let mut count = 0;
        for (place, key) in listed.into_iter().filter(|(_, key)| keep != Some(key)) {
            if count >= limit {
                return Ended::new(count, true);
            }
            let ended = self.in_place(owner, place, key, |live| Some((!live.entry.is_expired(now), true)));
            count += usize::from(ended.is_some_and(|(_, was_live)| was_live));
        }
        Ended::new(count, !is_all)
    }

    /// Inspects the session in this place of an owner's list, under its current key, and removes it
    /// if `look` says so.
    fn in_place<T>(
        &self,
        owner: &str,
        place: Place,
        mut key: StoreKey,
        look: impl Fn(&Live) -> Option<(T, bool)>,
    ) -> Option<(StoreKey, T)> {
        loop {
            let mut shard = self.shards.of(&key);
            if let Some(Held::Live(live)) = shard.get(&key)
                && live.arrival == place.arrival
                && live.entry.owner.as_deref() == Some(owner)
            {
                let (answer, goes) = look(live)?;
                if goes {
                    self.take(&mut shard, &key);
                }
                return Some((key, answer));
            }
            drop(shard);
            // It has moved, or it no longer belongs to this owner.
            key = self.owners.at(owner, place).filter(|there| *there != key)?;
        }
    }
}
