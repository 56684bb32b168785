//! The trait for another framework's store.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use cloakroom_session::{Error, Timestamp};

/// The result of replacing or ending a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a step of a store has these outcomes, and no others")]
pub enum SwapOutcome {
    /// The record was replaced or ended.
    Done,
    /// Another request has written a different record.
    Conflict,
    /// The record no longer exists. None was created.
    Gone,
}

/// A record that was loaded, with the expiry that the store states for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatedRecord {
    /// The bytes of the record.
    pub record: Vec<u8>,
    /// The expiry, if it may be in another time zone.
    pub end: Option<Timestamp>,
}

impl DatedRecord {
    /// Creates a record whose expiry the store has checked.
    #[must_use]
    pub const fn new(record: Vec<u8>) -> Self {
        Self { record, end: None }
    }

    /// States an expiry that may have passed, or may be in another time zone.
    #[must_use]
    pub const fn ends(mut self, end: Option<Timestamp>) -> Self {
        self.end = end;
        self
    }
}

/// A store in which another framework keeps its records, under the framework's ids.
///
/// Records are bytes, and the bytes are their own version: each conditional write names the bytes
/// that it replaces.
///
/// # Requirements for implementations
/// - Each operation **must** be atomic: one statement or one script.
/// - `replace` and `touch` **must not** create a record: that would undo a sign-out in the other
///   application.
/// - An expired record **must** be treated as absent.
/// - Records **must** be stored in the framework's own form: the same keys, the same columns, the
///   same expiry.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{ForeignStore, MemoryRecords, SwapOutcome};
/// use cloakroom_session::Timestamp;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cloakroom_session::Error> {
/// let (store, now) = (MemoryRecords::new(), Timestamp::from_unix_secs(1_700_000_000));
/// assert!(store.create("id", b"one", None, now).await?);
/// store.overwrite("id", "two");                                // the other application
/// assert_eq!(store.replace("id", b"one", b"three", None, now).await?, SwapOutcome::Conflict);
/// store.end("id").await?;
/// assert_eq!(store.replace("id", b"two", b"three", None, now).await?, SwapOutcome::Gone);
/// # Ok(())
/// # }
/// ```
pub trait ForeignStore: fmt::Debug + Send + Sync + 'static {
    /// Loads a record; `None` if it doesn't exist or has expired.
    ///
    /// # Errors
    /// Fails if the store can't answer.
    fn load(&self, id: &str, now: Timestamp) -> impl Future<Output = Result<Option<Vec<u8>>, Error>> + Send;

    /// Loads a record with the expiry that the store states for it.
    ///
    /// A store whose expiry may be in another time zone returns expired records too: the caller
    /// compares the expiry with the record, and refuses the record if they are hours apart. Other
    /// stores use this default, which states no expiry.
    ///
    /// # Errors
    /// Fails if the store can't answer.
    fn load_dated(&self, id: &str, now: Timestamp) -> impl Future<Output = Result<Option<DatedRecord>, Error>> + Send {
        async move { Ok(self.load(id, now).await?.map(DatedRecord::new)) }
    }

    /// Creates a record that expires at `ends`. Returns `false` if the id is taken.
    ///
    /// # Errors
    /// Fails if the store can't answer.
    fn create(
        &self,
        id: &str,
        record: &[u8],
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Replaces a record if it is still `seen`.
    ///
    /// # Errors
    /// Fails if the store can't answer.
    fn replace(
        &self,
        id: &str,
        seen: &[u8],
        record: &[u8],
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> impl Future<Output = Result<SwapOutcome, Error>> + Send;

    /// Sets the expiry of a record without comparing it. Returns `false` if there is no such
    /// record.
    ///
    /// # Errors
    /// Fails if the store can't answer.
    fn touch(
        &self,
        id: &str,
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Ends a record without comparing it.
    ///
    /// Returns `false` if there is no such record.
    ///
    /// # Errors
    /// Fails if the store can't answer.
    fn end(&self, id: &str) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Ends a record if it is still `seen`.
    ///
    /// # Errors
    /// Fails if the store can't answer.
    fn end_if(&self, id: &str, seen: &[u8], now: Timestamp) -> impl Future<Output = Result<SwapOutcome, Error>> + Send;
}

impl<S: ForeignStore> ForeignStore for Arc<S> {
    async fn load(&self, id: &str, now: Timestamp) -> Result<Option<Vec<u8>>, Error> {
        (**self).load(id, now).await
    }

    async fn load_dated(&self, id: &str, now: Timestamp) -> Result<Option<DatedRecord>, Error> {
        (**self).load_dated(id, now).await
    }

    async fn create(&self, id: &str, record: &[u8], ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        (**self).create(id, record, ends, now).await
    }

    async fn replace(
        &self,
        id: &str,
        seen: &[u8],
        record: &[u8],
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<SwapOutcome, Error> {
        (**self).replace(id, seen, record, ends, now).await
    }

    async fn touch(&self, id: &str, ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        (**self).touch(id, ends, now).await
    }

    async fn end(&self, id: &str) -> Result<bool, Error> {
        (**self).end(id).await
    }

    async fn end_if(&self, id: &str, seen: &[u8], now: Timestamp) -> Result<SwapOutcome, Error> {
        (**self).end_if(id, seen, now).await
    }
}
