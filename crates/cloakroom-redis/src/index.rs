//! The index of an owner: how long a session is in it, and what to do where it lives on another
//! server than the session, in a Cluster.
//!
//! A session must not outlive its place in the index, or "sign out everywhere" would miss it. So it
//! is listed for twice the time that it has, and keeps in itself until when: a write within that
//! time leaves the index alone. When the rest becomes short, a script lists the session anew.
//!
//! In a Cluster it can't. There the session is listed while nobody waits; if that fails, the next
//! write tries again; and a write that would outlive its place has to wait until the session is
//! listed.

use std::future::Future;

use cloakroom_session::{StoreKey, Timestamp};
use cloakroom_store::{Ended, Entry, Loaded, Owned, OwnedPage, Store as _, StoreError};
use futures_util::future::{join, try_join_all};
use redis::Value;
use tokio::runtime::Handle;

use crate::argument::Argument;
use crate::call::Call;
use crate::error::{self, unexpected};
use crate::kept::Repeat;
use crate::layout::{bytes, loaded, parse_key, target};
use crate::link::Target;
use crate::operations::Said;
use crate::owners::{Behind, PAGE, count, oldest_first, page};
use crate::redis_store::RedisStore;
use crate::scripts;

/// How many sessions of an owner are read at once.
const AT_ONCE: usize = PAGE;

/// How many pages are looked at before the rest is counted by the index alone.
const COUNTED_PAGES: usize = 5;

/// How many pages a step that ends sessions looks at.
const ENDED_PAGES: usize = 10;

/// A session in the index of its owner.
struct Member {
    key: StoreKey,
    /// It was listed a moment ago: if it isn't there, it may be about to be created.
    may_be_about_to_begin: bool,
}

impl Member {
    fn read(row: Value) -> Option<Self> {
        let Value::Array(row) = row else { return None };
        let [key, fresh] = <[Value; 2]>::try_from(row).ok()?;
        Some(Self { key: parse_key(&bytes(key)?)?, may_be_about_to_begin: !bytes(fresh)?.is_empty() })
    }
}

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
        created: Timestamp,
        cover: &Cover,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let index = self.index(owner);
        let arguments = [Argument::Key(key), cover.ttl, Argument::time(created)];
        let keys = [index.as_bytes()];
        let target = Target::Key(index.as_bytes());
        let call = Call { script: &scripts::LIST, keys: &keys, now, arguments: &arguments, target, about: None };
        call.write(self).await.map(|_| ())
    }

    /// Creates a session and lists it at the same time. It counts only if both were done: until
    /// then nobody knows its id.
    pub(crate) async fn create_listed(
        &self,
        key: &StoreKey,
        (owner, created_at): (&str, Timestamp),
        cover: &Cover,
        now: Timestamp,
        create: impl Future<Output = Result<Said, StoreError>> + Send,
    ) -> Result<Said, StoreError> {
        let (created, listed) = join(create, self.list(key, owner, created_at, cover, now)).await;
        let created = created?;
        if let Err(error) = listed {
            if matches!(created, Said::Done) {
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
            // It is listed already: when it was created isn't asked for.
            store.list(&key, &owner, now, &cover, now).await?;
            let arguments = [cover.until, Argument::Text(&owner)];
            store.say(&scripts::LISTED, &key, &[&store.key(&key)], now, &arguments).await.map(|_| ())
        };
        later(again, "a session's place in the index of its owner wasn't extended");
    }

    /// While nobody waits: out of the index. Whoever reads that looks at the session as well: one
    /// too many there does no harm.
    pub(crate) fn unlist(&self, key: &StoreKey, owner: &str) {
        let (store, key, owner) = (self.clone(), *key, owner.to_owned());
        let out = async move { store.unlist_now(&key, &owner).await };
        later(out, "a session that has ended is still in the index of its owner");
    }

    /// The same, for a caller who waits.
    pub(crate) async fn unlist_now(&self, key: &StoreKey, owner: &str) -> Result<(), StoreError> {
        self.unlist_all(&[*key], owner).await
    }

    /// Two round trips: the index, and then all sessions of the page at once. One that has moved in
    /// between is looked for where it is now.
    pub(crate) async fn page_of_all_servers(
        &self,
        owner: &str,
        behind: &Behind,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        let (members, next) = self.members(owner, behind, limit, now).await?;
        let mut found = Vec::with_capacity(members.len());
        let mut gone = Vec::new();
        let read = try_join_all(members.iter().map(|member| self.load_where_it_is(member.key, now))).await?;
        for (member, (key, loaded)) in members.iter().zip(read) {
            match loaded {
                Loaded::Live(_, entry) if entry.owner.as_deref() == Some(owner) => {
                    if !found.iter().any(|it: &Owned| it.key == key) {
                        found.push(Owned::new(key, entry));
                    }
                }
                _ if member.may_be_about_to_begin => {}
                Loaded::Live(..) | Loaded::Moved | Loaded::Absent => gone.push(member.key),
            }
        }
        self.unlist_all(&gone, owner).await?;
        Ok(OwnedPage::new(oldest_first(found), next.map(|next| next.cursor())))
    }

    /// The first five hundred sessions, and of the rest the keys in the index.
    pub(crate) async fn count_on_all_servers(&self, owner: &str, now: Timestamp) -> Result<usize, StoreError> {
        let (mut live, mut behind) = (0, Behind::beginning());
        for _ in 0..COUNTED_PAGES {
            let page = self.page_of_all_servers(owner, &behind, AT_ONCE, now).await?;
            live += page.sessions.len();
            match page.next {
                Some(next) => behind = Behind::read(Some(&next))?,
                None => return Ok(live),
            }
        }
        let index = self.index(owner);
        let mut command = redis::cmd("ZCOUNT");
        command.arg(&index).arg(format!("({}", behind.place)).arg("+inf");
        match self.link.command(command, Target::Key(index.as_bytes()), Repeat::Harmless).await {
            Ok(Value::Int(rest)) => Ok(live + usize::try_from(rest).unwrap_or_default()),
            Ok(_) => Err(unexpected()),
            Err(error) => Err(error::of(&error)),
        }
    }

    /// Pages of the index, and the sessions of each at the same time, until enough have ended.
    pub(crate) async fn end_some_on_all_servers(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        let (mut ended, mut behind) = (0, Behind::beginning());
        for _ in 0..ENDED_PAGES {
            let (members, next) = self.members(owner, &behind, limit.saturating_sub(ended), now).await?;
            let ends = members.iter().map(|member| self.end_unless(&member.key, Some(owner), keep, now));
            let mut gone = Vec::new();
            for (member, has_ended) in members.iter().zip(try_join_all(ends).await?) {
                ended += usize::from(has_ended);
                if has_ended || (!member.may_be_about_to_begin && keep != Some(&member.key)) {
                    gone.push(member.key);
                }
            }
            self.unlist_all(&gone, owner).await?;
            match next {
                None => {
                    // Sessions that were ended before have left the index, and may be unconfirmed.
                    self.confirm_everywhere(now).await?;
                    return Ok(Ended::new(ended, false));
                }
                Some(_) if ended >= limit => return Ok(Ended::new(ended, true)),
                Some(next) => behind = next,
            }
        }
        Ok(Ended::new(ended, true))
    }

    /// A page of an owner's index.
    async fn members(
        &self,
        owner: &str,
        behind: &Behind,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<Member>, Option<Behind>), StoreError> {
        let arguments = [Argument::Text(&behind.place), behind.member(), count(limit)];
        let answer = self.ask_index(&scripts::MEMBERS, &self.index(owner), now, &arguments).await?;
        let (next, rows) = page(answer).ok_or_else(unexpected)?;
        let members = rows.into_iter().map(Member::read).collect::<Option<_>>().ok_or_else(unexpected)?;
        Ok((members, next))
    }

    async fn unlist_all(&self, keys: &[StoreKey], owner: &str) -> Result<(), StoreError> {
        if keys.is_empty() {
            return Ok(());
        }
        let index = self.index(owner);
        let mut command = redis::cmd("ZREM");
        command.arg(&index);
        for key in keys {
            command.arg(key.as_bytes());
        }
        let answer = self.link.command(command, Target::Key(index.as_bytes()), Repeat::Harmless).await;
        answer.map(|_| ()).map_err(|error| error::of(&error))
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
