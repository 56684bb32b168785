//! A walk through all sessions of a store, page by page.

use std::fmt;

use cloakroom_session::{StoreKey, Version};

use crate::error::StoreError;
use crate::store::Entry;

/// Where a walk through all sessions goes on: a text that only its store understands.
///
/// It may be kept, and handed back by another process to a store on the same data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// A place, in the store's own words.
    pub fn new(place: impl Into<String>) -> Self {
        Self(place.into())
    }

    /// The place behind this key, for stores that walk in the order of keys.
    #[must_use]
    pub fn after(key: &StoreKey) -> Self {
        Self(key.to_hex())
    }

    /// The place, in the store's own words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The numbers of a place that consists of numbers, with a full stop in between.
    pub(crate) fn numbers<const N: usize>(&self) -> Option<[u64; N]> {
        let is_number = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let words = self.0.split('.').map(|word| Some(word).filter(is_number)?.parse().ok());
        words.collect::<Option<Vec<_>>>()?.try_into().ok()
    }

    /// The key of [`Cursor::after`].
    ///
    /// # Errors
    /// When it is something else.
    pub fn key(&self) -> Result<StoreKey, StoreError> {
        StoreKey::from_hex(&self.0).ok_or_else(StoreError::foreign_cursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session as a walk meets it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scanned {
    /// Its key.
    pub key: StoreKey,
    /// Its version.
    pub version: Version,
    /// What is kept under the key.
    pub entry: Entry,
}

impl Scanned {
    /// An entry, its key and its version.
    #[must_use]
    pub const fn new(key: StoreKey, version: Version, entry: Entry) -> Self {
        Self { key, version, entry }
    }
}

/// A page of a walk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// Live sessions.
    pub sessions: Vec<Scanned>,
    /// Keys under which something damaged lies.
    pub damaged: Vec<StoreKey>,
    /// Live sessions whose encrypted records don't open, because their key isn't in the keyring or
    /// there is no keyring. The text is the encrypted one.
    pub locked: Vec<Scanned>,
    /// Where the next page begins; `None` at the end of the walk.
    pub next: Option<Cursor>,
}

impl Page {
    /// A page of these sessions.
    #[must_use]
    pub const fn new(sessions: Vec<Scanned>, damaged: Vec<StoreKey>, next: Option<Cursor>) -> Self {
        Self { sessions, damaged, locked: Vec::new(), next }
    }

    /// Takes as many as there is room for, in the order of keys; says whether the page is full, and
    /// then knows where the next one begins.
    pub(crate) fn fill(&mut self, found: Vec<Scanned>, limit: usize) -> bool {
        let room = limit.max(1).saturating_sub(self.sessions.len());
        self.sessions.extend(found.into_iter().take(room));
        if self.sessions.len() < limit.max(1) {
            return false;
        }
        self.next = self.sessions.last().map(|last| Cursor::after(&last.key));
        true
    }
}
