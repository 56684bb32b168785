//! Text that shares its buffer, and JSON values kept as text until somebody asks for them.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::exact::{self, Unwritable};
use crate::loose::Scanner;
use crate::unreadable::Unreadable;

/// How deep two values are compared: as deep as any is read.
const DEEPEST_COMPARED: u8 = 128;

/// A piece of text that shares the buffer it was cut from.
///
/// An opened record is one buffer; its keys and values are pieces of it, so opening a session
/// copies none of them, whether it holds one key or a hundred.
#[derive(Clone)]
pub struct Text {
    buffer: Arc<str>,
    start: usize,
    end: usize,
}

impl Text {
    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// A piece of `buffer`, or `None` if the range isn't within it or would split a character.
    #[must_use]
    pub(crate) fn slice(buffer: &Arc<str>, range: Range<usize>) -> Option<Self> {
        buffer.get(range.clone())?;
        Some(Self { buffer: Arc::clone(buffer), start: range.start, end: range.end })
    }

    /// The text in a buffer of its own, which is shared if it is one already.
    pub(crate) fn share(&self) -> Arc<str> {
        if self.end - self.start == self.buffer.len() { Arc::clone(&self.buffer) } else { self.as_str().into() }
    }

    /// A piece of this text; empty if the range isn't within it.
    fn piece(&self, range: Range<usize>) -> Self {
        let (start, end) = (self.start + range.start, self.start + range.end);
        let range = if end <= self.end { start..end } else { self.end..self.end };
        Self { buffer: Arc::clone(&self.buffer), start: range.start, end: range.end }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self { buffer: Arc::from(text), start: 0, end: text.len() }
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        let end = text.len();
        Self { buffer: Arc::from(text), start: 0, end }
    }
}

impl From<Arc<str>> for Text {
    fn from(buffer: Arc<str>) -> Self {
        let end = buffer.len();
        Self { buffer, start: 0, end }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl std::hash::Hash for Text {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// One JSON value, kept as text and decoded when it is read.
///
/// # Security
/// `Debug` prints its length only: what applications store may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Text);

impl Json {
    /// Encodes a value for the key (or flash queue) called `name`.
    ///
    /// # Errors
    /// When serde can't write the value as JSON, for example a map whose keys aren't strings; and
    /// when it couldn't be read as it was: a number that isn't finite, an integer of more than 64
    /// bits, nesting of more than 127 levels. The error names `name` and the reason.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Json;
    ///
    /// assert_eq!(Json::encode("rate", &0.5)?.as_str(), "0.5");
    /// let error = Json::encode("rate", &f64::NAN).unwrap_err();
    /// assert!(error.is_encode() && error.to_string().contains("isn't finite"));
    /// # Ok::<(), cloakroom_core::Error>(())
    /// ```
    pub fn encode<T: Serialize + ?Sized>(name: &str, value: &T) -> Result<Self, Error> {
        match exact::to_text(value) {
            Ok(text) => Ok(Self(text.into())),
            Err(Unwritable::Inexact(reason)) => Err(Error::inexact(name, reason)),
            Err(Unwritable::Serde(source)) => Err(Error::encode(name, source)),
        }
    }

    /// Decodes the value as a `T`; `name` is the key it was found under.
    ///
    /// # Errors
    /// When the value is of another shape. The error names the key and both types, and says where
    /// the mistake is and of which kind.
    ///
    /// # Security
    /// The error never holds a value. Its path has the names of fields; the key of a map is shown
    /// only where it looks like one.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Json;
    ///
    /// let carts = Json::encode("carts", &[("hat", "two")])?;
    /// assert_eq!(
    ///     carts.decode::<Vec<(String, u32)>>("carts").unwrap_err().to_string(),
    ///     "session key \"carts\" holds an array, which can't be read as alloc::vec::Vec<(alloc::string::String, u32)>: \
    ///      invalid type at [0][1] (line 1, column 13)",
    /// );
    /// # Ok::<(), cloakroom_core::Error>(())
    /// ```
    pub fn decode<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        serde_json::from_str(self.as_str()).map_err(|error| {
            let why = Unreadable::explain::<T>(self.as_str(), &error);
            Error::decode(name, self.shape(), std::any::type_name::<T>(), why)
        })
    }

    /// A value that is JSON already, as a bridge or a custom factory has it.
    ///
    /// # Errors
    /// When `text` isn't exactly one JSON value, or is nested more than 127 levels deep. The error
    /// names `name`.
    pub fn from_text(name: &str, text: impl Into<Text>) -> Result<Self, Error> {
        let text = text.into();
        if let Some(reason) = exact::too_deep(text.as_str()) {
            return Err(Error::inexact(name, reason));
        }
        match serde_json::from_str::<serde::de::IgnoredAny>(text.as_str()) {
            Ok(_) => Ok(Self(text)),
            Err(source) => Err(Error::encode(name, source)),
        }
    }

    /// A value as another framework wrote it, with what its JSON has beyond the standard: `NaN`,
    /// `Infinity`, halves of surrogate pairs.
    ///
    /// It is kept as it is, and written back as it was. Whether it can be read is found when
    /// somebody reads it, and is an error of that key alone.
    ///
    /// # Errors
    /// When `text` isn't exactly one value. The error names `name`.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Json;
    ///
    /// let rate = Json::from_foreign("rate", "NaN")?;
    /// assert_eq!(rate.as_str(), "NaN");
    /// assert_eq!(rate.decode::<f64>("rate").unwrap_err().key(), Some("rate"));
    /// assert!(Json::from_foreign("rate", "NaN,").is_err());
    /// # Ok::<(), cloakroom_core::Error>(())
    /// ```
    pub fn from_foreign(name: &str, text: impl Into<Text>) -> Result<Self, Error> {
        let text = text.into();
        if Scanner::is_value(text.as_str()) {
            return Ok(Self(text));
        }
        Err(Error::encode(name, serde::de::Error::custom("not one JSON value")))
    }

    /// The members of an object: each key as it is spelled, and its value. `None` if it isn't an
    /// object. No value is looked at.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Json;
    ///
    /// let object = Json::from_foreign("it", r#"{"a": 1, "b": [NaN]}"#)?;
    /// let members = object.members().unwrap();
    /// assert_eq!(members[1].0.as_str(), "\"b\"");
    /// assert_eq!(members[1].1.as_str(), "[NaN]");
    /// # Ok::<(), cloakroom_core::Error>(())
    /// ```
    #[must_use]
    pub fn members(&self) -> Option<Vec<(Self, Self)>> {
        let mut scanner = Scanner::new(self.as_str());
        let mut members = Vec::new();
        self.each(&mut scanner, b'{', b'}', |scanner| {
            let key = self.cut(scanner, Scanner::string)?;
            scanner.space();
            scanner.eat(b':').then_some(())?;
            members.push((key, self.cut(scanner, Scanner::value)?));
            Some(())
        })?;
        Some(members)
    }

    /// The elements of an array. `None` if it isn't one. No value is looked at.
    #[must_use]
    pub fn elements(&self) -> Option<Vec<Self>> {
        let mut scanner = Scanner::new(self.as_str());
        let mut elements = Vec::new();
        self.each(&mut scanner, b'[', b']', |scanner| {
            elements.push(self.cut(scanner, Scanner::value)?);
            Some(())
        })?;
        Some(elements)
    }

    /// Calls `item` at each item between the brackets.
    fn each<'a>(
        &'a self,
        scanner: &mut Scanner<'a>,
        opener: u8,
        closer: u8,
        mut item: impl FnMut(&mut Scanner<'a>) -> Option<()>,
    ) -> Option<()> {
        scanner.space();
        scanner.eat(opener).then_some(())?;
        scanner.space();
        if scanner.eat(closer) {
            return scanner.is_at_end().then_some(());
        }
        loop {
            item(scanner)?;
            scanner.space();
            if scanner.eat(closer) {
                return scanner.is_at_end().then_some(());
            }
            scanner.eat(b',').then_some(())?;
        }
    }

    /// What `step` steps over, without the space in front of it, as a piece of the same buffer.
    fn cut<'a>(&'a self, scanner: &mut Scanner<'a>, step: impl FnOnce(&mut Scanner<'a>) -> Option<()>) -> Option<Self> {
        scanner.space();
        let start = scanner.at;
        step(scanner)?;
        Some(Self(self.0.piece(start..scanner.at)))
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The JSON text in a buffer of its own.
    pub(crate) fn share(&self) -> Arc<str> {
        self.0.share()
    }

    /// Text that a record of ours held: it was valid JSON when it was written, and a wrong value is
    /// found when it is read.
    pub(crate) const fn trusted(text: Text) -> Self {
        Self(text)
    }

    /// Equal as JSON, whatever the spelling: `{"a":1,"b":2}` equals `{ "b": 2, "a": 1 }`.
    ///
    /// Numbers are compared as they are written. As floats, two large integers that differ would be
    /// equal.
    pub(crate) fn means_the_same_as(&self, other: &Self) -> bool {
        self.is_same(other, DEEPEST_COMPARED)
    }

    fn is_same(&self, other: &Self, depth: u8) -> bool {
        if self.as_str().trim() == other.as_str().trim() {
            return true;
        }
        let Some(depth) = depth.checked_sub(1) else { return false };
        if let (Some(ours), Some(theirs)) = (self.elements(), other.elements()) {
            let mut pairs = ours.iter().zip(&theirs);
            return ours.len() == theirs.len() && pairs.all(|(it, other)| it.is_same(other, depth));
        }
        if let (Some(ours), Some(theirs)) = (self.by_key(), other.by_key()) {
            let has = |(key, it): (&String, &Self)| theirs.get(key).is_some_and(|other| it.is_same(other, depth));
            return ours.len() == theirs.len() && ours.iter().all(has);
        }
        let string = |json: &Self| serde_json::from_str::<String>(json.as_str()).ok();
        string(self).is_some_and(|it| string(other) == Some(it))
    }

    /// The members of an object by the text of their keys, of which a later one replaces an earlier
    /// one, as readers have it.
    fn by_key(&self) -> Option<BTreeMap<String, Self>> {
        let key = |json: &Self| serde_json::from_str(json.as_str()).unwrap_or_else(|_| json.as_str().to_owned());
        Some(self.members()?.into_iter().map(|(name, value)| (key(&name), value)).collect())
    }

    fn shape(&self) -> &'static str {
        match self.as_str().trim_start().as_bytes().first() {
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            Some(b'-' | b'0'..=b'9' | b'N' | b'I') => "a number",
            _ => "not JSON",
        }
    }
}

/// A text is a JSON string. This cannot fail, unlike [`Json::encode`].
impl From<&str> for Json {
    fn from(text: &str) -> Self {
        // A string is the one value that serde_json always writes.
        Self::trusted(serde_json::to_string(text).unwrap_or_default().into())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Json {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<std::borrow::Cow<'_, str>> for Json {
    fn from(text: std::borrow::Cow<'_, str>) -> Self {
        Self::from(&*text)
    }
}

/// A message is a pair of two texts, which cannot fail either.
impl From<crate::flash::Message> for Json {
    fn from(message: crate::flash::Message) -> Self {
        Self::trusted(serde_json::to_string(&message).unwrap_or_default().into())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.as_str().len())
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn values_are_equal_whatever_their_spelling() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let rows: &[(&str, &str, &str, bool)] = &[
            ("the order of members", r#"{"a":1,"b":2}"#, r#"{ "b": 2, "a": 1 }"#, true),
            ("space", "[1, 2]", " [1,2] ", true),
            ("escapes", r#""\u0041b""#, r#""Ab""#, true),
            ("escapes in a key", r#"{"\u0041":1}"#, r#"{"A":1}"#, true),
            ("a key twice", r#"{"a":1,"a":2}"#, r#"{"a":2}"#, true),
            ("integers that are one float", "18446744073709551616", "18446744073709551617", false),
            ("the same in a list", "[9007199254740993.0]", "[9007199254740992.0]", false),
            ("an integer and a float", "1", "1.0", false),
            ("a number and a string", "1", r#""1""#, false),
            ("another element", "[1,2]", "[1,3]", false),
            ("fewer elements", "[1,2]", "[1]", false),
            ("another member", r#"{"a":1}"#, r#"{"a":2}"#, false),
            ("another key", r#"{"a":1}"#, r#"{"b":1}"#, false),
            ("more members", r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
            ("empty of either kind", "[]", "{}", false),
            ("foreign words", "[NaN]", "[ NaN ]", true),
            ("as deep as you like", &deep, &deep, true),
        ];
        for (name, one, other, same) in rows {
            let [one, other] = [one, other].map(|text| Json::from_foreign("it", *text).unwrap());
            assert_eq!(one.means_the_same_as(&other), *same, "{name}");
            assert_eq!(other.means_the_same_as(&one), *same, "{name}, the other way round");
        }
    }
}
