//! An owner's sessions: what a page "your devices" needs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cloakroom_session::{Clock, Error, Session, StoreKey, SystemClock, Timestamp};

use crate::call::{Operation, call};
use crate::error::StoreError;
use crate::store::{Owned, Store};
use crate::stored_sessions::StoredSessions;
use crate::walks::{all_owned, end_all_before};

/// How long ending everybody's sessions may take: it goes through the whole store.
const WALK: Duration = Duration::from_secs(600);

/// The sessions of owners, over the same store as [`StoredSessions`]: to list them, and to end them.
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

    /// The live sessions of an owner, oldest first.
    ///
    /// # Errors
    /// When the store couldn't answer, or has no index of owners.
    pub async fn list(&self, owner: &str) -> Result<Vec<Device>, Error> {
        Ok(self.owned(owner).await?.into_iter().map(device).collect())
    }

    /// Ends the session with this [prefix](Device::prefix), if it is one of this owner's; says whether there was one.
    ///
    /// The prefix may come from a form: it reaches no other owner's sessions.
    ///
    /// # Errors
    /// When the store couldn't answer, or has no index of owners.
    pub async fn end(&self, owner: &str, prefix: &str) -> Result<bool, Error> {
        // Should two of them share a prefix, both end: rather one too many than the wrong one left.
        Ok(self.end_each(owner, |key| key.prefix() == prefix).await? > 0)
    }

    /// Ends every session of this owner except the one of this request; says how many.
    ///
    /// # Errors
    /// When the store couldn't answer. Sessions already ended stay ended; calling again is safe.
    pub async fn end_others(&self, owner: &str, current: &Session) -> Result<usize, Error> {
        let current = current.id().map(|id| id.store_key());
        self.end_each(owner, |key| Some(*key) != current).await
    }

    /// Ends every session of this owner; says how many. Call it when a password was changed or an account closed (ASVS 7.4.2).
    ///
    /// # Errors
    /// When the store couldn't answer. Sessions already ended stay ended; calling again is safe.
    pub async fn end_all(&self, owner: &str) -> Result<usize, Error> {
        self.end_each(owner, |_| true).await
    }

    /// Ends everybody's sessions that were created before this point; says how many. For the day after a breach.
    ///
    /// It goes through the whole store, and may take ten minutes, whatever [`call_timeout`](crate::StoredSessionsBuilder::call_timeout) says: call it in a
    /// task of its own, and not where somebody waits for the response.
    ///
    /// # Errors
    /// When the store couldn't answer, or can't do that. Sessions already ended stay ended; calling again is safe.
    pub async fn end_everyone_before(&self, point: Timestamp) -> Result<usize, Error> {
        let end = end_all_before(&**self.factory.store(), point, self.clock.now());
        Ok(call(WALK, Operation::EndBefore, None, end).await?)
    }

    async fn owned(&self, owner: &str) -> Result<Vec<Owned>, StoreError> {
        let owned = all_owned(&**self.factory.store(), owner, self.clock.now());
        let mut owned = self.factory.call(Operation::Owned, None, owned).await?;
        // Whatever the store takes for the same name: nobody sees or ends what is another's.
        owned.retain(|owned| owned.entry.owner.as_deref() == Some(owner));
        Ok(owned)
    }

    async fn end_each(&self, owner: &str, which: impl Fn(&StoreKey) -> bool + Send) -> Result<usize, Error> {
        let keys: Vec<StoreKey> =
            self.owned(owner).await?.into_iter().map(|owned| owned.key).filter(|key| which(key)).collect();
        let mut ended = 0;
        for key in keys {
            // It may have ended meanwhile, which is as good.
            let end = self.factory.store().end(&key, self.clock.now());
            let there = self.factory.call(Operation::End, Some(&key), end).await?;
            ended += usize::from(there);
        }
        Ok(ended)
    }
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
