//! Operations that involve two servers of a Cluster, ordered so that a failure between two steps
//! loses nothing.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{Created, Entry, Replaced, Store as _, StoreError};

use crate::argument::Argument;
use crate::redis_store::RedisStore;
use crate::reply::{Said, replaced, taken};
use crate::scripts;
use crate::target::Target;

impl RedisStore {
    /// Creates the new session first, and writes the tombstone under the old key second.
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
        let marked = self.mark(old, seen, (new, version.clone()), moved_until, now).await;
        // The same move was done before, and its answer was lost: then the tombstone leads to the
        // new key.
        if matches!(marked, Ok(Replaced::Gone)) && self.leads_to(old, new, now).await? {
            return Ok(Replaced::Yes(version));
        }
        // After an error it is unknown whether the tombstone was written. If it was, this is the
        // session.
        if matches!(marked, Ok(Replaced::Conflict | Replaced::Gone)) {
            // No client has its id. If this fails, its deadline ends it. Wait for the index,
            // because the next attempt lists the same key.
            let taken_back = match self.say(&scripts::END, new, &[&self.key(new)], now, &[self.fence()]).await {
                Ok(Said::Owner(owner)) => self.unlist_now(new, &owner).await,
                ended => ended.map(|_| ()),
            };
            tracing::debug!(key = ?new, ?taken_back, "a session could not be moved");
        }
        marked
    }

    /// Returns whether an ended session has left a tombstone that leads to this key.
    async fn leads_to(&self, old: &StoreKey, new: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        // A session that is gone never comes back, so this call can end nothing.
        let said = self.say(&scripts::END, old, &[&self.key(old)], now, &[self.fence()]).await?;
        Ok(matches!(said, Said::Elsewhere(next) if next == *new))
    }

    async fn mark(
        &self,
        old: &StoreKey,
        seen: Version,
        (new, version): (&StoreKey, Version),
        moved_until: Timestamp,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        let call = self.call_mark()?;
        let arguments = [
            Argument::Number(seen.number()),
            Argument::Text(&call),
            Argument::Key(new),
            Argument::time(moved_until),
            Argument::ttl(Some(moved_until), now),
        ];
        let said = self.say(&scripts::MARK, old, &[&self.key(old)], now, &arguments).await?;
        let answer = replaced(&said, version);
        if let Said::Owner(owner) = said {
            self.unlist(old, &owner);
        }
        answer
    }

    /// Ends a session that moved to another server during a scan, following further tombstones.
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
