//! What a row says, checked: whoever can write to the table isn't trusted to have written sense.

use std::sync::Arc;

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{Entry, Loaded, Owned, StoreError};

/// A row as it comes from a database.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    pub(crate) version: i64,
    pub(crate) record: &'a [u8],
    pub(crate) created: i64,
    pub(crate) touched: i64,
    pub(crate) deadline: Option<i64>,
    pub(crate) owner: Option<&'a [u8]>,
    pub(crate) moved: bool,
}

impl Row<'_> {
    /// What it is at this point.
    pub(crate) fn loaded(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let (version, entry) = self.read().ok_or_else(|| StoreError::corrupt(*key))?;
        Ok(match (entry.is_over(now), self.moved) {
            (true, _) => Loaded::Absent,
            (false, true) => Loaded::Moved,
            (false, false) => Loaded::Live(version, entry),
        })
    }

    /// A session of an owner.
    pub(crate) fn owned(&self, key: &[u8]) -> Result<Owned, StoreError> {
        let (key, whole) = padded(key);
        match self.read().filter(|_| whole) {
            Some((_, entry)) => Ok(Owned::new(key, entry)),
            None => Err(StoreError::corrupt(key)),
        }
    }

    fn read(&self) -> Option<(Version, Entry)> {
        let record: Arc<str> = std::str::from_utf8(self.record).ok()?.into();
        let owner = self.owner.map(std::str::from_utf8).transpose().ok()?;
        let deadline = match self.deadline {
            Some(deadline) => Some(point(deadline)?),
            None => None,
        };
        let entry = Entry::new(record, point(self.created)?, point(self.touched)?, deadline);
        let version = u64::try_from(self.version).ok().filter(|version| *version > 0)?;
        Some((Version::new(version), entry.owner(owner.map(str::to_owned))))
    }
}

/// A key, and whether it was a whole one. A broken one is filled up with zeros, so that it can be named.
pub(crate) fn padded(bytes: &[u8]) -> (StoreKey, bool) {
    let mut key = [0; 32];
    key.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    (StoreKey::from_bytes(key), bytes.len() == key.len())
}

fn point(milliseconds: i64) -> Option<Timestamp> {
    u64::try_from(milliseconds).ok().map(Timestamp::from_unix_millis)
}

/// A point in time as a column holds it: what is beyond 292 million years is brought back to there.
pub(crate) fn millis(point: Timestamp) -> i64 {
    number(point.unix_millis())
}

/// When an entry was created and touched, and its deadline.
pub(crate) fn points(entry: &Entry) -> (i64, i64, Option<i64>) {
    (millis(entry.created), millis(entry.touched), entry.deadline.map(millis))
}

/// A count as a column holds it.
pub(crate) fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Row, millis};
    use cloakroom_session::{StoreKey, Timestamp, Version};
    use cloakroom_store::Loaded;

    const WHOLE: Row<'_> = Row {
        version: 1,
        record: b"{}",
        created: 1_000,
        touched: 1_000,
        deadline: Some(2_000),
        owner: Some(b"ann"),
        moved: false,
    };

    #[test]
    fn rows_are_checked() {
        let table = [
            ("a negative version", Row { version: -1, ..WHOLE }),
            ("version zero", Row { version: 0, ..WHOLE }),
            ("a record that isn't UTF-8", Row { record: b"\xff", ..WHOLE }),
            ("an owner that isn't UTF-8", Row { owner: Some(b"\xff"), ..WHOLE }),
            ("created before the epoch", Row { created: -1, ..WHOLE }),
            ("touched before the epoch", Row { touched: -1, ..WHOLE }),
            ("a deadline before the epoch", Row { deadline: Some(-1), ..WHOLE }),
        ];
        let key = StoreKey::from_bytes([7; 32]);
        for (name, row) in table {
            let error = row.loaded(&key, Timestamp::from_unix_secs(1)).unwrap_err();
            assert!(error.is_corrupt(), "{name}: {error}");
            assert!(row.owned(key.as_bytes()).unwrap_err().is_corrupt(), "{name}");
        }
        for length in [0, 31, 33] {
            assert!(WHOLE.owned(&vec![7; length]).unwrap_err().is_corrupt(), "a key of {length} bytes");
        }
    }

    #[test]
    fn what_a_row_is() {
        let key = StoreKey::from_bytes([7; 32]);
        let at = |row: &Row<'_>, second| row.loaded(&key, Timestamp::from_unix_secs(second)).unwrap();
        assert!(matches!(at(&WHOLE, 2), Loaded::Live(version, _) if version == Version::new(1)));
        assert_eq!(at(&WHOLE, 3), Loaded::Absent);
        assert_eq!(at(&Row { moved: true, ..WHOLE }, 2), Loaded::Moved);
        assert_eq!(at(&Row { moved: true, ..WHOLE }, 3), Loaded::Absent);
        assert_eq!(millis(Timestamp::from_unix_millis(u64::MAX)), i64::MAX);
    }
}
