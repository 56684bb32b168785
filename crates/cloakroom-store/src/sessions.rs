//! The sessions of an owner, for a page such as "your devices".

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::factory::{Alias, StoreKey, TimeLimit};
use cloakroom_session::{Clock, Error, Session, SystemClock, Timestamp};

use crate::alias::end_alias;
use crate::entry::OwnedSession;
use crate::error::StoreError;
use crate::pages::{EndedPage, OwnedPage};
use crate::scan::Cursor;
use crate::skew::time_for_ends;
use crate::store::Store;
use crate::stored_sessions::StoredSessions;
use crate::stored_sessions::call::Operation;

/// The time limit of one step of a walk through the whole store.
const STEP: Duration = Duration::from_secs(60);

/// The time limit for ending all sessions of an owner.
const WALK: Duration = Duration::from_secs(60);

/// The number of sessions in one step.
const PAGE: usize = 100;

/// The maximum number of listed sessions.
const MOST_LISTED: usize = 1000;

/// Lists and ends the sessions of an owner in the store of a [`StoredSessions`].
///
/// The owner is the value passed to [`Session::set_owner`]. This needs a store with an owner index.
///
/// # Examples
/// ```
/// use std::sync::Arc;
/// use cloakroom_session::{Error, Session};
/// use cloakroom_store::{MemoryStore, Sessions, StoredSessions};
///
/// /// "Sign out everywhere else."
/// async fn only_here(session: &Session, sessions: &Sessions<MemoryStore>) -> Result<String, Error> {
///     let Some(owner) = session.owner() else { return Ok("not signed in".to_owned()) };
///     let ended = sessions.end_others(&owner, session).await?;
///     Ok(format!("{ended} other sessions were signed out"))
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let factory = Arc::new(StoredSessions::new(MemoryStore::new()).build()?);
/// let sessions = Sessions::new(factory);
/// # let session = Session::for_tests();
/// # session.set_owner("user-42");
/// # assert_eq!(only_here(&session, &sessions).await?, "0 other sessions were signed out");
/// # Ok(())
/// # }
/// ```
pub struct Sessions<S> {
    factory: Arc<StoredSessions<S>>,
    clock: Arc<dyn Clock>,
}

/// A session in the list of its owner.
///
/// # Security
/// It exposes the session's prefix, which opens nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// When the session was created.
    pub created: Timestamp,
    /// When it was last used; the real value may be later by up to one touch interval.
    pub touched: Timestamp,
    /// The label set with [`Session::set_label`].
    pub label: Option<String>,
    /// `true` if the stored record is damaged. The session can still be ended.
    pub is_damaged: bool,
    /// When the session was bound to a device, if it is.
    ///
    /// See [`Session::bind_device`]. An offer that no browser has taken up doesn't count.
    #[cfg(feature = "dbsc")]
    pub bound_since: Option<Timestamp>,
    /// The time of the device's last proof; `None` if the session isn't bound.
    #[cfg(feature = "dbsc")]
    pub last_proof: Option<Timestamp>,
    key: StoreKey,
}

/// A page of an owner's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfoPage {
    /// Live sessions, oldest first.
    pub sessions: Vec<SessionInfo>,
    /// The cursor of the next page; `None` after the last page.
    pub next: Option<Cursor>,
}

impl SessionInfo {
    /// Returns eight hexadecimal digits that identify the session.
    ///
    /// They are used by [`Sessions::end`] and appear in traces.
    #[must_use]
    pub fn prefix(&self) -> String {
        self.key.prefix()
    }

    /// Returns whether this is the session of the current request.
    #[must_use]
    pub fn is_current(&self, session: &Session) -> bool {
        session.id().is_some_and(|id| id.store_key() == self.key)
    }
}

impl<S: Store> Sessions<S> {
    /// Creates a handle on the sessions of this factory.
    #[must_use]
    pub fn new(factory: Arc<StoredSessions<S>>) -> Self {
        Self { factory, clock: Arc::new(SystemClock) }
    }

    /// Replaces the system clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Lists the live sessions of an owner, oldest first, up to 1,000.
    ///
    /// An owner has at most 100, unless the factory was built with another
    /// [limit](crate::StoredSessionsBuilder::owner_limit). Use [`Sessions::page`] to list more.
    ///
    /// # Errors
    /// If the store is unavailable or has no owner index.
    pub async fn list(&self, owner: &str) -> Result<Vec<SessionInfo>, Error> {
        let (mut all, mut after) = (Vec::new(), None);
        while all.len() < MOST_LISTED {
            let page = self.page(owner, after.as_ref(), PAGE).await?;
            all.extend(page.sessions);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        all.truncate(MOST_LISTED);
        Ok(all)
    }

    /// Returns a page of an owner's live sessions, oldest first.
    ///
    /// A page has at most `limit` sessions. `after` is the cursor of the previous page.
    ///
    /// A page may have fewer sessions, or none, even if it has a [`next`](SessionInfoPage::next).
    ///
    /// # Errors
    /// If the store is unavailable, has no owner index, or didn't return the cursor.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use cloakroom_store::{MemoryStore, Sessions, StoredSessions};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let factory = Arc::new(StoredSessions::new(MemoryStore::new()).build()?);
    /// let sessions = Sessions::new(factory);
    /// let first = sessions.page("user-42", None, 20).await?;
    /// assert!(first.sessions.is_empty() && first.next.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn page(&self, owner: &str, after: Option<&Cursor>, limit: usize) -> Result<SessionInfoPage, Error> {
        let page = self.owned(owner, after, limit).await?;
        Ok(SessionInfoPage { sessions: page.sessions.into_iter().map(info).collect(), next: page.next })
    }

    /// Ends the owner's session with this prefix. Returns whether there was one.
    ///
    /// See [`SessionInfo::prefix`].
    ///
    /// The prefix may come from a form: it cannot reach the sessions of other owners.
    ///
    /// # Errors
    /// If the store is unavailable or has no owner index.
    pub async fn end(&self, owner: &str, prefix: &str) -> Result<bool, Error> {
        let deadline = TimeLimit::after(WALK);
        let (mut ended, mut after) = (false, None);
        loop {
            let page = self.owned(owner, after.as_ref(), PAGE).await?;
            // If two sessions share a prefix, end both: ending one too many is safer than leaving
            // the wrong one.
            for key in page.sessions.into_iter().map(|owned| owned.key).filter(|key| key.prefix() == prefix) {
                // A session that has already ended is not an error.
                let end = self.factory.store().end(&key, time_for_ends(self.clock.now()));
                ended |= self.factory.call(Operation::End, Some(&key), end).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(ended);
            }
            if deadline.left().is_zero() {
                return Err(too_slow("not all of the owner's sessions were checked"));
            }
        }
    }

    /// Ends all sessions of this owner except the current one. Returns their number.
    ///
    /// It works in steps of 100 sessions, and gives up after a minute.
    ///
    /// # Errors
    /// If the store is unavailable. Sessions already ended stay ended; calling again is safe.
    pub async fn end_others(&self, owner: &str, current: &Session) -> Result<usize, Error> {
        self.end_owned(owner, current.id().map(|id| id.store_key())).await
    }

    /// Ends all sessions of this owner. Returns their number.
    ///
    /// Call this when a password was changed or an account closed (ASVS 7.4.2). It works in steps
    /// of 100 sessions, and gives up after a minute.
    ///
    /// # Errors
    /// If the store is unavailable. Sessions already ended stay ended; calling again is safe.
    pub async fn end_all(&self, owner: &str) -> Result<usize, Error> {
        self.end_owned(owner, None).await
    }

    /// Ends the sessions with this alias. Returns their number.
    ///
    /// The alias is the one passed to [`Session::set_alias`]. Other sessions of its owner stay. For
    /// a back-channel logout of OpenID Connect that names only the provider's session (`sid`).
    ///
    /// A sign-in with the alias that is under way doesn't escape: until five minutes have passed,
    /// the alias is refused. An unknown alias is not an error, because its session may have ended,
    /// or may be about to begin. The limit is a minute.
    ///
    /// # Errors
    /// If the store is unavailable or has no owner index. Sessions already ended stay ended;
    /// calling again is safe.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use cloakroom_store::{MemoryStore, Sessions, StoredSessions};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let factory = Arc::new(StoredSessions::new(MemoryStore::new()).build()?);
    /// let sessions = Sessions::new(factory);
    /// // After a sign-in: session.set_alias("https://login.example", "sid-123")?
    /// let ended = sessions.end_alias("https://login.example", "sid-123").await?;
    /// # assert_eq!(ended, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn end_alias(&self, namespace: &str, alias: &str) -> Result<usize, Error> {
        let alias = Alias::new(namespace, alias);
        let end = end_alias(&**self.factory.store(), &alias, self.clock.now());
        Ok(self.factory.call_within(WALK, Operation::EndAlias, Some(&alias.store_key()), end).await?)
    }

    /// Ends all sessions of all owners created before `point`. Returns their number.
    ///
    /// Intended for the response to a breach. It walks through the whole store step by step, which
    /// may take minutes: call it in a separate task, not in a request handler.
    /// [`Sessions::end_some_before`] performs one step, for callers that report progress.
    ///
    /// # Errors
    /// If the store is unavailable or doesn't support this. Sessions already ended stay ended;
    /// calling again is safe.
    pub async fn end_everyone_before(&self, point: Timestamp) -> Result<usize, Error> {
        let (mut ended, mut after) = (0, None);
        loop {
            let step = self.end_some_before(point, after.as_ref()).await?;
            ended += step.count;
            after = step.next;
            if after.is_none() {
                return Ok(ended);
            }
        }
    }

    /// Performs one step of ending all sessions created before `point`.
    ///
    /// Repeat it with the [`next`](EndedPage::next) of the previous step until there is none. After
    /// an error, retry with the same cursor.
    ///
    /// # Errors
    /// If the store is unavailable, doesn't support this, or didn't return the cursor.
    ///
    /// # Examples
    /// ```
    /// # use std::sync::Arc;
    /// # use cloakroom_session::{Clock as _, SystemClock};
    /// # use cloakroom_store::{MemoryStore, Sessions, StoredSessions};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let factory = Arc::new(StoredSessions::new(MemoryStore::new()).build()?);
    /// # let sessions = Sessions::new(factory);
    /// let (mut ended, mut after) = (0, None);
    /// loop {
    ///     let step = sessions.end_some_before(SystemClock.now(), after.as_ref()).await?;
    ///     ended += step.count;
    ///     println!("{ended} sessions ended so far");
    ///     after = step.next;
    ///     if after.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn end_some_before(&self, point: Timestamp, after: Option<&Cursor>) -> Result<EndedPage, Error> {
        let end = self.factory.store().end_before(point, after, time_for_ends(self.clock.now()));
        Ok(self.factory.call_within(STEP, Operation::EndBefore, None, end).await?)
    }

    async fn owned(&self, owner: &str, after: Option<&Cursor>, limit: usize) -> Result<OwnedPage, StoreError> {
        let owned = self.factory.store().owned(owner, after, limit, self.clock.now());
        let mut page = self.factory.call(Operation::Owned, None, owned).await?;
        // Compare again here: a store with a lax collation must not show one owner the sessions of
        // another.
        page.sessions.retain(|owned| owned.entry.owner.as_deref() == Some(owner));
        Ok(page)
    }

    async fn end_owned(&self, owner: &str, keep: Option<StoreKey>) -> Result<usize, Error> {
        let deadline = TimeLimit::after(WALK);
        let mut ended = 0;
        loop {
            let step = self.factory.store().end_owned(owner, keep.as_ref(), PAGE, time_for_ends(self.clock.now()));
            let step = self.factory.call(Operation::EndOwned, None, step).await?;
            ended += step.count;
            if !step.more {
                return Ok(ended);
            }
            if deadline.left().is_zero() {
                return Err(too_slow(&format!("{ended} of the owner's sessions were ended, but not all")));
            }
        }
    }
}

/// Creates the error of a walk that exceeded its time limit.
fn too_slow(done: &str) -> Error {
    Error::unavailable(format!("{done} within {WALK:?}; call again to continue"))
}

fn info(owned: OwnedSession) -> SessionInfo {
    let OwnedSession { key, entry } = owned;
    let record = entry.record(&key);
    if record.is_err() {
        tracing::error!(?key, "a session in its owner's list is damaged");
    }
    #[cfg(feature = "dbsc")]
    let binding = record.as_ref().ok().and_then(|record| record.binding());
    SessionInfo {
        created: entry.created,
        touched: entry.touched,
        is_damaged: record.is_err(),
        #[cfg(feature = "dbsc")]
        bound_since: binding.as_ref().and_then(|binding| binding.bound_at()),
        #[cfg(feature = "dbsc")]
        last_proof: binding.as_ref().and_then(|binding| binding.proven_at()),
        label: record.ok().and_then(|record| record.label().map(str::to_owned)),
        key,
    }
}

impl<S> Clone for Sessions<S> {
    fn clone(&self) -> Self {
        Self { factory: Arc::clone(&self.factory), clock: Arc::clone(&self.clock) }
    }
}

impl<S: Store> fmt::Debug for Sessions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("store", self.factory.store()).finish_non_exhaustive()
    }
}
