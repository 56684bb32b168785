//! What takes two servers of a Cluster, in an order in which a failure between two steps loses nothing.

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{Created, Entry, Replaced, Store as _, StoreError};

use crate::argument::Argument;
use crate::error::unexpected;
use crate::link::Target;
use crate::operations::{Said, taken};
use crate::redis_store::RedisStore;
use crate::scripts;

impl RedisStore {
    /// The new session first, the mark under the old key second.
    pub(crate) async fn cycle_in_two(
        &self,
        old: &StoreKey,
        seen: Version,
        new: &StoreKey,
        entry: &Entry,
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let version = match self.create(new, entry, now).await? {
            Created::Yes(version) => version,
            Created::Taken => return Err(taken()),
        };
        let marked = self.mark(old, seen, (new, version), moved_until, now).await;
        // After an error nobody knows whether the mark is there: if it is, this is the session.
        if matches!(marked, Ok(Replaced::Conflict | Replaced::Gone)) {
            // Nobody knows its id. If this fails, its deadline ends it. The index is waited for: the next attempt puts the same key there.
            let taken_back = match self.say(&scripts::END, new, &[&self.key(new)], now, &[self.fence()]).await {
                Ok(Said::Owner(owner)) => self.unlist_now(new, &owner).await,
                ended => ended.map(|_| ()),
            };
            tracing::debug!(key = ?new, ?taken_back, "a session that couldn't move");
        }
        marked
    }

    async fn mark(
        &self,
        old: &StoreKey,
        seen: Version,
        (new, version): (&StoreKey, Version),
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let (call, digits) = (self.call_mark()?, new.to_hex());
        let arguments = [
            Argument::Number(seen.number()),
            Argument::Text(&call),
            Argument::Text(&digits),
            Argument::time(moved_until),
            Argument::ttl(Some(moved_until), now),
        ];
        match self.say(&scripts::MARK, old, &[&self.key(old)], now, &arguments).await? {
            Said::Number(0) => Ok(Replaced::Gone),
            Said::Number(2) => Ok(Replaced::Conflict),
            Said::Owner(owner) => {
                self.unlist(old, &owner);
                Ok(Replaced::Yes(version))
            }
            Said::Number(1) => Ok(Replaced::Yes(version)),
            Said::Number(_) | Said::ListFirst(_) | Said::Elsewhere(_) => Err(unexpected()),
        }
    }

    /// A session that moved to another server while a scan went on, and on from there.
    pub(crate) async fn end_moved(
        &self,
        key: &StoreKey,
        point: Timestamp,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let mut ended = 0;
        let mut next = vec![*key];
        while let Some(key) = next.pop() {
            let name = self.key(&key);
            let step = self.step(&[&name], Target::Key(&name), "0", point, now).await?;
            ended += step.ended;
            next.extend(step.elsewhere);
        }
        Ok(ended)
    }
}
