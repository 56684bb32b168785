//! The mark on a session that moves to the other side.
//!
//! It is a value in the record on the side that the session leaves, so the store's own
//! compare-and-set orders all requests that access the record. A mark only moves forward:
//!
//! | mark | meaning |
//! |---|---|
//! | none | the session lives here |
//! | claimed | it lives here, and a request is moving it |
//! | moved | it lives on the other side; requests that opened it here follow it |
//! | cycled | it lives there under an id that must stay unknown to holders of the old one |
//! | ended | the user signed out; a move in progress is abandoned |

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cloakroom_session::Error;
use cloakroom_session::factory::{Json, Record, SessionId, SessionState, random};
use sha2::{Digest as _, Sha256};

use crate::hex::{hex, unhex};

/// The key of the mark, chosen not to collide with an application's keys.
pub(super) const KEY: &str = "_cloakroom_move";

/// A value that makes the new id unpredictable to clients that have only the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonce([u8; 32]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Claimed(Nonce),
    Moved(Nonce),
    Cycled(Nonce),
    /// Contains the nonce of a move that was in progress or completed.
    Ended(Option<Nonce>),
}

impl Nonce {
    /// Returns the nonce of a commit. A retried commit gets the same one.
    pub(super) fn of(new: Option<SessionId>) -> Result<Self, Error> {
        Ok(Self(match new {
            Some(id) => Sha256::new().chain_update(b"cloakroom move nonce").chain_update(id.expose()).finalize().into(),
            None => random()?,
        }))
    }

    /// Returns the id on the other side of a session that leaves this one.
    pub(super) fn target(self, old: SessionId) -> SessionId {
        let digest = Sha256::new().chain_update(b"cloakroom move").chain_update(self.0).chain_update(old.expose());
        SessionId::from_random(digest.finalize().into())
    }
}

impl Mark {
    /// Returns the mark on a record.
    pub(super) fn of(record: &Record) -> Option<Self> {
        Self::parse(&record.get(KEY)?.decode::<String>(KEY).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let (word, nonce) = text.split_once(' ').map_or((text, None), |(word, nonce)| (word, Some(nonce)));
        let nonce = match nonce {
            Some(digits) => Some(Nonce(unhex(digits)?.try_into().ok()?)),
            None => None,
        };
        match (word, nonce) {
            ("claimed", Some(nonce)) => Some(Self::Claimed(nonce)),
            ("moved", Some(nonce)) => Some(Self::Moved(nonce)),
            ("cycled", Some(nonce)) => Some(Self::Cycled(nonce)),
            ("ended", nonce) => Some(Self::Ended(nonce)),
            _ => None,
        }
    }

    fn text(self) -> String {
        let (word, nonce) = match self {
            Self::Claimed(nonce) => ("claimed", Some(nonce)),
            Self::Moved(nonce) => ("moved", Some(nonce)),
            Self::Cycled(nonce) => ("cycled", Some(nonce)),
            Self::Ended(nonce) => ("ended", nonce),
        };
        let mut text = word.to_owned();
        if let Some(Nonce(bytes)) = nonce {
            text.push(' ');
            text.push_str(&hex(&bytes));
        }
        text
    }

    pub(super) const fn nonce(self) -> Option<Nonce> {
        match self {
            Self::Claimed(nonce) | Self::Moved(nonce) | Self::Cycled(nonce) => Some(nonce),
            Self::Ended(nonce) => nonce,
        }
    }
}

/// Claims a session unless it already has a mark.
pub(super) fn claim(session: &mut SessionState, nonce: Nonce) -> Result<(), Error> {
    session.insert_json_if_absent(KEY, Json::encode(KEY, &Mark::Claimed(nonce).text())?);
    Ok(())
}

/// Marks a claimed session as moved. The result tells whether it was still claimed.
pub(super) fn moved(session: &mut SessionState, cycles: bool) -> Result<Claim, Error> {
    let claim = Claim::default();
    let seen = Arc::clone(&claim.0);
    session.update(KEY, move |text: &mut String| {
        let was = Mark::parse(text);
        // The store may run this again on a newer version: the last run counts.
        seen.store(matches!(was, Some(Mark::Claimed(_))), Ordering::SeqCst);
        if let Some(Mark::Claimed(nonce)) = was {
            *text = if cycles { Mark::Cycled(nonce) } else { Mark::Moved(nonce) }.text();
        }
    })?;
    Ok(claim)
}

/// Records whether the last version written was still claimed.
#[derive(Debug, Default)]
pub(super) struct Claim(Arc<AtomicBool>);

impl Claim {
    pub(super) fn was_first(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Marks a session as ended.
pub(super) fn ended(session: &mut SessionState) -> Result<(), Error> {
    let end = |text: &mut String| *text = Mark::Ended(Mark::parse(text).and_then(Mark::nonce)).text();
    Ok(session.update(KEY, end)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: Nonce = Nonce([0xa7; 32]);

    #[test]
    fn written_marks_are_read_back() {
        for mark in
            [Mark::Claimed(NONCE), Mark::Moved(NONCE), Mark::Cycled(NONCE), Mark::Ended(Some(NONCE)), Mark::Ended(None)]
        {
            assert_eq!(Mark::parse(&mark.text()), Some(mark));
        }
        for other in ["", "claimed", "moved a7", "ended a7", "somewhere else", "cycled "] {
            assert_eq!(Mark::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_target_depends_on_the_old_id_and_on_the_nonce() {
        let [one, other] = [1, 2].map(|byte| SessionId::from_random([byte; 32]));
        assert_eq!(NONCE.target(one), NONCE.target(one));
        assert_ne!(NONCE.target(one), NONCE.target(other));
        assert_ne!(NONCE.target(one), Nonce([0xa8; 32]).target(one));
        assert_eq!(Nonce::of(Some(one)).unwrap(), Nonce::of(Some(one)).unwrap());
        assert_ne!(Nonce::of(None).unwrap(), Nonce::of(None).unwrap());
    }
}
