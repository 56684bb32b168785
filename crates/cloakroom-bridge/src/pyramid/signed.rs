//! `SignedCookieSessionFactory` of Pyramid 2.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cloakroom_session::factory::{CsrfScheme, Record, Rejected};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes};
use zeroize::Zeroizing;

use super::algorithm::HashAlgorithm;
use super::payload;
use crate::cookie_format::{CookieFormat, IncomingCookie, OutgoingCookie, SealContext};
use crate::hex::unhex;
use crate::layout::Layout as _;
use crate::mac::Mac;
use crate::pyramid_keys::PyramidKeys;
use crate::secret::Secret;

/// Pyramid fails on a longer value (`BaseCookieSessionFactory`).
pub(crate) const LONGEST_VALUE: usize = 4064;

const KEYS: PyramidKeys = PyramidKeys { framework: "pyramid", hidden: &[] };

/// The cookie of Pyramid's `SignedCookieSessionFactory`, serialized as JSON.
///
/// This is the default of Pyramid 2.
///
/// The cookie is `base64url(HMAC(salt + secret, payload) + payload)`. Pickled sessions of Pyramid 1
/// are recognized and refused.
///
/// # Security
/// Anyone who has the cookie can read it. Its seal isn't bound to the cookie's name: two factories
/// with the same secret and salt accept each other's cookies, so give each a different salt.
/// Pyramid has only one secret. To change it without signing users out, read old cookies through a
/// [`Migration`](crate::Migration).
///
/// # Examples
/// ```
/// use cloakroom_bridge::{HashAlgorithm, PyramidCookie};
///
/// // SignedCookieSessionFactory('itsaseekreet', salt='shop.', hashalg='sha256')
/// let format = PyramidCookie::new("itsaseekreet").salt("shop.").hash_algorithm(HashAlgorithm::Sha256).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct PyramidCookie {
    mac: Mac,
    tag: usize,
    /// The key of `UnencryptedCookieSessionFactoryConfig`, to distinguish its cookies from forged
    /// ones.
    legacy: Mac,
}

/// Options of [`PyramidCookie`].
#[derive(Clone, Debug)]
#[must_use]
pub struct PyramidCookieBuilder {
    secret: Secret,
    salt: Secret,
    algorithm: HashAlgorithm,
}

impl PyramidCookie {
    /// Creates the format with this secret and Pyramid's default salt and hash.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(secret: impl Into<Secret>) -> PyramidCookieBuilder {
        let (secret, salt) = (secret.into(), Secret::from("pyramid.session."));
        PyramidCookieBuilder { secret, salt, algorithm: HashAlgorithm::default() }
    }

    /// Returns true for a cookie of Pyramid 1's `UnencryptedCookieSessionFactoryConfig`, which is
    /// pickled.
    fn is_legacy(&self, value: &str) -> bool {
        let parts = value.split_at_checked(40).and_then(|(tag, body)| Some((unhex(tag)?, STANDARD.decode(body).ok()?)));
        parts.is_some_and(|(tag, pickle)| self.legacy.verifies(&[&pickle], &tag))
    }
}

impl PyramidCookieBuilder {
    /// Sets Pyramid's `salt`.
    pub fn salt(mut self, salt: impl Into<Secret>) -> Self {
        self.salt = salt.into();
        self
    }

    /// Sets Pyramid's `hashalg`.
    pub const fn hash_algorithm(mut self, algorithm: HashAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Checks the options and builds the format.
    ///
    /// # Errors
    /// Fails if the secret is empty.
    pub fn build(self) -> Result<PyramidCookie, ConfigError> {
        self.secret.checked("secret")?;
        let mac = self.algorithm.mac(&salted(&self.salt, &self.secret))?;
        let legacy = HashAlgorithm::Sha1.mac(&salted(&Secret::from(""), &self.secret))?;
        Ok(PyramidCookie { mac, tag: self.algorithm.len(), legacy })
    }
}

/// Concatenates salt and secret. Pyramid encodes both as Latin-1, or both as UTF-8 if one of them
/// isn't Latin-1.
fn salted(salt: &Secret, secret: &Secret) -> Zeroizing<Vec<u8>> {
    let is_latin1 = |it: &Secret| it.text().is_none_or(|text| text.chars().all(|it| u8::try_from(it).is_ok()));
    let latin1 = is_latin1(salt) && is_latin1(secret);
    let mut both = Zeroizing::new(Vec::with_capacity(salt.bytes().len() + secret.bytes().len()));
    for part in [salt, secret] {
        match part.text().filter(|_| latin1) {
            Some(text) => both.extend(text.chars().filter_map(|it| u8::try_from(it).ok())),
            None => both.extend_from_slice(part.bytes()),
        }
    }
    both
}

impl CookieFormat for PyramidCookie {
    fn framework(&self) -> &'static str {
        KEYS.framework
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("session")
    }

    /// 20 minutes idle, no absolute timeout, and a new cookie at each read at least a second after
    /// the last one.
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
        let bytes = URL_SAFE_NO_PAD.decode(cookie.value).ok();
        match bytes.as_ref().and_then(|bytes| bytes.split_at_checked(self.tag)) {
            Some((tag, payload)) if self.mac.verifies(&[payload], tag) => payload::open(&KEYS, payload, lifetimes),
            _ if self.is_legacy(cookie.value) => Err(Rejected::UnsafeSerializer),
            Some(_) => Err(Rejected::Forged),
            None => Err(Rejected::Malformed),
        }
    }

    fn seal(&self, record: &Record, sealing: SealContext<'_>) -> Result<OutgoingCookie, Error> {
        let payload = payload::seal(&KEYS, record, sealing.now, sealing.lifetimes)?;
        let tag = self.mac.tag(&[payload.as_bytes()]);
        Ok(OutgoingCookie::new(URL_SAFE_NO_PAD.encode([&tag, payload.as_bytes()].concat())))
    }
}
