//! Records in memory, for tests and as the shortest correct implementation of the trait.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloakroom_session::{Error, Timestamp};

use super::store::{ForeignStore, SwapOutcome};

/// Records in memory, for tests. No other application can see them.
///
/// # Security
/// `Debug` prints only their number.
#[derive(Default)]
pub struct MemoryRecords(Mutex<HashMap<String, Kept>>);

#[derive(Clone)]
struct Kept {
    record: Vec<u8>,
    ends: Option<Timestamp>,
}

impl MemoryRecords {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Overwrites a record unconditionally, like the other application.
    pub fn overwrite(&self, id: &str, record: impl AsRef<[u8]>) {
        self.kept().insert(id.to_owned(), Kept { record: record.as_ref().to_vec(), ends: None });
    }

    /// Returns a record, even if it has expired.
    #[must_use]
    pub fn record(&self, id: &str) -> Option<Vec<u8>> {
        self.kept().get(id).map(|kept| kept.record.clone())
    }

    /// Returns the text of a record, even if it has expired. `None` if it isn't text.
    #[must_use]
    pub fn text(&self, id: &str) -> Option<String> {
        self.record(id).and_then(|record| String::from_utf8(record).ok())
    }

    /// Returns the ids of all records.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.kept().keys().cloned().collect()
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes a record if it is live and its text is still `seen`.
    fn swap(
        &self,
        id: &str,
        seen: &[u8],
        now: Timestamp,
        step: impl FnOnce(&mut HashMap<String, Kept>),
    ) -> SwapOutcome {
        let mut kept = self.kept();
        match kept.get(id).filter(|it| it.is_live(now)) {
            None => SwapOutcome::Gone,
            Some(there) if there.record != seen => SwapOutcome::Conflict,
            Some(_) => {
                step(&mut kept);
                SwapOutcome::Done
            }
        }
    }
}

impl Kept {
    fn is_live(&self, now: Timestamp) -> bool {
        self.ends.is_none_or(|ends| now <= ends)
    }
}

impl ForeignStore for MemoryRecords {
    async fn load(&self, id: &str, now: Timestamp) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.kept().get(id).filter(|kept| kept.is_live(now)).map(|kept| kept.record.clone()))
    }

    async fn create(&self, id: &str, record: &[u8], ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        let mut kept = self.kept();
        if kept.get(id).is_some_and(|there| there.is_live(now)) {
            return Ok(false);
        }
        kept.insert(id.to_owned(), Kept { record: record.to_vec(), ends });
        Ok(true)
    }

    async fn replace(
        &self,
        id: &str,
        seen: &[u8],
        record: &[u8],
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<SwapOutcome, Error> {
        Ok(self.swap(id, seen, now, |kept| {
            kept.insert(id.to_owned(), Kept { record: record.to_vec(), ends });
        }))
    }

    async fn touch(&self, id: &str, ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        let mut kept = self.kept();
        let there = kept.get_mut(id).filter(|kept| kept.is_live(now));
        Ok(there.map(|kept| kept.ends = ends).is_some())
    }

    async fn end(&self, id: &str) -> Result<bool, Error> {
        Ok(self.kept().remove(id).is_some())
    }

    async fn end_if(&self, id: &str, seen: &[u8], now: Timestamp) -> Result<SwapOutcome, Error> {
        Ok(self.swap(id, seen, now, |kept| {
            kept.remove(id);
        }))
    }
}

impl fmt::Debug for MemoryRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryRecords({})", self.kept().len())
    }
}
