//! An owner's sessions, in steps of a bounded size: a server does nothing else while a script runs.

use cloakroom_session::{StoreKey, Timestamp};
use cloakroom_store::{Cursor, Ended, Loaded, Owned, OwnedPage, StoreError};
use redis::Value;

use crate::argument::Argument;
use crate::call::Call;
use crate::error::unexpected;
use crate::layout::{bytes, loaded, parse_hex};
use crate::link::Target;
use crate::redis_store::RedisStore;
use crate::scripts::{COUNT, END_OWNED, OWNED, Script};

/// How many sessions a step reads or ends at most: about a millisecond.
pub(crate) const PAGE: usize = 100;

/// How many members of an index a step of a count looks at.
const COUNTED: usize = 250;

/// How many members are looked at before the rest is counted by the index alone. More than any limit that makes sense.
const COUNTED_MOST: usize = 1_000;

/// Where a page of an owner's sessions begins: behind a member of the index, which had this place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Behind {
    pub(crate) place: String,
    pub(crate) member: String,
}

impl Behind {
    pub(crate) fn beginning() -> Self {
        Self { place: "-".to_owned(), member: String::new() }
    }

    pub(crate) fn read(cursor: Option<&Cursor>) -> Result<Self, StoreError> {
        let Some(cursor) = cursor else { return Ok(Self::beginning()) };
        let (place, member) = cursor.as_str().split_once(':').ok_or_else(StoreError::foreign_cursor)?;
        let is_place = place.parse::<f64>().is_ok() && !place.contains(|c: char| c.is_ascii_whitespace());
        if !is_place || parse_hex(member.as_bytes()).is_none() {
            return Err(StoreError::foreign_cursor());
        }
        Ok(Self { place: place.to_owned(), member: member.to_owned() })
    }

    /// What a script says; nothing at the end.
    pub(crate) fn said(place: Value, member: Value) -> Option<Option<Self>> {
        let [place, member] = [String::from_utf8(bytes(place)?).ok()?, String::from_utf8(bytes(member)?).ok()?];
        Some((!place.is_empty()).then_some(Self { place, member }))
    }

    pub(crate) fn cursor(&self) -> Cursor {
        Cursor::new(format!("{}:{}", self.place, self.member))
    }
}

impl RedisStore {
    /// A script about the index of an owner.
    pub(crate) async fn ask_index(
        &self,
        script: &Script,
        index: &str,
        now: Timestamp,
        arguments: &[Argument<'_>],
    ) -> Result<Value, StoreError> {
        let (keys, target) = ([index], Target::Key(index));
        Call { script, keys: &keys, now, arguments, target, about: None }.run(self).await
    }

    /// One round trip, which also forgets the keys of sessions that are no longer there.
    pub(crate) async fn page_of(
        &self,
        owner: &str,
        behind: &Behind,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        let (prefix, owner_) = (Argument::Text(&self.prefix), Argument::Text(owner));
        let arguments = [prefix, owner_, Argument::Text(&behind.place), Argument::Text(&behind.member), count(limit)];
        let answer = self.ask_index(&OWNED, &self.index(owner), now, &arguments).await?;
        let (next, rows) = page(answer).ok_or_else(unexpected)?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let Value::Array(row) = row else { return Err(unexpected()) };
            let mut row = row.into_iter();
            let key = row.next().and_then(bytes).and_then(|digits| parse_hex(&digits)).ok_or_else(unexpected)?;
            let value = row.next().ok_or_else(|| StoreError::corrupt(key))?;
            if let Loaded::Live(_, entry) = loaded(&key, value, now)? {
                found.push(Owned::new(key, entry));
            }
        }
        Ok(OwnedPage::new(oldest_first(found), next.map(|next| next.cursor())))
    }

    /// The heads of the first thousand sessions, and of the rest the keys in the index.
    pub(crate) async fn count_of(&self, owner: &str, now: Timestamp) -> Result<usize, StoreError> {
        let (index, prefix) = (self.index(owner), Argument::Text(&self.prefix));
        let (mut live, mut rank) = (0, 0);
        loop {
            let arguments = [prefix, Argument::Text(owner), number(rank), number(COUNTED)];
            let answer = self.ask_index(&COUNT, &index, now, &arguments).await?;
            let [found, next, all] = counts(answer).ok_or_else(unexpected)?;
            live += found;
            rank = next;
            if rank >= all || rank >= COUNTED_MOST {
                return Ok(live + all.saturating_sub(rank));
            }
        }
    }

    /// One script.
    pub(crate) async fn end_some_of(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let (index, keep) = (self.index(owner), keep.map(StoreKey::to_hex));
        let keep = keep.as_deref().map_or(Argument::Nothing, Argument::Text);
        let arguments = [self.fence(), Argument::Text(&self.prefix), Argument::Text(owner), count(limit), keep];
        let (keys, target) = ([index.as_str()], Target::Key(&index));
        let call = Call { script: &END_OWNED, keys: &keys, now, arguments: &arguments, target, about: None };
        let Value::Array(parts) = call.write(self).await? else { return Err(unexpected()) };
        let [_, Value::Int(ended), more, damaged] = <[Value; 4]>::try_from(parts).map_err(|_| unexpected())? else {
            return Err(unexpected());
        };
        let (more, damaged) = (bytes(more).ok_or_else(unexpected)?, bytes(damaged).ok_or_else(unexpected)?);
        if let Some(key) = parse_hex(&damaged) {
            return Err(StoreError::corrupt(key));
        }
        Ok(Ended::new(usize::try_from(ended).map_err(|_| unexpected())?, !more.is_empty()))
    }
}

/// How many sessions a step is about.
pub(crate) fn count(limit: usize) -> Argument<'static> {
    number(limit.clamp(1, PAGE))
}

fn number(number: usize) -> Argument<'static> {
    Argument::Number(u64::try_from(number).unwrap_or(u64::MAX))
}

/// Where the next page begins, and the rows of this one.
pub(crate) fn page(value: Value) -> Option<(Option<Behind>, Vec<Value>)> {
    let Value::Array(parts) = value else { return None };
    let [place, member, Value::Array(rows)] = <[Value; 3]>::try_from(parts).ok()? else { return None };
    Some((Behind::said(place, member)?, rows))
}

fn counts(value: Value) -> Option<[usize; 3]> {
    let Value::Array(parts) = value else { return None };
    let count = |part| if let Value::Int(count) = part { usize::try_from(count).ok() } else { None };
    <[usize; 3]>::try_from(parts.into_iter().map(count).collect::<Option<Vec<_>>>()?).ok()
}

pub(crate) fn oldest_first(mut sessions: Vec<Owned>) -> Vec<Owned> {
    sessions.sort_by_key(|owned| (owned.entry.created, owned.key));
    sessions
}

#[cfg(test)]
mod tests {
    use cloakroom_store::Cursor;

    use super::Behind;

    #[test]
    fn cursors_come_back_and_no_others_do() {
        let behind = Behind { place: "3481600000000123".to_owned(), member: "0a".repeat(32) };
        assert_eq!(Behind::read(Some(&behind.cursor())).ok(), Some(behind));
        assert_eq!(Behind::read(None).ok(), Some(Behind::beginning()));
        let member = "0a".repeat(32);
        for wrong in ["", ":", "1:", "1:0a", "0:0:", &format!("x:{member}"), &format!("1 :{member}"), &member] {
            assert!(Behind::read(Some(&Cursor::new(wrong))).is_err(), "{wrong}");
        }
    }
}
