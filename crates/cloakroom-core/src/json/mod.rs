//! JSON values that are kept as text until they are read.
//!
//! | file | contents |
//! |---|---|
//! | this file | a value |
//! | `text` | text that shares its buffer |
//! | `exact` | lossless encoding |
//! | `unreadable` | the reasons why a value can't be decoded |
//! | `lenient` | lenient parsing, for the data of other frameworks |

mod exact;
mod lenient;
mod text;
pub(crate) mod unreadable;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

use exact::Unwritable;
use lenient::Scanner;
use unreadable::Unreadable;

pub use text::Text;

/// The maximum depth of a comparison, which is the maximum depth of a readable value.
const DEEPEST_COMPARED: u8 = 128;

/// A JSON value, kept as text and decoded when it is read.
///
/// # Security
/// `Debug` prints only its length, because values may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Text);

impl Json {
    /// Encodes a value for the key (or flash queue) called `name`.
    ///
    /// # Errors
    /// Returns an error if serde can't write the value as JSON, for example a map whose keys aren't
    /// strings, or if the value couldn't be read back unchanged: a number that isn't finite, an
    /// integer of more than 64 bits, or nesting of more than 127 levels. The error names `name` and
    /// the reason.
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

    /// Decodes the value as a `T`; `name` is its key.
    ///
    /// # Errors
    /// Returns an error if the value has another shape. The error names the key, both types, and
    /// the kind and position of the mistake.
    ///
    /// # Security
    /// The error never contains a value. Its path contains field names; the key of a map appears
    /// only if it looks like a field name.
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

    /// Creates a value from JSON text, for bridges and custom factories.
    ///
    /// # Errors
    /// Returns an error if `text` isn't exactly one JSON value, or is nested more than 127 levels
    /// deep. The error names `name`.
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

    /// Creates a value from text that another framework wrote.
    ///
    /// The text may have extensions of JSON: `NaN`, `Infinity` and unpaired surrogates.
    ///
    /// The text is kept and written back unchanged. An extension that can't be decoded is an error
    /// only when that key is read.
    ///
    /// # Errors
    /// Returns an error if `text` isn't exactly one value. The error names `name`.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Json;
    ///
    /// let rate = Json::from_lenient("rate", "NaN")?;
    /// assert_eq!(rate.as_str(), "NaN");
    /// assert_eq!(rate.decode::<f64>("rate").unwrap_err().key(), Some("rate"));
    /// assert!(Json::from_lenient("rate", "NaN,").is_err());
    /// # Ok::<(), cloakroom_core::Error>(())
    /// ```
    pub fn from_lenient(name: &str, text: impl Into<Text>) -> Result<Self, Error> {
        let text = text.into();
        if Scanner::is_value(text.as_str()) {
            return Ok(Self(text));
        }
        Err(Error::encode(name, serde::de::Error::custom("not one JSON value")))
    }

    /// Returns the members of an object, or `None` for any other value.
    ///
    /// Keys are returned as they are written, with quotes and escapes. Values aren't parsed.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Json;
    ///
    /// let object = Json::from_lenient("it", r#"{"a": 1, "b": [NaN]}"#)?;
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

    /// Returns the elements of an array, or `None` for any other value.
    ///
    /// Elements aren't parsed.
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

    /// Returns the text that `step` skips, without leading space, as a slice of the same buffer.
    fn cut<'a>(&'a self, scanner: &mut Scanner<'a>, step: impl FnOnce(&mut Scanner<'a>) -> Option<()>) -> Option<Self> {
        scanner.space();
        let start = scanner.at;
        step(scanner)?;
        Some(Self(self.0.piece(start..scanner.at)))
    }

    /// Returns the JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Returns the JSON text in a buffer that holds nothing else.
    pub(crate) fn share(&self) -> Arc<str> {
        self.0.share()
    }

    /// Creates a value from the text of a record. It was valid JSON when it was written, and an
    /// invalid value is detected when it is read.
    pub(crate) const fn trusted(text: Text) -> Self {
        Self(text)
    }

    /// Compares two values as JSON: `{"a":1,"b":2}` equals `{ "b": 2, "a": 1 }`.
    ///
    /// Numbers are compared as text. Compared as floats, two different large integers would be
    /// equal.
    ///
    /// # Examples
    /// ```
    /// use cloakroom_core::Json;
    ///
    /// let [one, other] = [r#"["\u00e9"]"#, r#"[ "é" ]"#].map(|text| Json::from_text("it", text).unwrap());
    /// assert!(one.means_the_same_as(&other) && one != other);
    /// ```
    #[must_use]
    pub fn means_the_same_as(&self, other: &Self) -> bool {
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

    /// Returns the members of an object by decoded key. The last of several equal keys wins, as in
    /// JSON parsers.
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

/// Converts a text to a JSON string. This cannot fail, unlike [`Json::encode`].
impl From<&str> for Json {
    fn from(text: &str) -> Self {
        // serde_json can write every string.
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

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.as_str().len())
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn values_are_equal_regardless_of_their_spelling() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let rows: &[(&str, &str, &str, bool)] = &[
            ("the order of members", r#"{"a":1,"b":2}"#, r#"{ "b": 2, "a": 1 }"#, true),
            ("space", "[1, 2]", " [1,2] ", true),
            ("escapes", r#""\u0041b""#, r#""Ab""#, true),
            ("escapes in a key", r#"{"\u0041":1}"#, r#"{"A":1}"#, true),
            ("a key twice", r#"{"a":1,"a":2}"#, r#"{"a":2}"#, true),
            ("integers that are equal as floats", "18446744073709551616", "18446744073709551617", false),
            ("integers that are equal as floats, in a list", "[9007199254740993.0]", "[9007199254740992.0]", false),
            ("an integer and a float", "1", "1.0", false),
            ("a number and a string", "1", r#""1""#, false),
            ("another element", "[1,2]", "[1,3]", false),
            ("fewer elements", "[1,2]", "[1]", false),
            ("another member", r#"{"a":1}"#, r#"{"a":2}"#, false),
            ("another key", r#"{"a":1}"#, r#"{"b":1}"#, false),
            ("more members", r#"{"a":1}"#, r#"{"a":1,"b":2}"#, false),
            ("an empty array and an empty object", "[]", "{}", false),
            ("an extension of JSON", "[NaN]", "[ NaN ]", true),
            ("deep nesting", &deep, &deep, true),
        ];
        for (name, one, other, same) in rows {
            let [one, other] = [one, other].map(|text| Json::from_lenient("it", *text).unwrap());
            assert_eq!(one.means_the_same_as(&other), *same, "{name}");
            assert_eq!(other.means_the_same_as(&one), *same, "{name}, the other way round");
        }
    }
}
