//! The value of the bound cookie: the time until which it is valid, and a MAC.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ctutils::CtEq as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::challenge::BindingId;
use crate::error::ConfigError;
use crate::time::Timestamp;

const LABEL: &[u8] = b"cloakroom: bound cookie, 1";

/// The time for which a bound cookie is valid.
///
/// Browsers refresh it when two minutes are left, so a shorter life means a refresh with nearly
/// each request. A longer one leaves a thief more time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundLife(Duration);

impl BoundLife {
    /// The shortest life.
    pub const SHORTEST: Duration = Duration::from_secs(3 * 60);

    /// The longest life.
    pub const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

    /// Checks a life.
    ///
    /// # Errors
    /// Fails for less than three minutes and for more than a day.
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    /// use cloakroom_core::dbsc::BoundLife;
    ///
    /// assert_eq!(BoundLife::default(), BoundLife::new(Duration::from_secs(600))?);
    /// let error = BoundLife::new(Duration::from_secs(120)).unwrap_err();
    /// assert_eq!(error.option(), "bound_life");
    /// # Ok::<(), cloakroom_core::ConfigError>(())
    /// ```
    pub fn new(life: Duration) -> Result<Self, ConfigError> {
        if (Self::SHORTEST..=Self::LONGEST).contains(&life) {
            return Ok(Self(life));
        }
        let problem = format!(
            "is {life:?}: at least 3 minutes are needed, because browsers refresh when 2 are left, and a day is the most"
        );
        Err(ConfigError::new("bound_life", problem))
    }

    /// Returns the life as a duration, for `Max-Age`.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

/// Ten minutes.
impl Default for BoundLife {
    fn default() -> Self {
        Self(Duration::from_secs(10 * 60))
    }
}

/// Returns the value of a cookie that is valid until `end`.
pub(super) fn value(secret: &[u8; 32], id: BindingId, end: Timestamp) -> Option<String> {
    // HMAC takes a key of any length.
    let mac = <Hmac<Sha256>>::new_from_slice(secret).ok()?;
    let mac = mac.chain_update(LABEL).chain_update(id.to_string()).chain_update(end.unix_millis().to_be_bytes());
    Some(format!("{}.{}", end.unix_millis(), URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())))
}

/// Returns whether this is the value of a cookie that is still valid.
pub(super) fn is_valid(secret: &[u8; 32], id: BindingId, given: &str, now: Timestamp) -> bool {
    let end = given.split('.').next().and_then(|end| end.parse().ok()).map(Timestamp::from_unix_millis);
    // The time of the end isn't secret. The whole value is compared, so that only one spelling of
    // it is accepted.
    let expected = end.filter(|end| now < *end).and_then(|end| value(secret, id, end));
    expected.is_some_and(|expected| expected.as_bytes().ct_eq(given.as_bytes()).into())
}
