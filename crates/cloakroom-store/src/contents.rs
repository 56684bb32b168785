//! A record on its way to a store or from it: as text or as the record itself, and as the other one
//! from when somebody asks.

use std::fmt;
use std::sync::{Arc, OnceLock};

use cloakroom_session::{CommitId, Record, Version};

/// What an entry says.
///
/// A commit has a record, and most stores want text; memory wants neither made into the other. Who
/// reads from a store has text, and wants a record.
#[derive(Clone)]
pub(crate) enum Contents {
    /// As a store has read it. Whether it is a record is found when somebody asks.
    Read(Arc<str>, OnceLock<Arc<Record>>),
    /// As a commit has made it.
    Made(Arc<Record>, OnceLock<Arc<str>>),
    /// Text that stands for a record in a wrapped store, and the tag of that record's version.
    Packed(Arc<str>, u32),
}

impl Contents {
    pub(crate) const fn read(text: Arc<str>) -> Self {
        Self::Read(text, OnceLock::new())
    }

    /// What another framework keeps of its own in a record isn't part of what a store keeps.
    pub(crate) fn made(record: Arc<Record>) -> Self {
        if record.has_foreign() { Self::read(record.encode().into()) } else { Self::Made(record, OnceLock::new()) }
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        match self {
            Self::Read(text, _) | Self::Packed(text, _) => text,
            Self::Made(record, text) => text.get_or_init(|| record.encode().into()),
        }
    }

    /// The record, or `None` where the text isn't one of ours.
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

    /// The tag of the version that a write of this gets.
    pub(crate) fn tag(&self) -> u32 {
        if let Self::Packed(_, tag) = self {
            return *tag;
        }
        let commit = self.record().and_then(|record| record.last_commit());
        commit.map_or_else(|| Version::tag_of(self.text()), CommitId::tag)
    }

    /// Whether the record has been made from the text, or is the form in which it came.
    pub(crate) fn is_warm(&self) -> bool {
        match self {
            Self::Made(..) | Self::Packed(..) => true,
            Self::Read(_, record) => record.get().is_some(),
        }
    }

    /// The text alone, which is the smallest form there is.
    pub(crate) fn cold(&self) -> Self {
        Self::read(Arc::clone(self.text()))
    }

    /// The same, to be kept in memory: a record that keeps more alive than it needs becomes text.
    pub(crate) fn compact(&self) -> Self {
        match self {
            Self::Made(record, _) if !record.is_scattered() => Self::Made(Arc::clone(record), OnceLock::new()),
            Self::Packed(..) => self.clone(),
            Self::Made(..) | Self::Read(..) => self.cold(),
        }
    }
}

/// Says what is there, and makes nothing for it.
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
