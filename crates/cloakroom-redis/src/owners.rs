//! The sessions of an owner, in bounded steps: a server does nothing else while a script runs.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{Cursor, Ended, Loaded, OwnedPage, OwnedSession, StoreError};
use redis::Value;

use crate::argument::Argument;
use crate::call::Call;
use crate::error::unexpected;
use crate::layout::{bytes, loaded, parse_key};
use crate::redis_store::RedisStore;
use crate::scripts::{COUNT, END_OWNED, OWNED, Script};
use crate::target::Target;

/// The maximum number of sessions that one step reads or ends: about a millisecond.
pub(crate) const PAGE: usize = 100;

/// The number of index entries that one step of a count inspects.
const COUNTED: usize = 250;

/// The number of entries inspected before the rest is counted by the index alone. More than any
/// sensible limit.
const COUNTED_MOST: usize = 500;

/// The start of a page of an owner's sessions: after a member of the index, which had this score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Behind {
    pub(crate) place: String,
    member: Option<StoreKey>,
}

impl Behind {
    pub(crate) fn beginning() -> Self {
        Self { place: "-".to_owned(), member: None }
    }

    pub(crate) fn read(cursor: Option<&Cursor>) -> Result<Self, StoreError> {
        let Some(cursor) = cursor else { return Ok(Self::beginning()) };
        let (place, member) = cursor.as_str().split_once(':').ok_or_else(StoreError::foreign_cursor)?;
        let is_place = place.parse::<f64>().is_ok() && !place.contains(|c: char| c.is_ascii_whitespace());
        match StoreKey::from_hex(member) {
            Some(member) if is_place => Ok(Self { place: place.to_owned(), member: Some(member) }),
            _ => Err(StoreError::foreign_cursor()),
        }
    }

    pub(crate) fn member(&self) -> Argument<'_> {
        self.member.as_ref().map_or(Argument::Nothing, Argument::Key)
    }

    /// Parses the position in a script's reply; `None` at the end.
    pub(crate) fn said(place: Value, member: Value) -> Option<Option<Self>> {
        let (place, member) = (String::from_utf8(bytes(place)?).ok()?, bytes(member)?);
        if place.is_empty() {
            return Some(None);
        }
        Some(Some(Self { place, member: Some(parse_key(&member)?) }))
    }

    pub(crate) fn cursor(&self) -> Cursor {
        Cursor::new(format!("{}:{}", self.place, self.member.as_ref().map(StoreKey::to_hex).unwrap_or_default()))
    }
}

impl RedisStore {
    /// Runs a script about an owner index.
    pub(crate) async fn ask_index(
        &self,
        script: &Script,
        index: &str,
        now: Timestamp,
        arguments: &[Argument<'_>],
    ) -> Result<Value, StoreError> {
        let (keys, target) = ([index.as_bytes()], Target::Key(index.as_bytes()));
        Call { script, keys: &keys, now, arguments, target, about: None }.run(self).await
    }

    /// Reads a page in one round trip, which also removes stale entries from the index.
    pub(crate) async fn page_of(
        &self,
        owner: &str,
        behind: &Behind,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        let (front, owner_) = (self.front(), Argument::Text(owner));
        let arguments = [Argument::Text(&front), owner_, Argument::Text(&behind.place), behind.member(), count(limit)];
        let answer = self.ask_index(&OWNED, &self.index(owner), now, &arguments).await?;
        let (next, rows) = page(answer).ok_or_else(unexpected)?;
        let mut found = Vec::with_capacity(rows.len());
        for row in rows {
            let Value::Array(row) = row else { return Err(unexpected()) };
            let mut row = row.into_iter();
            let key = row.next().and_then(bytes).and_then(|key| parse_key(&key)).ok_or_else(unexpected)?;
            let value = row.next().ok_or_else(|| StoreError::corrupt(key))?;
            if let Loaded::Live(_, entry) = loaded(&key, value, now)? {
                found.push(OwnedSession::new(key, entry));
            }
        }
        Ok(OwnedPage::new(oldest_first(found), next.map(|next| next.cursor())))
    }

    /// Checks the first five hundred sessions, and counts the rest by the index alone.
    pub(crate) async fn count_of(&self, owner: &str, at_most: usize, now: Timestamp) -> Result<usize, StoreError> {
        let (index, front) = (self.index(owner), self.front());
        let (mut live, mut rank) = (0, 0);
        loop {
            let arguments = [Argument::Text(&front), Argument::Text(owner), number(rank), number(COUNTED)];
            let answer = self.ask_index(&COUNT, &index, now, &arguments).await?;
            let [found, next, all] = counts(answer).ok_or_else(unexpected)?;
            live += found;
            rank = next;
            if rank >= all || rank >= COUNTED_MOST || live >= at_most {
                return Ok(live + all.saturating_sub(rank));
            }
        }
    }

    /// Runs one script.
    pub(crate) async fn end_some_of(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let (index, front) = (self.index(owner), self.front());
        let keep = keep.map_or(Argument::Nothing, Argument::Key);
        let arguments = [self.fence(), Argument::Text(&front), Argument::Text(owner), count(limit), keep];
        let (keys, target) = ([index.as_bytes()], Target::Key(index.as_bytes()));
        let call = Call { script: &END_OWNED, keys: &keys, now, arguments: &arguments, target, about: None };
        let Value::Array(parts) = call.write(self).await? else { return Err(unexpected()) };
        let [_, Value::Int(ended), more, damaged] = <[Value; 4]>::try_from(parts).map_err(|_| unexpected())? else {
            return Err(unexpected());
        };
        let (more, damaged) = (bytes(more).ok_or_else(unexpected)?, bytes(damaged).ok_or_else(unexpected)?);
        if let Some(key) = parse_key(&damaged) {
            return Err(StoreError::corrupt(key));
        }
        Ok(Ended::new(usize::try_from(ended).map_err(|_| unexpected())?, !more.is_empty()))
    }
}

/// Returns the number of sessions in a step.
pub(crate) fn count(limit: usize) -> Argument<'static> {
    number(limit.clamp(1, PAGE))
}

fn number(number: usize) -> Argument<'static> {
    Argument::Number(u64::try_from(number).unwrap_or(u64::MAX))
}

/// Parses the position of the next page, and the rows of this one.
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

pub(crate) fn oldest_first(mut sessions: Vec<OwnedSession>) -> Vec<OwnedSession> {
    sessions.sort_by_key(|owned| (owned.entry.created, owned.key));
    sessions
}

#[cfg(test)]
mod tests {
    use cloakroom_store::store::Cursor;

    use super::{Behind, StoreKey};

    #[test]
    fn only_own_cursors_are_parsed() {
        let member = Some(StoreKey::from_bytes([10; 32]));
        let behind = Behind { place: "3481600000000123".to_owned(), member };
        assert_eq!(Behind::read(Some(&behind.cursor())).ok(), Some(behind));
        assert_eq!(Behind::read(None).ok(), Some(Behind::beginning()));
        let member = "0a".repeat(32);
        for wrong in ["", ":", "1:", "1:0a", "0:0:", &format!("x:{member}"), &format!("1 :{member}"), &member] {
            assert!(Behind::read(Some(&Cursor::new(wrong))).is_err(), "{wrong}");
        }
    }
}
