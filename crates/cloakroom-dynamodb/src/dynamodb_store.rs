//! [`DynamoDbStore`]: its options and guarantees.

use std::fmt;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::feed::{Announcer, Covers, Feed, Reach};
use cloakroom_store::store::{
    Checkup, Created, Cursor, Ended, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError,
};

use crate::item::SESSION;
use crate::write::{Write, item_key};

/// Sessions in a table of Amazon DynamoDB.
///
/// The table has a certain key: see [`DynamoDbStore::create_table`]. Clones share the client.
///
/// # Guarantees
/// A session is read with a consistent read and written with a condition, so no update is lost and
/// no ended session returns. A session with an owner is created, moved and ended in one transaction
/// with its entry in the owner index. The index is in the same table: a global secondary index
/// would lag behind, and "sign out everywhere" would miss a session that just began.
///
/// # No background tasks
/// Everything happens within a call, so the store works in AWS Lambda, where a process is frozen
/// between two requests. Expired sessions are never returned. DynamoDB deletes them by the table's
/// time to live, which costs nothing. Without it, they stay.
///
/// # Limits
/// An item has at most 400 KB, so that is the limit of a session; a larger one is an error that
/// names the limit. `PackedStore::compress` makes room. An owner has at most 1,800 bytes.
///
/// # Security
/// The store passes on the owner and the record as they are. `PackedStore::encrypt` encrypts the
/// record before it leaves the process.
#[derive(Clone)]
pub struct DynamoDbStore {
    pub(crate) client: Client,
    pub(crate) table: Arc<str>,
    pub(crate) prefix: Arc<str>,
    /// Announces the ends and moves that this process makes.
    pub(crate) announcer: Announcer,
}

impl DynamoDbStore {
    /// Stores sessions in this table, with a client of the application.
    ///
    /// Calls nothing yet. The client may retry: no call takes effect twice. Its timeout for one
    /// attempt should be about a second, so that a broken connection is replaced before
    /// [`StoredSessions`](cloakroom_store::StoredSessions) gives up, after 2 seconds. Its first
    /// pause before a retry, a second by default, should be 50 milliseconds for the same reason.
    ///
    /// # Examples
    /// ```no_run
    /// use cloakroom_dynamodb::DynamoDbStore;
    ///
    /// # fn start(config: &aws_sdk_dynamodb::Config) {
    /// let client = aws_sdk_dynamodb::Client::from_conf(config.clone());
    /// let store = DynamoDbStore::new(client, "sessions");
    /// # }
    /// ```
    #[must_use]
    pub fn new(client: Client, table: impl Into<Arc<str>>) -> Self {
        let announcer = Announcer::in_process(Covers::Endings, Reach::ThisProcess);
        Self { client, table: table.into(), prefix: "".into(), announcer }
    }

    /// Sets the prefix of all keys, so that several applications can share a table. Empty by
    /// default.
    ///
    /// # Security
    /// A prefix must not be the beginning of another one.
    ///
    /// # Examples
    /// ```no_run
    /// # fn start(client: aws_sdk_dynamodb::Client) {
    /// let store = cloakroom_dynamodb::DynamoDbStore::new(client, "sessions").prefix("shop:");
    /// # }
    /// ```
    #[must_use]
    pub fn prefix(self, prefix: impl Into<Arc<str>>) -> Self {
        Self { prefix: prefix.into(), ..self }
    }

    /// The partition key of a session.
    pub(crate) fn session_key(&self, key: &StoreKey) -> String {
        format!("{}{}", self.sessions(), key.to_hex())
    }

    /// The beginning of the partition keys of all sessions.
    pub(crate) fn sessions(&self) -> String {
        format!("{}s#", self.prefix)
    }

    /// The primary key of a session.
    pub(crate) fn item_key(&self, key: &StoreKey) -> crate::item::Attributes {
        item_key(self.session_key(key), SESSION)
    }

    /// A write of the item of a session.
    pub(crate) fn update(
        &self,
        key: &StoreKey,
        changes: Vec<(&'static str, Option<aws_sdk_dynamodb::types::AttributeValue>)>,
    ) -> Write {
        Write::update(self.session_key(key), SESSION, changes)
    }
}

impl fmt::Debug for DynamoDbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamoDbStore").field("table", &self.table).field("prefix", &self.prefix).finish()
    }
}

impl Store for DynamoDbStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        self.loaded(key, now).await
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        self.created(key, entry, now).await
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        self.replaced(key, seen, entry, now).await
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.touched(key, touched, deadline, now).await
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
        let moved = self.cycled(old, seen, new, entry, moved_until, now).await;
        // Even after an error, because the transaction may have been executed.
        self.announcer.changed(old);
        moved
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        self.ended(key, now).await
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        self.owned_page(owner, after, limit, now).await
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        self.owned_ended(owner, keep, limit, now).await
    }

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        self.ended_before(point, after, now).await
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        self.scanned(after, limit, now).await
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        self.checked().await
    }

    fn feed(&self) -> Option<Feed> {
        Some(self.announcer.feed())
    }
}
