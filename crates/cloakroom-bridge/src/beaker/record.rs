//! The text that Beaker keeps in its stores.

use std::time::Duration;

use cloakroom_session::factory::{CsrfScheme, Record, Rejected};
use cloakroom_session::{ConfigError, CookieConfig, Error, Lifetimes, Timestamp};

use super::body::{BeakerCipher, Body, KEYS};
use super::id::BeakerId;
use crate::cookie_format::{IncomingCookie, SealContext};
use crate::hex::hex;
use crate::layout::Layout as _;
use crate::secret::Secret;
use crate::shared::{RecordFormat, TouchMode, text_of};

/// The text that Beaker keeps in a store, and the signed cookie with its id.
///
/// The text is written with `data_serializer = json`.
///
/// Beaker's own stores wrap this text in a pickle, in files, Redis and databases. A
/// [`ForeignStore`](crate::ForeignStore) therefore needs a custom Beaker backend in the
/// application, one that stores the text unwrapped.
///
/// # Examples
/// ```
/// use cloakroom_bridge::{BeakerRecord, MemoryRecords, SharedRecords};
///
/// let sessions = SharedRecords::new(BeakerRecord::new("s3cret")?, MemoryRecords::new()).build()?;
/// # Ok::<(), cloakroom_session::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct BeakerRecord {
    ids: BeakerId,
    body: Body,
}

impl BeakerRecord {
    /// Creates the format of unencrypted records with ids signed by this `secret`.
    ///
    /// # Errors
    /// Fails if the secret is empty.
    pub fn new(secret: impl Into<Secret>) -> Result<Self, ConfigError> {
        Ok(Self { ids: BeakerId::new(secret)?, body: Body::plain() })
    }

    /// Encrypts records with Beaker's `encrypt_key` and `validate_key`.
    ///
    /// The cipher is the one of its `crypto_type`.
    ///
    /// # Errors
    /// Fails if a key is empty.
    pub fn encrypted(
        mut self,
        cipher: BeakerCipher,
        encrypt_key: impl Into<Secret>,
        validate_key: impl Into<Secret>,
    ) -> Result<Self, ConfigError> {
        self.body = self.body.encrypted(cipher, encrypt_key.into(), validate_key.into(), 128)?;
        Ok(self)
    }
}

impl RecordFormat for BeakerRecord {
    fn framework(&self) -> &'static str {
        KEYS.framework
    }

    fn cookie(&self) -> CookieConfig {
        CookieConfig::default().name("beaker.session.id")
    }

    /// No timeout, which is Beaker's default. As in Beaker, each read is recorded.
    fn lifetimes(&self) -> Lifetimes {
        Lifetimes::default().idle_timeout(None).absolute_timeout(None).touch_after(Duration::ZERO)
    }

    fn csrf_scheme(&self) -> Option<&'static dyn CsrfScheme> {
        KEYS.csrf_scheme()
    }

    fn touch_mode(&self) -> TouchMode {
        TouchMode::Record
    }

    fn open_id(&self, cookie: IncomingCookie<'_>) -> Result<String, Rejected> {
        self.ids.open(cookie.value).map(str::to_owned)
    }

    fn seal_id(&self, id: &str, _: SealContext<'_>) -> String {
        self.ids.seal(id)
    }

    fn fresh_id(&self, random: &[u8; 64]) -> String {
        hex(random.first_chunk::<16>().map_or(&[][..], |it| it))
    }

    fn open(&self, stored: &[u8], _: Timestamp, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        self.body.open(text_of(stored)?, lifetimes)
    }

    fn seal(&self, _: &str, record: &Record, sealing: SealContext<'_>) -> Result<Vec<u8>, Error> {
        Ok(self.body.seal(record, sealing.now, sealing.lifetimes, None, sealing.random)?.into_bytes())
    }
}
