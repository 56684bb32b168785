//! The owner index: how long it lists a session, and updates of an index on another server of a
//! Cluster.
//!
//! A session must not outlive its entry in the index, or "sign out everywhere" would miss it. It is
//! therefore listed for twice the time that it has left, and stores that time itself, so that a
//! write within that time leaves the index unchanged. When the remaining time becomes short, a
//! script renews the entry.
//!
//! In a Cluster a script can't do that. There, the entry is renewed in the background. If that
//! fails, the next write tries again. A write that would outlive the entry has to wait until it is
//! renewed.

use std::future::Future;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::{Ended, Entry, Loaded, OwnedPage, OwnedSession, Store as _, StoreError};
use futures_util::future::{join, try_join_all};
use redis::Value;
use tokio::runtime::Handle;

use crate::argument::Argument;
use crate::call::Call;
use crate::error::{self, unexpected};
use crate::kept::Repeat;
use crate::layout::{bytes, loaded, parse_key, target};
use crate::owners::{Behind, PAGE, count, oldest_first, page};
use crate::redis_store::RedisStore;
use crate::reply::Said;
use crate::scripts;
use crate::target::Target;

/// The number of an owner's sessions read at once.
const AT_ONCE: usize = PAGE;

/// The number of pages inspected before the rest is counted by the index alone.
const COUNTED_PAGES: usize = 5;

/// The number of pages that a step which ends sessions inspects.
const ENDED_PAGES: usize = 10;

/// A session in its owner's index.
struct Member {
    key: StoreKey,
    /// The entry was added recently: if the session doesn't exist yet, it may be about to be
    /// created.
    may_be_about_to_begin: bool,
}

impl Member {
    fn read(row: Value) -> Option<Self> {
        let Value::Array(row) = row else { return None };
        let [key, fresh] = <[Value; 2]>::try_from(row).ok()?;
        Some(Self { key: parse_key(&bytes(key)?)?, may_be_about_to_begin: !bytes(fresh)?.is_empty() })
    }
}

/// The time for which the owner index lists a session.
pub(crate) struct Cover {
    /// For the session: the end time in milliseconds.
    pub(crate) until: Argument<'static>,
    /// For the index: the span in milliseconds.
    pub(crate) ttl: Argument<'static>,
}

impl Cover {
    pub(crate) fn of(deadline: Option<Timestamp>, now: Timestamp) -> Self {
        let until = deadline.map(|deadline| deadline + deadline.since(now));
        Self { until: until.map_or(Argument::Text("ever"), Argument::time), ttl: Argument::ttl(until, now) }
    }

    /// The value of `LISTED` in a new session.
    pub(crate) fn listed(&self, entry: &Entry) -> Argument<'static> {
        if entry.owner.is_some() { self.until } else { Argument::Nothing }
    }

    /// The argument of its script.
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

    /// Creates a session and lists it in parallel. It succeeds only if both calls do; until then no
    /// client has its id.
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
                later(
                    async move { store.end(&key, now).await.map(|_| ()) },
                    "a session that couldn't be listed wasn't ended",
                );
            }
            return Err(error);
        }
        Ok(created)
    }

    /// Renews the index entry of a session in the background, and records the new time in the
    /// session.
    pub(crate) fn list_again(&self, key: &StoreKey, owner: String, deadline: Option<Timestamp>, now: Timestamp) {
        let (store, key) = (self.clone(), *key);
        let again = async move {
            let cover = Cover::of(deadline, now);
            // It is already listed, so its creation time isn't needed.
            store.list(&key, &owner, now, &cover, now).await?;
            let arguments = [cover.until, Argument::Text(&owner)];
            store.say(&scripts::LISTED, &key, &[&store.key(&key)], now, &arguments).await.map(|_| ())
        };
        later(again, "the index entry of a session wasn't renewed");
    }

    /// Removes a session from the index in the background. Readers of the index also check the
    /// session, so a stale entry does no harm.
    pub(crate) fn unlist(&self, key: &StoreKey, owner: &str) {
        let (store, key, owner) = (self.clone(), *key, owner.to_owned());
        let out = async move { store.unlist_now(&key, &owner).await };
        later(out, "an ended session is still in its owner's index");
    }

    /// Removes a session from the index, and waits for it.
    pub(crate) async fn unlist_now(&self, key: &StoreKey, owner: &str) -> Result<(), StoreError> {
        self.unlist_all(&[*key], owner).await
    }

    /// Takes two round trips: the index, and then all sessions of the page in parallel. A session
    /// that has moved in between is loaded from its new key.
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
                    if !found.iter().any(|it: &OwnedSession| it.key == key) {
                        found.push(OwnedSession::new(key, entry));
                    }
                }
                _ if member.may_be_about_to_begin => {}
                Loaded::Live(..) | Loaded::Moved | Loaded::Absent => gone.push(member.key),
            }
        }
        self.unlist_all(&gone, owner).await?;
        Ok(OwnedPage::new(oldest_first(found), next.map(|next| next.cursor())))
    }

    /// Checks the first five hundred sessions, and counts the rest by the index alone.
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

    /// Reads pages of the index, and ends the sessions of each page in parallel until enough have
    /// ended.
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

    /// Returns a page of an owner's index.
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

    /// Loads the session under a key, following tombstones. Returns its current key as well.
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

/// Runs a task in the background. If it fails, it is repeated later or becomes unnecessary.
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
            ("expired", Some(Timestamp::from_unix_secs(1)), "1000", "60000"),
            ("at the end of time", Some(now + Duration::MAX), "18446744073709551615", "-"),
        ] {
            let cover = Cover::of(deadline, now);
            assert_eq!([cover.until, cover.ttl].map(|it| it.to_string()), [until, ttl], "{row}");
        }
    }
}
