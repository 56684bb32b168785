//! The mark on a session that moves to the other side.
//!
//! It is a value in the record on the side that the session leaves, so the store's own
//! compare-and-set orders all requests that access the record. A mark only moves forward:
//!
//! | mark | meaning |
//! |---|---|
//! | none | the session lives here |
//! | claimed | it lives here, and requests are moving it; the mark counts their claims |
//! | moved | it lives on the other side; requests that opened it here follow it |
//! | cycled | it lives there under an id that must stay unknown to holders of the old one |
//! | ended | the user signed out; a move in progress is abandoned |

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use cloakroom_session::Error;
use cloakroom_session::factory::{Record, SessionId, SessionState, random};
use sha2::{Digest as _, Sha256};

use crate::hex::{hex, unhex};

/// The key of the mark, chosen not to collide with an application's keys.
pub(super) const KEY: &str = "_cloakroom_move";

/// A value that makes the new id unpredictable to clients that have only the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonce([u8; 32]);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Contains the number of claims so far, which tells whether a claim came before another one.
    Claimed(Nonce, u32),
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

    pub(super) const fn bytes(&self) -> &[u8] {
        &self.0
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
        let mut words = text.split(' ');
        let word = words.next()?;
        let nonce = match words.next() {
            Some(digits) => Some(Nonce(unhex(digits)?.try_into().ok()?)),
            None => None,
        };
        match (word, nonce, words.next(), words.next()) {
            ("claimed", Some(nonce), Some(claims), None) => Some(Self::Claimed(nonce, claims.parse().ok()?)),
            ("moved", Some(nonce), None, _) => Some(Self::Moved(nonce)),
            ("cycled", Some(nonce), None, _) => Some(Self::Cycled(nonce)),
            ("ended", nonce, None, _) => Some(Self::Ended(nonce)),
            _ => None,
        }
    }

    pub(super) fn text(self) -> String {
        match self {
            Self::Claimed(Nonce(nonce), claims) => format!("claimed {} {claims}", hex(&nonce)),
            Self::Moved(Nonce(nonce)) => format!("moved {}", hex(&nonce)),
            Self::Cycled(Nonce(nonce)) => format!("cycled {}", hex(&nonce)),
            Self::Ended(Some(Nonce(nonce))) => format!("ended {}", hex(&nonce)),
            Self::Ended(None) => "ended".to_owned(),
        }
    }

    pub(super) const fn nonce(self) -> Option<Nonce> {
        match self {
            Self::Claimed(nonce, _) | Self::Moved(nonce) | Self::Cycled(nonce) => Some(nonce),
            Self::Ended(nonce) => nonce,
        }
    }
}

/// Claims a session for a move with this nonce, or joins the move that another request has claimed.
pub(super) fn claim(session: &mut SessionState, nonce: Nonce) -> Result<ClaimNumber, Error> {
    let number = ClaimNumber::default();
    let seen = Arc::clone(&number.0);
    session.update(KEY, move |text: &mut String| {
        let claimed = match Mark::parse(text) {
            Some(Mark::Claimed(nonce, claims)) => Some((nonce, claims.saturating_add(1))),
            None if text.is_empty() => Some((nonce, 1)),
            _ => None,
        };
        // The store may run this again on a newer version: the last run counts.
        seen.store(claimed.map_or(0, |(_, claims)| claims), Ordering::SeqCst);
        if let Some((nonce, claims)) = claimed {
            *text = Mark::Claimed(nonce, claims).text();
        }
    })?;
    Ok(number)
}

/// The position of a claim among all claims of a move.
#[derive(Debug, Default)]
pub(super) struct ClaimNumber(Arc<AtomicU32>);

impl ClaimNumber {
    /// Returns the number in the last version written; `None` if the session had left by then.
    pub(super) fn get(&self) -> Option<u32> {
        Some(self.0.load(Ordering::SeqCst)).filter(|number| *number > 0)
    }
}

/// Marks a claimed session as moved. The result tells whether it was still claimed.
pub(super) fn moved(session: &mut SessionState, cycles: bool) -> Result<Claim, Error> {
    let claim = Claim::default();
    let seen = Arc::clone(&claim.0);
    session.update(KEY, move |text: &mut String| {
        let was = Mark::parse(text);
        // The store may run this again on a newer version: the last run counts.
        seen.store(matches!(was, Some(Mark::Claimed(..))), Ordering::SeqCst);
        if let Some(Mark::Claimed(nonce, _)) = was {
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
        for mark in [
            Mark::Claimed(NONCE, 1),
            Mark::Claimed(NONCE, u32::MAX),
            Mark::Moved(NONCE),
            Mark::Cycled(NONCE),
            Mark::Ended(Some(NONCE)),
            Mark::Ended(None),
        ] {
            assert_eq!(Mark::parse(&mark.text()), Some(mark));
        }
        let (nonce, moved) = (hex(&NONCE.0), Mark::Moved(NONCE).text());
        let unfinished = [format!("claimed {nonce}"), format!("claimed {nonce} many"), format!("claimed {nonce} 1 2")];
        let others = ["", "claimed", "moved a7", "ended a7", "somewhere else", "cycled "].map(str::to_owned);
        for other in others.into_iter().chain(unfinished).chain([format!("{moved} 1")]) {
            assert_eq!(Mark::parse(&other), None, "{other}");
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
