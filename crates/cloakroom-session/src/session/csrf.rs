//! The session's CSRF token.

use std::sync::atomic::Ordering;

use cloakroom_core::CsrfToken;

use super::Session;
use crate::clock::{fresh_token, random};
use crate::error::Error;

impl Session {
    /// The session's CSRF token. A session is born with it; asking a new one for it keeps that
    /// session.
    ///
    /// The response is then `Cache-Control: private, no-store`: a page with a token is for one
    /// visitor.
    ///
    /// # Errors
    /// When the system has no random bytes to give.
    pub fn csrf_token(&self) -> Result<CsrfToken, Error> {
        self.give_token();
        if let Some(token) = self.known_csrf_token() {
            return Ok(token);
        }
        let fresh = fresh_token()?;
        Ok(self.write(|state| state.csrf_token(|| fresh)))
    }

    /// The CSRF token under a random mask, for a form: other bytes at each rendering (against
    /// BREACH).
    ///
    /// # Errors
    /// When the system has no random bytes to give.
    pub fn masked_csrf_token(&self) -> Result<String, Error> {
        masked(&self.csrf_token()?)
    }

    /// Replaces the CSRF token and returns the new one. Forms rendered before are refused from now
    /// on.
    ///
    /// # Errors
    /// When the system has no random bytes to give.
    pub fn new_csrf_token(&self) -> Result<CsrfToken, Error> {
        self.give_token();
        let fresh = fresh_token()?;
        // As the session has it: one that is shared with another framework spells it in that one's
        // way.
        Ok(self.write(|state| {
            state.set_csrf_token(fresh.clone());
            state.csrf_token(|| fresh)
        }))
    }

    fn give_token(&self) {
        self.0.token_given.store(true, Ordering::Relaxed);
    }

    /// Whether a token was handed out, so that no cache may store the response.
    pub(crate) fn token_given(&self) -> bool {
        self.0.token_given.load(Ordering::Relaxed)
    }

    /// The token if the session has one: a check must not create a session.
    pub(crate) fn known_csrf_token(&self) -> Option<CsrfToken> {
        self.read(|state| state.record().csrf().cloned())
    }
}

/// The token under a mask of random bytes.
pub(crate) fn masked(token: &CsrfToken) -> Result<String, Error> {
    // As long as tokens of ours are; foreign ones may be longer, and get as many random bytes as
    // they need.
    let mut pad = Vec::with_capacity(token.mask_len());
    while pad.len() < token.mask_len() {
        pad.extend_from_slice(&random::<64>()?);
    }
    pad.truncate(token.mask_len());
    Ok(token.mask(&pad))
}
