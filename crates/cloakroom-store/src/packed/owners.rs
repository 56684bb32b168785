//! The names that an owner has in the index of the wrapped store.
//!
//! An owner has a name for each key of the ring, and their own, under which records stand that
//! aren't encrypted. A write moves a session to the name that is written, so that name comes last:
//! a walk that has passed a session's old name still meets its new one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_session::RecordSealer;

use super::packer::Sealing;
use crate::at_rest::MARK;
use crate::error::StoreError;
use crate::scan::Cursor;

/// What a cursor calls the owner's own name.
const PLAIN: &str = "plain";

/// The names of an owner, the one that is written last.
#[derive(Debug)]
pub(super) struct Owners(Vec<Name>);

#[derive(Debug)]
pub(super) struct Name {
    /// What it is called in a cursor, which must not name the owner; `None` where cursors are the
    /// wrapped store's own.
    place: Option<String>,
    pub(super) name: String,
    is_plain: bool,
}

/// The name that an owner has by the key that seals.
pub(super) fn hashed(sealer: &RecordSealer, owner: &str) -> Option<String> {
    sealer.owner_hashes(owner).next().map(|(_, hash)| spelled(hash))
}

/// Marked, so that no owner's own name is taken for it.
fn spelled(hash: [u8; 32]) -> String {
    format!("{MARK}{}", URL_SAFE_NO_PAD.encode(hash))
}

/// Whether it may be the hash of another owner, whose sessions this one must not reach.
fn looks_hashed(owner: &str) -> bool {
    owner.starts_with(MARK) && owner.len() == spelled([0; 32]).len()
}

impl Owners {
    pub(super) fn new(owner: &str, sealer: Option<&RecordSealer>, sealing: Sealing) -> Self {
        let Some(sealer) = sealer else {
            return Self(vec![Name { place: None, name: owner.to_owned(), is_plain: true }]);
        };
        let hashes = sealer.owner_hashes(owner).map(|(id, hash)| Name {
            place: Some(id.to_string()),
            name: spelled(hash),
            is_plain: false,
        });
        let mut names: Vec<Name> = hashes.collect();
        if !looks_hashed(owner) {
            names.push(Name { place: Some(PLAIN.to_owned()), name: owner.to_owned(), is_plain: true });
        }
        if sealing == Sealing::Seal {
            names.reverse();
        }
        Self(names)
    }

    /// The names of encrypted records alone.
    pub(super) fn without_plain(mut self) -> Self {
        self.0.retain(|name| !name.is_plain);
        self
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Name> + ExactSizeIterator {
        self.0.iter()
    }

    /// The number of names before the one where a walk goes on, and the place in its list.
    pub(super) fn find(&self, cursor: &Cursor) -> Result<(usize, Option<Cursor>), StoreError> {
        let (place, rest) = match cursor.as_str().split_once('/') {
            Some((place, rest)) => (place, Some(Cursor::new(rest))),
            None => (cursor.as_str(), None),
        };
        match &self.0[..] {
            [Name { place: None, .. }] => Ok((0, Some(cursor.clone()))),
            names => {
                let index = names.iter().position(|name| name.place.as_deref() == Some(place));
                index.map(|index| (index, rest)).ok_or_else(StoreError::foreign_cursor)
            }
        }
    }
}

impl Name {
    /// The place at the start of this name's list, or behind `rest` in it.
    pub(super) fn cursor(&self, rest: Option<Cursor>) -> Cursor {
        match (&self.place, rest) {
            (None, rest) => rest.unwrap_or_else(|| Cursor::new("")),
            (Some(place), None) => Cursor::new(place),
            (Some(place), Some(rest)) => Cursor::new(format!("{place}/{rest}")),
        }
    }
}
