//! The format of a session file: one line of fields, and the text of the record.
//!
//! The line contains the key, to detect a renamed file, and the length of the text, to detect a
//! truncated one. The fields of version 1:
//!
//! ```text
//! cloakroom-session 1 <key> live <version> <created> <touched> <deadline or -> <owner or -> <bytes of text>
//! cloakroom-session 1 <key> moved <new key> <until>
//! ```
//!
//! The file's modification time is the deadline of its contents, so that a sweep need not open it.
//! Its nanoseconds below a millisecond are taken from the version, so that a backup that compares
//! times sees each write. A file with another time, as written by an earlier release, is opened and
//! given one.
//!
//! A line may end with fields of a newer release. They are ignored, and lost with the next write;
//! data that must last belongs in the record's text. Keys and owners are hexadecimal, an owner
//! after a `=`. Times are milliseconds since the Unix epoch.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use cloakroom_session::Timestamp;
use cloakroom_session::factory::{StoreKey, Version};

use crate::entry::Entry;

const MAGIC: &str = "cloakroom-session";

/// The latest modification time in milliseconds, used for sessions that never expire or expire
/// later: the year 2100, which every file system can represent.
const LAST: u64 = 4_102_444_800_000;

/// Returns the time in milliseconds before which the file has not expired.
pub(super) fn due(modified: SystemTime) -> u64 {
    let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The contents of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    Live(Version, Entry),
    Moved { to: StoreKey, until: Timestamp },
}

impl Kept {
    pub(super) fn is_expired(&self, now: Timestamp) -> bool {
        match self {
            Self::Live(_, entry) => entry.is_expired(now),
            Self::Moved { until, .. } => now > *until,
        }
    }

    /// Returns the modification time of the file.
    pub(super) fn modified(&self) -> SystemTime {
        let (end, version) = match self {
            Self::Live(version, entry) => (entry.deadline, version.number()),
            Self::Moved { until, .. } => (Some(*until), 0),
        };
        let end = end.map_or(LAST, |end| end.unix_millis().min(LAST));
        SystemTime::UNIX_EPOCH + Duration::from_millis(end) + Duration::from_nanos(version % 1_000_000)
    }

    /// Encodes the file for this key.
    pub(super) fn encode(&self, key: &StoreKey) -> Vec<u8> {
        let key = hex(key.as_bytes());
        match self {
            Self::Live(version, entry) => {
                let version = version.number();
                let (created, touched) = (entry.created.unix_millis(), entry.touched.unix_millis());
                let deadline = entry.deadline.map_or_else(|| "-".to_owned(), |it| it.unix_millis().to_string());
                let owner =
                    entry.owner.as_ref().map_or_else(|| "-".to_owned(), |it| format!("={}", hex(it.as_bytes())));
                let (text, length) = (entry.text(), entry.text().len());
                format!("{MAGIC} 1 {key} live {version} {created} {touched} {deadline} {owner} {length}\n{text}")
            }
            Self::Moved { to, until } => {
                format!("{MAGIC} 1 {key} moved {} {}\n", hex(to.as_bytes()), until.unix_millis())
            }
        }
        .into_bytes()
    }

    /// Decodes the file of this key. Returns `None` if it is damaged or truncated, or has another
    /// format.
    pub(super) fn decode(key: &StoreKey, bytes: &[u8]) -> Option<Self> {
        let (line, text) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
        let (kept, length) = Self::decode_line(key, line)?;
        if text.len() != length {
            return None;
        }
        Some(match kept {
            Self::Live(version, entry) => Self::Live(version, entry.with_text(text)),
            moved @ Self::Moved { .. } => moved,
        })
    }

    /// Decodes the first line. Also returns the length of the text after it.
    pub(super) fn decode_line(key: &StoreKey, line: &str) -> Option<(Self, usize)> {
        let mut words = line.split(' ');
        let mut word = || words.next();
        if word()? != MAGIC || word()? != "1" || word()? != hex(key.as_bytes()) {
            return None;
        }
        let (kept, length) = match word()? {
            "live" => {
                let version = Version::new(number(word()?)?);
                let (created, touched) = (time(word()?)?, time(word()?)?);
                let deadline = match word()? {
                    "-" => None,
                    deadline => Some(time(deadline)?),
                };
                let owner = match word()? {
                    "-" => None,
                    owner => Some(String::from_utf8(unhex(owner.strip_prefix('=')?)?).ok()?),
                };
                let length = usize::try_from(number(word()?)?).ok()?;
                (Self::Live(version, Entry::new("".into(), created, touched, deadline).owner(owner)), length)
            }
            "moved" => {
                let to = StoreKey::from_bytes(unhex(word()?)?.try_into().ok()?);
                (Self::Moved { to, until: time(word()?)? }, 0)
            }
            _ => return None,
        };
        Some((kept, length))
    }
}

/// Accepts digits only: `parse` would also accept a sign.
fn number(word: &str) -> Option<u64> {
    if word.bytes().all(|byte| byte.is_ascii_digit()) { word.parse().ok() } else { None }
}

fn time(word: &str) -> Option<Timestamp> {
    number(word).map(Timestamp::from_unix_millis)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut digits = text.bytes();
    while let Some(high) = digits.next() {
        bytes.push(digit(high)? * 16 + digit(digits.next()?)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Kept {
        let at = Timestamp::from_unix_millis;
        let entry = Entry::new(text.into(), at(1), at(2), Some(at(u64::MAX))).owner(Some("o'brien\n".to_owned()));
        Kept::Live(Version::new(7), entry)
    }

    #[test]
    fn what_is_written_is_read() {
        let key = StoreKey::from_bytes([7; 32]);
        let mut nobodys = entry("");
        if let Kept::Live(_, entry) = &mut nobodys {
            (entry.owner, entry.deadline) = (None, None);
        }
        let moved = Kept::Moved { to: StoreKey::from_bytes([9; 32]), until: Timestamp::from_unix_millis(5) };
        for kept in [entry("text\nof two lines"), nobodys, moved] {
            assert_eq!(Kept::decode(&key, &kept.encode(&key)), Some(kept));
        }
    }

    #[test]
    fn the_modification_time_is_the_deadline_and_tells_versions_apart() {
        let at = Timestamp::from_unix_millis;
        let live = |version: u64, deadline: Option<Timestamp>| {
            Kept::Live(Version::new(version), Entry::new("".into(), at(1), at(2), deadline))
        };
        for (kept, expected) in [
            (live(7, Some(at(1234))), 1234),
            (live(u64::MAX, Some(at(1234))), 1234),
            (live(7, None), LAST),
            (live(7, Some(at(u64::MAX))), LAST),
            (Kept::Moved { to: StoreKey::from_bytes([9; 32]), until: at(5) }, 5),
        ] {
            assert_eq!(due(kept.modified()), expected, "{kept:?}");
        }
        assert_ne!(live(7, None).modified(), live(8, None).modified());
    }

    #[test]
    fn version_1_stays_as_it_is() {
        let key = StoreKey::from_bytes([0xab; 32]);
        let line = format!(
            "cloakroom-session 1 {} live 7 1 2 18446744073709551615 =6f27627269656e0a 4\ntext",
            "ab".repeat(32)
        );
        assert_eq!(String::from_utf8(entry("text").encode(&key)).unwrap(), line);
    }

    #[test]
    fn fields_of_a_newer_release_are_ignored() {
        let key = StoreKey::from_bytes([7; 32]);
        let moved = Kept::Moved { to: StoreKey::from_bytes([9; 32]), until: Timestamp::from_unix_millis(5) };
        for kept in [entry("text\nof two lines"), moved] {
            let newer = String::from_utf8(kept.encode(&key)).unwrap().replacen('\n', " alias=abc 7\n", 1);
            assert_eq!(Kept::decode(&key, newer.as_bytes()), Some(kept));
        }
    }

    #[test]
    fn truncated_and_renamed_files_are_detected() {
        let key = StoreKey::from_bytes([7; 32]);
        let whole = entry("some text").encode(&key);
        for length in 0..whole.len() {
            assert_eq!(Kept::decode(&key, &whole[..length]), None, "the first {length} bytes");
        }
        assert_eq!(Kept::decode(&key, &[&whole[..], b"x"].concat()), None, "and one byte more");
        assert_eq!(Kept::decode(&StoreKey::from_bytes([8; 32]), &whole), None, "under another key");
        let text = String::from_utf8(whole).unwrap();
        for (from, to) in
            [(" 1 ", " 2 "), ("live", "dead"), (" 7 ", " +7 "), (" 7 ", " 07x "), ("=6f", "=6F"), ("=6f", "6f")]
        {
            assert_eq!(Kept::decode(&key, text.replacen(from, to, 1).as_bytes()), None, "{from:?} became {to:?}");
        }
    }
}
