//! Cycle and end: transactions over the session, its tombstone and its entry in the owner index.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{Entry, Replaced, StoreError};

use crate::commit::Outcome;
use crate::dynamodb_store::DynamoDbStore;
use crate::item::{Attributes, Call, Item, Kept, SESSION, bytes_of, expires, millis};
use crate::listing::Listing;
use crate::operations::{TRIES, fits, kept_changing};
use crate::write::Write;

impl DynamoDbStore {
    /// Reads the session first, because it decides about the owner index. A read costs a tenth of
    /// the additional writes that would be needed otherwise.
    pub(crate) async fn cycled(
        &self,
        old: &StoreKey,
        seen: Version,
        new: &StoreKey,
        entry: &Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        fits(entry)?;
        let (call, version) = (Call::new()?, entry.next_version(None));
        let mut item = self.item(old).await?;
        for _ in 0..TRIES {
            let there = match item {
                Some(item) if item.call() == call => return Ok(Replaced::Yes(version)),
                Some(item) => match item.unexpired(now) {
                    Some(Item::Session(there)) if there.version != seen => return Ok(Replaced::Conflict),
                    Some(Item::Session(there)) => there,
                    Some(Item::Tombstone { .. }) | None => return Ok(Replaced::Gone),
                },
                None => return Ok(Replaced::Gone),
            };
            let listing = Listing::of(entry, Some(&there), now)?;
            let mut writes = vec![
                self.tombstone(old, new, entry.created, moved_until, call)
                    .when("#call = :was")
                    .with("was", there.call.value()),
                self.new_session(new, entry, listing.as_ref(), call, now),
            ];
            if let Some(stored) = Listing::stored(&there) {
                let stays = listing.as_ref().is_some_and(|listing| listing.place == stored.place);
                writes.extend((!stays).then(|| stored.delete(&self.prefix)));
            }
            // Also if the place stays the same: it has the new key.
            writes.extend(listing.map(|listing| listing.put(&self.prefix, new)));
            match self.commit(&writes).await? {
                Outcome::Done => return Ok(Replaced::Yes(version)),
                Outcome::Unmet(0, found) => item = Self::found(old, found)?,
                Outcome::Unmet(..) => return Err(StoreError::taken(*new)),
            }
        }
        Err(kept_changing())
    }

    fn tombstone(&self, old: &StoreKey, new: &StoreKey, created: Timestamp, until: Timestamp, call: Call) -> Write {
        let attributes = Attributes::from([
            ("moved".to_owned(), bytes_of(new)),
            ("created".to_owned(), millis(created)),
            ("deadline".to_owned(), millis(until)),
            ("call".to_owned(), call.value()),
            ("expires".to_owned(), expires(until)),
        ]);
        Write::put(self.session_key(old), SESSION, attributes)
    }

    pub(crate) async fn ended(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let mut at = *key;
        let ended = loop {
            match self.item(&at).await?.and_then(|item| item.unexpired(now)) {
                None => break false,
                Some(Item::Tombstone { to, .. }) => at = to,
                Some(Item::Session(kept)) => match self.end_session(&at, kept, now).await? {
                    End::Done => break true,
                    End::Gone => break false,
                    End::Moved(to) => at = to,
                },
            }
        };
        if ended && at != *key {
            self.announcer.changed(key);
        }
        Ok(ended)
    }

    /// Ends a session that was read, unless it has ended or moved in the meantime.
    pub(crate) async fn end_session(&self, key: &StoreKey, mut kept: Kept, now: Timestamp) -> Result<End, StoreError> {
        for _ in 0..TRIES {
            let delete = Write::delete(self.session_key(key), SESSION);
            let mut writes = vec![delete.when("#call = :was").with("was", kept.call.value())];
            writes.extend(Listing::stored(&kept).map(|stored| stored.delete(&self.prefix)));
            let outcome = self.commit(&writes).await;
            // Even after an error, because the transaction may have been executed.
            self.announcer.changed(key);
            let item = match outcome? {
                Outcome::Done => return Ok(End::Done),
                Outcome::Unmet(_, item) => Self::found(key, item)?,
            };
            match item.and_then(|item| item.unexpired(now)) {
                None => return Ok(End::Gone),
                Some(Item::Tombstone { to, .. }) => return Ok(End::Moved(to)),
                Some(Item::Session(changed)) => kept = changed,
            }
        }
        Err(kept_changing())
    }

    /// Ends a session that was read, also if it moves in the meantime. Returns whether there was
    /// one.
    pub(crate) async fn end_read(&self, key: &StoreKey, kept: Kept, now: Timestamp) -> Result<bool, StoreError> {
        match self.end_session(key, kept, now).await? {
            End::Done => Ok(true),
            End::Gone => Ok(false),
            End::Moved(to) => self.ended(&to, now).await,
        }
    }

    /// Follows tombstones, expired ones as well, to the live session that they lead to.
    pub(crate) async fn followed(
        &self,
        key: &StoreKey,
        now: Timestamp,
    ) -> Result<Option<(StoreKey, Kept)>, StoreError> {
        let mut at = *key;
        loop {
            match self.item(&at).await? {
                Some(Item::Tombstone { to, .. }) => at = to,
                Some(Item::Session(kept)) if !kept.entry.is_expired(now) => return Ok(Some((at, kept))),
                Some(Item::Session(_)) | None => return Ok(None),
            }
        }
    }
}

/// The result of ending a session under one key.
#[derive(Debug)]
pub(crate) enum End {
    Done,
    Gone,
    Moved(StoreKey),
}
