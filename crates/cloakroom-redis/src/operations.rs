//! The duties of a store, one script each.

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{Created, Entry, Loaded, Owned, Replaced, Store, StoreError};
use redis::Value;

use crate::call::Call;
use crate::error::{failed, of_call, unexpected};
use crate::fields::{Field, bytes, loaded, millis, of_entry, parse_hex, ttl};
use crate::link::Target;
use crate::redis_store::RedisStore;
use crate::scripts::{self, Script};

const FIRST: Version = Version::new(1);

/// What a script that writes says, beyond the numbers that all of them share.
#[derive(Debug)]
pub(crate) enum Said {
    Number(i64),
    /// Done, and this owner's index lives on another server.
    Owner(#[cfg_attr(not(feature = "cluster"), expect(dead_code, reason = "one server has all indexes"))] String),
    /// The session has moved to a key of another server.
    Elsewhere(StoreKey),
}

/// What every script is told, in the order of the prelude.
pub(crate) struct Told<'a> {
    pub(crate) now: u64,
    pub(crate) ttl: &'a str,
    pub(crate) seen: Field<'a>,
    pub(crate) call: &'a str,
    pub(crate) owned: bool,
}

impl<'a> Told<'a> {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self { now: now.unix_millis(), ttl: "", seen: Field::Text(""), call: "", owned: false }
    }

    pub(crate) fn arguments(&self, is_cluster: bool) -> [Field<'a>; 6] {
        [
            Field::Number(self.now),
            Field::Text(if is_cluster { "" } else { "1" }),
            Field::Text(self.ttl),
            self.seen,
            Field::Text(self.call),
            Field::Text(if self.owned { "1" } else { "" }),
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
        match said(call.write(&self.link, self.durability).await?)? {
            Said::Number(..0) => Err(StoreError::corrupt(*about)),
            said @ (Said::Number(_) | Said::Owner(_) | Said::Elsewhere(_)) => Ok(said),
        }
    }

    /// The text of a mark for this call, where a client may send it twice.
    pub(crate) fn call_mark(&self) -> Result<String, StoreError> {
        #[cfg(feature = "cluster")]
        if self.is_cluster() {
            return self.calls.next();
        }
        Ok(String::new())
    }
}

fn said(value: Value) -> Result<Said, StoreError> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "our scripts answer nothing else")]
    match value {
        Value::Int(number) => Ok(Said::Number(number)),
        Value::Array(mut parts) => match (parts.pop().and_then(bytes), parts.len()) {
            (Some(owner), 0) => String::from_utf8(owner).map(Said::Owner).map_err(|_| unexpected()),
            (Some(digits), 1) => parse_hex(&digits).map(Said::Elsewhere).ok_or_else(unexpected),
            _ => Err(unexpected()),
        },
        _ => Err(unexpected()),
    }
}

fn replaced(said: &Said, version: Version) -> Result<Replaced, StoreError> {
    match said {
        Said::Number(0) => Ok(Replaced::Gone),
        Said::Number(1) | Said::Owner(_) => Ok(Replaced::Yes(version)),
        Said::Number(2) => Ok(Replaced::Conflict),
        Said::Number(_) | Said::Elsewhere(_) => Err(unexpected()),
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
        #[cfg(feature = "cluster")]
        self.list_elsewhere(key, entry, now).await?;
        let (ttl, call) = (ttl(entry.deadline, now), self.call_mark()?);
        let told = Told { ttl: &ttl, call: &call, owned: entry.owner.is_some(), ..Told::at(now) };
        let fields = of_entry(entry, FIRST, &call);
        match self.say(&scripts::CREATE, key, &[&self.key(key)], &told, &fields).await? {
            Said::Number(1) => Ok(Created::Yes(FIRST)),
            Said::Number(2) => Ok(Created::Taken),
            Said::Number(_) | Said::Owner(_) | Said::Elsewhere(_) => Err(unexpected()),
        }
    }

    async fn replace(
        &self,
        key: &StoreKey,
        seen: Version,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Replaced, StoreError> {
        #[cfg(feature = "cluster")]
        self.list_elsewhere(key, entry, now).await?;
        let (ttl, call) = (ttl(entry.deadline, now), self.call_mark()?);
        let next = Version::new(seen.number().saturating_add(1));
        let seen = Field::Number(seen.number());
        let told = Told { ttl: &ttl, call: &call, seen, owned: entry.owner.is_some(), ..Told::at(now) };
        let fields = of_entry(entry, next, &call);
        replaced(&self.say(&scripts::REPLACE, key, &[&self.key(key)], &told, &fields).await?, next)
    }

    async fn touch(
        &self,
        key: &StoreKey,
        touched: Timestamp,
        deadline: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let ttl = ttl(deadline, now);
        let told = Told { ttl: &ttl, ..Told::at(now) };
        let deadline = deadline.map(millis).unwrap_or_default();
        let more = [Field::Number(touched.unix_millis()), Field::Text(&deadline)];
        match self.say(&scripts::TOUCH, key, &[&self.key(key)], &told, &more).await? {
            Said::Number(there) => Ok(there != 0),
            #[cfg(feature = "cluster")]
            Said::Owner(owner) => self.list(key, &owner, &ttl, now).await.map(|()| true),
            #[cfg(not(feature = "cluster"))]
            Said::Owner(_) => Err(unexpected()),
            Said::Elsewhere(_) => Err(unexpected()),
        }
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
        #[cfg(feature = "cluster")]
        if self.is_cluster() {
            return self.cycle_in_two(old, seen, new, entry, moved_until, now).await;
        }
        let (kept, marked) = (ttl(entry.deadline, now), ttl(Some(moved_until), now));
        let seen = Field::Number(seen.number());
        let told = Told { ttl: &kept, seen, owned: entry.owner.is_some(), ..Told::at(now) };
        let mut more = vec![Field::Number(moved_until.unix_millis()), Field::Text(&marked)];
        more.extend(of_entry(entry, FIRST, ""));
        let said = self.say(&scripts::CYCLE, old, &[&self.key(old), &self.key(new)], &told, &more).await?;
        if matches!(said, Said::Number(3)) {
            return Err(failed("the new key of a session that moves is taken"));
        }
        replaced(&said, FIRST)
    }

    async fn end(&self, key: &StoreKey, now: Timestamp) -> Result<bool, StoreError> {
        let mut key = *key;
        loop {
            match self.say(&scripts::END, &key, &[&self.key(&key)], &Told::at(now), &[]).await? {
                Said::Number(there) => return Ok(there != 0),
                // The mark that led there expires: the way back here is not for ever.
                Said::Elsewhere(next) => key = next,
                #[cfg(feature = "cluster")]
                Said::Owner(owner) => {
                    self.unlist(&key, &owner).await;
                    return Ok(true);
                }
                #[cfg(not(feature = "cluster"))]
                Said::Owner(_) => return Err(unexpected()),
            }
        }
    }

    async fn owned(&self, owner: &str, now: Timestamp) -> Result<Vec<Owned>, StoreError> {
        self.sessions_of(owner, now).await
    }

    async fn end_before(&self, point: Timestamp, now: Timestamp) -> Result<usize, StoreError> {
        self.end_older(point, now).await
    }
}
