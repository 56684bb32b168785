//! A store in a folder, one file per session, for several processes of one machine.
//!
//! | module | contents |
//! |---|---|
//! | `durability` | the failures that a write survives |
//! | `format` | the file format |
//! | `folder` | file names, locks, and atomic writes |
//! | `scan` | the scan of all files |
//! | `sweep` | removal of expired files and of temporary files of killed processes |

mod durability;
mod folder;
mod format;
mod scan;
mod sweep;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::checkup::{Checkup, Severity, Topic};
use crate::entry::Entry;
use crate::error::StoreError;
use crate::feed::Feed;
use crate::location;
use crate::scan::{Cursor, Page};
use crate::store::{Created, Loaded, Replaced, Store};
pub use durability::Durability;
use folder::{Folder, SHARDS, shard_of, unavailable};
use format::Kept;

/// Sessions in a folder, one file each.
///
/// Several processes may use the folder concurrently. Each write takes an advisory lock on one of
/// 256 parts of the folder; the operating system releases the locks of a terminated process.
/// Readers need no lock: a file is written under a temporary name and renamed, so it is never seen
/// half written, even if the disk is full or the process is killed.
///
/// The folder must be on a local disk, because locks on network file systems are unreliable. There
/// is no owner index, and sessions can't be ended all at once: [`Store::owned`] and
/// [`Store::end_before`] return an error. A sweep reads the first line of each file. The
/// [feed](Store::feed) announces the writes of this process only.
///
/// # Security
/// On Unix, only the user of the process can access the files and folders. File names are the
/// hexadecimal digits of a hash, so no id leads outside the folder.
///
/// # Examples
/// ```
/// use cloakroom_store::{FileStore, StoredSessions};
///
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("sessions");
/// let sessions = StoredSessions::new(FileStore::open(folder)?).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FileStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: Folder,
    /// Writers of this process queue here without blocking a thread. File locks work between
    /// processes.
    turns: Box<[Arc<Mutex<()>>]>,
    /// The shard in which the next sweep continues.
    swept_up_to: AtomicUsize,
}

type Turn = OwnedMutexGuard<()>;

impl FileStore {
    /// Opens the store in this folder, and creates the folder if necessary.
    ///
    /// # Errors
    /// If the folder can't be created, or the path is empty.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::with_durability(folder, Durability::default())
    }

    /// Opens the store with this durability.
    ///
    /// # Errors
    /// If the folder can't be created, or the path is empty.
    pub fn with_durability(folder: impl AsRef<Path>, durability: Durability) -> Result<Self, StoreError> {
        let folder = folder.as_ref();
        location::on_disk(folder)?;
        let folder = Folder::open(folder, durability).map_err(StoreError::unavailable)?;
        location::warn_of_network(folder.root());
        let turns = (0..SHARDS).map(|_| Arc::default()).collect();
        Ok(Self(Arc::new(Inner { folder, turns, swept_up_to: AtomicUsize::new(0) })))
    }

    async fn turn(&self, shard: u8) -> Turn {
        #[expect(clippy::indexing_slicing, reason = "there are as many as a byte has values")]
        let turn = Arc::clone(&self.0.turns[usize::from(shard)]);
        turn.lock_owned().await
    }

    /// Runs one step on the blocking thread pool. `turns` are released when it finishes, even if
    /// the caller was dropped.
    async fn run<T: Send + 'static>(
        &self,
        turns: (Turn, Option<Turn>),
        step: impl FnOnce(&Folder) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let inner = Arc::clone(&self.0);
        let step = move || {
            let _turns = turns;
            step(&inner.folder)
        };
        tokio::task::spawn_blocking(step).await.map_err(StoreError::unavailable)?
    }

    /// Runs one step while holding the lock of a key.
    async fn locked<T: Send + 'static>(
        &self,
        key: StoreKey,
        step: impl FnOnce(&Folder) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = self.turn(shard_of(&key)).await;
        self.run((turn, None), move |folder| {
            let _lock = folder.lock(shard_of(&key)).map_err(unavailable("locking the sessions' folder"))?;
            step(folder)
        })
        .await
    }
}

/// Returns the live session under a key.
fn live(folder: &Folder, key: &StoreKey, now: Timestamp) -> Result<Option<(Version, Entry)>, StoreError> {
    Ok(match folder.read(key)? {
        Some(Kept::Live(version, entry)) if !entry.is_expired(now) => Some((version, entry)),
        Some(Kept::Live(..) | Kept::Moved { .. }) | None => None,
    })
}

fn write(folder: &Folder, key: &StoreKey, kept: &Kept) -> Result<(), StoreError> {
    folder.write(key, kept).map_err(unavailable("writing a session's file"))
}

impl Store for FileStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let (inner, key) = (Arc::clone(&self.0), *key);
        let read = tokio::task::spawn_blocking(move || inner.folder.read(&key));
        Ok(match read.await.map_err(StoreError::unavailable)?? {
            Some(kept) if kept.is_expired(now) => Loaded::Absent,
            Some(Kept::Live(version, entry)) => Loaded::Live(version, entry),
            Some(Kept::Moved { .. }) => Loaded::Moved,
            None => Loaded::Absent,
        })
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let (key, entry) = (*key, entry.clone());
        self.locked(key, move |folder| {
            if folder.read(&key)?.is_some_and(|kept| !kept.is_expired(now)) {
                return Ok(Created::Taken);
            }
            let version = entry.next_version(None);
            write(folder, &key, &Kept::Live(version.clone(), entry))?;
            Ok(Created::Yes(version))
        })
        .await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let (key, entry) = (*key, entry.clone());
        self.locked(key, move |folder| match live(folder, &key, now)? {
            None => Ok(Replaced::Gone),
            Some((version, _)) if version != seen => Ok(Replaced::Conflict),
            Some(_) => {
                let next = entry.next_version(Some(&seen));
                write(folder, &key, &Kept::Live(next.clone(), entry))?;
                Ok(Replaced::Yes(next))
            }
        })
        .await
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let key = *key;
        self.locked(key, move |folder| {
            let Some((version, mut entry)) = live(folder, &key, now)? else { return Ok(false) };
            entry.touched = entry.touched.max(touched);
            entry.deadline = match (entry.deadline, deadline) {
                (Some(there), Some(wanted)) => Some(there.max(wanted)),
                (None, _) | (_, None) => None,
            };
            write(folder, &key, &Kept::Live(version, entry))?;
            Ok(true)
        })
        .await
    }

    async fn cycle(
        &self,
        old: &StoreKey,
        seen: Version,
        new: &StoreKey,
        entry: &Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let (old, new, entry) = (*old, *new, entry.clone());
        let (from, to) = (shard_of(&old), shard_of(&new));
        // Lock in the order of the shards, in this process and on disk, so that two moves cannot
        // deadlock.
        let (low, high) = (from.min(to), from.max(to));
        let first = self.turn(low).await;
        let second = if low == high { None } else { Some(self.turn(high).await) };
        self.run((first, second), move |folder| {
            let lock = |shard| folder.lock(shard).map_err(unavailable("locking the sessions' folder"));
            let _first = lock(low)?;
            let _second = if low == high { None } else { Some(lock(high)?) };
            match live(folder, &old, now)? {
                None => return Ok(Replaced::Gone),
                Some((version, _)) if version != seen => return Ok(Replaced::Conflict),
                Some(_) => {}
            }
            if folder.read(&new)?.is_some_and(|kept| !kept.is_expired(now)) {
                return Err(StoreError::taken(new));
            }
            // Write the new session first. If the process is killed in between, the old session is
            // unchanged, and no client has the new id.
            let version = entry.next_version(None);
            write(folder, &new, &Kept::Live(version.clone(), entry))?;
            if let Err(error) = write(folder, &old, &Kept::Moved { to: new, until: moved_until }) {
                let removed = folder.remove(&new);
                tracing::warn!(key = ?new, cleared = removed.is_ok(), "a session's move failed halfway");
                return Err(error);
            }
            Ok(Replaced::Yes(version))
        })
        .await
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let mut key = *key;
        loop {
            let step = self.locked(key, move |folder| match folder.read(&key)? {
                Some(kept) if kept.is_expired(now) => Ok(Err(false)),
                Some(Kept::Moved { to, .. }) => Ok(Ok(to)),
                Some(Kept::Live(..)) => {
                    folder.remove(&key).map_err(unavailable("removing a session's file"))?;
                    Ok(Err(true))
                }
                None => Ok(Err(false)),
            });
            match step.await? {
                Ok(moved_to) => key = moved_to,
                Err(ended) => return Ok(ended),
            }
        }
    }

    async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.sweep_some(now, limit).await
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        self.scan_some(after, limit, now).await
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        let (severity, text) = match self.0.folder.durability() {
            Durability::PowerFailure => (Severity::Good, "a write is answered when the disk has it"),
            Durability::ProcessEnd => (Severity::Note, "a power failure may lose the last seconds' writes"),
        };
        let copies = "files of one machine: back up the folder if it must survive a loss of the disk";
        let checkup = Checkup::new("files of this machine").found(Topic::Durability, severity, text);
        let checkup = checkup.found(Topic::Replication, Severity::Note, copies);
        let inner = Arc::clone(&self.0);
        let mount = tokio::task::spawn_blocking(move || location::mount_of(inner.folder.root()));
        Ok(location::judged(checkup, mount.await.map_err(StoreError::unavailable)?.as_ref()))
    }

    fn feed(&self) -> Option<Feed> {
        Some(self.0.folder.announcer().feed())
    }
}
