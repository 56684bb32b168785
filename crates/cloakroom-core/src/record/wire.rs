//! The text form of a record, which is sealed into a cookie or kept in a store.
//!
//! Version 1 is the digit `1`, followed by fields. A field is one letter and either a number that
//! ends in `;`, or a length in bytes, a colon and that many bytes of UTF-8:
//!
//! | field | contents | form |
//! |---|---|---|
//! | `c` | created, milliseconds since the Unix epoch | number, required |
//! | `t` | touched, milliseconds after `c` | number |
//! | `i` | idle deadline, milliseconds after `c` | number |
//! | `a` | absolute deadline, milliseconds after `c` | number |
//! | `o` | the session's own idle timeout in milliseconds, 0 for never | number |
//! | `r` | remembered | number, 1 |
//! | `n` | ignored: written before messages had random ids | number |
//! | `x` | CSRF token | text |
//! | `u` | owner | text |
//! | `l` | label in the owner's list | text |
//! | `k`, `v` | a key, and its value in JSON | text, in pairs |
//! | `q` | the flash queue of the messages that follow | text |
//! | `m`, `b` | a message's id, and its body in JSON | number, text, in pairs |
//! | `w` | the id of a commit that wrote the record, oldest first; the last 8 count | number below 2^48 |
//! | `y` | time of the last commit, milliseconds after `c`; written only if it differs from `t` | number |
//! | `A` | the alias, 43 characters of base64url: an extension field | text |
//! | `B` to `Z` | an extension field, see below | text |
//!
//! # Extension fields
//! A field with a letter from `A` to `Z` is an extension. A release that doesn't know it skips it
//! by its length, and writes it back unchanged, after its own fields and in the original order. A
//! letter may occur more than once. A later release may therefore add such a field without a new
//! version, as long as the field stays valid when an older release changes any other field. All
//! other letters are known or make the record corrupt: a field that a reader must understand needs
//! a new version. Extension fields are limited only by the size of the whole record.
//!
//! The data of another framework (`Record::foreign`) is not written.
//!
//! Values have a length instead of quotes, so that opening a session skips them without parsing.
//! The format is text, so that the contents of a store or a signed cookie are readable.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::Record;
use super::flash::{FlashId, Flashes, Waiting};
use super::marks::{CommitId, Marks};
use super::pairs::{Pairs, Places, Stretch};
use crate::csrf::CsrfToken;
use crate::formats::RecordVersion;
use crate::json::{Json, Text};
use crate::lifetimes::SessionTimes;
use crate::time::Timestamp;

/// The error for bytes that aren't a record.
///
/// They have a wrong version, a wrong field or a truncated field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrupt;

impl std::fmt::Display for Corrupt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not a session record of a known version")
    }
}

impl std::error::Error for Corrupt {}

impl Record {
    /// Appends the record's text form to `out`.
    pub fn encode_into(&self, out: &mut String) {
        let clock = &self.times;
        let after_created = |point: Timestamp| millis(point.since(clock.created));
        out.push(char::from(RecordVersion::WRITTEN.digit()));
        number(out, 'c', clock.created.unix_millis());
        number(out, 't', after_created(clock.touched));
        let optional = [
            ('i', clock.idle_deadline.map(after_created)),
            ('a', clock.absolute_deadline.map(after_created)),
            // 0 means "never", so a timeout below a millisecond must not be rounded down to 0.
            ('o', clock.own_idle.map(|idle| idle.map_or(0, |idle| millis(idle).max(1)))),
            ('r', clock.remembered.then_some(1)),
        ];
        for (field, value) in optional {
            if let Some(value) = value {
                number(out, field, value);
            }
        }
        if let Some(token) = &self.csrf {
            text(out, 'x', token.expose());
        }
        for (field, value) in [('u', &self.owner), ('l', &self.label)] {
            if let Some(value) = value {
                text(out, field, value.as_str());
            }
        }
        for stretch in self.data.stretches() {
            match stretch {
                Stretch::Fields(fields) => out.push_str(fields),
                Stretch::Pair(key, value) => {
                    text(out, 'k', key);
                    text(out, 'v', value);
                }
            }
        }
        for (queue, waiting) in self.flashes.queues() {
            text(out, 'q', queue.as_str());
            for message in waiting {
                number(out, 'm', message.id.number());
                text(out, 'b', message.body.as_str());
            }
        }
        for id in self.marks.ids() {
            number(out, 'w', id.number());
        }
        if let Some(newest) = self.marks.newest().filter(|newest| *newest != clock.touched) {
            number(out, 'y', after_created(newest));
        }
        if let Some(fields) = &self.extensions {
            out.push_str(fields);
        }
    }

    /// Returns the record's text form.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut out = String::with_capacity(self.room());
        self.encode_into(&mut out);
        out
    }

    /// Returns the approximate length of the text form in bytes, which is rarely exceeded.
    ///
    /// It is the capacity of a buffer that needn't grow.
    #[must_use]
    pub fn room(&self) -> usize {
        // Times and token; and for each text its letter, its length and the colon.
        const FACTS: usize = 160;
        const AROUND: usize = 6;
        let size = |text: &Text| text.as_str().len() + AROUND;
        let facts: usize = [&self.owner, &self.label].into_iter().flatten().map(size).sum();
        let data: usize = self.data.sizes().map(|(_, size)| size + 2 * AROUND).sum();
        let message = |waiting: &Waiting| waiting.body.as_str().len() + 6 * AROUND;
        let queue = |(name, waiting): (&Text, &[Waiting])| size(name) + waiting.iter().map(message).sum::<usize>();
        // A letter, at most 15 digits and a semicolon; and the time once.
        const MARK: usize = 17;
        let marks = self.marks.ids().len() * MARK + MARK;
        let extensions = self.extensions.as_deref().map_or(0, str::len);
        FACTS + facts + data + self.flashes.queues().map(queue).sum::<usize>() + marks + extensions
    }

    /// Decodes the text form, starting at byte `start` of the buffer.
    ///
    /// Keys and values share the buffer; values aren't parsed.
    ///
    /// # Errors
    /// Returns [`Corrupt`] if it isn't the text form of any released version.
    pub fn decode(buffer: &Arc<str>, start: usize) -> Result<Self, Corrupt> {
        let mut reader = Reader { buffer, at: start };
        match reader.byte().and_then(RecordVersion::read) {
            Some(RecordVersion::V1) => Self::decode_v1(reader),
            None => Err(Corrupt),
        }
    }

    fn decode_v1(mut reader: Reader<'_>) -> Result<Self, Corrupt> {
        let buffer = reader.buffer;
        let mut clock = RawClock::default();
        // Capacity for the keys of most sessions, bounded by the size of the text.
        let mut data = Pairs::reading(buffer, (buffer.len() / 32).min(16));
        let mut flashes = Flashes::default();
        let (mut csrf, mut owner, mut label) = (None, None, None);
        let mut queue = None;
        let mut marks = Marks::NONE;
        let mut extensions = String::new();
        while let Some(field) = reader.byte() {
            match field {
                b'c' => clock.created = Some(reader.number()?),
                b't' => clock.touched = reader.number()?,
                b'i' => clock.idle = Some(reader.number()?),
                b'a' => clock.absolute = Some(reader.number()?),
                b'o' => clock.own_idle = Some(reader.number()?),
                b'r' => clock.remembered = reader.number()? == 1,
                b'n' => _ = reader.number()?,
                b'x' => csrf = Some(CsrfToken::from_text(reader.text()?).ok_or(Corrupt)?),
                b'u' => owner = Some(reader.text()?),
                b'l' => label = Some(reader.text()?),
                b'k' => {
                    let start = reader.at - 1;
                    let key = reader.piece()?;
                    let value = reader.expect(b'v')?.piece()?;
                    data.push_read(Places::new(start, &key, &value).ok_or(Corrupt)?);
                }
                b'q' => queue = Some(reader.text()?),
                b'm' => {
                    let id = FlashId::from_random(reader.number()?);
                    let body = Json::trusted(reader.expect(b'b')?.text()?);
                    let queue = queue.as_ref().ok_or(Corrupt)?;
                    flashes.restore(queue, Waiting { id, body });
                }
                b'w' => marks.append(CommitId::from_number(reader.number()?).ok_or(Corrupt)?),
                b'y' => clock.marked = Some(reader.number()?),
                b'A'..=b'Z' => {
                    let start = reader.at - 1;
                    reader.piece()?;
                    extensions.push_str(buffer.get(start..reader.at).ok_or(Corrupt)?);
                }
                _ => return Err(Corrupt),
            }
        }
        let marked = clock.marked;
        let times = clock.settle().ok_or(Corrupt)?;
        let marked = marked.map_or(times.touched, |after| times.created + Duration::from_millis(after));
        let extensions = (!extensions.is_empty()).then(|| extensions.into());
        let marks = marks.dated(marked);
        Ok(Self { data, flashes, csrf, owner, label, times, marks, extensions, foreign: None })
    }
}

/// The times of a record as encoded, relative to its creation.
#[derive(Default)]
struct RawClock {
    created: Option<u64>,
    touched: u64,
    idle: Option<u64>,
    absolute: Option<u64>,
    own_idle: Option<u64>,
    remembered: bool,
    marked: Option<u64>,
}

impl RawClock {
    fn settle(self) -> Option<SessionTimes> {
        let created = Timestamp::from_unix_millis(self.created?);
        let point = |after: u64| created + Duration::from_millis(after);
        Some(SessionTimes {
            created,
            touched: point(self.touched),
            idle_deadline: self.idle.map(point),
            absolute_deadline: self.absolute.map(point),
            own_idle: self.own_idle.map(|idle| (idle > 0).then(|| Duration::from_millis(idle))),
            remembered: self.remembered,
        })
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

fn number(out: &mut String, field: char, value: u64) {
    out.push(field);
    decimal(out, value);
    out.push(';');
}

fn text(out: &mut String, field: char, value: &str) {
    out.push(field);
    decimal(out, value.len() as u64);
    out.push(':');
    out.push_str(value);
}

fn decimal(out: &mut String, value: u64) {
    match value {
        // Most numbers are lengths of one or two digits.
        0..10 => out.push(digit(value)),
        10..100 => {
            out.push(digit(value / 10));
            out.push(digit(value));
        }
        _ => out.push_str(itoa::Buffer::new().format(value)),
    }
}

/// Returns the last digit of a number.
const fn digit(value: u64) -> char {
    (b'0' + (value % 10) as u8) as char
}

struct Reader<'a> {
    buffer: &'a Arc<str>,
    at: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = self.buffer.as_bytes().get(self.at).copied()?;
        self.at += 1;
        Some(byte)
    }

    fn digits(&mut self, end: u8) -> Result<u64, Corrupt> {
        let mut value: u64 = 0;
        for (index, byte) in self.buffer.as_bytes().get(self.at..).unwrap_or_default().iter().enumerate() {
            match byte {
                b'0'..=b'9' => {
                    let digit = u64::from(byte - b'0');
                    value = value.checked_mul(10).and_then(|it| it.checked_add(digit)).ok_or(Corrupt)?;
                }
                byte if *byte == end && index > 0 => {
                    self.at += index + 1;
                    return Ok(value);
                }
                _ => break,
            }
        }
        Err(Corrupt)
    }

    fn number(&mut self) -> Result<u64, Corrupt> {
        self.digits(b';')
    }

    /// Returns the range of a text, which follows a colon and must end on a character boundary.
    fn piece(&mut self) -> Result<Range<usize>, Corrupt> {
        let length = usize::try_from(self.digits(b':')?).map_err(|_| Corrupt)?;
        let piece = self.at..self.at.checked_add(length).ok_or(Corrupt)?;
        self.at = piece.end;
        if self.buffer.is_char_boundary(piece.end) { Ok(piece) } else { Err(Corrupt) }
    }

    fn text(&mut self) -> Result<Text, Corrupt> {
        let piece = self.piece()?;
        Text::slice(self.buffer, piece).ok_or(Corrupt)
    }

    fn expect(&mut self, field: u8) -> Result<&mut Self, Corrupt> {
        if self.byte() == Some(field) { Ok(self) } else { Err(Corrupt) }
    }
}
