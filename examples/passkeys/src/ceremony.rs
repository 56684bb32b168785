//! The state of a ceremony, between its two requests.

use cloakroom::{Clock as _, Error, Session, SessionKey, SystemClock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The time that a user may take, in seconds.
const PATIENCE: u64 = 5 * 60;

#[derive(Serialize, Deserialize)]
pub(crate) struct Begun<T> {
    at: u64,
    state: T,
}

/// A ceremony, with the session's key for its state.
pub(crate) struct Ceremony<T>(SessionKey<Begun<T>>);

impl<T: Serialize + DeserializeOwned> Ceremony<T> {
    pub(crate) const fn new(key: &'static str) -> Self {
        Self(SessionKey::new(key))
    }

    /// Keeps the state, which replaces that of a ceremony under way. A cookie session refuses it,
    /// because a copy of the cookie could bring the state back.
    pub(crate) fn begin(&self, session: &Session, state: T) -> Result<(), Error> {
        session.insert_once(self.0, Begun { at: SystemClock.now().unix_secs(), state })
    }

    /// Takes the state, so that a wrong answer uses it up, too.
    pub(crate) fn take(&self, session: &Session) -> Result<Option<T>, Error> {
        let begun = session.take(self.0)?;
        let now = SystemClock.now().unix_secs();
        Ok(begun.filter(|it| now.saturating_sub(it.at) <= PATIENCE).map(|it| it.state))
    }
}
