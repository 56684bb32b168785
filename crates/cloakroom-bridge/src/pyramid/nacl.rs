//! `pyramid_nacl_session`: Pyramid's session in an encrypted cookie.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_session::factory::{CsrfScheme, Record, Rejected};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes};
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use crypto_secretbox::{Nonce, XSalsa20Poly1305};

use super::payload;
use super::signed::LONGEST_VALUE;
use crate::cookie_format::{CookieFormat, IncomingCookie, OutgoingCookie, SealContext};
use crate::layout::Layout as _;
use crate::pyramid_keys::PyramidKeys;
use crate::secret::Secret;

const KEYS: PyramidKeys = PyramidKeys { framework: "pyramid", hidden: &[] };

const NONCE: usize = 24;

/// The encrypted cookie of `pyramid_nacl_session`, serialized as JSON.
///
/// It is the cookie of `EncryptedCookieSessionFactory` with
/// `serializer=pyramid.session.JSONSerializer()`.
///
/// The default serializer is pickle, which is recognized and refused: configure Pyramid to write
/// JSON first. The cookie is `base64url(nonce + secretbox)`.
///
/// # Security
/// Clients can neither read nor change the contents. The seal isn't bound to the cookie's name.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{BridgedCookies, PyramidNaclCookie, Secret};
///
/// let key = Secret::from([7_u8; 32].as_slice());
/// let sessions = BridgedCookies::new(PyramidNaclCookie::new(key)?).build()?;
/// assert!(PyramidNaclCookie::new("not 32 bytes").is_err());
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct PyramidNaclCookie {
    cipher: XSalsa20Poly1305,
}

impl PyramidNaclCookie {
    /// Creates the format with this key of 32 bytes.
    ///
    /// # Errors
    /// Fails if the key has another length.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        let cipher = XSalsa20Poly1305::new_from_slice(secret.into().bytes());
        cipher.map(|cipher| Self { cipher }).map_err(|_| ConfigError::new("secret", "must have exactly 32 bytes"))
    }
}

impl CookieFormat for PyramidNaclCookie {
    fn framework(&self) -> &'static str {
        KEYS.framework
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("session")
    }

    /// The same as [`PyramidCookie`](crate::PyramidCookie).
    fn lifetimes(&self) -> Lifetimes {
        Lifetimes::default().absolute_timeout(None).touch_after(std::time::Duration::ZERO)
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        KEYS.csrf_scheme()
    }

    fn longest_value(&self) -> usize {
        LONGEST_VALUE
    }

    fn open(&self, cookie: IncomingCookie<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let bytes = URL_SAFE_NO_PAD.decode(cookie.value).map_err(|_| Rejected::Malformed)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>().ok_or(Rejected::Malformed)?;
        let payload = self.cipher.decrypt(&Nonce::from(*nonce), sealed).map_err(|_| Rejected::Forged)?;
        payload::open(&KEYS, &payload, lifetimes)
    }

    fn seal(&self, record: &Record, sealing: SealContext<'_>) -> Result<OutgoingCookie, Error> {
        let payload = payload::seal(&KEYS, record, sealing.now, sealing.lifetimes)?;
        let nonce = *sealing.random.first_chunk::<NONCE>().ok_or_else(|| Error::unavailable("too few random bytes"))?;
        let sealed = self.cipher.encrypt(&Nonce::from(nonce), payload.as_bytes());
        let sealed = sealed.map_err(|_| Error::unavailable("XSalsa20-Poly1305 failed"))?;
        Ok(OutgoingCookie::new(URL_SAFE_NO_PAD.encode([nonce.as_slice(), &sealed].concat())))
    }
}

impl fmt::Debug for PyramidNaclCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PyramidNaclCookie(…)")
    }
}
