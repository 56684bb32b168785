//! Validation of rows: the table may have been changed by other programs, so its contents are
//! untrusted.

use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{Cursor, Entry, Loaded, OwnedSession, Page, ScannedSession, StoreError};

use crate::query::{Cells, Value};

/// A row as it comes from a database.
#[derive(Debug)]
struct Row<'a> {
    version: i64,
    record: &'a [u8],
    created: i64,
    touched: i64,
    deadline: Option<i64>,
    owner: Option<&'a [u8]>,
    moved: bool,
}

impl<'a> Row<'a> {
    /// Reads a row. Returns `None` if a column has an unexpected type.
    fn of(cells: &'a dyn Cells) -> Option<Self> {
        Some(Self {
            version: cells.number(0)??,
            record: cells.bytes(1)??,
            created: cells.number(2)??,
            touched: cells.number(3)??,
            deadline: cells.number(4)?,
            owner: cells.bytes(5)?,
            moved: cells.bytes(6)?.is_some(),
        })
    }

    /// Returns the state of the row at the time `now`.
    fn loaded(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let (version, entry) = self.read().ok_or_else(|| StoreError::corrupt(*key))?;
        Ok(match (entry.is_expired(now), self.moved) {
            (true, _) => Loaded::Absent,
            (false, true) => Loaded::Moved,
            (false, false) => Loaded::Live(version, entry),
        })
    }

    /// Decodes one of an owner's sessions.
    fn owned(&self, key: &[u8]) -> Result<OwnedSession, StoreError> {
        let (key, whole) = padded(key);
        match self.read().filter(|_| whole) {
            Some((_, entry)) => Ok(OwnedSession::new(key, entry)),
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

/// Returns a key, and whether it was complete. A truncated key is padded with zeros, so that an
/// error can name it.
pub(crate) fn padded(bytes: &[u8]) -> (StoreKey, bool) {
    let mut key = [0; 32];
    key.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    (StoreKey::from_bytes(key), bytes.len() == key.len())
}

fn point(milliseconds: i64) -> Option<Timestamp> {
    u64::try_from(milliseconds).ok().map(Timestamp::from_unix_millis)
}

/// Decodes the result of a load: one row or none.
pub(crate) fn found(
    key: StoreKey,
    now: Timestamp,
) -> impl Fn(&dyn Cells) -> Result<Loaded, StoreError> + Send + Sync + 'static {
    move |cells| Row::of(cells).ok_or_else(|| StoreError::corrupt(key))?.loaded(&key, now)
}

/// Decodes one of an owner's sessions; its key is in the last column.
pub(crate) fn owned(cells: &dyn Cells) -> Result<OwnedSession, StoreError> {
    let key = cells.bytes(7).flatten().unwrap_or_default();
    Row::of(cells).ok_or_else(|| StoreError::corrupt(padded(key).0))?.owned(key)
}

/// A session found by a scan, or the key of a damaged one.
pub(crate) type Met = Result<ScannedSession, StoreKey>;

/// Decodes a session of a scan; its key is in the last column. A damaged row doesn't stop the scan.
pub(crate) fn met(cells: &dyn Cells) -> Result<Met, StoreError> {
    let (key, _) = padded(cells.bytes(7).flatten().unwrap_or_default());
    let read = Row::of(cells).and_then(|row| row.read());
    Ok(read.map(|(version, entry)| ScannedSession::new(key, version, entry)).ok_or(key))
}

/// Returns the key after which a page begins. For the first page, a text that sorts before all
/// keys.
pub(crate) fn begin(after: Option<&Cursor>) -> Result<Value, StoreError> {
    after.map_or(Ok(Value::from("")), |cursor| cursor.key().map(Value::Key))
}

/// Builds a page from its rows. After a full page there may be another one.
pub(crate) fn page(rows: Vec<Met>, limit: usize) -> Page {
    let last = rows.last().map(|last| last.as_ref().map_or_else(|key| *key, |scanned| scanned.key));
    let next = last.filter(|_| rows.len() >= limit).as_ref().map(Cursor::after);
    let (mut sessions, mut damaged) = (Vec::with_capacity(rows.len()), Vec::new());
    for row in rows {
        match row {
            Ok(session) => sessions.push(session),
            Err(key) => damaged.push(key),
        }
    }
    Page::new(sessions, damaged, next)
}

#[cfg(test)]
mod tests {
    use super::Row;
    use cloakroom_session::Timestamp;
    use cloakroom_session::factory::{StoreKey, Version};
    use cloakroom_store::store::Loaded;

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
    fn rows_are_live_moved_or_absent() {
        let key = StoreKey::from_bytes([7; 32]);
        let at = |row: &Row<'_>, second| row.loaded(&key, Timestamp::from_unix_secs(second)).unwrap();
        assert!(matches!(at(&WHOLE, 2), Loaded::Live(version, _) if version == Version::new(1)));
        assert_eq!(at(&WHOLE, 3), Loaded::Absent);
        assert_eq!(at(&Row { moved: true, ..WHOLE }, 2), Loaded::Moved);
        assert_eq!(at(&Row { moved: true, ..WHOLE }, 3), Loaded::Absent);
    }
}
