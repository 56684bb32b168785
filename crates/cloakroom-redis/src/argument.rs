//! The arguments of scripts, including a session as Redis stores it (see `layout`).

use std::fmt;
use std::time::Duration;

use cloakroom_session::Timestamp;
use cloakroom_session::factory::StoreKey;
use cloakroom_store::store::Entry;
use redis::{RedisWrite, ToRedisArgs};

/// The length of a key in bytes.
pub(crate) const KEY_LEN: usize = 32;

/// The extra time for which Redis keeps a key, beyond the time left by the caller's clock: more
/// than the clocks of a deployment differ.
const SLACK: Duration = Duration::from_secs(60);

/// A key that expires later than this gets no expiry, because Redis rejects spans that overflow its
/// clock.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// More than the length of any head that this release writes.
pub(crate) const HEAD_SIZE: usize = 160;

/// An argument of a script, written to the command without an intermediate copy.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Argument<'a> {
    Text(&'a str),
    Key(&'a StoreKey),
    Number(u64),
    Live(&'a Live<'a>),
    /// `-`: none, or never.
    Nothing,
    /// Omitted, together with all following arguments.
    Absent,
}

impl<'a> Argument<'a> {
    pub(crate) const fn time(time: Timestamp) -> Self {
        Self::Number(time.unix_millis())
    }

    pub(crate) fn deadline(deadline: Option<Timestamp>) -> Self {
        deadline.map_or(Self::Nothing, Self::time)
    }

    /// The owner of an entry.
    pub(crate) fn owner(entry: &'a Entry) -> Self {
        entry.owner.as_deref().map_or(Self::Absent, Self::Text)
    }

    /// Returns the time in milliseconds for which Redis must keep a key.
    ///
    /// It is a span and not a point in time: it starts when Redis receives it, independently of
    /// both clocks.
    pub(crate) fn ttl(deadline: Option<Timestamp>, now: Timestamp) -> Self {
        let span = deadline.map(|deadline| deadline.since(now).saturating_add(SLACK));
        let millis = span.filter(|span| *span < CENTURY).and_then(|span| u64::try_from(span.as_millis()).ok());
        millis.map_or(Self::Nothing, Self::Number)
    }

    /// Returns the approximate size in bytes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Key(_) => KEY_LEN,
            Self::Number(_) => 20,
            Self::Live(live) => live.size(),
            Self::Nothing => 1,
            Self::Absent => 0,
        }
    }
}

impl fmt::Display for Argument<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            // `Debug` shows only the prefix, so that an error doesn't reveal the whole key.
            Self::Key(key) => fmt::Debug::fmt(key, f),
            Self::Number(number) => number.fmt(f),
            Self::Live(live) => live.fmt(f),
            Self::Nothing => f.write_str("-"),
            Self::Absent => Ok(()),
        }
    }
}

impl ToRedisArgs for Argument<'_> {
    fn write_redis_args<W: RedisWrite + ?Sized>(&self, out: &mut W) {
        match self {
            Self::Text(text) => out.write_arg(text.as_bytes()),
            Self::Key(key) => out.write_arg(key.as_bytes()),
            Self::Number(number) => number.write_redis_args(out),
            Self::Live(_) | Self::Nothing => out.write_arg_fmt(self),
            Self::Absent => {}
        }
    }
}

/// A session to encode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Live<'a> {
    /// Its version number.
    pub(crate) version: u64,
    pub(crate) entry: &'a Entry,
    /// The mark of the call that writes it.
    pub(crate) call: &'a str,
    /// Until when the owner index lists it.
    pub(crate) listed: Argument<'a>,
    /// Fields of a newer release, each with the preceding space.
    pub(crate) more: &'a str,
}

impl Live<'_> {
    /// Returns the approximate size in bytes.
    pub(crate) fn size(&self) -> usize {
        HEAD_SIZE + self.more.len() + self.entry.owner.as_ref().map_or(0, String::len) + self.text().len()
    }

    fn text(&self) -> &str {
        self.entry.text()
    }
}

impl fmt::Display for Live<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, Entry { created, touched, deadline, owner, .. }) = (self.version, self.entry);
        let (created, touched) = (created.unix_millis(), touched.unix_millis());
        let (deadline, call, listed) = (Argument::deadline(*deadline), self.call, self.listed);
        write!(f, "1 {version} {created} {touched} {deadline} {call} {listed} ")?;
        match owner {
            Some(owner) => write!(f, "{}{}\n{owner}", owner.len(), self.more)?,
            None => writeln!(f, "-{}", self.more)?,
        }
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cloakroom_session::Timestamp;

    use super::Argument;

    #[test]
    fn redis_keeps_keys_longer_than_the_deadline() {
        let now = Timestamp::from_unix_secs(1_700_000_000);
        for (row, deadline, expected) in [
            ("for ever", None, "-"),
            ("in ten seconds", Some(now + Duration::from_secs(10)), "70000"),
            ("expired", Some(Timestamp::from_unix_secs(1)), "60000"),
            ("at the end of time", Some(now + Duration::MAX), "-"),
        ] {
            assert_eq!(Argument::ttl(deadline, now).to_string(), expected, "{row}");
        }
    }
}
