//! The names of an owner in the index of the wrapped store.
//!
//! An owner has one name for each key in the keyring, and the plain name for unencrypted records. A
//! write moves a session to the name that is currently written. That name comes last, so a walk
//! that has passed a session's old name still visits the new one.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_session::factory::RecordSealer;

use super::sealing::Sealing;
use crate::at_rest::MARK;
use crate::error::StoreError;
use crate::scan::Cursor;

/// The identifier of the plain name in a cursor.
const PLAIN: &str = "plain";

/// The names of an owner; the one that is currently written comes last.
#[derive(Debug)]
pub(super) struct Owners(Vec<Name>);

#[derive(Debug)]
pub(super) struct Name {
    /// The identifier of the name in a cursor, which must not reveal the owner; `None` if cursors
    /// of the wrapped store are used unchanged.
    place: Option<String>,
    pub(super) name: String,
    is_plain: bool,
}

/// Returns the name of an owner under the sealing key.
pub(super) fn hashed(sealer: &RecordSealer, owner: &str) -> Option<String> {
    sealer.owner_hashes(owner).next().map(|(_, hash)| spelled(hash))
}

/// The prefix distinguishes it from every plain name.
fn spelled(hash: [u8; 32]) -> String {
    format!("{MARK}{}", URL_SAFE_NO_PAD.encode(hash))
}

/// Returns whether the owner looks like the hash of another owner, whose sessions it must not
/// reach.
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

    /// Keeps only the names of encrypted records.
    pub(super) fn without_plain(mut self) -> Self {
        self.0.retain(|name| !name.is_plain);
        self
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Name> + ExactSizeIterator {
        self.0.iter()
    }

    /// Returns the number of names before the cursor's one, and the position in the list of that
    /// name.
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
    /// Returns the cursor at the start of this name's list, or after `rest` in it.
    pub(super) fn cursor(&self, rest: Option<Cursor>) -> Cursor {
        match (&self.place, rest) {
            (None, rest) => rest.unwrap_or_else(|| Cursor::new("")),
            (Some(place), None) => Cursor::new(place),
            (Some(place), Some(rest)) => Cursor::new(format!("{place}/{rest}")),
        }
    }
}
