//! Where another framework keeps its records: the trait alone.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use cloakroom_session::{Error, Timestamp};

/// What became of a record that should be replaced or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a step of a store has these outcomes, and no others")]
pub enum Swap {
    /// It is done.
    Done,
    /// Somebody has written another text since.
    Conflict,
    /// There is no such record any more. None was created.
    Gone,
}

/// Where another framework keeps its records, under ids as that framework has them.
///
/// Records are text, and a text is its own version: each step that replaces one names the text that
/// it replaces.
///
/// # What an implementation must do
/// - Each step **must** be atomic: one statement, one script.
/// - `replace` and `touch` **must not** create, or a sign-out in the other application would be
///   undone.
/// - A record whose end has passed **must** be treated as one that isn't there.
/// - It **must** find and keep records where the framework does: the same keys, the same columns,
///   the same expiry.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{ForeignStore, MemoryRecords, Swap};
/// use cloakroom_session::Timestamp;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), cloakroom_session::Error> {
/// let (store, now) = (MemoryRecords::new(), Timestamp::from_unix_secs(1_700_000_000));
/// assert!(store.create("id", "one", None, now).await?);
/// store.overwrite("id", "two");                                // the other application
/// assert_eq!(store.replace("id", "one", "three", None, now).await?, Swap::Conflict);
/// store.end("id").await?;
/// assert_eq!(store.replace("id", "two", "three", None, now).await?, Swap::Gone);
/// # Ok(())
/// # }
/// ```
pub trait ForeignStore: fmt::Debug + Send + Sync + 'static {
    /// The text of a record, or `None` if there is no such record or it has ended.
    ///
    /// # Errors
    /// When the store couldn't answer.
    fn load(&self, id: &str, now: Timestamp) -> impl Future<Output = Result<Option<String>, Error>> + Send;

    /// Keeps a new record, until `ends`; says whether the id was free.
    ///
    /// # Errors
    /// When the store couldn't answer.
    fn create(
        &self,
        id: &str,
        text: &str,
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Replaces a record if its text is still `seen`.
    ///
    /// # Errors
    /// When the store couldn't answer.
    fn replace(
        &self,
        id: &str,
        seen: &str,
        text: &str,
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Swap, Error>> + Send;

    /// Lets a record end at `ends`, whatever its text; says whether there is one.
    ///
    /// # Errors
    /// When the store couldn't answer.
    fn touch(
        &self,
        id: &str,
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Ends a record, whatever its text; returns whether there was one.
    ///
    /// # Errors
    /// When the store couldn't answer.
    fn end(&self, id: &str) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Ends a record if its text is still `seen`.
    ///
    /// # Errors
    /// When the store couldn't answer.
    fn end_if(&self, id: &str, seen: &str, now: Timestamp) -> impl Future<Output = Result<Swap, Error>> + Send;
}

impl<S: ForeignStore> ForeignStore for Arc<S> {
    async fn load(&self, id: &str, now: Timestamp) -> Result<Option<String>, Error> {
        (**self).load(id, now).await
    }

    async fn create(&self, id: &str, text: &str, ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        (**self).create(id, text, ends, now).await
    }

    async fn replace(
        &self,
        id: &str,
        seen: &str,
        text: &str,
        ends: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Swap, Error> {
        (**self).replace(id, seen, text, ends, now).await
    }

    async fn touch(&self, id: &str, ends: Option<Timestamp>, now: Timestamp) -> Result<bool, Error> {
        (**self).touch(id, ends, now).await
    }

    async fn end(&self, id: &str) -> Result<bool, Error> {
        (**self).end(id).await
    }

    async fn end_if(&self, id: &str, seen: &str, now: Timestamp) -> Result<Swap, Error> {
        (**self).end_if(id, seen, now).await
    }
}
