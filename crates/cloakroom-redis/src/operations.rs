//! The operations of the `Store` trait, one script each.

use std::borrow::Cow;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::feed::{Announcer, Feed};
use cloakroom_store::store::{
    Checkup, Created, Cursor, Ended, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError,
};
use redis::Value;

use crate::argument::{Argument, Live};
use crate::call::Call;
use crate::error::{failed, of_call, unexpected};
use crate::index::Cover;
use crate::kept::Repeat;
use crate::layout::{loaded, loaded_with_image};
use crate::owners::Behind;
use crate::redis_store::RedisStore;
use crate::reply::{Said, replaced, said};
use crate::scripts::{self, Script};
use crate::target::Target;

/// The mark of a call that is never sent twice.
const NO_CALL: &str = "-";

impl RedisStore {
    /// Loads the value under a key.
    pub(crate) async fn get(&self, key: &StoreKey) -> Result<Value, StoreError> {
        let name = self.key(key);
        let mut command = redis::cmd("GET");
        command.arg(&name);
        let answer = self.link.command(command, Target::Key(&name), Repeat::Harmless).await;
        answer.map_err(|error| of_call(&error, Some(key)))
    }

    /// Runs a script that writes to this session, in one round trip.
    pub(crate) async fn say(
        &self,
        script: &Script,
        about: &StoreKey,
        keys: &[&[u8]],
        now: Timestamp,
        arguments: &[Argument<'_>],
    ) -> Result<Said, StoreError> {
        let target = Target::Key(keys.first().copied().unwrap_or_default());
        let call = Call { script, keys, now, arguments, target, about: Some(about) };
        let said = said(call.write(self).await?)?;
        if matches!(said, Said::Damaged) { Err(StoreError::corrupt(*about)) } else { Ok(said) }
    }

    /// Ends the session under this key, following tombstones to other servers.
    pub(crate) async fn end_wherever_it_is(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        self.end_unless(key, None, None, now).await
    }

    /// Ends the session unless it belongs to another owner or is the one to keep. If an owner was
    /// given, its index on another server still lists the ended session.
    pub(crate) async fn end_unless(
        &self,
        key: &StoreKey,
        owner: Option<&str>,
        keep: Option<&StoreKey>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut key = *key;
        let arguments = [self.fence(), owner.map_or(Argument::Absent, Argument::Text)];
        while keep != Some(&key) {
            match self.say(&scripts::END, &key, &[&self.key(&key)], now, &arguments).await? {
                Said::Gone => return Ok(false),
                Said::Done => return Ok(true),
                // The tombstone that led there expires, so this loop is finite.
                Said::Elsewhere(next) => key = next,
                Said::Owner(whose) => {
                    if owner.is_none() {
                        self.unlist(&key, &whose);
                    }
                    return Ok(true);
                }
                Said::Damaged | Said::Conflict | Said::Taken | Said::ListFirst(_) => return Err(unexpected()),
            }
        }
        Ok(false)
    }

    /// Returns whether a script must write something even if there is nothing to end.
    pub(crate) fn fence(&self) -> Argument<'static> {
        if self.durability.wanted().is_some() { Argument::Text("1") } else { Argument::Nothing }
    }

    /// Returns the mark of this call, if the client may send it twice.
    pub(crate) fn call_mark(&self) -> Result<Cow<'static, str>, StoreError> {
        if self.is_cluster() { self.calls.next().map(Cow::Owned) } else { Ok(Cow::Borrowed(NO_CALL)) }
    }
}

impl Store for RedisStore {
    async fn load(&self, key: &StoreKey, now: Timestamp) -> Result<Loaded, StoreError> {
        let value = self.get(key).await?;
        if self.exchanges() { loaded_with_image(key, value, now) } else { loaded(key, value, now) }
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let (name, call, cover) = (self.key(key), self.call_mark()?, Cover::of(entry.deadline, now));
        let version = entry.next_version(None);
        let live = Live { version: version.number(), entry, call: &call, listed: cover.listed(entry), more: "" };
        if self.place(key, &name, &live, now).await? {
            return Ok(Created::Yes(version));
        }
        let ttl = Argument::ttl(entry.deadline, now);
        let arguments =
            [Argument::Text(&call), ttl, Argument::Live(&live), Argument::owner(entry), cover.list_ttl(entry)];
        let keys = [name.as_slice()];
        let create = self.say(&scripts::CREATE, key, &keys, now, &arguments);
        let said = match entry.owner.as_ref().filter(|_| self.is_cluster()) {
            Some(owner) => self.create_listed(key, (owner, entry.created), &cover, now, create).await?,
            None => create.await?,
        };
        match said {
            Said::Done => Ok(Created::Yes(version)),
            Said::Taken => Ok(Created::Taken),
            Said::Damaged | Said::Gone | Said::Conflict | Said::Owner(_) | Said::ListFirst(_) | Said::Elsewhere(_) => {
                Err(unexpected())
            }
        }
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        // Versions have 63 bits, so this one was not created here.
        if i64::try_from(seen.number()).is_err() {
            return Err(StoreError::corrupt(*key));
        }
        let next = entry.next_version(Some(&seen));
        let (name, call) = (self.key(key), self.call_mark()?);
        let live = Live { version: next.number(), entry, call: &call, listed: Argument::Nothing, more: "" };
        if let Some(image) = seen.image()
            && self.exchange(key, &name, image, &live, now).await?
        {
            return Ok(Replaced::Yes(next));
        }
        let cover = Cover::of(entry.deadline, now);
        let (script, [owner, deadline, unlisted, list_ttl]) = match &entry.owner {
            Some(owner) => {
                let deadline = Argument::deadline(entry.deadline);
                let unlisted = if self.is_cluster() { Argument::Nothing } else { cover.until };
                (&scripts::REPLACE_OWNED, [Argument::Text(owner), deadline, unlisted, cover.ttl])
            }
            None => (&scripts::REPLACE, [Argument::Absent; 4]),
        };
        let (seen, ttl) = (Argument::Number(seen.number()), Argument::ttl(entry.deadline, now));
        let arguments =
            |listed| [seen, Argument::Text(&call), ttl, Argument::Live(&live), owner, deadline, listed, list_ttl];
        let mut said = self.say(script, key, &[&name], now, &arguments(unlisted)).await?;
        if let Said::ListFirst(owner) = &said {
            self.list(key, owner, entry.created, &cover, now).await?;
            said = self.say(script, key, &[&name], now, &arguments(cover.until)).await?;
        }
        let answer = replaced(&said, next);
        if let Said::Owner(owner) = said {
            self.list_again(key, owner, entry.deadline, now);
        }
        answer
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (name, cover, ttl) = (self.key(key), Cover::of(deadline, now), Argument::ttl(deadline, now));
        let (touched_at, until) = (touched, Argument::deadline(deadline));
        let touched = Argument::time(touched);
        let mut listed = if self.is_cluster() { Argument::Nothing } else { cover.until };
        let mut owner = None::<String>;
        // The owner may change once in between.
        for _ in 0..3 {
            let whose = owner.as_deref().map_or(Argument::Absent, Argument::Text);
            let arguments = [touched, until, ttl, listed, cover.ttl, whose];
            match self.say(&scripts::TOUCH, key, &[&name], now, &arguments).await? {
                Said::Gone => return Ok(false),
                Said::Done => return Ok(true),
                Said::Owner(owner) => {
                    self.list_again(key, owner, deadline, now);
                    return Ok(true);
                }
                Said::ListFirst(whose) => {
                    // It is already listed, unless a server lost the entry.
                    self.list(key, &whose, touched_at, &cover, now).await?;
                    (listed, owner) = (cover.until, Some(whose));
                }
                Said::Damaged | Said::Conflict | Said::Taken | Said::Elsewhere(_) => return Err(unexpected()),
            }
        }
        Err(failed("the owner of a session kept changing"))
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
        if self.is_cluster() {
            return self.cycle_in_two(old, seen, new, entry, moved_until, now).await;
        }
        let cover = Cover::of(entry.deadline, now);
        let version = entry.next_version(None);
        let live = Live { version: version.number(), entry, call: NO_CALL, listed: cover.listed(entry), more: "" };
        let arguments = [
            Argument::Number(seen.number()),
            Argument::Text(NO_CALL),
            Argument::ttl(entry.deadline, now),
            Argument::Live(&live),
            Argument::time(moved_until),
            Argument::ttl(Some(moved_until), now),
            Argument::owner(entry),
            cover.list_ttl(entry),
        ];
        let said = self.say(&scripts::CYCLE, old, &[&self.key(old), &self.key(new)], now, &arguments).await?;
        replaced(&said, version)
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let ended = self.end_wherever_it_is(key, now).await;
        if self.durability.wanted().is_some() {
            match &ended {
                Ok(_) => self.ends.forget(key),
                Err(error) if error.is_corrupt() => {}
                Err(_) => {
                    let store = self.clone();
                    self.ends.retry(key, now, move |key, now| {
                        let store = store.clone();
                        async move { store.end_wherever_it_is(&key, now).await }
                    });
                }
            }
        }
        ended
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        let behind = Behind::read(after)?;
        if self.is_cluster() {
            return self.page_of_all_servers(owner, &behind, limit, now).await;
        }
        self.page_of(owner, &behind, limit, now).await
    }

    async fn count_owned(&self, owner: &str, at_most: usize, now: Timestamp) -> Result<usize, StoreError> {
        if self.is_cluster() {
            return Ok(self.count_on_all_servers(owner, now).await?.min(at_most));
        }
        Ok(self.count_of(owner, at_most, now).await?.min(at_most))
    }

    async fn end_owned(
        &self,
        owner: &str,
        keep: Option<&StoreKey>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Ended, StoreError> {
        if limit == 0 {
            return Ok(Ended::new(0, true));
        }
        if self.is_cluster() {
            return self.end_some_on_all_servers(owner, keep, limit, now).await;
        }
        self.end_some_of(owner, keep, limit, now).await
    }

    async fn end_before(
        &self,
        point: Timestamp,
        after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        self.end_older(point, after, now).await
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        self.scan_some(after, limit, now).await
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        self.look().await
    }

    fn feed(&self) -> Option<Feed> {
        self.announcer().map(Announcer::feed)
    }
}
