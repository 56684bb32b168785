//! Sign-ins that have begun: one per tab, in the session.

use cloakroom::{Error, Session, SessionKey};
use serde::{Deserialize, Serialize};

/// One key for all tabs. `update` adds and removes a flow without losing that of another tab.
const FLOWS: SessionKey<Flows> = SessionKey::new("openid_flows");

/// The number of flows that are kept. A visitor can't fill the store with abandoned ones.
const MOST: usize = 5;

/// The time that a user has at the provider, in seconds.
const LONGEST: u64 = 10 * 60;

/// A sign-in that has begun and must be finished in the same session.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(Debug, PartialEq))] // not in the program: it holds secrets
pub(crate) struct Flow {
    /// The parameter `state`, by which the callback names this flow.
    pub(crate) state: String,
    /// The value that the ID token must repeat.
    pub(crate) nonce: String,
    /// The secret of PKCE, which proves to the provider that the same client asks for the token.
    pub(crate) verifier: String,
    /// The way back, a checked `ReturnPath`.
    pub(crate) next: String,
    /// The time at which it began, in seconds.
    pub(crate) begun: u64,
}

/// Oldest first.
#[derive(Default, Serialize, Deserialize)]
struct Flows(Vec<Flow>);

impl Flows {
    fn add(&mut self, flow: Flow) {
        self.0.push(flow);
        self.0.drain(..self.0.len().saturating_sub(MOST));
    }

    fn take(&mut self, state: &str, now: u64) -> Option<Flow> {
        self.0.retain(|flow| now.saturating_sub(flow.begun) <= LONGEST);
        let found = self.0.iter().position(|flow| flow.state == state)?;
        Some(self.0.remove(found))
    }
}

/// Stores a flow until its callback.
pub(crate) fn add(session: &Session, flow: Flow) -> Result<(), Error> {
    session.update(FLOWS, move |flows| flows.add(flow.clone()))
}

/// Removes a flow and returns it, so that its state works once.
///
/// `None` if this session has begun no such flow, has finished it, or began it too long ago.
pub(crate) fn take(session: &Session, state: String, now: u64) -> Result<Option<Flow>, Error> {
    // Without this, a callback with an invented state would create a session.
    if !session.contains_key(FLOWS) {
        return Ok(None);
    }
    session.update(FLOWS, move |flows| flows.take(&state, now))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn flow(number: u64) -> Flow {
        let [nonce, verifier, next] = ["n", "v", "/"].map(str::to_owned);
        Flow { state: number.to_string(), nonce, verifier, next, begun: NOW + number }
    }

    #[test]
    fn a_flow_is_taken_once_by_its_state() -> Result<(), Error> {
        let session = Session::for_tests();
        assert_eq!(take(&session, "1".to_owned(), NOW)?, None);
        assert!(session.is_empty(), "an invented state stores nothing");
        add(&session, flow(1))?;
        add(&session, flow(2))?;
        assert_eq!(take(&session, "3".to_owned(), NOW)?, None);
        assert_eq!(take(&session, "1".to_owned(), NOW)?, Some(flow(1)));
        assert_eq!(take(&session, "1".to_owned(), NOW)?, None);
        assert_eq!(take(&session, "2".to_owned(), NOW)?, Some(flow(2)));
        Ok(())
    }

    #[test]
    fn the_oldest_flow_goes_when_there_are_too_many() -> Result<(), Error> {
        let session = Session::for_tests();
        (1..=6).try_for_each(|number| add(&session, flow(number)))?;
        assert_eq!(take(&session, "1".to_owned(), NOW)?, None);
        assert_eq!(take(&session, "2".to_owned(), NOW)?, Some(flow(2)));
        assert_eq!(take(&session, "6".to_owned(), NOW)?, Some(flow(6)));
        Ok(())
    }

    #[test]
    fn a_flow_is_refused_after_ten_minutes() -> Result<(), Error> {
        for (now, expected) in [(NOW + LONGEST, Some(flow(0))), (NOW + LONGEST + 1, None)] {
            let session = Session::for_tests();
            add(&session, flow(0))?;
            assert_eq!(take(&session, "0".to_owned(), now)?, expected);
        }
        Ok(())
    }
}
