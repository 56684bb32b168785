//! The results of bounded steps that list the sessions of an owner or end many sessions.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;

use crate::entry::OwnedSession;
use crate::error::StoreError;
use crate::scan::Cursor;

/// A page of an owner's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedPage {
    /// Live sessions, oldest first.
    pub sessions: Vec<OwnedSession>,
    /// The cursor of the next page; `None` after the last page.
    pub next: Option<Cursor>,
}

impl OwnedPage {
    /// Creates a page.
    #[must_use]
    pub const fn new(sessions: Vec<OwnedSession>, next: Option<Cursor>) -> Self {
        Self { sessions, next }
    }

    /// Cuts a page out of all sessions of an owner.
    ///
    /// For stores that hold them all in memory.
    ///
    /// # Errors
    /// If the cursor comes from another store or method.
    pub fn cut(mut sessions: Vec<OwnedSession>, after: Option<&Cursor>, limit: usize) -> Result<Self, StoreError> {
        let limit = limit.max(1);
        let place = |owned: &OwnedSession| (owned.entry.created, owned.key);
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

    /// Returns the cursor after a session, ordered by creation time and then by key.
    #[must_use]
    pub fn place_of(created: Timestamp, key: &StoreKey) -> Cursor {
        Cursor::new(format!("{}-{}", created.unix_millis(), key.to_hex()))
    }

    /// Parses a cursor created by [`OwnedPage::place_of`].
    ///
    /// # Errors
    /// If the cursor comes from another store or method.
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
    /// The number of live sessions ended.
    pub count: usize,
    /// `true` if the owner may have more sessions to end.
    pub more: bool,
}

impl Ended {
    /// Creates the result of a step.
    #[must_use]
    pub const fn new(count: usize, more: bool) -> Self {
        Self { count, more }
    }
}

/// The result of one step of ending all sessions created before a point in time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndedPage {
    /// The number of live sessions ended.
    pub count: usize,
    /// The cursor of the next step; `None` when the walk is done.
    pub next: Option<Cursor>,
}

impl EndedPage {
    /// Creates the result of a step.
    #[must_use]
    pub const fn new(count: usize, next: Option<Cursor>) -> Self {
        Self { count, next }
    }
}
