//! The operations of a store, each written once for all databases.
//!
//! A [`Dialect`] supplies the connections, the statements, and the operations in which databases
//! differ. The public types wrap an [`SqlStore`], and [`implement_store`] implements `Store` for
//! them.

use std::sync::Arc;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::feed::{Announcer, Covers, Feed, Reach};
use cloakroom_store::store::{
    Checkup, Created, Cursor, Ended, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, StoreError,
};

use crate::name::Statements;
use crate::query::{Cells, Counts, Executor, Failure, TRIES, touch, values};
use crate::row::{begin, found, met, owned, page};
use crate::walks::{StepSize, Walk};
use crate::{sweep, walks};

type StatementsOf<D> = Statements<<D as Executor>::Statement, <D as Executor>::Write, <D as Dialect>::Own>;

/// The operations that are different algorithms in different databases.
///
/// Each of them may use all connections and statements of the store.
pub(crate) trait Dialect: Executor {
    /// The statements that only this database has.
    type Own;

    /// Ends a session under its current key. Returns whether there was one.
    async fn end(store: &SqlStore<Self>, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            match store.connections.write(&store.statements.end, &[key.into(), now.into()], 1).await? {
                // It moved while the statement waited for it, or another request ended it.
                (0, 1..) => {}
                (ended, _) => return Ok(ended > 0),
            }
        }
        Err(StoreError::unavailable("the session kept moving to new keys"))
    }

    /// Visits at most `limit` rows whose `sweep_at` has passed, and deletes the expired ones, at
    /// most `most`. Returns the number of rows deleted and visited.
    async fn sweep(store: &SqlStore<Self>, now: Timestamp, limit: usize, most: usize) -> Result<Counts, Failure>;

    /// Runs after a sweep that has nothing left to do.
    async fn tidy(&self) -> Result<(), Failure> {
        Ok(())
    }

    /// Ends some of the sessions that were created before `point`, beginning where the walk has
    /// arrived. Reads a bounded number of rows.
    async fn end_before(
        store: &SqlStore<Self>,
        point: Timestamp,
        walk: Walk,
        now: Timestamp,
    ) -> Result<EndedPage, Failure>;

    /// Asks about the server and its settings, and judges the answers.
    async fn checkup(store: &SqlStore<Self>) -> Result<Checkup, StoreError>;
}

/// A store in the database of a dialect.
#[derive(Clone)]
pub(crate) struct SqlStore<D: Dialect> {
    pub(crate) statements: Arc<StatementsOf<D>>,
    pub(crate) connections: D,
    /// For long-running work.
    pub(crate) patient: D,
    pub(crate) steps: StepSize,
    /// Announces the ends and moves that this process makes, and others that it learns of.
    pub(crate) announcer: Announcer,
}

impl<D: Dialect> SqlStore<D> {
    pub(crate) fn new(connections: D, steps: StepSize, statements: StatementsOf<D>) -> Self {
        let (statements, patient) = (Arc::new(statements), connections.clone());
        Self { statements, patient, connections, steps, announcer: Self::alone() }
    }

    pub(crate) fn statements(self, statements: StatementsOf<D>) -> Self {
        Self { statements: Arc::new(statements), ..self }
    }

    /// Announces ends and moves through `announcer`.
    #[cfg(feature = "_postgres")]
    pub(crate) fn announcer(self, announcer: Announcer) -> Self {
        Self { announcer, ..self }
    }

    /// Creates the announcer of a store that learns only of what this process does.
    pub(crate) fn alone() -> Announcer {
        Announcer::in_process(Covers::Endings, Reach::ThisProcess)
    }

    /// Uses other connections for long-running work.
    #[cfg(feature = "postgres")]
    pub(crate) fn patient(self, patient: D) -> Self {
        Self { patient, ..self }
    }

    pub(crate) async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let mut rows = self.connections.rows(&self.statements.load, &[key.into()], found(*key, now)).await?;
        Ok(rows.pop().unwrap_or(Loaded::Absent))
    }

    pub(crate) async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let [text, created, touched, deadline, owner] = values(entry);
        let version = entry.next_version(None);
        let values = [key.into(), now.into(), text, created, touched, deadline, owner, version.number().into()];
        // If the key is taken, the statement writes nothing, or fails, depending on the database.
        let step = || self.connections.changed(&self.statements.create, &values);
        let written = self.unless_taken(key, now, step).await?.is_some_and(|written| written > 0);
        Ok(if written { Created::Yes(version) } else { Created::Taken })
    }

    pub(crate) async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let [text, created, touched, deadline, owner] = values(entry);
        let (next, seen) = (entry.next_version(Some(&seen)), seen.number().into());
        let values = [key.into(), now.into(), text, created, touched, deadline, owner, seen, next.number().into()];
        Ok(replaced(self.connections.write(&self.statements.replace, &values, 1).await?, next))
    }

    pub(crate) async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let values = touch(key, touched, deadline, now);
        // A touch that another request has already written changes nothing.
        Ok(self.connections.write(&self.statements.touch, &values, 1).await? != (0, 0))
    }

    pub(crate) async fn cycle(
        &self,
        old: &StoreKey,
        seen: Version,
        new: &StoreKey,
        entry: &Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let [text, created, touched, deadline, owner] = values(entry);
        let (seen, until, version) = (seen.number().into(), moved_until.into(), entry.next_version(None));
        let first = version.number().into();
        let values = [old.into(), now.into(), seen, new.into(), until, text, created, touched, deadline, owner, first];
        let step = || self.connections.write(&self.statements.cycle, &values, 1);
        let done = self.unless_taken(new, now, step).await;
        // Even after an error, because the statement may have been executed.
        self.announcer.changed(old);
        Ok(replaced(done?.ok_or_else(|| StoreError::taken(*new))?, version))
    }

    /// Runs a step that fails if `key` is taken. If the entry there has expired, deletes it and
    /// repeats the step. Returns `None` if the key is taken.
    async fn unless_taken<T, F: Future<Output = Result<T, Failure>>>(
        &self,
        key: &StoreKey,
        now: Timestamp,
        step: impl Fn() -> F,
    ) -> Result<Option<T>, Failure> {
        for _ in 0..TRIES {
            match step().await {
                Err(Failure::Taken) => {}
                answer => return answer.map(Some),
            }
            if self.connections.changed(&self.statements.forget, &[key.into(), now.into()]).await? == 0 {
                break;
            }
        }
        Ok(None)
    }

    pub(crate) async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let ended = D::end(self, key, now).await;
        if self.announcer.is_heard() {
            match (&ended, self.load(key, now).await) {
                (Ok(false), _) => {}
                (_, Ok(Loaded::Absent | Loaded::Live(..))) => self.announcer.changed(key),
                // The session ended under another key, to which a tombstone leads.
                (_, Ok(Loaded::Moved) | Err(_)) => self.announcer.all_changed(),
            }
        }
        ended
    }

    pub(crate) fn feed(&self) -> Option<Feed> {
        Some(self.announcer.feed())
    }

    pub(crate) async fn sweep(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let swept = sweep::sweep(limit, |most| D::sweep(self, now, limit, most)).await?;
        if swept < limit {
            self.connections.tidy().await?;
        }
        Ok(swept)
    }

    pub(crate) async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        let limit = limit.max(1);
        let [created, key] = walks::behind(after)?;
        let values = [owner.into(), now.into(), created, key, limit.saturating_add(1).into()];
        Ok(walks::page(self.connections.rows(&self.statements.owned, &values, owned).await?, limit))
    }

    pub(crate) async fn count_owned(&self, owner: &str, at_most: usize, now: Timestamp) -> Result<usize, StoreError> {
        let read = |cells: &dyn Cells| Ok(cells.number(0).flatten().and_then(|count| usize::try_from(count).ok()));
        let values = [owner.into(), now.into(), at_most.into()];
        let mut rows = self.connections.rows(&self.statements.count_owned, &values, read).await?;
        rows.pop().flatten().ok_or_else(|| StoreError::unavailable("the result has no number"))
    }

    pub(crate) async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let step = |rows: usize| async move {
            let values = [owner.into(), now.into(), walks::but(keep), rows.into()];
            let (done, found) = self.connections.write(&self.statements.end_owned, &values, rows).await?;
            Ok(walks::ended(done, found, rows))
        };
        let ended = self.steps.run(limit, step).await;
        // The statement doesn't tell the keys.
        if ended.as_ref().is_ok_and(|ended| ended.count > 0) || ended.is_err() {
            self.announcer.all_changed();
        }
        Ok(ended?)
    }

    pub(crate) async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        let page = D::end_before(self, point, Walk::read(after)?, now).await;
        if page.as_ref().is_ok_and(|page| page.count > 0) || page.is_err() {
            self.announcer.all_changed();
        }
        Ok(page?)
    }

    /// Returns the creation time at which a step of the walk ends: at most `rows` rows were created
    /// between `from` and this time, unless more were created at `from` itself.
    pub(crate) async fn edge(
        &self,
        executor: &D,
        point: Timestamp,
        from: Timestamp,
        rows: usize,
    ) -> Result<Timestamp, Failure> {
        let read = |cells: &dyn Cells| Ok(cells.number(0).flatten().and_then(|created| u64::try_from(created).ok()));
        let values = [point.into(), from.into(), rows.into()];
        let next = executor.rows(&self.statements.edge, &values, read).await?.pop().flatten();
        Ok(next.map_or(point, |created| Timestamp::from_unix_millis(created.max(from.unix_millis() + 1))))
    }

    pub(crate) async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        let limit = limit.max(1);
        let values = [begin(after)?, now.into(), limit.into()];
        Ok(page(self.patient.rows(&self.statements.scan, &values, met).await?, limit))
    }

    pub(crate) async fn checkup(&self) -> Result<Checkup, StoreError> {
        D::checkup(self).await
    }
}

/// Interprets the counts of a conditional write of `version`.
fn replaced(counts: Counts, version: Version) -> Replaced {
    match counts {
        (1.., _) => Replaced::Yes(version),
        (0, 1..) => Replaced::Conflict,
        (0, 0) => Replaced::Gone,
    }
}

/// Implements `Store` for a public type that wraps an [`SqlStore`].
macro_rules! implement_store {
    ($store:ty) => {
        $crate::store::implement_store! { $store:
            load(key: &StoreKey, now: Timestamp) -> Loaded;
            create(key: &StoreKey, entry: &Entry, now: Timestamp) -> Created;
            replace(key: &StoreKey, seen: Version, entry: &Entry, now: Timestamp) -> Replaced;
            touch(key: &StoreKey, touched: Timestamp, deadline: Option<Timestamp>, now: Timestamp) -> bool;
            cycle(
                old: &StoreKey, seen: Version, new: &StoreKey, entry: &Entry, moved_until: Timestamp, now: Timestamp
            ) -> Replaced;
            end(key: &StoreKey, now: Timestamp) -> bool;
            sweep(now: Timestamp, limit: usize) -> usize;
            owned(owner: &str, after: Option<&Cursor>, limit: usize, now: Timestamp) -> OwnedPage;
            count_owned(owner: &str, at_most: usize, now: Timestamp) -> usize;
            end_owned(owner: &str, keep: Option<&StoreKey>, limit: usize, now: Timestamp) -> Ended;
            end_before(point: Timestamp, after: Option<&Cursor>, now: Timestamp) -> EndedPage;
            scan(after: Option<&Cursor>, limit: usize, now: Timestamp) -> Page;
            checkup() -> Checkup;
        }
    };
    ($store:ty: $($name:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)+) => {
        const _: () = {
            use cloakroom_session::Timestamp;
            use cloakroom_session::factory::{StoreKey, Version};
            use cloakroom_store::store::*;

            impl Store for $store {
                $(
                    async fn $name(&self, $($argument: $kind),*) -> Result<$answer, StoreError> {
                        self.0.$name($($argument),*).await
                    }
                )+

                fn feed(&self) -> Option<feed::Feed> {
                    self.0.feed()
                }
            }
        };
    };
}
pub(crate) use implement_store;
