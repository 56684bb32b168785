//! The sessions of an owner, page by page.
//!
//! A page is a query of the owner's index and a read of its sessions. Between the two a session may
//! move. Its old key then has a tombstone, which leads to the session under its new key. The place
//! of a session in the index stays the same, so it is in one page.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{Cursor, Ended, OwnedPage, OwnedSession, StoreError};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::commit::wait;
use crate::dynamodb_store::DynamoDbStore;
use crate::error::{LONGEST_OWNER, failed};
use crate::item::{Attributes, Item, Kept, key_of};
use crate::listing::{owner_key, read_place};
use crate::write::names;

/// The most items that DynamoDB reads in one batch.
const BATCH: usize = 100;

/// The number of partial answers to a batch before the step fails.
const TRIES: usize = 200;

/// The pause after an answer without any item.
const PAUSE: Duration = Duration::from_millis(50);

/// The number of sessions that are ended at the same time.
pub(crate) const AT_ONCE: usize = 16;

/// A page of an owner's live sessions, oldest first.
struct Sessions {
    found: Vec<(StoreKey, Kept)>,
    next: Option<Cursor>,
}

impl DynamoDbStore {
    async fn sessions_of(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Sessions, StoreError> {
        let after = after.map(read_place).transpose()?.unwrap_or_default();
        if owner.len() > LONGEST_OWNER {
            return Ok(Sessions { found: Vec::new(), next: None });
        }
        // Every place is greater than an empty one, which no key may have.
        let condition = if after.is_empty() { "#pk = :owner" } else { "#pk = :owner AND #sk > :after" };
        let query = self.client.query().table_name(&*self.table).key_condition_expression(condition);
        let query = query
            .set_expression_attribute_names(names([condition]))
            .expression_attribute_values(":owner", AttributeValue::S(owner_key(&self.prefix, owner)))
            .limit(i32::try_from(limit.clamp(1, BATCH)).unwrap_or(1))
            .consistent_read(true);
        let query = if after.is_empty() {
            query
        } else {
            query.expression_attribute_values(":after", AttributeValue::S(after.to_owned()))
        };
        let answer = Box::pin(query.send()).await.map_err(|error| failed(&self.table, &error))?;
        let listed: Vec<(String, StoreKey)> = answer.items().iter().filter_map(listed).collect();
        let mut items = self.batch(listed.iter().map(|(_, key)| *key).collect()).await?;
        let mut found = Vec::with_capacity(listed.len());
        for (place, key) in listed {
            let session = match items.iter().position(|(there, _)| *there == key).map(|at| items.swap_remove(at)) {
                Some((_, Item::Session(kept))) => Some((key, kept)).filter(|(_, kept)| !kept.entry.is_expired(now)),
                Some((_, Item::Tombstone { to, .. })) => self.followed(&to, now).await?,
                None => None,
            };
            let is_owners = |kept: &Kept| kept.entry.owner.as_deref() == Some(owner);
            found.extend(session.filter(|(_, kept)| is_owners(kept) && kept.place.as_ref() == Some(&place)));
        }
        let last = answer.last_evaluated_key().and_then(|last| last.get("sk")?.as_s().ok());
        Ok(Sessions { found, next: last.map(Cursor::new) })
    }

    /// Reads the items under these keys.
    async fn batch(&self, mut keys: Vec<StoreKey>) -> Result<Vec<(StoreKey, Item)>, StoreError> {
        keys.sort_unstable();
        keys.dedup();
        let mut items = Vec::with_capacity(keys.len());
        for _ in 0..TRIES {
            if keys.is_empty() {
                return Ok(items);
            }
            let wanted = KeysAndAttributes::builder()
                .set_keys(Some(keys.iter().map(|key| self.item_key(key)).collect()))
                .consistent_read(true)
                .build()
                .map_err(StoreError::unavailable)?;
            let get = self.client.batch_get_item().request_items(&*self.table, wanted);
            let answer = Box::pin(get.send()).await.map_err(|error| failed(&self.table, &error))?;
            let found = answer.responses().and_then(|tables| tables.get(&*self.table)).map_or(&[][..], Vec::as_slice);
            for item in found {
                let key = self.key_in(item).ok_or_else(|| StoreError::unavailable("an item without its key"))?;
                items.push((key, Item::read(&key, item)?));
            }
            // An answer has at most 16 MB.
            let left = answer.unprocessed_keys().and_then(|tables| tables.get(&*self.table));
            keys = left.map_or(&[][..], |left| left.keys()).iter().filter_map(|item| self.key_in(item)).collect();
            if found.is_empty() && !keys.is_empty() {
                wait(PAUSE).await;
            }
        }
        Err(StoreError::unavailable("DynamoDB answered a batch of reads in part only"))
    }

    /// Returns the store key in the partition key of an item.
    pub(crate) fn key_in(&self, item: &Attributes) -> Option<StoreKey> {
        let key = item.get("pk")?.as_s().ok()?.strip_prefix(&*self.sessions())?;
        StoreKey::from_hex(key)
    }

    pub(crate) async fn owned_page(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        let page = self.sessions_of(owner, after, limit, now).await?;
        let sessions = page.found.into_iter().map(|(key, kept)| OwnedSession::new(key, kept.entry));
        Ok(OwnedPage::new(sessions.collect(), page.next))
    }

    pub(crate) async fn owned_ended(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let (mut ended, mut left, mut after) = (0, limit, None);
        loop {
            let page = self.sessions_of(owner, after.as_ref(), left.saturating_add(1), now).await?;
            let mut found: Vec<_> = page.found.into_iter().filter(|(key, _)| keep != Some(key)).collect();
            let more = found.len() > left;
            found.truncate(left);
            // A session that has ended since it was listed still counts towards the limit.
            left -= found.len();
            ended += self.end_all(found, now).await?;
            after = page.next;
            if more || after.is_none() {
                return Ok(Ended::new(ended, more));
            }
        }
    }

    /// Ends sessions that were read. Returns the number of those that were still live.
    pub(crate) async fn end_all(&self, found: Vec<(StoreKey, Kept)>, now: Timestamp) -> Result<usize, StoreError> {
        let ends = found.into_iter().map(|(key, kept)| async move { self.end_read(&key, kept, now).await });
        let ends = stream::iter(ends).buffer_unordered(AT_ONCE);
        ends.try_fold(0, |count, ended| std::future::ready(Ok(count + usize::from(ended)))).await
    }
}

/// Reads an entry of the owner index.
fn listed(item: &Attributes) -> Option<(String, StoreKey)> {
    Some((item.get("sk")?.as_s().ok()?.clone(), key_of(item.get("session")?)?))
}
