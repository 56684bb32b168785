//! A store in a folder: one file per session, for one machine and several processes.
//!
//! | module | what it is about |
//! |---|---|
//! | `format` | what is in a file |
//! | `folder` | names, locks, and writing a file whole or not at all |
//! | `scan` | a walk through all files |
//! | `sweep` | removing what is over, and what a killed process left behind |

mod folder;
mod format;
mod scan;
mod sweep;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use cloakroom_session::{StoreKey, Timestamp, Version};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::checkup::{Checkup, Severity, Topic};
use crate::error::StoreError;
use crate::location;
use crate::scan::{Cursor, Page};
use crate::store::{Created, Entry, Loaded, Replaced, Store};
use folder::{Folder, SHARDS, shard_of};
use format::Kept;

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// A power failure: a write is answered when the disk has it. Costs one or two flushes each.
    #[default]
    PowerFailure,
    /// The end of the process, `kill -9` included, but not of the machine: many times faster.
    ///
    /// After a power failure the last seconds' writes may be lost, and a file that was damaged by
    /// it is an error that names its key.
    ProcessEnd,
}

/// Sessions in a folder, one file each.
///
/// Several processes may use the folder at the same time. Each write takes an advisory lock on a
/// part of the folder (one of 256); the system drops the locks of a process that ends, however it
/// ends. A reader needs none: a file is written under another name and renamed, so that it is there
/// whole or not at all, also when the disk is full or the process is killed.
///
/// The folder must be on a local disk: locks on network file systems aren't to be relied upon.
/// There is no index of owners, and sessions can't be ended all at once; [`Store::owned`] and
/// [`Store::end_before`] say so. A sweep reads the first line of each file.
///
/// # Security
/// On Unix, files and folders are for their owner alone. Names are hexadecimal digits of a hash: no
/// id leads out of the folder.
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
    /// Writers of this process wait here, without a thread each; locks of files are between
    /// processes.
    turns: Box<[Arc<Mutex<()>>]>,
    /// The shard in which the next sweep goes on.
    swept_up_to: AtomicUsize,
}

type Turn = OwnedMutexGuard<()>;

impl FileStore {
    /// The store in this folder, which is created if there is none.
    ///
    /// # Errors
    /// When it can't be created, or the path is empty.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::with_durability(folder, Durability::default())
    }

    /// The same, with a choice of what a write survives.
    ///
    /// # Errors
    /// When the folder can't be created, or the path is empty.
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

    /// Runs one step on the threads for blocking work. `turns` are given back when it is over, even
    /// if its caller has left.
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

    /// The same under the lock of a key.
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

/// An error of the system, and what was being done.
fn unavailable(doing: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |error| StoreError::unavailable(io::Error::new(error.kind(), format!("{doing}: {error}")))
}

/// What is live under a key.
fn live(folder: &Folder, key: &StoreKey, now: Timestamp) -> Result<Option<(Version, Entry)>, StoreError> {
    Ok(match folder.read(key)? {
        Some(Kept::Live(version, entry)) if !entry.is_over(now) => Some((version, entry)),
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
            Some(kept) if kept.is_over(now) => Loaded::Absent,
            Some(Kept::Live(version, entry)) => Loaded::Live(version, entry),
            Some(Kept::Moved { .. }) => Loaded::Moved,
            None => Loaded::Absent,
        })
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let (key, entry) = (*key, entry.clone());
        self.locked(key, move |folder| {
            if folder.read(&key)?.is_some_and(|kept| !kept.is_over(now)) {
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
        // In the order of their places, here and on disk, so that two moves can't wait for each
        // other.
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
            if folder.read(&new)?.is_some_and(|kept| !kept.is_over(now)) {
                return Err(StoreError::taken(new));
            }
            // The new one first: killed in between, the old session is as it was, and nobody knows
            // the new id.
            let version = entry.next_version(None);
            write(folder, &new, &Kept::Live(version.clone(), entry))?;
            if let Err(error) = write(folder, &old, &Kept::Moved { to: new, until: moved_until }) {
                let removed = folder.remove(&new);
                tracing::warn!(key = ?new, cleared = removed.is_ok(), "a session's move failed half-way");
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
                Some(kept) if kept.is_over(now) => Ok(Err(false)),
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
            Durability::ProcessEnd => (Severity::Note, "a loss of power may take the last seconds' writes"),
        };
        let copies = "files of one machine: copy the folder if it must outlive the disk";
        let checkup = Checkup::new("files of this machine").found(Topic::Durability, severity, text);
        let checkup = checkup.found(Topic::Replication, Severity::Note, copies);
        let inner = Arc::clone(&self.0);
        let mount = tokio::task::spawn_blocking(move || location::mount_of(inner.folder.root()));
        Ok(location::judged(checkup, mount.await.map_err(StoreError::unavailable)?.as_ref()))
    }
}
