//! The duties of a store, one script each.

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{Checkup, Created, Cursor, Entry, Loaded, Owned, Page, Replaced, Store, StoreError};
use redis::Value;

use crate::call::Call;
use crate::error::{failed, of_call, unexpected};
use crate::fields::{Field, bytes, loaded, of_entry, parse_hex, ttl};
use crate::index::Cover;
use crate::link::Target;
use crate::redis_store::RedisStore;
use crate::scripts::{self, Script};

const FIRST: Version = Version::new(1);

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

/// What every script is told, in the order of the prelude.
#[derive(Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) now: Timestamp,
    pub(crate) ttl: &'a str,
    pub(crate) seen: Field<'a>,
    pub(crate) call: &'a str,
    pub(crate) owned: bool,
    pub(crate) listed: &'a str,
    pub(crate) deadline: Option<Timestamp>,
}

impl<'a> Told<'a> {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self { now, ttl: "", seen: Field::Text(""), call: "", owned: false, listed: "", deadline: None }
    }

    pub(crate) fn of(entry: &Entry, ttl: &'a str, now: Timestamp) -> Self {
        Self { ttl, owned: entry.owner.is_some(), deadline: entry.deadline, ..Self::at(now) }
    }

    pub(crate) fn arguments(&self, is_cluster: bool) -> [Field<'a>; 8] {
        [
            Field::Number(self.now.unix_millis()),
            Field::Text(if is_cluster { "" } else { "1" }),
            Field::Text(self.ttl),
            self.seen,
            Field::Text(self.call),
            Field::Text(if self.owned { "1" } else { "" }),
            Field::Text(self.listed),
            self.deadline.map_or(Field::Text(""), |deadline| Field::Number(deadline.unix_millis())),
        ]
    }
}

impl RedisStore {
    /// One round trip of a script that writes to this session.
    pub(crate) async fn say(
        &self,
        script: &Script,
        about: &StoreKey,
        keys: &[&str],
        told: &Told<'_>,
        more: &[Field<'_>],
    ) -> Result<Said, StoreError> {
        let target = Target::Key(keys.first().copied().unwrap_or_default());
        let arguments = told.arguments(self.is_cluster());
        let call = Call { script, keys, arguments: &arguments, more, target, about: Some(about) };
        match said(call.write(self).await?)? {
            Said::Number(..0) => Err(StoreError::corrupt(*about)),
            said @ (Said::Number(_) | Said::Owner(_) | Said::ListFirst(_) | Said::Elsewhere(_)) => Ok(said),
        }
    }

    /// The text of a mark for this call, where a client may send it twice.
    pub(crate) fn call_mark(&self) -> Result<String, StoreError> {
        if self.is_cluster() { self.calls.next() } else { Ok(String::new()) }
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
        let name = self.key(key);
        let mut command = redis::cmd("HGETALL");
        command.arg(&name);
        let hash = self.link.command(command, Target::Key(&name)).await;
        loaded(key, hash.map_err(|error| of_call(&error, Some(key)))?, now)
    }

    async fn create(&self, key: &StoreKey, entry: &Entry, now: Timestamp) -> Result<Created, StoreError> {
        let (ttl, call) = (ttl(entry.deadline, now), self.call_mark()?);
        let told = Told { call: &call, ..Told::of(entry, &ttl, now) };
        let (name, fields) = (self.key(key), of_entry(entry, FIRST));
        let keys = [name.as_str()];
        let said = match &entry.owner {
            Some(owner) if self.is_cluster() => {
                let cover = Cover::of(entry.deadline, now);
                let told = Told { listed: &cover.until, ..told };
                let create = self.say(&scripts::CREATE, key, &keys, &told, &fields);
                self.create_listed(key, owner, &cover, now, create).await?
            }
            _ => self.say(&scripts::CREATE, key, &keys, &told, &fields).await?,
        };
        match said {
            Said::Number(1) => Ok(Created::Yes(FIRST)),
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
        // Nobody has written that often: what the caller has seen was no version of ours.
        let next = seen.number().checked_add(1).map(Version::new).ok_or_else(|| StoreError::corrupt(*key))?;
        let (ttl, call) = (ttl(entry.deadline, now), self.call_mark()?);
        let seen = Field::Number(seen.number());
        let mut told = Told { call: &call, seen, ..Told::of(entry, &ttl, now) };
        let (name, fields) = (self.key(key), of_entry(entry, next));
        let mut said = self.say(&scripts::REPLACE, key, &[&name], &told, &fields).await?;
        let cover = Cover::of(entry.deadline, now);
        if let Said::ListFirst(owner) = &said {
            self.list(key, owner, &cover, now).await?;
            told.listed = &cover.until;
            said = self.say(&scripts::REPLACE, key, &[&name], &told, &fields).await?;
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
        let (ttl, cover, name) = (ttl(deadline, now), Cover::of(deadline, now), self.key(key));
        let mut told = Told { ttl: &ttl, deadline, ..Told::at(now) };
        let mut owner = String::new();
        // The owner may change in between, once.
        for _ in 0..3 {
            let more = [Field::Number(touched.unix_millis()), Field::Text(&owner)];
            match self.say(&scripts::TOUCH, key, &[&name], &told, &more).await? {
                Said::Number(there) => return Ok(there != 0),
                Said::Owner(owner) => {
                    self.list_again(key, owner, deadline, now);
                    return Ok(true);
                }
                Said::ListFirst(whose) => {
                    self.list(key, &whose, &cover, now).await?;
                    (told.listed, owner) = (&cover.until, whose);
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
        let (kept, marked) = (ttl(entry.deadline, now), ttl(Some(moved_until), now));
        let told = Told { seen: Field::Number(seen.number()), ..Told::of(entry, &kept, now) };
        let [version, text, created, touched, owner] = of_entry(entry, FIRST);
        let (until, marked) = (Field::Number(moved_until.unix_millis()), Field::Text(&marked));
        let more = [version, text, created, touched, owner, until, marked];
        match self.say(&scripts::CYCLE, old, &[&self.key(old), &self.key(new)], &told, &more).await? {
            Said::Number(3) => Err(taken()),
            said @ (Said::Number(_) | Said::Owner(_) | Said::ListFirst(_) | Said::Elsewhere(_)) => {
                replaced(&said, FIRST)
            }
        }
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let mut key = *key;
        loop {
            match self.say(&scripts::END, &key, &[&self.key(&key)], &Told::at(now), &[]).await? {
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

    async fn owned(&self, owner: &str, now: Timestamp) -> Result<Vec<Owned>, StoreError> {
        if self.is_cluster() {
            return self.sessions_of_all_servers(owner, now).await;
        }
        self.sessions_of(owner, now).await
    }

    async fn end_before(&self, point: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
        self.end_older(point, now).await
    }

    async fn scan(&self, after: Option<&Cursor>, limit: usize, now: Timestamp) -> Result<Page, StoreError> {
        self.scan_some(after, limit, now).await
    }

    async fn checkup(&self) -> Result<Checkup, StoreError> {
        self.look().await
    }
}
