//! Text that shares its buffer.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

/// A slice of a shared text buffer.
///
/// An opened record is one buffer, and its keys and values are slices of it. Opening a session
/// therefore copies none of them, regardless of their number.
#[derive(Clone)]
pub struct Text {
    buffer: Arc<str>,
    start: usize,
    end: usize,
}

impl Text {
    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Returns a slice of `buffer`, or `None` if the range isn't within it or would split a
    /// character.
    #[must_use]
    pub(crate) fn slice(buffer: &Arc<str>, range: Range<usize>) -> Option<Self> {
        buffer.get(range.clone())?;
        Some(Self { buffer: Arc::clone(buffer), start: range.start, end: range.end })
    }

    /// Returns the text in a buffer that holds nothing else, shared if it already is one.
    pub(crate) fn share(&self) -> Arc<str> {
        if self.end - self.start == self.buffer.len() { Arc::clone(&self.buffer) } else { self.as_str().into() }
    }

    /// Returns a slice of this text, which is empty if the range isn't within it.
    pub(super) fn piece(&self, range: Range<usize>) -> Self {
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

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}
