//! The body of a Beaker session: compressed JSON in base64, optionally encrypted.

use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use aes_gcm::aead::{Aead as _, KeyInit as _};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloakroom_session::factory::{Json, Record, Rejected, Text};
use cloakroom_session::{ConfigError, Error, Lifetimes, Timestamp};
use sha1::Sha1;
use zeroize::Zeroizing;

use crate::extras::{CloakroomExtras, Keeps};
use crate::layout::{Layout as _, Times, quoted, read, write};
use crate::numbers::{float, seconds};
use crate::pyramid_keys::PyramidKeys;
use crate::secret::Secret;
use crate::zlib::{deflate, inflate};

const CREATED: &str = "_creation_time";
const ACCESSED: &str = "_accessed_time";

pub(crate) const KEYS: PyramidKeys =
    PyramidKeys { framework: "beaker", hidden: &[CREATED, ACCESSED, "_id", "_domain", "_path"] };

/// The encryption of Beaker: its `crypto_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BeakerCipher {
    /// `cryptography`: AES-256-GCM. The default of Beaker 1.14 if that library is installed.
    AesGcm,
    /// `pycrypto` or `pycryptodome`: AES-256-CTR. The default of older versions.
    AesCtr,
}

/// Reads and writes the text of a session.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    encryption: Option<Encryption>,
    pub(crate) domain: Option<String>,
    pub(crate) path: String,
}

#[derive(Clone, Debug)]
struct Encryption {
    cipher: BeakerCipher,
    key: Secret,
    validate_key: Secret,
    nonce: usize,
}

impl Body {
    pub(crate) fn plain() -> Self {
        Self { encryption: None, domain: None, path: "/".to_owned() }
    }

    pub(crate) fn encrypted(
        mut self,
        cipher: BeakerCipher,
        key: Secret,
        validate_key: Secret,
        nonce_bits: usize,
    ) -> Result<Self, ConfigError> {
        key.checked("encrypt_key")?;
        if !nonce_bits.is_multiple_of(8) || !(48..=256).contains(&nonce_bits) {
            return Err(ConfigError::new("nonce_bits", "must be a multiple of 8 from 48 to 256"));
        }
        self.encryption = Some(Encryption { cipher, key, validate_key, nonce: nonce_bits / 8 });
        Ok(self)
    }

    pub(crate) fn open(&self, body: &str, lifetimes: &Lifetimes) -> Result<Record, Rejected> {
        let bytes = match &self.encryption {
            Some(encryption) => encryption.open(body)?,
            None => STANDARD.decode(body).map_err(|_| Rejected::Corrupt)?,
        };
        // Pickle protocols 2 and later begin with this byte; compressed text doesn't.
        if bytes.first() == Some(&0x80) {
            return Err(Rejected::UnsafeSerializer);
        }
        let text = String::from_utf8(inflate(&bytes)?).map_err(|_| Rejected::Corrupt)?;
        let object = Json::from_lenient("session", text).map_err(|_| Rejected::Corrupt)?;
        let members = object.members().ok_or(Rejected::Corrupt)?;
        let time = |name: &str| {
            let member = members.iter().rev().find(|(key, _)| key.as_str().trim_matches('"') == name);
            member.and_then(|(_, value)| seconds(value)).ok_or(Rejected::Corrupt)
        };
        let (created, touched) = (Some(time(CREATED)?), time(ACCESSED)?);
        let times = Times { created, spelled: None::<Text>, touched, expires: None, idle: None, remembered: false };
        read(&KEYS, &object, times, lifetimes)
    }

    pub(crate) fn seal(
        &self,
        record: &Record,
        now: Timestamp,
        lifetimes: &Lifetimes,
        id: Option<String>,
        random: &[u8; 64],
    ) -> Result<String, Error> {
        let extras = CloakroomExtras::of(record, lifetimes, Keeps::Created, KEYS.csrf_key());
        let was = record.foreign(KEYS.framework);
        let mut hidden = vec![(ACCESSED, float(now))];
        // Beaker fails without these members.
        let begun = [
            ("_domain", self.domain.as_deref().map_or_else(|| Ok("null".to_owned()), quoted)?),
            ("_path", quoted(&self.path)?),
            (CREATED, float(record.times().created)),
        ];
        let id = id.map(|id| ("_id", format!("\"{id}\"")));
        let missing = begun.into_iter().chain(id);
        hidden.extend(missing.filter(|(name, _)| was.is_none_or(|was| was.member(name).is_none())));
        let text = write(&KEYS, record, &extras, &hidden)?;
        let packed = deflate(&text).ok_or_else(|| Error::unavailable("zlib failed"))?;
        match &self.encryption {
            Some(encryption) => encryption.seal(packed, random),
            None => Ok(STANDARD.encode(packed)),
        }
    }
}

impl Encryption {
    /// Returns the length of the nonce: base64 with padding, cut to the length that Beaker
    /// computes.
    const fn nonce_chars(&self) -> usize {
        (4 * self.nonce / 3 + 3) & !3
    }

    /// Derives a separate key for each nonce, with one iteration like Beaker.
    fn key(&self, nonce: &str) -> Zeroizing<[u8; 32]> {
        let salt = [self.validate_key.bytes(), nonce.as_bytes()].concat();
        let mut key = Zeroizing::new([0; 32]);
        pbkdf2::pbkdf2_hmac::<Sha1>(self.key.bytes(), &salt, 1, &mut key[..]);
        key
    }

    fn open(&self, body: &str) -> Result<Vec<u8>, Rejected> {
        let (nonce, sealed) = body.split_at_checked(self.nonce_chars()).ok_or(Rejected::Corrupt)?;
        let mut bytes = STANDARD.decode(sealed).map_err(|_| Rejected::Corrupt)?;
        let key = self.key(nonce);
        match self.cipher {
            BeakerCipher::AesCtr => {
                ctr(&key, &mut bytes);
                Ok(bytes)
            }
            BeakerCipher::AesGcm => {
                let (iv, rest) = bytes.split_first_chunk::<12>().ok_or(Rejected::Corrupt)?;
                let (tag, text) = rest.split_first_chunk::<16>().ok_or(Rejected::Corrupt)?;
                // In this format the tag comes first.
                let sealed = [text, tag].concat();
                let cipher = Aes256Gcm::new(&(*key).into());
                cipher.decrypt(&Nonce::from(*iv), sealed.as_slice()).map_err(|_| Rejected::Corrupt)
            }
        }
    }

    fn seal(&self, mut packed: Vec<u8>, random: &[u8; 64]) -> Result<String, Error> {
        let (nonce, rest) = random.split_at(self.nonce.min(52));
        let mut nonce = STANDARD.encode(nonce);
        nonce.truncate(self.nonce_chars());
        let key = self.key(&nonce);
        match self.cipher {
            BeakerCipher::AesCtr => ctr(&key, &mut packed),
            BeakerCipher::AesGcm => {
                let iv = *rest.first_chunk::<12>().ok_or_else(|| Error::unavailable("too few random bytes"))?;
                let cipher = Aes256Gcm::new(&(*key).into());
                let mut sealed = cipher
                    .encrypt(&Nonce::from(iv), packed.as_slice())
                    .map_err(|_| Error::unavailable("AES-GCM failed"))?;
                let tag = sealed.split_off(sealed.len().saturating_sub(16));
                packed = [iv.as_slice(), &tag, &sealed].concat();
            }
        }
        Ok(nonce + &STANDARD.encode(packed))
    }
}

/// A 128-bit counter that starts at zero; the key is never reused.
fn ctr(key: &[u8; 32], bytes: &mut [u8]) {
    ctr::Ctr128BE::<aes::Aes256>::new(&(*key).into(), &[0; 16].into()).apply_keystream(bytes);
}
