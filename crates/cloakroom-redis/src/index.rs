//! The index of an owner: how long a session is in it, and what to do where it lives on another server than the session, in a Cluster.
//!
//! A session must not outlive its place in the index, or "sign out everywhere" would miss it. So it is listed for twice the time that
//! it has, and keeps in itself until when: a write within that time leaves the index alone. When the rest becomes short, a script lists the session anew.
//!
//! In a Cluster it can't. There the session is listed while nobody waits; if that fails, the next write tries again; and a write that would outlive its place
//! has to wait until the session is listed.

use std::future::Future;

use cloakroom_session::{StoreKey, Timestamp};
use cloakroom_store::{Entry, Loaded, Owned, Store as _, StoreError};
use futures_util::future::{join, try_join_all};
use redis::Value;
use tokio::runtime::Handle;

use crate::argument::Argument;
use crate::call::Call;
use crate::error::{self, unexpected};
use crate::kept::Repeat;
use crate::layout::{bytes, loaded, parse_hex, target};
use crate::link::Target;
use crate::operations::Said;
use crate::owners::oldest_first;
use crate::redis_store::RedisStore;
use crate::scripts;

/// How many sessions of an owner are read at once.
const AT_ONCE: usize = 100;

/// How long a session is in its owner's index.
pub(crate) struct Cover {
    /// For the session: the end, in milliseconds.
    pub(crate) until: Argument<'static>,
    /// For the index: milliseconds from now.
    pub(crate) ttl: Argument<'static>,
}

impl Cover {
    pub(crate) fn of(deadline: Option<Timestamp>, now: Timestamp) -> Self {
        let until = deadline.map(|deadline| deadline + deadline.since(now));
        Self { until: until.map_or(Argument::Text("ever"), Argument::time), ttl: Argument::ttl(until, now) }
    }

    /// What a session says that begins there.
    pub(crate) fn listed(&self, entry: &Entry) -> Argument<'static> {
        if entry.owner.is_some() { self.until } else { Argument::Nothing }
    }

    /// What its script is told.
    pub(crate) fn list_ttl(&self, entry: &Entry) -> Argument<'static> {
        if entry.owner.is_some() { self.ttl } else { Argument::Absent }
    }
}

impl RedisStore {
    pub(crate) async fn list(
        &self,
        key: &StoreKey,
        owner: &str,
        cover: &Cover,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (index, member) = (self.index(owner), key.to_hex());
        let (keys, arguments) = ([index.as_str()], [Argument::Text(&member), cover.ttl]);
        let target = Target::Key(&index);
        let call = Call { script: &scripts::LIST, keys: &keys, now, arguments: &arguments, target, about: None };
        call.write(self).await.map(|_| ())
    }

    /// Creates a session and lists it at the same time. It counts only if both were done: until then nobody knows its id.
    pub(crate) async fn create_listed(
        &self,
        key: &StoreKey,
        owner: &str,
        cover: &Cover,
        now: Timestamp,
        create: impl Future<Output = Result<Said, StoreError>> + Send,
    ) -> Result<Said, StoreError> {
        let (created, listed) = join(create, self.list(key, owner, cover, now)).await;
        let created = created?;
        if let Err(error) = listed {
            if matches!(created, Said::Number(1)) {
                let (store, key) = (self.clone(), *key);
                later(async move { store.end(&key, now).await.map(|_| ()) }, "a session that couldn't be listed");
            }
            return Err(error);
        }
        Ok(created)
    }

    /// While nobody waits: lists a session anew, and tells it so.
    pub(crate) fn list_again(&self, key: &StoreKey, owner: String, deadline: Option<Timestamp>, now: Timestamp) {
        let (store, key) = (self.clone(), *key);
        let again = async move {
            let cover = Cover::of(deadline, now);
            store.list(&key, &owner, &cover, now).await?;
            let arguments = [cover.until, Argument::Text(&owner)];
            store.say(&scripts::LISTED, &key, &[&store.key(&key)], now, &arguments).await.map(|_| ())
        };
        later(again, "a session's place in the index of its owner wasn't extended");
    }

    /// While nobody waits: out of the index. Whoever reads that looks at the session as well: one too many there does no harm.
    pub(crate) fn unlist(&self, key: &StoreKey, owner: &str) {
        let (store, key, owner) = (self.clone(), *key, owner.to_owned());
        let out = async move { store.unlist_now(&key, &owner).await };
        later(out, "a session that has ended is still in the index of its owner");
    }

    /// The same, for a caller who waits.
    pub(crate) async fn unlist_now(&self, key: &StoreKey, owner: &str) -> Result<(), StoreError> {
        let index = self.index(owner);
        let mut command = redis::cmd("ZREM");
        command.arg(&index).arg(key.to_hex());
        let answer = self.link.command(command, Target::Key(&index), Repeat::Harmless).await;
        answer.map(|_| ()).map_err(|error| error::of(&error))
    }

    /// Two round trips: the index, and then all its sessions at once. One that has moved in between is looked for where it is now.
    pub(crate) async fn sessions_of_all_servers(&self, owner: &str, now: Timestamp) -> Result<Vec<Owned>, StoreError> {
        let index = self.index(owner);
        let mut command = redis::cmd("ZRANGE");
        command.arg(&index).arg(0).arg(-1);
        let members = self
            .link
            .command(command, Target::Key(&index), Repeat::Harmless)
            .await
            .map_err(|error| error::of(&error))?;
        let Value::Array(members) = members else { return Err(unexpected()) };
        let keys: Option<Vec<StoreKey>> =
            members.into_iter().map(|member| bytes(member).and_then(|digits| parse_hex(&digits))).collect();
        let keys = keys.ok_or_else(unexpected)?;
        let mut found = Vec::with_capacity(keys.len());
        for keys in keys.chunks(AT_ONCE) {
            for (key, loaded) in try_join_all(keys.iter().map(|key| self.load_where_it_is(*key, now))).await? {
                // One that isn't there may be about to be created: it stays in the index until its time is over.
                if let Loaded::Live(_, entry) = loaded
                    && entry.owner.as_deref() == Some(owner)
                    && !found.iter().any(|it: &Owned| it.key == key)
                {
                    found.push(Owned::new(key, entry));
                }
            }
        }
        Ok(oldest_first(found))
    }

    /// What is under a key, or under the one to which its session has moved, and that key.
    async fn load_where_it_is(&self, mut key: StoreKey, now: Timestamp) -> Result<(StoreKey, Loaded), StoreError> {
        loop {
            let value = self.get(&key).await?;
            match target(&value, now) {
                Some(moved_to) => key = moved_to,
                None => return Ok((key, loaded(&key, value, now)?)),
            }
        }
    }
}

/// Does something that no caller waits for. What isn't done is done, or over, some time later.
fn later(task: impl Future<Output = Result<(), StoreError>> + Send + 'static, what: &'static str) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move {
            if let Err(error) = task.await {
                tracing::debug!(%error, "{what}");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cloakroom_session::Timestamp;

    use super::Cover;

    #[test]
    fn a_session_is_listed_for_twice_its_time() {
        let now = Timestamp::from_unix_secs(1_700_000_000);
        for (row, deadline, until, ttl) in [
            ("for ever", None, "ever", "-"),
            ("in ten seconds", Some(now + Duration::from_secs(10)), "1700000020000", "80000"),
            ("over already", Some(Timestamp::from_unix_secs(1)), "1000", "60000"),
            ("at the end of time", Some(now + Duration::MAX), "18446744073709551615", "-"),
        ] {
            let cover = Cover::of(deadline, now);
            assert_eq!([cover.until, cover.ttl].map(|it| it.to_string()), [until, ttl], "{row}");
        }
    }
}
