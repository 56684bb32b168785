//! The id that handlers see.

use cloakroom_session::adapter::SessionSlot;
use cloakroom_session::factory::{Presented, StoreKey};

use crate::head::Head;

/// The id with which the foreign session of a request begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FirstId {
    /// The request names no session.
    None,
    /// The request names this session.
    Known(i128),
    /// The request may name a session. The id is random: without one, nothing would be loaded.
    Random,
}

impl FirstId {
    /// Returns the id for a request, without asking the store.
    pub(crate) fn of(slot: Option<&SessionSlot>, head: &Head) -> Self {
        // Without a slot the id makes the first use fail, with an error that names the missing
        // layer.
        let Some(slot) = slot else { return Self::Random };
        match slot.presented_for(head) {
            Presented::Session(key) => Self::Known(public_id(&key)),
            Presented::Unknown if head.has_cookies() => Self::Random,
            Presented::Nothing | Presented::Unknown | _ => Self::None,
        }
    }
}

/// Returns the public id of a session: the first half of its store key.
///
/// With half of the key, a session can be recognized in traces and tables, but not looked up.
pub(crate) fn public_id(key: &StoreKey) -> i128 {
    key.as_bytes().first_chunk().map_or(0, |half| i128::from_le_bytes(*half))
}
