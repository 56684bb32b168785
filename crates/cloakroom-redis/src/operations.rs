//! The duties of a store, one script each.

use std::borrow::Cow;

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{
    Checkup, Created, Cursor, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError,
};
use redis::Value;

use crate::argument::Argument;
use crate::call::Call;
use crate::error::{failed, of_call, unexpected};
use crate::index::Cover;
use crate::kept::Repeat;
use crate::layout::{Live, bytes, loaded, loaded_with_image, parse_hex};
use crate::link::Target;
use crate::redis_store::RedisStore;
use crate::scripts::{self, Script};

/// A call that nobody sends twice.
const NO_CALL: &str = "-";

/// What a script that writes says, beyond the numbers that all of them share.
#[derive(Debug)]
pub(crate) enum Said {
    Number(i64),
    /// Done; and the index of this owner, on another server, is to hear of it.
    Owner(String),
    /// Nothing was done: the session would outlive its place in the index of this owner, on another server.
    ListFirst(String),
    /// The session has moved to a key of another server.
    Elsewhere(StoreKey),
}

impl RedisStore {
    /// What is under a key.
    pub(crate) async fn get(&self, key: &StoreKey) -> Result<Value, StoreError> {
        let name = self.key(key);
        let mut command = redis::cmd("GET");
        command.arg(&name);
        let answer = self.link.command(command, Target::Key(&name), Repeat::Harmless).await;
        answer.map_err(|error| of_call(&error, Some(key)))
    }

    /// One round trip of a script that writes to this session.
    pub(crate) async fn say(
        &self,
        script: &Script,
        about: &StoreKey,
        keys: &[&str],
        now: Timestamp,
        arguments: &[Argument<'_>],
    ) -> Result<Said, StoreError> {
        let target = Target::Key(keys.first().copied().unwrap_or_default());
        let call = Call { script, keys, now, arguments, target, about: Some(about) };
        match said(call.write(self).await?)? {
            Said::Number(..0) => Err(StoreError::corrupt(*about)),
            said @ (Said::Number(_) | Said::Owner(_) | Said::ListFirst(_) | Said::Elsewhere(_)) => Ok(said),
        }
    }

    /// The text of a mark for this call, where a client may send it twice.
    pub(crate) fn call_mark(&self) -> Result<Cow<'static, str>, StoreError> {
        if self.is_cluster() { self.calls.next().map(Cow::Owned) } else { Ok(Cow::Borrowed(NO_CALL)) }
    }
}

/// Ids are random: this doesn't happen, and of a broken generator it must not become somebody else's session.
pub(crate) fn taken() -> StoreError {
    failed("the new key of a session that moves is taken")
}

fn said(value: Value) -> Result<Said, StoreError> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "our scripts answer nothing else")]
    match value {
        Value::Int(number) => Ok(Said::Number(number)),
        Value::Array(parts) => said_of(parts).ok_or_else(unexpected),
        _ => Err(unexpected()),
    }
}

fn said_of(parts: Vec<Value>) -> Option<Said> {
    let [Value::Int(code), text] = <[Value; 2]>::try_from(parts).ok()? else { return None };
    let text = bytes(text)?;
    match code {
        1 => String::from_utf8(text).ok().map(Said::Owner),
        4 => String::from_utf8(text).ok().map(Said::ListFirst),
        5 => parse_hex(&text).map(Said::Elsewhere),
        _ => None,
    }
}

fn replaced(said: &Said, version: Version) -> Result<Replaced, StoreError> {
    match said {
        Said::Number(0) => Ok(Replaced::Gone),
        Said::Number(1) | Said::Owner(_) => Ok(Replaced::Yes(version)),
        Said::Number(2) => Ok(Replaced::Conflict),
        Said::Number(_) | Said::ListFirst(_) | Said::Elsewhere(_) => Err(unexpected()),
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
        let keys = [name.as_str()];
        let create = self.say(&scripts::CREATE, key, &keys, now, &arguments);
        let said = match entry.owner.as_ref().filter(|_| self.is_cluster()) {
            Some(owner) => self.create_listed(key, owner, &cover, now, create).await?,
            None => create.await?,
        };
        match said {
            Said::Number(1) => Ok(Created::Yes(version)),
            Said::Number(2) => Ok(Created::Taken),
            Said::Number(_) | Said::Owner(_) | Said::ListFirst(_) | Said::Elsewhere(_) => Err(unexpected()),
        }
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        // Versions have 63 bits: what the caller has seen was none of ours.
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
            self.list(key, owner, &cover, now).await?;
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
        let (touched, until) = (Argument::time(touched), Argument::deadline(deadline));
        let mut listed = if self.is_cluster() { Argument::Nothing } else { cover.until };
        let mut owner = None::<String>;
        // The owner may change in between, once.
        for _ in 0..3 {
            let whose = owner.as_deref().map_or(Argument::Absent, Argument::Text);
            let arguments = [touched, until, ttl, listed, cover.ttl, whose];
            match self.say(&scripts::TOUCH, key, &[&name], now, &arguments).await? {
                Said::Number(there) => return Ok(there != 0),
                Said::Owner(owner) => {
                    self.list_again(key, owner, deadline, now);
                    return Ok(true);
                }
                Said::ListFirst(whose) => {
                    self.list(key, &whose, &cover, now).await?;
                    (listed, owner) = (cover.until, Some(whose));
                }
                Said::Elsewhere(_) => return Err(unexpected()),
            }
        }
        Err(failed("the owner of a session changed again and again"))
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
        match self.say(&scripts::CYCLE, old, &[&self.key(old), &self.key(new)], now, &arguments).await? {
            Said::Number(3) => Err(taken()),
            said @ (Said::Number(_) | Said::Owner(_) | Said::ListFirst(_) | Said::Elsewhere(_)) => {
                replaced(&said, version)
            }
        }
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let mut key = *key;
        loop {
            match self.say(&scripts::END, &key, &[&self.key(&key)], now, &[]).await? {
                Said::Number(there) => return Ok(there != 0),
                // The mark that led there expires: the way back here is not for ever.
                Said::Elsewhere(next) => key = next,
                Said::Owner(owner) => {
                    self.unlist(&key, &owner);
                    return Ok(true);
                }
                Said::ListFirst(_) => return Err(unexpected()),
            }
        }
    }

    async fn owned(
        &self,
        owner: &str,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<OwnedPage, StoreError> {
        if self.is_cluster() {
            return OwnedPage::cut(self.sessions_of_all_servers(owner, now).await?, after, limit);
        }
        OwnedPage::cut(self.sessions_of(owner, now).await?, after, limit)
    }

    async fn end_before(
        &self,
        point: Timestamp,
        _after: Option<&Cursor>,
        now: Timestamp,
    ) -> Result<EndedPage, StoreError> {
        Ok(EndedPage::new(self.end_older(point, now).await?, None))
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        self.scan_some(after, limit, now).await
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        self.look().await
    }
}
