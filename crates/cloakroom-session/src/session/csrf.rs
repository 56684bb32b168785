//! The session's CSRF token.

use std::sync::atomic::Ordering;

use cloakroom_core::CsrfToken;

use super::Session;
use crate::clock::{fresh_token, random};
use crate::error::Error;

impl Session {
    /// Returns the session's CSRF token, which is created with the session.
    ///
    /// If the session is new, this call causes it to be stored, unless the factory derives such
    /// tokens from the cookie. The response becomes `Cache-Control: private, no-store`, because a
    /// page with a token is for one visitor only.
    ///
    /// # Errors
    /// Returns an error if the operating system can't provide random bytes.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let token = session.csrf_token()?;
    /// assert_eq!(session.csrf_token()?, token);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn csrf_token(&self) -> Result<CsrfToken, Error> {
        self.give_token();
        if let Some(token) = self.known_csrf_token() {
            return Ok(token);
        }
        let fresh = fresh_token()?;
        Ok(self.write(|state| state.csrf_token(|| fresh)))
    }

    /// Returns the CSRF token under a random mask, for use in a form.
    ///
    /// The text differs at each call, which protects the token from BREACH on compressed pages.
    ///
    /// # Errors
    /// Returns an error if the operating system can't provide random bytes.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let first = session.masked_csrf_token()?;
    /// let second = session.masked_csrf_token()?;
    /// assert_ne!(first, second);
    /// assert!(session.csrf_token()?.matches(&first));
    /// assert!(session.csrf_token()?.matches(&second));
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn masked_csrf_token(&self) -> Result<String, Error> {
        masked(&self.csrf_token()?)
    }

    /// Replaces the CSRF token and returns the new one.
    ///
    /// Forms rendered earlier are refused from then on.
    ///
    /// # Errors
    /// Returns an error if the operating system can't provide random bytes.
    ///
    /// # Examples
    /// ```
    /// # let session = cloakroom_session::Session::for_tests();
    /// let old = session.csrf_token()?;
    /// let new = session.new_csrf_token()?;
    /// assert_ne!(new, old);
    /// assert_eq!(session.csrf_token()?, new);
    /// # Ok::<(), cloakroom_session::Error>(())
    /// ```
    pub fn new_csrf_token(&self) -> Result<CsrfToken, Error> {
        self.give_token();
        let fresh = fresh_token()?;
        // Read back from the session: a session shared with another framework stores the token in
        // that framework's format.
        Ok(self.write(|state| {
            state.set_csrf_token(fresh.clone());
            state.csrf_token(|| fresh)
        }))
    }

    fn give_token(&self) {
        self.0.token_given.store(true, Ordering::Relaxed);
    }

    /// Returns `true` if a token was handed out. No cache may then store the response.
    pub(crate) fn token_given(&self) -> bool {
        self.0.token_given.load(Ordering::Relaxed)
    }

    /// Returns the token if the session has one. A CSRF check must not create a session.
    pub(crate) fn known_csrf_token(&self) -> Option<CsrfToken> {
        self.read(|state| state.known_csrf_token().cloned())
    }
}

/// Masks the token with random bytes.
pub(crate) fn masked(token: &CsrfToken) -> Result<String, Error> {
    // `random` returns as many bytes as our own tokens need. Tokens of other frameworks may be
    // longer.
    let mut pad = Vec::with_capacity(token.mask_len());
    while pad.len() < token.mask_len() {
        pad.extend_from_slice(&random::<64>()?);
    }
    pad.truncate(token.mask_len());
    Ok(token.mask(&pad))
}
