//! Beaker sessions of `type = cookie`.

use std::time::Duration;

use cloakroom_session::factory::{CsrfScheme, Record, Rejected, Resolution};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes};
use sha1::Sha1;

use super::body::{BeakerCipher, Body, KEYS};
use super::id::TAG;
use crate::cookie_format::{CookieFormat, CookieLife, IncomingCookie, OutgoingCookie, SealContext};
use crate::hex::{hex, unhex};
use crate::layout::Layout as _;
use crate::mac::Mac;
use crate::secret::Secret;

/// Beaker fails on a longer body.
const LONGEST_BODY: usize = 4064;

/// Beaker sessions of `type = cookie`, with `data_serializer = json`.
///
/// Pickled sessions, which are Beaker's default, are recognized and refused: configure Beaker to
/// write JSON first.
///
/// # Security
/// Cookies are signed with HMAC-SHA1, and encrypted only with [`BeakerCookieBuilder::encrypt_key`].
/// The seal isn't bound to the cookie's name. With [`BeakerCipher::AesCtr`] only that signature
/// protects the ciphertext.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{BeakerCipher, BeakerCookie, BridgedCookies};
///
/// let format = BeakerCookie::new("validate-key-abcdef").encrypt_key("encrypt-key-0123456789", BeakerCipher::AesGcm);
/// let sessions = BridgedCookies::new(format.build()?).build()?;
/// assert_eq!(sessions.cookie_name(), "beaker.session.id");
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BeakerCookie {
    mac: Mac,
    body: Body,
    life: CookieLife,
}

/// Options of [`BeakerCookie`].
#[derive(Clone, Debug)]
#[must_use]
pub struct BeakerCookieBuilder {
    validate_key: Secret,
    encrypt: Option<(Secret, BeakerCipher)>,
    nonce_bits: usize,
    domain: Option<String>,
    path: String,
    life: CookieLife,
}

impl BeakerCookie {
    /// Creates the format with this `validate_key`, without encryption.
    #[expect(clippy::new_ret_no_self, reason = "options follow, and `build` checks them")]
    pub fn new(validate_key: impl Into<Secret>) -> BeakerCookieBuilder {
        let (encrypt, nonce_bits, domain, path) = (None, 128, None, "/".to_owned());
        let life = CookieLife::Configured;
        BeakerCookieBuilder { validate_key: validate_key.into(), encrypt, nonce_bits, domain, path, life }
    }
}

impl BeakerCookieBuilder {
    /// Sets Beaker's `encrypt_key`, and the cipher of its `crypto_type`.
    pub fn encrypt_key(mut self, key: impl Into<Secret>, cipher: BeakerCipher) -> Self {
        self.encrypt = Some((key.into(), cipher));
        self
    }

    /// Sets Beaker's `encrypt_nonce_bits`.
    ///
    /// 128, or 48 for cookies written before Beaker 1.8.
    pub const fn nonce_bits(mut self, bits: usize) -> Self {
        self.nonce_bits = bits;
        self
    }

    /// Sets Beaker's `cookie_domain` and `cookie_path`.
    ///
    /// Beaker keeps them in the session and sets cookies accordingly.
    pub fn place(mut self, domain: Option<&str>, path: &str) -> Self {
        self.domain = domain.map(str::to_owned);
        path.clone_into(&mut self.path);
        self
    }

    /// Sets Beaker's `cookie_expires`: how long browsers keep the cookie.
    ///
    /// | `cookie_expires` | here |
    /// |---|---|
    /// | `True`, the default | [`CookieLife::BrowserSession`] |
    /// | a number of seconds, a `timedelta` | [`CookieLife::Lasts`] |
    /// | a `datetime` | [`CookieLife::Until`] |
    /// | `False` | `CookieLife::Until(Timestamp::from_unix_secs(0x7fff_ffff))` |
    ///
    /// # Examples
    /// ```
    /// use std::time::Duration;
    ///
    /// use cloakroom_bridge::{BeakerCookie, CookieLife};
    ///
    /// let day = Duration::from_secs(24 * 60 * 60);
    /// let format = BeakerCookie::new("validate-key-abcdef").cookie_expires(CookieLife::Lasts(day)).build()?;
    /// # Ok::<(), cloakroom_session::ConfigError>(())
    /// ```
    pub const fn cookie_expires(mut self, life: CookieLife) -> Self {
        self.life = life;
        self
    }

    /// Checks the options and builds the format.
    ///
    /// # Errors
    /// Fails if a key is empty or the nonce has an invalid length.
    pub fn build(self) -> Result<BeakerCookie, ConfigError> {
        let mac = Mac::new::<Sha1>(self.validate_key.checked("validate_key")?)?;
        let mut body = Body::plain();
        (body.domain, body.path) = (self.domain, self.path);
        let body = match self.encrypt {
            Some((key, cipher)) => body.encrypted(cipher, key, self.validate_key, self.nonce_bits)?,
            None => body,
        };
        Ok(BeakerCookie { mac, body, life: self.life })
    }
}

impl CookieFormat for BeakerCookie {
    fn framework(&self) -> &'static str {
        KEYS.framework
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("beaker.session.id")
    }

    /// No timeout, which is Beaker's default. As in Beaker, each read renews the cookie.
    fn lifetimes(&self) -> Lifetimes {
        Lifetimes::default().idle_timeout(None).absolute_timeout(None).touch_after(Duration::ZERO)
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        KEYS.csrf_scheme()
    }

    fn longest_value(&self) -> usize {
        TAG + LONGEST_BODY
    }

    /// Beaker writes fractions of a second.
    fn resolution(&self) -> Resolution {
        Resolution::Milliseconds
    }

    fn open(&self, cookie: IncomingCookie<'_>, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let (tag, body) = cookie.value.split_at_checked(TAG).ok_or(Rejected::Malformed)?;
        let tag = unhex(tag).ok_or(Rejected::Malformed)?;
        if !self.mac.verifies(&[body.as_bytes()], &tag) {
            return Err(Rejected::Forged);
        }
        self.body.open(body, lifetimes)
    }

    fn seal(&self, record: &Record, sealing: SealContext<'_>) -> Result<OutgoingCookie, Error> {
        let id = hex(sealing.random.last_chunk::<16>().map_or(&[][..], |it| it));
        let body = self.body.seal(record, sealing.now, sealing.lifetimes, Some(id), sealing.random)?;
        Ok(OutgoingCookie::new(hex(&self.mac.tag(&[body.as_bytes()])) + &body).kept_for(self.life))
    }
}
