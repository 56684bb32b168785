//! The tokens that Flask-WTF puts into forms.

use std::time::Duration;

use cloakroom_session::{ConfigError, CsrfToken, Timestamp};
use sha1::{Digest as _, Sha1};

use crate::mac::{Mac, same};
use crate::secret::Secret;
use crate::token::{Time, Tokens};

/// The tokens in Flask-WTF's forms: the session's token, signed with the time.
///
/// [`FlaskCookie`](crate::FlaskCookie) shares the session's token itself. In forms, Flask-WTF uses
/// a signed form of it, which [`CsrfLayer`](https://docs.rs/cloakroom) neither renders nor checks.
/// A form that goes from one application to the other therefore needs these two functions.
///
/// # Examples
/// ```
/// use cloakroom_bridge::FlaskWtf;
/// # use cloakroom_session::{Session, SystemClock, Clock as _};
/// # let (session, now) = (Session::for_tests(), SystemClock.now());
///
/// let forms = FlaskWtf::new("dev-secret-key")?;                  // WTF_CSRF_SECRET_KEY, or SECRET_KEY
/// let token = session.csrf_token()?;
/// let field = forms.issue(&token, now);                          // into a form that is posted to Flask
/// assert!(forms.check(&token, &field, now));                     // of a form that Flask has rendered
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FlaskWtf {
    tokens: Tokens,
    time_limit: Duration,
}

impl FlaskWtf {
    /// Creates tokens signed with this `WTF_CSRF_SECRET_KEY`, valid for an hour.
    ///
    /// # Errors
    /// Fails if the secret is empty.
    pub fn new(secret_key: impl Into<Secret>) -> Result<Self, ConfigError> {
        let secret = secret_key.into();
        // `itsdangerous` calls this derivation "django-concat".
        let key = Sha1::new().chain_update(b"wtf-csrf-token").chain_update(b"signer");
        let key = key.chain_update(secret.checked("secret_key")?).finalize();
        let tokens = Tokens { separator: '.', time: Time::Bytes, macs: vec![Mac::new::<Sha1>(&key)?] };
        Ok(Self { tokens, time_limit: Duration::from_secs(3600) })
    }

    /// Sets `WTF_CSRF_TIME_LIMIT`.
    #[must_use]
    pub const fn time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Returns the token for a form that is posted to Flask.
    #[must_use]
    pub fn issue(&self, token: &CsrfToken, now: Timestamp) -> String {
        // None of these characters needs an escape in JSON; Flask-WTF's own tokens are hexadecimal
        // digits.
        self.tokens.seal(&format!("\"{}\"", token.expose()), now)
    }

    /// Returns true if a form rendered by Flask contains this session's token.
    #[must_use]
    pub fn check(&self, token: &CsrfToken, submitted: &str, now: Timestamp) -> bool {
        let Ok((payload, issued)) = self.tokens.open(submitted) else { return false };
        let fresh = issued <= now && now.since(issued) <= self.time_limit;
        fresh && same(&payload, format!("\"{}\"", token.expose()).as_bytes())
    }
}
