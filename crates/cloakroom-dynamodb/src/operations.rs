//! Load, create, replace and touch.
//!
//! A write first assumes the usual case, without reading. If its condition isn't met, DynamoDB
//! answers with the item that it found, and the step is computed from that item. Such a step has
//! the condition that the item is unchanged: each write gives it another `call`.

use aws_sdk_dynamodb::types::AttributeValue;
use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{Created, Entry, Loaded, Replaced, StoreError};

use crate::commit::Outcome;
use crate::dynamodb_store::DynamoDbStore;
use crate::error::{self, LONGEST_OWNER, MOST_BYTES, failed};
use crate::item::{Attributes, Call, Item, Kept, SESSION, expires, millis, number_of};
use crate::listing::Listing;
use crate::write::Write;

/// The number of times that a step is computed again because the item has changed.
pub(crate) const TRIES: usize = 100;

/// The item has no live session and no valid tombstone.
const FREE: &str = "attribute_not_exists(pk) OR #deadline < :now";

/// The item is a live session.
const LIVE: &str = "attribute_exists(#record) AND (attribute_not_exists(#deadline) OR #deadline >= :now)";

/// The owner index lists the session until the new deadline.
const LISTED: &str = "attribute_not_exists(#listed) OR #listed >= :deadline";

impl DynamoDbStore {
    /// Reads an item, expired or not.
    pub(crate) async fn item(&self, key: &StoreKey) -> Result<Option<Item>, StoreError> {
        let get = self.client.get_item().table_name(&*self.table).set_key(Some(self.item_key(key)));
        let answer = Box::pin(get.consistent_read(true).send()).await.map_err(|error| failed(&self.table, &error))?;
        answer.item().map(|item| Item::read(key, item)).transpose()
    }

    /// Reads the item that a failed condition has found.
    pub(crate) fn found(key: &StoreKey, item: Option<Attributes>) -> Result<Option<Item>, StoreError> {
        item.map(|item| Item::read(key, &item)).transpose()
    }

    pub(crate) async fn loaded(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let item = self.item(key).await?.and_then(|item| item.unexpired(now));
        Ok(item.map_or(Loaded::Absent, Item::loaded))
    }

    /// The write that creates a session.
    pub(crate) fn new_session(
        &self,
        key: &StoreKey,
        entry: &Entry,
        listing: Option<&Listing>,
        call: Call,
        now: Timestamp,
    ) -> Write {
        let mut attributes = Attributes::from([
            ("record".to_owned(), AttributeValue::S(entry.text().to_string())),
            ("version".to_owned(), number_of(&entry.next_version(None))),
            ("created".to_owned(), millis(entry.created)),
            ("touched".to_owned(), millis(entry.touched)),
            ("call".to_owned(), call.value()),
        ]);
        if let Some(deadline) = entry.deadline {
            attributes.insert("deadline".to_owned(), millis(deadline));
            attributes.insert("expires".to_owned(), expires(deadline));
        }
        if let Some(listing) = listing {
            listing.add_to(&mut attributes);
        }
        Write::put(self.session_key(key), SESSION, attributes).when(FREE).with("now", millis(now))
    }

    pub(crate) async fn created(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        fits(entry)?;
        let (call, listing) = (Call::new()?, Listing::of(entry, None, now)?);
        let mut writes = vec![self.new_session(key, entry, listing.as_ref(), call, now)];
        writes.extend(listing.map(|listing| listing.put(&self.prefix, key)));
        match self.commit(&writes).await? {
            Outcome::Done => Ok(Created::Yes(entry.next_version(None))),
            Outcome::Unmet(_, item) => match Self::found(key, item)? {
                Some(item) if item.call() == call => Ok(Created::Yes(entry.next_version(None))),
                _ => Ok(Created::Taken),
            },
        }
    }

    pub(crate) async fn replaced(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        fits(entry)?;
        let (call, next) = (Call::new()?, entry.next_version(Some(&seen)));
        let changes = || {
            vec![
                ("record", Some(AttributeValue::S(entry.text().to_string()))),
                ("version", Some(number_of(&next))),
                ("touched", Some(millis(entry.touched))),
                ("deadline", entry.deadline.map(millis)),
                ("expires", entry.deadline.map(expires)),
                ("call", Some(call.value())),
            ]
        };
        // The usual case: the same owner, and a deadline within the time for which it is listed.
        let write = self.update(key, changes()).when(LIVE).when("#version = :seen").with("now", millis(now));
        let write = write.with("seen", number_of(&seen));
        let write = match (&entry.owner, entry.deadline) {
            (None, _) => write.when("attribute_not_exists(#owner)"),
            (Some(owner), deadline) => {
                let write =
                    write.when("#owner = :owner AND #created = :created").with("created", millis(entry.created));
                let write = write.with("owner", AttributeValue::S(owner.clone()));
                write.when(if deadline.is_some() { LISTED } else { "attribute_not_exists(#listed)" })
            }
        };
        let write = match entry.owner {
            None => write.when("#created = :created").with("created", millis(entry.created)),
            Some(_) => write,
        };
        let mut outcome = self.commit(&[write]).await?;
        for _ in 0..TRIES {
            let item = match outcome {
                Outcome::Done => return Ok(Replaced::Yes(next)),
                Outcome::Unmet(_, item) => Self::found(key, item)?,
            };
            let old = match item {
                Some(item) if item.call() == call => return Ok(Replaced::Yes(next)),
                Some(item) => match item.unexpired(now) {
                    Some(Item::Session(old)) if old.version != seen => return Ok(Replaced::Conflict),
                    Some(Item::Session(old)) => old,
                    Some(Item::Tombstone { .. }) | None => return Ok(Replaced::Gone),
                },
                None => return Ok(Replaced::Gone),
            };
            let listing = Listing::of(entry, Some(&old), now)?;
            let mut changes = changes();
            changes.extend([
                ("created", Some(millis(entry.created))),
                ("owner", listing.as_ref().map(|listing| AttributeValue::S(listing.owner.clone()))),
                ("place", listing.as_ref().map(|listing| AttributeValue::S(listing.place.clone()))),
                ("listed", listing.as_ref().and_then(|listing| listing.until).map(millis)),
            ]);
            let mut writes = vec![self.update(key, changes).when("#call = :was").with("was", old.call.value())];
            writes.extend(self.relisted(key, &old, listing.as_ref()));
            outcome = self.commit(&writes).await?;
        }
        Err(kept_changing())
    }

    /// The writes that change the owner index: none if the listing stays as it is.
    pub(crate) fn relisted(&self, key: &StoreKey, old: &Kept, listing: Option<&Listing>) -> Vec<Write> {
        let stored = Listing::stored(old);
        let mut writes = Vec::new();
        if stored.as_ref() == listing {
            return writes;
        }
        if let Some(stored) = stored.filter(|stored| listing.is_none_or(|listing| listing.place != stored.place)) {
            writes.push(stored.delete(&self.prefix));
        }
        writes.extend(listing.map(|listing| listing.put(&self.prefix, key)));
        writes
    }

    pub(crate) async fn touched(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let call = Call::new()?;
        let mut item = match deadline {
            None => self.item(key).await?,
            // The usual case: a later use, and a later deadline within the time for which it is
            // listed.
            Some(deadline) => {
                let changes = touch(touched, Some(deadline), call);
                let write = self.update(key, changes).when(LIVE).when("#touched <= :touched");
                let write = write.when("#deadline <= :deadline").when(LISTED).with("now", millis(now));
                match self.commit(&[write]).await? {
                    Outcome::Done => return Ok(true),
                    Outcome::Unmet(_, item) => Self::found(key, item)?,
                }
            }
        };
        for _ in 0..TRIES {
            let Some(Item::Session(old)) = item.and_then(|item| item.unexpired(now)) else { return Ok(false) };
            let mut entry = old.entry.clone();
            entry.touched = entry.touched.max(touched);
            entry.deadline = match (entry.deadline, deadline) {
                (Some(there), Some(wanted)) => Some(there.max(wanted)),
                _ => None,
            };
            if old.call == call || entry == old.entry {
                return Ok(true);
            }
            let listing = Listing::of(&entry, Some(&old), now)?;
            let mut changes = touch(entry.touched, entry.deadline, call);
            changes.push(("listed", listing.as_ref().and_then(|listing| listing.until).map(millis)));
            let mut writes = vec![self.update(key, changes).when("#call = :was").with("was", old.call.value())];
            writes.extend(self.relisted(key, &old, listing.as_ref()));
            match self.commit(&writes).await? {
                Outcome::Done => return Ok(true),
                Outcome::Unmet(_, found) => item = Self::found(key, found)?,
            }
        }
        Err(kept_changing())
    }
}

/// The attributes that a touch sets.
fn touch(touched: Timestamp, deadline: Option<Timestamp>, call: Call) -> Vec<(&'static str, Option<AttributeValue>)> {
    vec![
        ("touched", Some(millis(touched))),
        ("deadline", deadline.map(millis)),
        ("expires", deadline.map(expires)),
        ("call", Some(call.value())),
    ]
}

/// Refuses an entry that no item can hold, before it is sent.
pub(crate) fn fits(entry: &Entry) -> Result<(), StoreError> {
    let owner = entry.owner.as_ref().map_or(0, String::len);
    if owner > LONGEST_OWNER {
        return Err(error::owner_too_long(owner));
    }
    if entry.text().len().saturating_add(owner) > MOST_BYTES {
        return Err(error::too_large());
    }
    Ok(())
}

pub(crate) fn kept_changing() -> StoreError {
    StoreError::unavailable("the session kept changing")
}
