//! A paged scan of all sessions of a store.

use std::fmt;

use cloakroom_session::factory::{StoreKey, Version};

use crate::entry::Entry;
use crate::error::StoreError;

/// The position of a scan, as an opaque text that only its store understands.
///
/// A cursor may be saved, and passed by another process to a store with the same data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// Creates a cursor from the store's own encoding.
    pub fn new(place: impl Into<String>) -> Self {
        Self(place.into())
    }

    /// Creates the cursor after this key, for stores that scan in key order.
    #[must_use]
    pub fn after(key: &StoreKey) -> Self {
        Self(key.to_hex())
    }

    /// Returns the store's own encoding.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses a cursor that consists of numbers separated by full stops.
    pub(crate) fn numbers<const N: usize>(&self) -> Option<[u64; N]> {
        let is_number = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let words = self.0.split('.').map(|word| Some(word).filter(is_number)?.parse().ok());
        words.collect::<Option<Vec<_>>>()?.try_into().ok()
    }

    /// Returns the key of a cursor created by [`Cursor::after`].
    ///
    /// # Errors
    /// If it is another kind of cursor.
    pub fn key(&self) -> Result<StoreKey, StoreError> {
        StoreKey::from_hex(&self.0).ok_or_else(StoreError::foreign_cursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session found by a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScannedSession {
    /// Its key.
    pub key: StoreKey,
    /// Its version.
    pub version: Version,
    /// The entry stored under the key.
    pub entry: Entry,
}

impl ScannedSession {
    /// Creates a scan result from its parts.
    #[must_use]
    pub const fn new(key: StoreKey, version: Version, entry: Entry) -> Self {
        Self { key, version, entry }
    }
}

/// A page of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Live sessions.
    pub sessions: Vec<ScannedSession>,
    /// Keys whose entries are damaged.
    pub damaged: Vec<StoreKey>,
    /// Live sessions whose encrypted records don't open: the key is missing from the keyring, or
    /// there is no keyring. Their text is the encrypted one.
    pub locked: Vec<ScannedSession>,
    /// The cursor of the next page; `None` at the end of the scan.
    pub next: Option<Cursor>,
}

impl Page {
    /// Creates a page.
    #[must_use]
    pub const fn new(sessions: Vec<ScannedSession>, damaged: Vec<StoreKey>, next: Option<Cursor>) -> Self {
        Self { sessions, damaged, locked: Vec::new(), next }
    }

    /// Adds sessions, in key order, up to the limit. If the page is then full, sets `next` and
    /// returns `true`.
    pub(crate) fn fill(&mut self, found: Vec<ScannedSession>, limit: usize) -> bool {
        let room = limit.max(1).saturating_sub(self.sessions.len());
        self.sessions.extend(found.into_iter().take(room));
        if self.sessions.len() < limit.max(1) {
            return false;
        }
        self.next = self.sessions.last().map(|last| Cursor::after(&last.key));
        true
    }
}
