//! An owner's sessions: what a page "your devices" needs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::{Clock, Error, Session, StoreKey, SystemClock, Timestamp};

use crate::call::Operation;
use crate::deadline::Deadline;
use crate::error::StoreError;
use crate::scan::Cursor;
use crate::store::{Owned, Store};
use crate::stored_sessions::StoredSessions;
use crate::walks::{EndedPage, OwnedPage};

/// How long one step of a walk through the whole store may take.
const STEP: Duration = Duration::from_secs(60);

/// How long ending an owner's sessions may take, in steps.
const WALK: Duration = Duration::from_secs(60);

/// The number of sessions in one step.
const PAGE: usize = 100;

/// The number of sessions that are listed at once.
const MOST_LISTED: usize = 1000;

/// The sessions of owners, over the same store as [`StoredSessions`]: to list them, and to end
/// them.
///
/// An owner is whom [`Session::set_owner`] named. Needs a store with an index of owners.
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
///     Ok(format!("{ended} other devices were signed out"))
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let factory = Arc::new(StoredSessions::new(MemoryStore::new()).build()?);
/// let sessions = Sessions::new(factory);
/// # let session = Session::for_tests();
/// # session.set_owner("user-42");
/// # assert_eq!(only_here(&session, &sessions).await?, "0 other devices were signed out");
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
/// It shows the session's prefix, which opens nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// When the session was created.
    pub created: Timestamp,
    /// When it was last used, as far as was written down: at most a touch interval ago more.
    pub touched: Timestamp,
    /// What [`Session::set_label`] called it.
    pub label: Option<String>,
    /// What the store holds of it is damaged. It can be ended.
    pub is_damaged: bool,
    key: StoreKey,
}

/// A page of an owner's sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Devices {
    /// Live sessions, oldest first.
    pub devices: Vec<Device>,
    /// Where the next page begins; `None` after the last page.
    pub next: Option<Cursor>,
}

impl Device {
    /// Eight hexadecimal digits that name it to [`Sessions::end`], and are found in traces.
    #[must_use]
    pub fn prefix(&self) -> String {
        self.key.prefix()
    }

    /// Whether it is the session of this request.
    #[must_use]
    pub fn is_current(&self, session: &Session) -> bool {
        session.id().is_some_and(|id| id.store_key() == self.key)
    }
}

impl<S: Store> Sessions<S> {
    /// The sessions that this factory keeps.
    #[must_use]
    pub fn new(factory: Arc<StoredSessions<S>>) -> Self {
        Self { factory, clock: Arc::new(SystemClock) }
    }

    /// Another source of time than the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The live sessions of an owner, oldest first: at most 1,000 of them.
    ///
    /// An owner has at most 100, unless the factory is built with another
    /// [limit](crate::StoredSessionsBuilder::owner_limit). [`Sessions::page`] has the rest.
    ///
    /// # Errors
    /// When the store couldn't answer, or has no index of owners.
    pub async fn list(&self, owner: &str) -> Result<Vec<Device>, Error> {
        let (mut all, mut after) = (Vec::new(), None);
        while all.len() < MOST_LISTED {
            let page = self.page(owner, after.as_ref(), PAGE).await?;
            all.extend(page.devices);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        all.truncate(MOST_LISTED);
        Ok(all)
    }

    /// A page of at most `limit` of an owner's live sessions, oldest first; `after` is where the
    /// page before ended.
    ///
    /// A page may have fewer sessions, and none at all, as long as it has a
    /// [`next`](Devices::next).
    ///
    /// # Errors
    /// When the store couldn't answer, or has no index of owners, or didn't give the cursor.
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
    /// assert!(first.devices.is_empty() && first.next.is_none());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn page(&self, owner: &str, after: Option<&Cursor>, limit: usize) -> Result<Devices, Error> {
        let page = self.owned(owner, after, limit).await?;
        Ok(Devices { devices: page.sessions.into_iter().map(device).collect(), next: page.next })
    }

    /// Ends the session with this [prefix](Device::prefix), if it is one of this owner's; says
    /// whether there was one.
    ///
    /// The prefix may come from a form: it reaches no other owner's sessions.
    ///
    /// # Errors
    /// When the store couldn't answer, or has no index of owners.
    pub async fn end(&self, owner: &str, prefix: &str) -> Result<bool, Error> {
        let deadline = Deadline::after(WALK);
        let (mut ended, mut after) = (false, None);
        loop {
            let page = self.owned(owner, after.as_ref(), PAGE).await?;
            // Should two of them share a prefix, both end: rather one too many than the wrong one
            // left.
            for key in page.sessions.into_iter().map(|owned| owned.key).filter(|key| key.prefix() == prefix) {
                // It may have ended in the meantime, which is as good.
                let end = self.factory.store().end(&key, self.clock.now());
                ended |= self.factory.call(Operation::End, Some(&key), end).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(ended);
            }
            if deadline.left().is_zero() {
                return Err(too_slow("not all of the owner's sessions were looked at"));
            }
        }
    }

    /// Ends every session of this owner except the one of this request; says how many.
    ///
    /// It goes in steps of 100 sessions, and gives up after a minute.
    ///
    /// # Errors
    /// When the store couldn't answer. Sessions already ended stay ended; calling again is safe.
    pub async fn end_others(&self, owner: &str, current: &Session) -> Result<usize, Error> {
        self.end_owned(owner, current.id().map(|id| id.store_key())).await
    }

    /// Ends every session of this owner; says how many. Call it when a password was changed or an
    /// account closed (ASVS 7.4.2).
    ///
    /// It goes in steps of 100 sessions, and gives up after a minute.
    ///
    /// # Errors
    /// When the store couldn't answer. Sessions already ended stay ended; calling again is safe.
    pub async fn end_all(&self, owner: &str) -> Result<usize, Error> {
        self.end_owned(owner, None).await
    }

    /// Ends everybody's sessions that were created before this point; says how many. For the day
    /// after a breach.
    ///
    /// It goes through the whole store, step by step, which may take minutes: call it in a task of
    /// its own, and not where a client waits for the response. [`Sessions::end_some_before`] makes
    /// one step, for a caller that reports its progress.
    ///
    /// # Errors
    /// When the store couldn't answer, or can't do that. Sessions already ended stay ended; calling
    /// again is safe.
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

    /// Makes one step of ending everybody's sessions that were created before this point.
    ///
    /// Repeat it with the [`next`](EndedPage::next) of the step before until there is none. After
    /// an error the walk goes on from the same place.
    ///
    /// # Errors
    /// When the store couldn't answer, or can't do that, or didn't give the cursor.
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
        let end = self.factory.store().end_before(point, after, self.clock.now());
        Ok(self.factory.call_within(STEP, Operation::EndBefore, None, end).await?)
    }

    async fn owned(&self, owner: &str, after: Option<&Cursor>, limit: usize) -> Result<OwnedPage, StoreError> {
        let owned = self.factory.store().owned(owner, after, limit, self.clock.now());
        let mut page = self.factory.call(Operation::Owned, None, owned).await?;
        // Whatever the store takes for the same name: nobody sees or ends what is another's.
        page.sessions.retain(|owned| owned.entry.owner.as_deref() == Some(owner));
        Ok(page)
    }

    async fn end_owned(&self, owner: &str, keep: Option<StoreKey>) -> Result<usize, Error> {
        let deadline = Deadline::after(WALK);
        let mut ended = 0;
        loop {
            let step = self.factory.store().end_owned(owner, keep.as_ref(), PAGE, self.clock.now());
            let step = self.factory.call(Operation::EndOwned, None, step).await?;
            ended += step.count;
            if !step.more {
                return Ok(ended);
            }
            if deadline.left().is_zero() {
                return Err(too_slow(&format!("{ended} of the owner's sessions were ended, and there are more")));
            }
        }
    }
}

/// The error of work that goes in steps, and took too many of them.
fn too_slow(done: &str) -> Error {
    Error::unavailable(format!("{done} after {WALK:?}; call again to go on"))
}

fn device(owned: Owned) -> Device {
    let Owned { key, entry } = owned;
    let record = entry.record(&key);
    if record.is_err() {
        tracing::error!(?key, "a session in its owner's list is damaged");
    }
    Device {
        created: entry.created,
        touched: entry.touched,
        is_damaged: record.is_err(),
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
