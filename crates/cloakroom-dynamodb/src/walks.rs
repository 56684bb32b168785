//! The scan, and ending all sessions created before a point in time.
//!
//! Both walk through the table in the order of DynamoDB. A session that moves may jump over the
//! walk, but its old key then has a tombstone, which stays for a day after it has expired. The walk
//! that ends sessions follows each tombstone that it meets.

use aws_sdk_dynamodb::types::AttributeValue;
use cloakroom_session::Timestamp;
use cloakroom_store::store::{Cursor, EndedPage, Page, ScannedSession, StoreError};

use crate::dynamodb_store::DynamoDbStore;
use crate::error::failed;
use crate::item::{Attributes, Item, millis};
use crate::write::{item_key, names};

/// The number of items that a step reads.
const STEP: usize = 100;

/// The number of items that a call reads at most.
const MOST: usize = 1_000;

/// A page of items, and the place after it.
struct Items {
    found: Vec<Attributes>,
    next: Option<Cursor>,
}

impl DynamoDbStore {
    /// Reads the sessions and tombstones among the next `step` items.
    async fn items(
        &self,
        after: Option<&Cursor>,
        step: usize,
        filter: &str,
        point: Option<Timestamp>,
    ) -> Result<Items, StoreError> {
        let scan = self.client.scan().table_name(&*self.table).consistent_read(true);
        let scan = scan
            .limit(i32::try_from(step).unwrap_or(i32::MAX))
            .set_exclusive_start_key(after.map(read_cursor).transpose()?)
            .filter_expression(filter)
            .set_expression_attribute_names(names([filter]))
            .expression_attribute_values(":sessions", AttributeValue::S(self.sessions()));
        let scan = match point {
            Some(point) => scan.expression_attribute_values(":point", millis(point)),
            None => scan,
        };
        let answer = Box::pin(scan.send()).await.map_err(|error| failed(&self.table, &error))?;
        let next = answer.last_evaluated_key().and_then(cursor);
        Ok(Items { found: answer.items.unwrap_or_default(), next })
    }

    pub(crate) async fn scanned(
        &self,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page, StoreError> {
        let limit = limit.max(1);
        let filter = "begins_with(#pk, :sessions)";
        let mut items = self.items(after, limit.clamp(STEP, MOST), filter, None).await?;
        if items.found.len() > limit {
            items.found.truncate(limit);
            items.next = items.found.last().and_then(cursor);
        }
        let (mut sessions, mut damaged) = (Vec::new(), Vec::new());
        for item in &items.found {
            // The key of another prefix that begins like this one.
            let Some(key) = self.key_in(item) else { continue };
            match Item::read(&key, item).map(|item| item.unexpired(now)) {
                Ok(Some(Item::Session(kept))) => sessions.push(ScannedSession::new(key, kept.version, kept.entry)),
                Ok(Some(Item::Tombstone { .. }) | None) => {}
                Err(_) => damaged.push(key),
            }
        }
        Ok(Page::new(sessions, damaged, items.next))
    }

    pub(crate) async fn ended_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let filter = "begins_with(#pk, :sessions) AND #created < :point";
        let items = self.items(after, STEP, filter, Some(point)).await?;
        let mut found = Vec::with_capacity(items.found.len());
        for item in &items.found {
            let Some(key) = self.key_in(item) else { continue };
            // A damaged item opens no session, and must not protect the others.
            let Ok(item) = Item::read(&key, item) else { continue };
            let session = match item {
                Item::Session(kept) => Some((key, kept)).filter(|(_, kept)| !kept.entry.is_expired(now)),
                Item::Tombstone { to, .. } => self.followed(&to, now).await?,
            };
            found.extend(session.filter(|(_, kept)| kept.entry.created < point));
        }
        // Several tombstones may lead to one session.
        found.sort_by_key(|(key, _)| *key);
        found.dedup_by_key(|(key, _)| *key);
        Ok(EndedPage::new(self.end_all(found, now).await?, items.next))
    }
}

/// The cursor after an item: its keys in hexadecimal, as an owner may be any text.
fn cursor(item: &Attributes) -> Option<Cursor> {
    let hex = |name: &str| {
        let text = item.get(name)?.as_s().ok()?;
        Some(text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>())
    };
    Some(Cursor::new(format!("{}.{}", hex("pk")?, hex("sk")?)))
}

fn read_cursor(cursor: &Cursor) -> Result<Attributes, StoreError> {
    let text = |hex: &str| {
        let digits = hex.as_bytes().chunks(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        });
        String::from_utf8(digits.collect::<Option<Vec<u8>>>()?).ok().filter(|text| !text.is_empty())
    };
    let keys = || {
        let (pk, sk) = cursor.as_str().split_once('.')?;
        Some(item_key(text(pk)?, &text(sk)?))
    };
    keys().ok_or_else(StoreError::foreign_cursor)
}

#[cfg(test)]
mod tests {
    use super::{cursor, read_cursor};
    use crate::item::SESSION;
    use crate::write::item_key;
    use cloakroom_store::store::Cursor;

    #[test]
    fn cursors_lead_on_from_any_item() {
        for (pk, sk) in [("s#00", SESSION), ("o#Ann #.\u{1f3a9}", "place")] {
            let key = item_key(pk.to_owned(), sk);
            assert_eq!(read_cursor(&cursor(&key).unwrap()).unwrap(), key);
        }
        for foreign in ["", ".", "zz.00", "0.0", "00", "\u{1f9e5}.00", "ff.00"] {
            read_cursor(&Cursor::new(foreign)).unwrap_err();
        }
    }
}
