//! A record on its way to a store or from it: as text, or as the record itself until somebody wants the text.

use std::sync::{Arc, OnceLock};

use cloakroom_session::Record;

/// What an entry says, in one form or both.
///
/// A commit has a record, and most stores want text; memory wants neither made into the other. Who reads from a store has text, and
/// wants a record.
#[derive(Clone)]
pub(crate) enum Contents {
    /// As a store has read it. Whether it is a record is found when somebody asks.
    Read(Arc<str>),
    /// As a commit has made it, and its text from when somebody asks.
    Made(Arc<Record>, OnceLock<String>),
}

impl Contents {
    pub(crate) const fn read(text: Arc<str>) -> Self {
        Self::Read(text)
    }

    /// What another framework keeps of its own in a record isn't part of what a store keeps.
    pub(crate) fn made(record: Arc<Record>) -> Self {
        if record.has_foreign() { Self::Read(record.encode().into()) } else { Self::Made(record, OnceLock::new()) }
    }

    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Read(text) => text,
            Self::Made(record, text) => text.get_or_init(|| record.encode()),
        }
    }

    /// The record, or `None` where the text isn't one of ours.
    pub(crate) fn record(&self) -> Option<Arc<Record>> {
        match self {
            Self::Read(text) => Record::decode(text, 0).ok().map(Arc::new),
            Self::Made(record, _) => Some(Arc::clone(record)),
        }
    }

    /// The same, without a text beside the record, and without what the record keeps alive and doesn't need.
    pub(crate) fn compact(&self) -> Self {
        match self {
            Self::Read(text) => Self::Read(Arc::clone(text)),
            Self::Made(record, _) => Self::made(record.compact()),
        }
    }
}

impl PartialEq for Contents {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Contents {}
