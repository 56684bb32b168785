//! Text that shares its buffer, and JSON values kept as text until somebody asks for them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// A piece of text that shares the buffer it was cut from.
///
/// An opened record is one buffer; its keys and values are pieces of it, so opening a session copies
/// none of them, whether it holds one key or a hundred.
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

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

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
    /// When serde can't write the value as JSON, for example a map whose keys aren't strings. The error names `name`.
    pub fn encode<T: Serialize + ?Sized>(name: &str, value: &T) -> Result<Self, Error> {
        match serde_json::to_string(value) {
            Ok(text) => Ok(Self(text.into())),
            Err(source) => Err(Error::encode(name, source)),
        }
    }

    /// Decodes the value as a `T`; `name` is the key it was found under.
    ///
    /// # Errors
    /// When the value is of another shape. The error names the key and both types, and never the value.
    pub fn decode<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        // serde's own message quotes the value it met, which may be a secret: only its category is kept.
        serde_json::from_str(self.as_str()).map_err(|_| Error::decode(name, self.shape(), std::any::type_name::<T>()))
    }

    /// A value that is JSON already, as a bridge or a custom factory has it.
    ///
    /// # Errors
    /// When `text` isn't exactly one JSON value. The error names `name`.
    pub fn from_text(name: &str, text: impl Into<Text>) -> Result<Self, Error> {
        let text = text.into();
        match serde_json::from_str::<serde::de::IgnoredAny>(text.as_str()) {
            Ok(_) => Ok(Self(text)),
            Err(source) => Err(Error::encode(name, source)),
        }
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Text that a record of ours held: it was valid JSON when it was written, and a wrong value is found when it is read.
    pub(crate) const fn trusted(text: Text) -> Self {
        Self(text)
    }

    /// Equal as JSON, whatever the spelling: `{"a":1,"b":2}` equals `{ "b": 2, "a": 1 }`.
    pub(crate) fn means_the_same_as(&self, other: &Self) -> bool {
        let value = |json: &Self| serde_json::from_str::<serde_json::Value>(json.as_str()).ok();
        self == other || value(self).is_some_and(|it| value(other) == Some(it))
    }

    fn shape(&self) -> &'static str {
        match self.as_str().trim_start().as_bytes().first() {
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b'"') => "a string",
            Some(b't' | b'f') => "a boolean",
            Some(b'n') => "null",
            Some(b'-' | b'0'..=b'9') => "a number",
            _ => "not JSON",
        }
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.as_str().len())
    }
}
