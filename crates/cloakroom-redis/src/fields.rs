//! An entry as the fields of a hash, and back.

use std::time::Duration;

use cloakroom_session::{StoreKey, Timestamp, Version};
use cloakroom_store::{Entry, Loaded, StoreError};
use redis::Value;

/// How much longer than a caller's clock says Redis keeps a key: more than the clocks of a deployment differ.
const SLACK: Duration = Duration::from_secs(60);

/// Beyond that a key has no expiry: Redis refuses spans that overflow its clock.
const CENTURY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

pub(crate) const HEX_LEN: usize = 64;

pub(crate) fn hex(key: &StoreKey) -> String {
    let mut text = String::with_capacity(HEX_LEN);
    for byte in key.as_bytes() {
        text.extend([byte >> 4, byte & 15].map(|nibble| char::from_digit(nibble.into(), 16).unwrap_or('0')));
    }
    text
}

/// Reads what [`hex`] wrote.
pub(crate) fn parse_hex(text: &[u8]) -> Option<StoreKey> {
    let mut bytes = [0; 32];
    if text.len() != HEX_LEN {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        for digit in pair {
            let digit = char::from(*digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(digit).ok()?;
        }
    }
    Some(StoreKey::from_bytes(bytes))
}

/// For how many milliseconds Redis has to keep a key; empty for ever.
///
/// It is a span and not a point: it counts from when Redis gets it, whatever the two clocks say.
pub(crate) fn ttl(deadline: Option<Timestamp>, now: Timestamp) -> String {
    let span = deadline.map(|deadline| deadline.since(now).saturating_add(SLACK));
    span.filter(|span| *span < CENTURY).map(|span| span.as_millis().to_string()).unwrap_or_default()
}

/// An entry's part of a script's arguments.
pub(crate) fn of_entry(entry: &Entry, version: Version) -> [Field<'_>; 5] {
    [
        Field::Number(version.number()),
        Field::Text(entry.text()),
        Field::Number(entry.created.unix_millis()),
        Field::Number(entry.touched.unix_millis()),
        Field::Text(entry.owner.as_deref().unwrap_or_default()),
    ]
}

/// An argument of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'a> {
    Text(&'a str),
    Number(u64),
}

/// Reads the names and values of a hash, as `HGETALL` gives them.
pub(crate) fn loaded(key: &StoreKey, hash: Value, now: Timestamp) -> Result<Loaded, StoreError> {
    parse(hash, now).ok_or_else(|| StoreError::corrupt(*key))
}

#[derive(Default)]
struct Raw {
    version: Option<Vec<u8>>,
    text: Option<Vec<u8>>,
    created: Option<Vec<u8>>,
    touched: Option<Vec<u8>>,
    deadline: Option<Vec<u8>>,
    owner: Option<Vec<u8>>,
    moved: Option<Vec<u8>>,
}

impl Raw {
    fn set(&mut self, name: &[u8], value: Vec<u8>) {
        let field = match name {
            b"v" => &mut self.version,
            b"d" => &mut self.text,
            b"c" => &mut self.created,
            b"t" => &mut self.touched,
            b"e" => &mut self.deadline,
            b"o" => &mut self.owner,
            b"m" => &mut self.moved,
            // A newer version of this crate may know more.
            _ => return,
        };
        *field = Some(value);
    }
}

fn parse(hash: Value, now: Timestamp) -> Option<Loaded> {
    let mut raw = Raw::default();
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other kinds are no hashes")]
    match hash {
        Value::Array(pairs) if pairs.is_empty() => return Some(Loaded::Absent),
        Value::Map(pairs) if pairs.is_empty() => return Some(Loaded::Absent),
        Value::Array(pairs) => {
            let mut pairs = pairs.into_iter();
            while let Some(name) = pairs.next() {
                raw.set(&bytes(name)?, bytes(pairs.next()?)?);
            }
        }
        Value::Map(pairs) => {
            for (name, value) in pairs {
                raw.set(&bytes(name)?, bytes(value)?);
            }
        }
        _ => return None,
    }
    raw.loaded(now)
}

impl Raw {
    fn loaded(self, now: Timestamp) -> Option<Loaded> {
        let deadline = match self.deadline {
            Some(deadline) => Some(time(&deadline)?),
            None => None,
        };
        if self.moved.is_some() {
            return Some(if now > deadline? { Loaded::Absent } else { Loaded::Moved });
        }
        let owner = match self.owner {
            Some(owner) => Some(String::from_utf8(owner).ok()?),
            None => None,
        };
        let text = String::from_utf8(self.text?).ok()?;
        let entry = Entry::new(text.into(), time(&self.created?)?, time(&self.touched?)?, deadline).owner(owner);
        let version = Version::new(number(&self.version?)?);
        Some(if entry.is_over(now) { Loaded::Absent } else { Loaded::Live(version, entry) })
    }
}

fn time(text: &[u8]) -> Option<Timestamp> {
    number(text).map(Timestamp::from_unix_millis)
}

/// The bytes of a string, in whichever way it came.
pub(crate) fn bytes(value: Value) -> Option<Vec<u8>> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the other kinds are no strings")]
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) => Some(text.into_bytes()),
        _ => None,
    }
}

/// Decimal digits and nothing else: `u64::from_str` would take a sign.
fn number(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cloakroom_session::{StoreKey, Timestamp};

    use super::{hex, number, parse_hex, ttl};

    #[test]
    fn keys_come_back() {
        let mut bytes = [0; 32];
        bytes.iter_mut().zip(0..).for_each(|(byte, number)| *byte = number * 7 + 3);
        let key = StoreKey::from_bytes(bytes);
        assert_eq!(hex(&key).len(), 64);
        assert_eq!(parse_hex(hex(&key).as_bytes()), Some(key));
        for (row, text) in [("short", "00".repeat(31)), ("long", "00".repeat(33)), ("no digit", "0g".repeat(32))] {
            assert_eq!(parse_hex(text.as_bytes()), None, "{row}");
        }
    }

    #[test]
    fn redis_keeps_it_longer_than_asked() {
        let now = Timestamp::from_unix_secs(1_700_000_000);
        for (row, deadline, expected) in [
            ("for ever", None, ""),
            ("in ten seconds", Some(now + Duration::from_secs(10)), "70000"),
            ("over already", Some(Timestamp::from_unix_secs(1)), "60000"),
            ("at the end of time", Some(now + Duration::MAX), ""),
        ] {
            assert_eq!(ttl(deadline, now), expected, "{row}");
        }
    }

    #[test]
    fn numbers_are_digits() {
        for (row, text, expected) in [
            ("zero", "0", Some(0)),
            ("the largest", "18446744073709551615", Some(u64::MAX)),
            ("larger", "18446744073709551616", None),
            ("nothing", "", None),
            ("a sign", "+1", None),
            ("a fraction", "1.5", None),
        ] {
            assert_eq!(number(text.as_bytes()), expected, "{row}");
        }
    }
}
