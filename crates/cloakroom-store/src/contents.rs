//! The value of an entry: a record or its text, each converted to the other on demand.

use std::fmt;
use std::sync::{Arc, OnceLock};

use cloakroom_session::factory::{CommitId, Record, Version};

/// The value of an entry.
///
/// A commit produces a record and most stores persist text. `MemoryStore` keeps either form as it
/// was given, and converts only on demand. A load produces text, and its caller needs a record.
#[derive(Clone)]
pub(crate) enum Contents {
    /// Text read from a store, parsed on demand.
    Read(Arc<str>, OnceLock<Arc<Record>>),
    /// A record produced by a commit.
    Made(Arc<Record>, OnceLock<Arc<str>>),
    /// The text that a wrapped store keeps instead of a record, and the tag of that record's
    /// version.
    Packed(Arc<str>, u32),
}

impl Contents {
    pub(crate) const fn read(text: Arc<str>) -> Self {
        Self::Read(text, OnceLock::new())
    }

    /// Data that another framework keeps in a record is not part of the stored record.
    pub(crate) fn made(record: Arc<Record>) -> Self {
        if record.has_foreign() { Self::read(record.encode().into()) } else { Self::Made(record, OnceLock::new()) }
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        match self {
            Self::Read(text, _) | Self::Packed(text, _) => text,
            Self::Made(record, text) => text.get_or_init(|| record.encode().into()),
        }
    }

    /// Returns the record, or `None` if the text isn't in our format.
    pub(crate) fn record(&self) -> Option<&Arc<Record>> {
        match self {
            Self::Made(record, _) => Some(record),
            Self::Read(text, record) => match record.get() {
                Some(record) => Some(record),
                None => Record::decode(text, 0).ok().map(|read| record.get_or_init(|| Arc::new(read))),
            },
            Self::Packed(..) => None,
        }
    }

    /// Returns the tag of the version that a write of this value gets.
    pub(crate) fn tag(&self) -> u32 {
        if let Self::Packed(_, tag) = self {
            return *tag;
        }
        let commit = self.record().and_then(|record| record.last_commit());
        commit.map_or_else(|| Version::tag_of(self.text()), CommitId::tag)
    }

    /// Returns whether the record is already decoded.
    pub(crate) fn is_warm(&self) -> bool {
        match self {
            Self::Made(..) | Self::Packed(..) => true,
            Self::Read(_, record) => record.get().is_some(),
        }
    }

    /// Returns the text alone, the smallest form.
    pub(crate) fn cold(&self) -> Self {
        Self::read(Arc::clone(self.text()))
    }

    /// Returns the form to keep in memory: a record that keeps more memory alive than it needs
    /// becomes text.
    pub(crate) fn compact(&self) -> Self {
        match self {
            Self::Made(record, _) if !record.is_fragmented() => Self::Made(Arc::clone(record), OnceLock::new()),
            Self::Packed(..) => self.clone(),
            Self::Made(..) | Self::Read(..) => self.cold(),
        }
    }
}

/// Formats the form that is present, without converting it.
impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(text, _) | Self::Packed(text, _) => write!(f, "Text({} bytes)", text.len()),
            Self::Made(record, _) => record.fmt(f),
        }
    }
}

impl PartialEq for Contents {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Contents {}
