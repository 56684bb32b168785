//! Steps of a bounded size through many sessions: those of an owner, and those to be ended.

use cloakroom_session::{StoreKey, Timestamp};

use crate::error::StoreError;
use crate::scan::Cursor;
use crate::store::{Owned, Store};

/// How many sessions of an owner one step of a walk asks for.
const PAGE: usize = 100;

/// A page of an owner's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedPage {
    /// Live sessions, oldest first.
    pub sessions: Vec<Owned>,
    /// Where the next page begins; `None` after the last page.
    pub next: Option<Cursor>,
}

impl OwnedPage {
    /// Creates a page of these sessions.
    #[must_use]
    pub const fn new(sessions: Vec<Owned>, next: Option<Cursor>) -> Self {
        Self { sessions, next }
    }

    /// Cuts a page out of all sessions of an owner, for stores that have them all at hand.
    ///
    /// # Errors
    /// When another store, or another method, gave the cursor.
    pub fn cut(mut sessions: Vec<Owned>, after: Option<&Cursor>, limit: usize) -> Result<Self, StoreError> {
        let limit = limit.max(1);
        let place = |owned: &Owned| (owned.entry.created, owned.key);
        sessions.sort_by_key(place);
        if let Some(after) = after.map(read_place).transpose()? {
            sessions.retain(|owned| place(owned) > after);
        }
        let is_last = sessions.len() <= limit;
        sessions.truncate(limit);
        let next =
            if is_last { None } else { sessions.last().map(|last| Self::place_of(last.entry.created, &last.key)) };
        Ok(Self { sessions, next })
    }

    /// The cursor behind a session, in the order of creation and then of keys.
    #[must_use]
    pub fn place_of(created: Timestamp, key: &StoreKey) -> Cursor {
        Cursor::new(format!("{}-{}", created.unix_millis(), key.to_hex()))
    }

    /// Reads a cursor that [`OwnedPage::place_of`] made.
    ///
    /// # Errors
    /// When another store, or another method, gave the cursor.
    pub fn read_place(cursor: &Cursor) -> Result<(Timestamp, StoreKey), StoreError> {
        read_place(cursor)
    }
}

fn read_place(cursor: &Cursor) -> Result<(Timestamp, StoreKey), StoreError> {
    let place = || {
        let (created, key) = cursor.as_str().split_once('-')?;
        Some((Timestamp::from_unix_millis(created.parse().ok()?), StoreKey::from_hex(key)?))
    };
    place().ok_or_else(StoreError::foreign_cursor)
}

/// The result of one step that ended sessions of an owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ended {
    /// How many live sessions were ended.
    pub count: usize,
    /// Whether the owner may have more of them.
    pub more: bool,
}

impl Ended {
    /// Creates the result of a step.
    #[must_use]
    pub const fn new(count: usize, more: bool) -> Self {
        Self { count, more }
    }
}

/// The result of one step of a walk that ends everybody's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndedPage {
    /// How many live sessions were ended.
    pub count: usize,
    /// Where the next step begins; `None` when the walk is done.
    pub next: Option<Cursor>,
}

impl EndedPage {
    /// Creates the result of a step.
    #[must_use]
    pub const fn new(count: usize, next: Option<Cursor>) -> Self {
        Self { count, next }
    }
}

/// Reads all live sessions of an owner, page by page, oldest first.
///
/// A session that moves meanwhile may be in it twice, under its old key and its new one.
///
/// # Errors
/// As [`Store::owned`].
pub async fn all_owned<S: Store>(store: &S, owner: &str, now: Timestamp) -> Result<Vec<Owned>, StoreError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.owned(owner, after.as_ref(), PAGE, now).await?;
        all.extend(page.sessions);
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Ends all sessions that were created before `point`, step by step; returns how many.
///
/// # Errors
/// As [`Store::end_before`]. Sessions that were ended by then stay ended.
pub async fn end_all_before<S: Store>(store: &S, point: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
    let (mut ended, mut after) = (0, None);
    loop {
        let page = store.end_before(point, after.as_ref(), now).await?;
        ended += page.count;
        after = page.next;
        if after.is_none() {
            return Ok(ended);
        }
    }
}
