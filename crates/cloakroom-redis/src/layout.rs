//! The format of a session as a Redis value, and its decoding. `argument` encodes it.
//!
//! A live session is a line, the head, followed by the owner and the record's text:
//!
//! ```text
//! 1 VERSION CREATED TOUCHED DEADLINE CALL LISTED OWNER⏎
//! ```
//!
//! Numbers are decimal, and times are in milliseconds. CALL names the calls that wrote the session,
//! in a Cluster: see `calls.lua`. OWNER is the length of the owner in bytes, because the owner may
//! contain any character. A `-` means no deadline, no call, no index entry or no owner. A session
//! that moved leaves a tombstone with the 32 bytes of its new key:
//!
//! ```text
//! > DEADLINE CALL TARGET
//! ```
//!
//! OWNER and TARGET may be followed by fields of a newer release, each after one space. A touch and
//! a replacement keep them, and a session that moves starts without: data that must last longer
//! belongs in the record's text, as an extension field. The head, including these fields, and the
//! owner's length stay within 256 bytes.
//!
//! Scripts read the first 256 bytes, which contain everything but the text.

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};
use cloakroom_store::store::{Entry, Loaded, StoreError};
use redis::Value;

use crate::argument::{Argument, KEY_LEN};

/// The number of bytes that scripts read to parse the head.
const HEAD_LEN: usize = 256;

/// Parses the bytes of a key.
pub(crate) fn parse_key(bytes: &[u8]) -> Option<StoreKey> {
    bytes.try_into().ok().map(StoreKey::from_bytes)
}

/// Decodes the value of a key, as returned by `GET`.
pub(crate) fn loaded(key: &StoreKey, value: Value, now: Timestamp) -> Result<Loaded, StoreError> {
    read(key, value, now).map(|(loaded, _)| loaded)
}

/// Decodes the value, and keeps it in the version for compare-and-set.
pub(crate) fn loaded_with_image(key: &StoreKey, value: Value, now: Timestamp) -> Result<Loaded, StoreError> {
    Ok(match read(key, value, now)? {
        (Loaded::Live(version, entry), image) => Loaded::Live(version.with_image(image), entry),
        (gone, _) => gone,
    })
}

fn read(key: &StoreKey, value: Value, now: Timestamp) -> Result<(Loaded, Vec<u8>), StoreError> {
    if matches!(value, Value::Nil) {
        return Ok((Loaded::Absent, Vec::new()));
    }
    let bytes = bytes(value).ok_or_else(|| StoreError::corrupt(*key))?;
    let loaded = parse(&bytes, now).ok_or_else(|| StoreError::corrupt(*key))?;
    Ok((loaded, bytes))
}

/// Returns `LISTED` of a stored session if `entry` can replace it without an update of the owner
/// index, and the fields of a newer release at the end of its head.
///
/// Returns `None` if the session has expired, has another owner, or must be listed for longer
/// first.
pub(crate) fn listed<'a>(image: &'a [u8], entry: &Entry, now: Timestamp) -> Option<(Argument<'a>, &'a str)> {
    let mut lines = image.splitn(2, |byte| *byte == b'\n');
    let (head, rest) = (std::str::from_utf8(lines.next()?).ok()?, lines.next()?);
    let (["1", _version, _created, _touched, deadline, _call, listed, length], more) = words(head)? else {
        return None;
    };
    if unless_nothing(deadline, time)?.is_some_and(|deadline| now > deadline) {
        return None;
    }
    let is_covered = match (unless_nothing(length, number)?, &entry.owner) {
        (None, None) => true,
        (Some(length), Some(owner)) => {
            rest.get(..usize::try_from(length).ok()?) == Some(owner.as_bytes()) && covers(listed, entry.deadline, now)
        }
        _ => false,
    };
    is_covered.then_some((Argument::Text(listed), more))
}

/// Returns whether a session with this deadline can keep an index entry that is valid until
/// `listed`. Must agree with the script `cover`.
fn covers(listed: &str, deadline: Option<Timestamp>, now: Timestamp) -> bool {
    let spare =
        |deadline: Timestamp| time(listed).filter(|listed| *listed >= deadline).map(|listed| listed.since(deadline));
    let is_enough = |deadline: Timestamp| spare(deadline).is_some_and(|spare| spare >= deadline.since(now) / 2);
    listed == "ever" || deadline.is_some_and(is_enough)
}

fn parse(bytes: &[u8], now: Timestamp) -> Option<Loaded> {
    if let Some((until, _)) = mark_of(bytes) {
        return Some(if now > until { Loaded::Absent } else { Loaded::Moved });
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, rest) = text.strip_prefix("1 ")?.split_once('\n')?;
    if text.len() - rest.len() > HEAD_LEN {
        return None;
    }
    live(head, rest, now)
}

fn live(head: &str, rest: &str, now: Timestamp) -> Option<Loaded> {
    let ([version, created, touched, deadline, _call, _listed, length], _) = words(head)?;
    let length = unless_nothing(length, number)?;
    let (owner, text) = rest.split_at_checked(usize::try_from(length.unwrap_or_default()).ok()?)?;
    let deadline = unless_nothing(deadline, time)?;
    let owner = length.map(|_| owner.to_owned());
    let entry = Entry::new(text.into(), time(created)?, time(touched)?, deadline).owner(owner);
    let version = number(version).filter(|version| *version > 0).map(Version::new)?;
    Some(if entry.is_expired(now) { Loaded::Absent } else { Loaded::Live(version, entry) })
}

/// Parses a tombstone: its expiry, and the new key.
fn mark_of(bytes: &[u8]) -> Option<(Timestamp, StoreKey)> {
    let mut words = bytes.strip_prefix(b"> ")?.splitn(3, |byte| *byte == b' ');
    let (deadline, call, rest) = (words.next()?, words.next()?, words.next()?);
    let (target, more) = rest.split_at_checked(KEY_LEN)?;
    let more_is_words = more.is_empty() || (more.starts_with(b" ") && !matches!(more.get(1), None | Some(b' ')));
    let deadline = std::str::from_utf8(deadline).ok().and_then(time)?;
    (more_is_words && !call.is_empty()).then_some((deadline, parse_key(target)?))
}

/// Returns the key to which a session has moved, if the value is a tombstone.
pub(crate) fn target(value: &Value, now: Timestamp) -> Option<StoreKey> {
    let Value::BulkString(bytes) = value else { return None };
    let (until, target) = mark_of(bytes)?;
    (now <= until).then_some(target)
}

/// Splits off the first fields of a line. The rest starts with the space before it.
fn words<const COUNT: usize>(line: &str) -> Option<([&str; COUNT], &str)> {
    let mut words = [""; COUNT];
    let mut rest = Some(line);
    for word in &mut words {
        let line = rest?;
        // Fields are short: a vectorised search takes longer to set up.
        let end = line.bytes().position(|byte| byte == b' ');
        (*word, rest) = match end {
            Some(end) => (line.get(..end)?, line.get(end + 1..)),
            None => (line, None),
        };
        if word.is_empty() {
            return None;
        }
    }
    let Some(rest) = rest else { return Some((words, "")) };
    let more = line.get(line.len() - rest.len() - 1..)?;
    (!rest.is_empty() && !rest.starts_with(' ')).then_some((words, more))
}

/// The inner `None` stands for `-`.
fn unless_nothing<T>(word: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if word == "-" { Some(None) } else { read(word).map(Some) }
}

fn time(word: &str) -> Option<Timestamp> {
    number(word).map(Timestamp::from_unix_millis)
}

/// Parses canonical decimal digits: `u64::from_str` would also accept a sign and leading zeros.
fn number(word: &str) -> Option<u64> {
    match word.as_bytes() {
        b"0" => Some(0),
        [b'1'..=b'9', ..] => word.parse().ok(),
        _ => None,
    }
}

/// Returns the bytes of a string reply of any kind.
pub(crate) fn bytes(value: Value) -> Option<Vec<u8>> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other kinds are no strings")]
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
