//! The entry stored under a key, and the form in which it is listed for its owner.

use std::fmt;
use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{Record, StoreKey, Version};

use crate::at_rest;
use crate::contents::Contents;
use crate::error::StoreError;

/// The time of creation in the entry of an alias: the last one of 13 digits, in the year 2286.
/// Ending all sessions that were created before a time therefore leaves the aliases of later ones.
pub(crate) const ALIASES_CREATED: Timestamp = Timestamp::from_unix_millis(9_999_999_999_999);

/// The value stored under a key: the record, and the fields that a store acts on.
///
/// # Security
/// `Debug` prints the names and sizes of values, never their contents.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    contents: Contents,
    /// When the session was created.
    pub created: Timestamp,
    /// When it was last used, to the precision of the last recorded touch.
    pub touched: Timestamp,
    /// The last time at which the session is valid; `None` if it never expires.
    pub deadline: Option<Timestamp>,
    /// The owner of the session.
    pub owner: Option<String>,
}

impl Entry {
    /// Creates an entry from the parts that a store has read. The text is not parsed.
    #[must_use]
    pub const fn new(text: Arc<str>, created: Timestamp, touched: Timestamp, deadline: Option<Timestamp>) -> Self {
        Self { contents: Contents::read(text), created, touched, deadline, owner: None }
    }

    /// Sets the owner.
    #[must_use]
    pub fn owner(mut self, owner: Option<String>) -> Self {
        self.owner = owner;
        self
    }

    /// Creates the entry for a record.
    #[must_use]
    pub fn of(record: impl Into<Arc<Record>>) -> Self {
        let record = record.into();
        let times = record.times();
        let (created, touched, deadline) = (times.created, times.touched, times.ends());
        let owner = record.owner().map(str::to_owned);
        Self { contents: Contents::made(record), created, touched, deadline, owner }
    }

    /// Returns the encoded record.
    ///
    /// It is encoded on first use, so a store that keeps entries in memory never pays for it.
    #[must_use]
    pub fn text(&self) -> &Arc<str> {
        self.contents.text()
    }

    /// Replaces the text, and keeps everything else.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<Arc<str>>) -> Self {
        self.contents = Contents::read(text.into());
        self
    }

    /// Creates the entry that a wrapped store keeps in its place. It gets the same versions as this
    /// one.
    pub(crate) fn packed(&self, text: String, owner: Option<String>) -> Self {
        Self { contents: Contents::Packed(text.into(), self.contents.tag()), owner, ..*self }
    }

    /// Decodes the record and applies the touches since it was written.
    ///
    /// `key` appears in the error.
    ///
    /// # Errors
    /// [`StoreError::is_corrupt`] if the text is not a record in our format.
    pub fn record(&self, key: &StoreKey) -> Result<Arc<Record>, StoreError> {
        let no_record = || match self.is_encrypted() {
            true => StoreError::unreadable(*key, "it is encrypted, and the store has no keyring for records"),
            false => StoreError::corrupt(*key),
        };
        let mut record = Arc::clone(self.contents.record().ok_or_else(no_record)?);
        // Touches are stored apart from the record. The entry's deadline is the earlier of the idle
        // and the absolute one, so it never shortens the idle deadline.
        let there = record.times();
        let idle = there.idle_deadline.map(|idle| self.deadline.map_or(idle, |deadline| idle.max(deadline)));
        if (there.touched, there.idle_deadline) != (self.touched, idle) {
            Arc::make_mut(&mut record).restore_touch(self.touched, idle);
        }
        Ok(record)
    }

    /// Returns `true` if the text is an encrypted record.
    ///
    /// A [`PackedStore`](crate::PackedStore) keeps such records in the store that it wraps.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        at_rest::is_encrypted(self.text())
    }

    /// Returns `true` if this is no session, but the owner of an alias.
    ///
    /// [`Session::set_alias`](cloakroom_session::Session::set_alias) stores such entries among the
    /// sessions. A [`scan`](crate::store::Store::scan) returns them, so that a copy of a store has
    /// them. Tools that list or count sessions leave them out. They have no owner in the store's
    /// index, and their text isn't a record, so they can't be opened.
    #[must_use]
    pub fn is_alias(&self) -> bool {
        self.created == ALIASES_CREATED
    }

    /// Returns the version that a store **must** give to this entry.
    ///
    /// It is the first version under the key, or the one that replaces `seen`.
    ///
    /// The version has a tag, taken from the last commit that marked the record, or else from the
    /// text. Two different writes therefore never share a version, even after a store has lost some
    /// writes (see [`Version`]).
    #[must_use]
    pub fn next_version(&self, seen: Option<&Version>) -> Version {
        let tag = self.contents.tag();
        seen.map_or_else(|| Version::first(tag), |seen| Version::after(seen, tag))
    }

    /// Returns whether the entry has expired at `now`.
    #[must_use]
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.deadline.is_some_and(|deadline| now > deadline)
    }

    /// Returns the same entry in its smallest form, for a session that may never be used again.
    pub(crate) fn cold(&self) -> Self {
        self.but_with(self.contents.cold())
    }

    /// Returns the same entry in the form to keep in memory: with its record, unless the record
    /// keeps more memory alive than it needs.
    pub(crate) fn compact(&self) -> Self {
        self.but_with(self.contents.compact())
    }

    /// Decodes the record and keeps it in memory, unless the text is damaged.
    pub(crate) fn warm(&self) -> &Self {
        let _ = self.contents.record();
        self
    }

    /// Returns whether the decoded record is in memory. It is for every session that was read or
    /// written since it was created.
    pub(crate) fn is_warm(&self) -> bool {
        self.contents.is_warm()
    }

    fn but_with(&self, contents: Contents) -> Self {
        Self { contents, owner: self.owner.clone(), ..*self }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("contents", &self.contents)
            .field("created", &self.created)
            .field("touched", &self.touched)
            .field("deadline", &self.deadline)
            .field("owned", &self.owner.is_some())
            .finish()
    }
}

/// A session in the list of its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnedSession {
    /// Its key.
    pub key: StoreKey,
    /// The entry stored under it.
    pub entry: Entry,
}

impl OwnedSession {
    /// Creates a list entry from its parts.
    #[must_use]
    pub const fn new(key: StoreKey, entry: Entry) -> Self {
        Self { key, entry }
    }
}
