//! The operations of the `Store` trait, one script each.

use std::borrow::Cow;

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{
    Checkup, Created, Cursor, Ended, EndedPage, Entry, Loaded, OwnedPage, Page, Replaced, Store, StoreError,
};
use redis::Value;

use crate::argument::Argument;
use crate::call::Call;
use crate::error::{failed, of_call, unexpected};
use crate::index::Cover;
use crate::kept::Repeat;
use crate::layout::{Live, bytes, loaded, loaded_with_image, parse_key};
use crate::link::Target;
use crate::owners::Behind;
use crate::redis_store::RedisStore;
use crate::scripts::{self, Script};

/// The mark of a call that is never sent twice.
const NO_CALL: &str = "-";

/// The result codes of scripts about a session, the same in all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    Damaged = -1,
    Gone = 0,
    Done = 1,
    Conflict = 2,
    Taken = 3,
    ListFirst = 4,
    Elsewhere = 5,
}

impl Code {
    const ALL: [Self; 7] =
        [Self::Damaged, Self::Gone, Self::Done, Self::Conflict, Self::Taken, Self::ListFirst, Self::Elsewhere];

    fn of(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|code| *code as i64 == number)
    }
}

/// The result of a script about a session.
#[derive(Debug)]
pub(crate) enum Said {
    /// The stored value is damaged or not a session.
    Damaged,
    /// There is no live session, or none to end.
    Gone,
    Done,
    /// The store holds a version that the caller hasn't seen.
    Conflict,
    /// A new key is taken.
    Taken,
    /// Success; the index of this owner, on another server, must be updated.
    Owner(String),
    /// Nothing was done: the session would outlive its entry in the index of this owner, on another
    /// server. Extend the entry first.
    ListFirst(String),
    /// The session has moved to a key on another server.
    Elsewhere(StoreKey),
}

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

/// With random ids this doesn't happen. If the generator is broken, the session must not be stored
/// over another one.
pub(crate) fn taken() -> StoreError {
    failed("the new key of a moving session is taken")
}

fn said(value: Value) -> Result<Said, StoreError> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "our scripts return nothing else")]
    let said = match value {
        Value::Int(number) => Code::of(number).and_then(said_alone),
        Value::Array(parts) => said_of(parts),
        _ => None,
    };
    said.ok_or_else(unexpected)
}

const fn said_alone(code: Code) -> Option<Said> {
    Some(match code {
        Code::Damaged => Said::Damaged,
        Code::Gone => Said::Gone,
        Code::Done => Said::Done,
        Code::Conflict => Said::Conflict,
        Code::Taken => Said::Taken,
        Code::ListFirst | Code::Elsewhere => return None,
    })
}

fn said_of(parts: Vec<Value>) -> Option<Said> {
    let [Value::Int(code), text] = <[Value; 2]>::try_from(parts).ok()? else { return None };
    let text = bytes(text)?;
    match Code::of(code)? {
        Code::Done => String::from_utf8(text).ok().map(Said::Owner),
        Code::ListFirst => String::from_utf8(text).ok().map(Said::ListFirst),
        Code::Elsewhere => parse_key(&text).map(Said::Elsewhere),
        Code::Damaged | Code::Gone | Code::Conflict | Code::Taken => None,
    }
}

pub(crate) fn replaced(said: &Said, version: Version) -> Result<Replaced, StoreError> {
    match said {
        Said::Gone => Ok(Replaced::Gone),
        Said::Done | Said::Owner(_) => Ok(Replaced::Yes(version)),
        Said::Conflict => Ok(Replaced::Conflict),
        Said::Taken => Err(taken()),
        Said::Damaged | Said::ListFirst(_) | Said::Elsewhere(_) => Err(unexpected()),
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
                Err(_) => self.end_later(key, now),
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

    async fn count_owned(&self, owner: &str, now: Timestamp) -> Result<usize, StoreError> {
        if self.is_cluster() {
            return self.count_on_all_servers(owner, now).await;
        }
        self.count_of(owner, now).await
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
}

#[cfg(test)]
mod tests {
    use super::Code;

    /// Scripts return only the numbers in `Code`; any other would be an unexpected reply.
    #[test]
    fn scripts_return_only_known_codes() {
        let scripts = concat!(
            include_str!("lua/create.lua"),
            include_str!("lua/cycle.lua"),
            include_str!("lua/end.lua"),
            include_str!("lua/listed.lua"),
            include_str!("lua/mark.lua"),
            include_str!("lua/parts/permit.lua"),
            include_str!("lua/parts/same.lua"),
            include_str!("lua/parts/unseen.lua"),
            include_str!("lua/replace.lua"),
            include_str!("lua/replace_owned.lua"),
            include_str!("lua/touch.lua"),
        );
        let mut seen = Vec::new();
        for line in scripts.lines().filter(|line| !line.trim_start().starts_with("--")) {
            for answer in line.split("return ").skip(1).flat_map(|answer| answer.split(" or ")) {
                let answer = answer.rsplit("and ").next().unwrap_or_default().trim_start_matches(['{', ' ']);
                let end = answer.find(|sign: char| !sign.is_ascii_digit() && sign != '-').unwrap_or(answer.len());
                let (number, _) = answer.split_at(end);
                let code = number.parse().ok().and_then(Code::of);
                seen.push(code.unwrap_or_else(|| panic!("{line}")));
            }
        }
        assert!(Code::ALL.iter().all(|code| seen.contains(code)), "{seen:?}");
    }
}
